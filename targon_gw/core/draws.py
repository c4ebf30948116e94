"""The four draws: how one key is chosen among those that may serve.

A policy is a function of the roster and of a predicate that says who may; it answers with a key or with `None`. None of
them scans the whole roster where a key is idle: a draw must not grow dearer with the pool.
"""

from __future__ import annotations

from bisect import bisect
from collections import OrderedDict
from collections.abc import Callable, Mapping
from itertools import accumulate

from attrs import define, field

from .config import Draw
from .keys import UpstreamKey

May = Callable[[UpstreamKey], bool]
TRIES_AT_RANDOM = 8
"""Random picks that meet nobody who may serve, before every key is looked at."""


@define(eq=False)
class Roster:
    """The keys of a pool, arranged for drawing. `roll` answers with a number from 0 up to, not with, 1."""

    roll: Callable[[], float]
    keys: list[UpstreamKey] = field(factory=list)
    idle: OrderedDict[UpstreamKey, None] = field(factory=OrderedDict)
    """Keys without a lease out, the one idle longest first."""
    _bounds: list[int] = field(factory=list)
    _next: int = 0

    def fill(self, keys: list[UpstreamKey]) -> None:
        """Take these keys, in this order."""
        self.keys = keys
        self.idle = OrderedDict((key, None) for key in sorted(keys, key=lambda k: k.turn) if key.in_flight == 0)
        self._bounds = list(accumulate(key.weight for key in keys))

    def pick(self) -> UpstreamKey:
        """Any key, each as likely as its weight."""
        return self.keys[bisect(self._bounds, self.roll() * self._bounds[-1])]

    def turn(self) -> UpstreamKey:
        """The next key of the round."""
        key = self.keys[self._next % len(self.keys)]
        self._next = (self._next + 1) % len(self.keys)
        return key


Policy = Callable[[Roster, May], UpstreamKey | None]


def least_busy(roster: Roster, may: May) -> UpstreamKey | None:
    """The key idle longest; where all are busy, the one with the fewest leases out by weight."""
    idle = roster.idle
    for _ in range(len(idle)):
        key = next(iter(idle))
        if may(key):
            return key
        idle.move_to_end(key)
    return min((k for k in roster.keys if k.in_flight and may(k)), key=_by_load, default=None)


def _by_load(key: UpstreamKey) -> tuple[float, int]:
    return key.load, key.turn


def round_robin(roster: Roster, may: May) -> UpstreamKey | None:
    """The next in turn."""
    for _ in range(len(roster.keys)):
        key = roster.turn()
        if may(key):
            return key
    return None


def weighted(roster: Roster, may: May) -> UpstreamKey | None:
    """At random, by weight."""
    for _ in range(TRIES_AT_RANDOM):
        key = roster.pick()
        if may(key):
            return key
    return least_busy(roster, may)


def fastest(roster: Roster, may: May) -> UpstreamKey | None:
    """Of two at random, the one with the shorter time to a first token; one not yet tried goes first."""
    first = weighted(roster, may)
    if first is None:
        return None
    second = weighted(roster, may) or first
    return first if (first.first_token or 0.0) <= (second.first_token or 0.0) else second


POLICIES: Mapping[Draw, Policy] = {
    Draw.LEAST_BUSY: least_busy,
    Draw.ROUND_ROBIN: round_robin,
    Draw.WEIGHTED: weighted,
    Draw.FASTEST: fastest,
}
