"""Many lines at once: they come to what one after the other comes to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from targon_gw.core.bank import MemoryBank
from targon_gw.core.config import Anonymous, ClientSettings, Per, QuotaPlan, Unit
from targon_gw.core.folding import Folding
from targon_gw.core.ledger import KEPT_ENTRIES, Ending, Entry, Kind, Ledger, figures_of, line_of, rounded
from targon_gw.core.lines import Row, read_rows
from targon_gw.core.meter import Source, Usage
from targon_gw.core.quota import DAY, HOUR, KEPT_WINDOWS
from targon_gw.core.spending import Spending

NOON = 1_763_726_400.0
"""2025-11-21 12:00:00 UTC, a Friday."""
FIGURE = st.one_of(st.integers(0, 3000), st.just(2**62))
USAGE = st.none() | st.builds(Usage, FIGURE, FIGURE, st.integers(0, 9), st.integers(0, 9), st.sampled_from(Source))
NAME = st.sampled_from([None, "a", "b", "c", "d", "anonymous"])
LONGEST = {"hour": KEPT_WINDOWS * HOUR, "day": KEPT_WINDOWS * DAY, "month": KEPT_WINDOWS * 31 * DAY, "total": math.inf}
"""Seconds for which a quota's windows are kept when they are over."""


def made(usage: Usage | None, **members: Any) -> Entry:
    """An Entry of which so much was used."""
    return Entry(**members, **figures_of(usage))


ENTRY = st.builds(
    made,
    kind=st.sampled_from([Kind.CALL] * 5 + list(Kind)),
    at=st.sampled_from([NOON, NOON + 1.5, NOON + 3600.0, NOON + 40_000.0, NOON + 9 * 86_400.0, NOON - 86_400.0])
    | st.floats(NOON - 100 * 86_400.0, NOON).map(rounded),
    id=st.just("req_1"),
    client=NAME,
    model=NAME,
    served=NAME,
    upstream=NAME,
    account=NAME,
    key=NAME,
    ending=st.none() | st.sampled_from(Ending),
    usage=USAGE,
    cost=FIGURE,
    took=st.sampled_from([0.0, 1.0, 3601.0, 7201.0, 20_000.0, 90_000.0]),
)


def rows(entries: list[Entry], first: int = 1) -> list[Row]:
    """As they are read back."""
    if not entries:
        return []
    found = read_rows(b"".join(line_of(entry, n) for n, entry in enumerate(entries, first)))
    assert found is not None
    return found


def bank() -> MemoryBank:
    """Clients with quotas of every period."""
    plans = {
        "a": QuotaPlan(Unit.TOKENS, 5, Per.HOUR),
        "b": QuotaPlan(Unit.USD, 5, Per.MONTH),
        "c": QuotaPlan(Unit.REQUESTS, 5, Per.DAY),
        "d": QuotaPlan(Unit.TOKENS, 5, Per.TOTAL),
    }
    clients = tuple(ClientSettings(name, f"{n:064x}", quota=plan) for n, (name, plan) in enumerate(plans.items()))
    return MemoryBank.of(clients, Anonymous(), wall=NOON)


def told(ledger: Ledger, bank: MemoryBank, unix: float) -> dict[str, Any]:
    """All that the two know, to whoever looks then: of what was used, the windows that last and those before that are
    kept for a clock that is set back."""
    state = {"ledger": ledger.to_state(), "bank": bank.to_state()}
    for kept in state["bank"]["clients"].values():
        spending = Spending()
        spending.restore(kept["spending"], unix)
        kept["spending"] = spending.to_state()
        if "quota" in kept:
            kept["quota"] = [
                one for one in sorted(kept["quota"]["used"]) if one[0] > unix - LONGEST[kept["quota"]["per"]]
            ]
    return {**state, "recent": list(ledger.recent)}


def parts(entries: list[Entry], sizes: list[int]) -> Iterator[list[Entry]]:
    """Runs of those sizes, and the rest."""
    for size in sizes:
        yield entries[:size]
        entries = entries[size:]
    yield entries


class FoldingTests:
    @given(st.lists(ENTRY, max_size=30), st.lists(st.integers(0, 9), max_size=3), st.lists(ENTRY, max_size=5))
    @settings(max_examples=100, deadline=None)
    def test_comes_to_the_same(self, entries: list[Entry], sizes: list[int], before: list[Entry]) -> None:
        """As one line after the other, whatever is in them, and whatever was counted before."""
        ledgers, banks = (Ledger(), Ledger()), (bank(), bank())
        for ledger, one in zip(ledgers, banks, strict=True):
            for n, row in enumerate(before, 1):
                ledger.fold(n, row)
                if row.kind is Kind.CALL and row.client is not None:
                    one.replay(row.client, row.usage, row.cost, row.admitted)
        first = len(before) + 1
        for n, entry in enumerate(entries, first):
            ledgers[0].fold(n, entry)
            if entry.kind is Kind.CALL and entry.client is not None:
                banks[0].replay(entry.client, entry.usage, entry.cost, entry.admitted)
        folding = Folding(ledgers[1], banks[1])
        for part in parts(entries, sizes):
            folding.take(rows(part, first))
            first += len(part)
        folding.done()

        now = max([entry.admitted for entry in [*before, *entries]], default=NOON)
        assert told(ledgers[1], banks[1], now) == told(ledgers[0], banks[0], now)

    def test_windows_that_are_kept(self) -> None:
        """Each of the last hours is there, for a clock that is set back; of what is long ago a month's sum."""
        ledger, one = Ledger(), bank()
        hours = (24 * 40, 24 * 39, 24 * 5, 3, 2, 1, 0)
        entries = [
            made(Usage(back, 1), at=NOON - back * HOUR, id="req_1", kind=Kind.CALL, client=client, cost=1)
            for back in hours
            for client in ("a", "b")
        ]
        folding = Folding(ledger, one)
        folding.take(rows(entries))
        folding.done()
        kept = one.to_state()["clients"]

        assert kept["a"]["quota"]["used"] == [[NOON - back * HOUR, back + 1] for back in (3, 2, 1, 0)]
        assert [used for _, used in kept["b"]["quota"]["used"]] == [2, 5]
        assert kept["a"]["spending"]["calls"] == len(hours)

    def test_what_is_known_is_not_counted_again(self) -> None:
        """A line is folded in once, by its number."""
        ledger = Ledger()
        entries = [Entry(NOON, "req_1", Kind.CALL, "a", ending=Ending.SERVED)] * 4
        ledger.fold(1, entries[0])
        ledger.fold(2, entries[1])
        folding = Folding(ledger, bank())
        folding.take(rows(entries[:2]))
        folding.take(rows(entries))
        folding.done()

        assert ledger.n == 4 and ledger.totals["client"]["a"].served == 4

    def test_the_last_are_at_hand(self) -> None:
        """So many calls and attempts as the ledger keeps, the latest last."""
        ledger = Ledger()
        entries = [Entry(NOON, f"req_{n}", Kind.CALL, ending=Ending.SERVED) for n in range(KEPT_ENTRIES + 5)]
        folding = Folding(ledger, bank())
        folding.take(rows(entries))
        folding.done()

        assert list(ledger.recent) == entries[5:]
