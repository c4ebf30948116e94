"""The end of a call: the entries that it comes to, and what it changes, once."""

from __future__ import annotations

from typing import Any

import pytest

from targon_gw.core.attempts import Barred, CallerFault, Exhausted, Served, Throttled, VendorFault
from targon_gw.core.bank import Tally
from targon_gw.core.call import Call, Pass, State
from targon_gw.core.config import Config, ModelSettings, Price, QuotaPlan, RateLimits, Unit
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Closing, Gateway
from targon_gw.core.ledger import Ending, Kind, line_of, read_line
from targon_gw.core.meter import Source, Usage
from tests.fakes import (
    CLIENT_SECRET,
    MODEL,
    WALL,
    ask,
    attempt_of,
    call,
    client,
    closing,
    config,
    gateway,
    key,
    limited,
    memory,
    settled,
    upstream,
)

FAULT = VendorFault("500", 500)
USAGE = Usage(20, 8, source=Source.UPSTREAM)


def serving(desk: Gateway, now: float = 0.0, **fields: Any) -> Call:
    """A call whose answer is being passed on."""
    one = call(desk, now, ask(**fields))
    attempt_of(one.begin(now))
    assert isinstance(one.judge(Served(), now + 0.5), Pass)
    return one


class EntriesTests:
    """What a call comes to."""

    def test_served(self) -> None:
        """Who asked for what, who served it, how long it took, what was used, what was told."""
        desk = gateway(config(upstream([key(0, "alice")]), models=[ModelSettings("m"), ModelSettings("a", alias="m")]))
        one = serving(desk, 10.0, model="a", stream=True)
        one.reference = "mine-1"
        (entry,) = desk.entries_of(one, Closing(Ending.SERVED, USAGE, 200), 14.0)

        assert (entry.kind, entry.id, entry.at, entry.admitted) == (Kind.CALL, "req_1", WALL + 14.0, WALL + 10.0)
        assert (entry.client, entry.model, entry.served) == ("ann", "a", "m")
        assert (entry.upstream, entry.account, entry.key) == ("acme", "alice", key(0).secret.fingerprint)
        assert (entry.stream, entry.status, entry.ending, entry.attempts) == (True, 200, Ending.SERVED, 1)
        assert (entry.first, entry.took, entry.usage, entry.reference) == (0.5, 4.0, USAGE, "mine-1")
        assert (entry.cost, entry.note) == (0, None)

    def test_failed_attempts(self) -> None:
        """Each has a line of its own, in order, with its key and its reason, and is charged to nobody (D-51)."""
        desk = gateway(config(upstream(3), models=[ModelSettings(MODEL, price=Price(1.0, 2.0))]))
        one = call(desk)
        one.begin(0.0)
        one.judge(FAULT, 0.1)
        one.judge(Throttled(5.0, "429: too many requests"), 0.3)
        one.judge(Served(), 0.6)
        first, second, own = desk.entries_of(one, Closing(Ending.SERVED, USAGE, 200), 1.0)

        assert [e.kind for e in (first, second, own)] == [Kind.ATTEMPT, Kind.ATTEMPT, Kind.CALL]
        assert [e.key for e in (first, second, own)] == [attempt.key.id for attempt in one.attempts]
        assert len({e.key for e in (first, second, own)}) == 3
        for entry, status, note in ((first, 500, "500"), (second, 429, "429: too many requests")):
            assert (entry.id, entry.client, entry.model, entry.served) == ("req_1", "ann", MODEL, MODEL)
            assert (entry.upstream, entry.account) == ("acme", entry.key)
            assert (entry.status, entry.note, entry.usage, entry.cost) == (status, note, None, 0)
            assert (entry.ending, entry.attempts, entry.first) == (None, 0, None)
        assert [e.took for e in (first, second)] == [pytest.approx(0.1), pytest.approx(0.2)]
        assert (own.attempts, own.cost) == (3, 20 + 2 * 8)

        settled(desk, one, Closing(Ending.SERVED, USAGE, 200), 1.0)
        assert memory(desk).tally("ann") == Tally(1, 0, 20, 8)
        sums = desk.ledger.totals["client"]["ann"]
        assert (sums.calls, sums.served, sums.attempts_failed, sums.attempt_tokens, sums.cost) == (1, 1, 2, 0, 36)
        assert desk.ledger.totals["key"][str(first.key)].to_state() == {"attempts_failed": 1}

    def test_nobody_served(self) -> None:
        """A refused call has no key, no first token, uses nothing; what was tried has a line."""
        desk = gateway()
        one = call(desk)
        one.begin(0.0)
        one.judge(Barred(), 0.1)
        tried, own = desk.entries_of(one, Closing(Ending.FAILED, None, 503), 1.0)

        assert (own.served, own.upstream, own.account, own.key, own.first, own.usage) == (None,) * 6
        assert (own.attempts, own.status, own.cost) == (1, 503, 0)
        assert (tried.status, tried.note, tried.key) == (401, "key not accepted", key(0).secret.fingerprint)

    def test_nobody_was_asked(self) -> None:
        """A call that ends before its first attempt has one line."""
        desk = gateway()
        (own,) = desk.entries_of(call(desk), closing(Ending.ABANDONED), 2.0)

        assert (own.attempts, own.took, own.ending, own.status) == (0, 2.0, Ending.ABANDONED, None)

    def test_client_left_while_trying(self) -> None:
        """An attempt that was let go has not failed."""
        desk = gateway()
        one = call(desk)
        one.begin(0.0)

        assert [entry.kind for entry in desk.entries_of(one, closing(Ending.ABANDONED), 2.0)] == [Kind.CALL]

    @pytest.mark.parametrize(("refusing", "cost"), [(0, 20 * 1 + 8 * 2), (1, 20 * 10 + 8 * 30)])
    def test_cost_is_by_the_model_that_served(self, refusing: int, cost: int) -> None:
        """Where another model stood in, its price is what counts."""
        models = (
            ModelSettings(MODEL, routes=("acme",), price=Price(1.0, 2.0), fallback="dear"),
            ModelSettings("dear", routes=("other",), price=Price(10.0, 30.0)),
        )
        desk = gateway(config(upstream(1), upstream(1, "other"), models=models))
        one = call(desk)
        one.begin(0.0)
        for _ in range(refusing):
            one.judge(Exhausted(), 0.1)
        one.judge(Served(), 0.2)
        own = desk.entries_of(one, closing(Ending.SERVED, USAGE), 1.0)[-1]

        assert own.cost == cost
        assert (own.model, own.served) == (MODEL, ("dear" if refusing else MODEL))

    def test_prices_of_another_file(self) -> None:
        """A call that runs costs what it did when it was admitted."""
        desk = gateway(limited(price=Price(1.0, 2.0)))
        one = serving(desk)
        desk.reconfigure(limited(price=Price(100.0, 200.0)), 0.7)

        assert desk.entries_of(one, closing(Ending.SERVED, USAGE), 1.0)[-1].cost == 36

    def test_every_entry_can_be_filed(self) -> None:
        """What a call comes to is a line of the ledger, and comes back as it was."""
        desk = gateway(config(upstream(2)))
        one = call(desk, 0.5)
        one.begin(0.5)
        one.judge(CallerFault(Refusal("invalid_value", "no")), 1.0)
        for n, entry in enumerate(desk.entries_of(one, Closing(Ending.REFUSED, None, 400), 1.5), 1):
            assert read_line(line_of(entry, n)) == (n, entry)


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
            desk.settle(one, entry, 1.0)

        assert memory(desk).tally("ann") == Tally(1, 0, 20, 8)
        assert not desk.calls

    def test_at_nothing(self) -> None:
        """What could not be on file is charged to nobody: the entry that is settled with is what counts."""
        desk = gateway(limited_by_all())
        one = serving(desk)
        (own,) = desk.entries_of(one, closing(Ending.FAILED), 1.0)
        desk.settle(one, own, 1.0)

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
        if state is State.PASSING:
            one.judge(Served(), 0.0)
        if state is State.REFUSED:
            one.judge(Exhausted(), 0.0)
        assert one.state is state
        settled(desk, one, closing(ending), 1.0)

        assert all(k.in_flight == 0 for k in desk.pools["acme"].keys.values())
        assert memory(desk).tally("ann") == Tally(calls=1)

    @pytest.mark.parametrize(
        ("ending", "faults"), [(Ending.SERVED, 0), (Ending.ABANDONED, 0), (Ending.FAILED, 0), (Ending.TRUNCATED, 1)]
    )
    def test_a_cut_stream_is_the_vendors_fault(self, ending: Ending, faults: int) -> None:
        """A client that leaves, or a fault of ours while passing on, is not."""
        desk = gateway()
        settled(desk, serving(desk), closing(ending), 1.0)

        assert desk.pools["acme"].route(MODEL).faults == faults

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
