"""The end of a call: what it changes, once."""

from __future__ import annotations

import pytest

from targon_gw.core.attempts import Exhausted, Served, Throttled, VendorFault
from targon_gw.core.bank import Tally
from targon_gw.core.call import State
from targon_gw.core.config import Config, Price, QuotaPlan, RateLimits, Unit
from targon_gw.core.errors import Refusal
from targon_gw.core.ledger import Ending
from targon_gw.core.meter import Source, Usage
from targon_gw.core.rescue import Broken
from tests.fakes import (
    CLIENT_SECRET,
    MODEL,
    call,
    client,
    closing,
    config,
    gateway,
    limited,
    memory,
    serving,
    settled,
)

FAULT = VendorFault("500", 500)
USAGE = Usage(20, 8, source=Source.UPSTREAM)


def limited_by_all() -> Config:
    """A client with every kind of limit, and a price."""
    return limited(RateLimits(60, 6000, 5), QuotaPlan(Unit.TOKENS, 10_000), Price(1.0, 2.0))


class SettleTests:
    """What the end of a call changes."""

    def test_nothing_changes_before(self) -> None:
        """Entries may be asked for as often as one likes: until they are on file, nothing has happened."""
        desk = gateway(limited_by_all())
        one = serving(desk)
        held, told = desk.bank.overview(client(desk), 1.0), desk.to_state(1.0)
        entries = [desk.entries_of(one, closing(Ending.SERVED, USAGE), 1.0) for _ in range(2)]

        assert entries[0] == entries[1]
        assert (one.state, one.attempts[-1].lease.open, desk.calls) == (State.PASSING, True, {one})
        assert desk.bank.overview(client(desk), 1.0) == held
        assert desk.to_state(1.0) == told
        assert list(desk.changes()) == []

    def test_everything_is_settled(self) -> None:
        """The lease is back, the hold released against what was used, the call under way no more."""
        desk = gateway(limited_by_all())
        one = serving(desk, max_tokens=1000)
        settled(desk, one, closing(Ending.SERVED, USAGE), 1.0)
        overview = desk.bank.overview(client(desk), 1.0)

        assert (one.state, one.attempts[-1].lease.open, desk.calls) == (State.SETTLED, False, set())
        assert (overview.in_flight, overview.requests, overview.usage) == (0, 1, 0.000036)
        assert overview.quota is not None and (overview.quota.used, overview.quota.held) == (28, 0)
        assert overview.shown.tokens is not None and overview.shown.tokens[1] == 6000 - 28 + 28  # a second's refill
        assert desk.limits_of(one, 1.0) == overview.shown

    def test_once(self) -> None:
        """A second time raises, and charges nothing more (P7)."""
        desk = gateway()
        one = serving(desk)
        entry = settled(desk, one, closing(Ending.SERVED, USAGE), 1.0)
        with pytest.raises(RuntimeError):
            desk.entries_of(one, closing(Ending.SERVED, USAGE), 1.0)
        with pytest.raises(RuntimeError):
            desk.settle(one, entry, None, 1.0)

        assert memory(desk).tally("ann") == Tally(1, 0, 20, 8)
        assert not desk.calls

    def test_at_nothing(self) -> None:
        """What could not be on file is charged to nobody: the entry that is settled with is what counts."""
        desk = gateway(limited_by_all())
        one = serving(desk)
        (own,) = desk.entries_of(one, closing(Ending.FAILED), 1.0)
        desk.settle(one, own, None, 1.0)

        assert memory(desk).tally("ann") == Tally(calls=1)
        quota = desk.bank.overview(client(desk), 1.0).quota
        assert quota is not None and (quota.used, quota.held) == (0, 0)

    @pytest.mark.parametrize("ending", list(Ending))
    @pytest.mark.parametrize("state", [state for state in State if state is not State.SETTLED])
    def test_from_every_state(self, state: State, ending: Ending) -> None:
        """Wherever a call is when its client leaves or its body ends, its lease is back and its hold released."""
        desk = gateway()
        one = call(desk)
        if state is not State.ADMITTED:
            one.begin(0.0)
        if state is State.WAITING:
            one.judge(FAULT, 0.0)
        if state is State.QUEUED:
            one.judge(Throttled(5.0), 0.0)
        if state is State.PASSING:
            one.judge(Served(), 0.0)
        if state is State.UNFINISHED:
            one.judge(Served(), 0.0)
            one.cut(Broken(FAULT, Usage(1, 1), None), 0.0)
        if state is State.REFUSED:
            one.judge(Exhausted(), 0.0)
        assert one.state is state
        settled(desk, one, closing(ending), 1.0)

        assert all(k.in_flight == 0 for k in desk.pools["acme"].keys.values())
        assert memory(desk).tally("ann") == Tally(calls=1)
        assert not desk.waiting

    @pytest.mark.parametrize(
        ("ending", "faults"), [(Ending.SERVED, 0), (Ending.ABANDONED, 0), (Ending.FAILED, 0), (Ending.TRUNCATED, 1)]
    )
    def test_a_cut_stream_is_the_vendors_fault(self, ending: Ending, faults: int) -> None:
        """A client that leaves, or a fault of ours while passing on, is not."""
        desk = gateway()
        settled(desk, serving(desk), closing(ending), 1.0)

        assert desk.pools["acme"].route(MODEL).cuts == faults

    @pytest.mark.parametrize("ending", [Ending.TRUNCATED, Ending.FAILED])
    @pytest.mark.parametrize("passing", [True, False])
    def test_what_a_drain_cuts_is_nobodys_fault(self, ending: Ending, passing: bool) -> None:
        """E-22: calls that this gateway breaks off itself count against neither key nor model."""
        desk = gateway()
        one = serving(desk) if passing else call(desk)
        if not passing:
            one.begin(0.0)
        desk.draining = True
        settled(desk, one, closing(ending), 1.0)

        route = desk.pools["acme"].route(MODEL)
        assert (route.faults, route.accused) == (0, {})
        assert not one.attempts[-1].lease.open

    def test_client_that_leaves_while_trying_charges_nobody(self) -> None:
        """Neither key nor vendor is any worse for it."""
        desk = gateway()
        one = call(desk)
        one.begin(0.0)
        settled(desk, one, closing(Ending.ABANDONED), 1.0)

        assert desk.report(1.0).keys["usable"] == 1
        assert desk.pools["acme"].route(MODEL).faults == 0
        assert list(desk.changes()) == []

    def test_a_client_that_was_revoked_meanwhile(self) -> None:
        """C-14: its running call ends and is charged to its name, and it is let in no more."""
        desk = gateway()
        one = serving(desk)
        desk.reconfigure(config(clients=()), 0.7)
        settled(desk, one, closing(Ending.SERVED, USAGE), 1.0)

        assert memory(desk).tally("ann") == Tally(1, 0, 20, 8)
        with pytest.raises(Refusal, match="Invalid API key"):
            desk.identify(CLIENT_SECRET, "192.0.2.1", 1.0)
