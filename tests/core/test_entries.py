"""The entries that a call comes to."""

from __future__ import annotations

import pytest

from targon_gw.core.attempts import Barred, CallerFault, Exhausted, Served, Throttled, VendorFault
from targon_gw.core.bank import Tally
from targon_gw.core.config import ModelSettings, Price
from targon_gw.core.entries import Closing
from targon_gw.core.errors import Refusal
from targon_gw.core.ledger import Ending, Kind, line_of, read_line
from targon_gw.core.meter import Source, Usage
from tests.fakes import (
    MODEL,
    WALL,
    call,
    closing,
    config,
    gateway,
    key,
    limited,
    memory,
    serving,
    settled,
    upstream,
)

FAULT = VendorFault("500", 500)
USAGE = Usage(20, 8, source=Source.UPSTREAM)


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
        assert [e.key for e in (first, second, own)] == [attempt.lease.key.id for attempt in one.attempts]
        assert len({e.key for e in (first, second, own)}) == 3
        for entry, status, note in ((first, 500, "500"), (second, 429, "429: too many requests")):
            assert (entry.id, entry.client, entry.model, entry.served) == ("req_1", "ann", MODEL, MODEL)
            assert (entry.upstream, entry.account) == ("acme", entry.key)
            assert (entry.status, entry.note, entry.usage, entry.cost) == (status, note, None, 0)
            assert (entry.ending, entry.attempts, entry.first) == (None, 0, None)
        assert [e.took for e in (first, second)] == [pytest.approx(0.1), pytest.approx(0.2)]
        assert [own.at - e.at for e in (first, second)] == [pytest.approx(0.9, abs=1e-4), pytest.approx(0.7, abs=1e-4)]
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

    def test_parts_cost_nothing_of_their_own(self) -> None:
        """Cached tokens are among those of the prompt, reasoning among those written."""
        desk = gateway(limited(price=Price(2.0, 3.0)))
        one = serving(desk, 0.0)
        usages = (Usage(10, 10), Usage(10, 10, 5, 5, Source.UPSTREAM))

        assert [desk.entries_of(one, closing(Ending.SERVED, usage), 1.0)[-1].cost for usage in usages] == [50, 50]

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
