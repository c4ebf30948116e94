"""Many lines of the ledger at once: what they come to under each name is added up first, and then counted.

It comes to the same as `Ledger.fold` and `Bank.replay` of one after the other, in a quarter of the time: a start has
a hundred megabytes of lines to read. The fourteen figures of a line are one whole number, 96 bits each, so that one
addition adds them all. What a client used is added up by the hour, since no window that is counted is shorter or begins
within one, and what is long ago by the day or month: to whoever looks at the time of the last line or later, and at the
windows kept for a clock that is set back, it is the same.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from attrs import define, field

from .config import Per
from .ledger import BY, DAY, KEPT_ENTRIES, Ending, Kind, Ledger, Sums, entry_of
from .lines import Row
from .meter import Source
from .quota import HOUR
from .spending import Used, stretch_of

_WIDTH: Final = 96
"""Bits of a figure: 64 that a line may have, and room for as many lines as there ever are."""
_MASK: Final = (1 << _WIDTH) - 1
_PLACES: Final = (
    "served",
    "prompt",
    "completion",
    "cost",
    "calls",
    "used",
    "estimated",
    "cached",
    "reasoning",
    "truncated",
    "abandoned",
    "refused",
    "failed",
    "attempts_failed",
    "attempt_tokens",
    "probe_tokens",
    "seen",
)
"""What most lines have comes first: a number is as long as its last figure is far. `calls` and `used`, those that used
anything, are no figures of the ledger's: clients are told them; `seen` is of what has none, and is named all the
same."""
_NO_SUMS: Final = ("calls", "used", "seen")
_AT: Final = {name: _WIDTH * place for place, name in enumerate(_PLACES)}
_CALL: Final = 1 << _AT["calls"]
_ENDED: Final[Mapping[Ending | None, int]] = {
    None: _CALL,
    **{ending: _CALL + (1 << _AT[ending.value]) for ending in Ending},
}
_USED: Final = 1 << _AT["used"]
_SEEN: Final = 1 << _AT["seen"]
_CALLS, _USES = _AT["calls"], _AT["used"]
_COMPLETION, _COST, _ESTIMATED, _CACHED, _REASONING, _FAILED, _LOST, _PROBED, _PROMPT = (
    _AT[name]
    for name in (
        "completion",
        "cost",
        "estimated",
        "cached",
        "reasoning",
        "attempts_failed",
        "attempt_tokens",
        "probe_tokens",
        "prompt",
    )
)


class Replays(Protocol):
    """What of the Bank is needed."""

    def replay_all(self, name: str, used: Used, admitted: float, per: Per) -> None:
        """Count calls of that client, admitted from `admitted` on, Unix seconds, in one window of `per`."""


def _sums() -> defaultdict[Any, int]:
    return defaultdict(int)


@define(eq=False)
class Folding:
    """Takes rows, and counts them in `ledger` and `bank` when it is `done`; until then neither has them."""

    ledger: Ledger
    bank: Replays
    _hours: defaultdict[float, defaultdict[str, int]] = field(factory=lambda: defaultdict(_sums))
    """Of calls, by the hour of their admission and by client."""
    _clients: defaultdict[str | None, int] = field(factory=_sums)
    """Of what is no call."""
    _models: defaultdict[tuple[str | None, str | None, float], int] = field(factory=_sums)
    """By model, upstream and day: of those there are few together."""
    _keys: defaultdict[tuple[str | None, str | None], int] = field(factory=_sums)
    """By key and account."""
    moved: dict[tuple[str | None, str], Row] = field(factory=dict)
    """The last change of health of each thing, by upstream and name."""
    changes: list[dict[str, Any]] = field(factory=list)
    """Of users, sessions and invites, in the order of their lines; whoever folds does them before it is `done`."""
    _recent: deque[Row] = field(factory=lambda: deque(maxlen=KEPT_ENTRIES))

    def take(self, rows: Sequence[Row]) -> None:
        """Take rows, in the order of their numbers; those that were folded in before are not counted."""
        known = self.ledger.n
        if rows and rows[0].n <= known:
            rows = [row for row in rows if row.n > known]
        if not rows:
            return
        self.ledger.n = rows[-1].n
        models, keys = self._models, self._keys
        told: list[Row] = []
        hour: float | None = None
        hourly: defaultdict[Any, int] = self._clients
        for row in rows:
            at, client = row.at, row.client
            if row.kind is Kind.CALL:
                figures = _ENDED[row.ending]
                if row.source is not None:
                    figures += _used_by(row)
                began = (at - row.took) // HOUR
                if began != hour:
                    hour, hourly = began, self._hours[began]
                hourly[client] += figures
                told.append(row)
            else:
                figures = self._beside(row, told)
                self._clients[client] += figures
            served = row.served
            models[row.model if served is None else served, row.upstream, at // DAY] += figures
            keys[row.key, row.account] += figures
        self._recent.extend(told)

    def _beside(self, row: Row, told: list[Row]) -> int:
        """The figures of what is no call: nothing at all of what is no attempt and no probe."""
        if row.kind is Kind.ATTEMPT:
            told.append(row)
            return (1 << _FAILED) + (_tokens(row) << _LOST)
        if row.kind is Kind.KEY:
            self.moved[row.upstream, row.id] = row
        if row.change is not None:
            self.changes.append(row.change)
        return (_tokens(row) << _PROBED) + _SEEN if row.kind is Kind.PROBE else 0

    def done(self) -> None:
        """Count what was taken."""
        for per, hour, clients in self._stretches():
            for client, figures in clients.items():
                self._clients[client] += figures
                if client is not None:
                    self.bank.replay_all(client, _used(figures), hour * HOUR, per)
        found: dict[str, defaultdict[str | None, int]] = {by: _sums() for by in BY}
        found["client"] = self._clients
        for (model, upstream, day), figures in self._models.items():
            for by, name in (("model", model), ("upstream", upstream), ("day", _day(day))):
                found[by][name] += figures
        for (key, account), figures in self._keys.items():
            found["key"][key] += figures
            found["account"][account] += figures
        for by, names in found.items():
            for name, figures in names.items():
                if name is not None and figures:
                    _add(self.ledger.sums(by, name), figures)
        self.ledger.recent.extend(map(entry_of, self._recent))

    def _stretches(self) -> Iterable[tuple[Per, float, Mapping[str, int]]]:
        """Hours that may be counted as one: the least period that they share, the first of them, and what was used."""
        newest = max(self._hours, default=0.0)
        found: dict[tuple[Per, int, bool], tuple[Per, float, defaultdict[str, int]]] = {}
        for hour, clients in sorted(self._hours.items()):
            which = stretch_of(int(hour), int(newest))
            if which not in found:
                found[which] = which[0], hour, clients
                continue
            together = found[which][2]
            for client, figures in clients.items():
                together[client] += figures
        return found.values()


def _used_by(row: Row) -> int:
    """What a call has used; what most have not is not looked for."""
    prompt, completion = row.prompt, row.completion
    figures = _USED + (prompt << _PROMPT) + (completion << _COMPLETION) + (row.cost << _COST)
    if row.cached or row.reasoning:
        figures += (row.cached << _CACHED) + (row.reasoning << _REASONING)
    if row.source is not Source.UPSTREAM:
        figures += (prompt + completion) << _ESTIMATED
    return figures


def _tokens(row: Row) -> int:
    return 0 if row.source is None else row.prompt + row.completion


def _day(number: float) -> str:
    return datetime.fromtimestamp(number * DAY, UTC).strftime("%Y-%m-%d")


def _add(sums: Sums, figures: int) -> None:
    for figure in _PLACES:
        if not figures:
            return
        if figures & _MASK and figure not in _NO_SUMS:
            setattr(sums, figure, getattr(sums, figure) + (figures & _MASK))
        figures >>= _WIDTH


def _used(figures: int) -> Used:
    return Used(
        figures >> _CALLS & _MASK,
        figures >> _USES & _MASK,
        figures >> _PROMPT & _MASK,
        figures >> _COMPLETION & _MASK,
        figures >> _ESTIMATED & _MASK,
        figures >> _COST & _MASK,
    )
