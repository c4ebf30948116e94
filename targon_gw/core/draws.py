"""The four draws: how one key is chosen among those that may serve.

A policy is a function of the roster and of a predicate that says who may; it answers with a key or with `None`. A
draw must not grow dearer with the pool: keys at rest are not in the roster, busy ones lie by load, and whoever is in
the way of a draw is behind the others at the next.
"""

from __future__ import annotations

from bisect import bisect
from collections import OrderedDict
from collections.abc import Callable, Container, Mapping, Sequence
from itertools import accumulate

from attrs import define, field

from .config import Draw
from .keys import UpstreamKey

May = Callable[[UpstreamKey], bool]
TRIES_AT_RANDOM = 8
"""Random picks that meet nobody who may serve, before the least busy one is drawn."""


@define(eq=False)
class Roster:
    """The keys of a pool that are in the draw, arranged for it. `roll` answers with a number from 0 up to 1."""

    roll: Callable[[], float]
    members: OrderedDict[UpstreamKey, float] = field(factory=OrderedDict)
    """Who is in the draw, the next of the round first, and the load that each is filed under."""
    idle: OrderedDict[UpstreamKey, None] = field(factory=OrderedDict)
    """Those without a lease out, the one idle longest first."""
    busy: dict[float, OrderedDict[UpstreamKey, None]] = field(factory=dict)
    """The others by load: of one load, the one that came to it first."""
    _wheel: Sequence[UpstreamKey] = ()
    """All keys of the pool, in the draw or not."""
    _bounds: list[int] = field(factory=list)

    def fill(self, keys: Sequence[UpstreamKey]) -> None:
        """Have these keys on the wheel, in this order; who is in the draw is not changed by it."""
        self._wheel = keys
        self._bounds = list(accumulate(key.weight for key in keys))

    def set(self, key: UpstreamKey, well: bool) -> None:
        """Have `key` in the draw, behind the others, or not."""
        if not well:
            self.drop(key)
        elif key not in self.members:
            load = self.members[key] = key.load
            self._file(key, load)

    def put_first(self, keys: Sequence[UpstreamKey]) -> None:
        """Have those of these keys that are idle before all others: they are new, and have been idle longest."""
        for key in reversed(keys):
            if key in self.idle and not key.turn:
                self.idle.move_to_end(key, last=False)

    def drop(self, key: UpstreamKey) -> None:
        """Have `key` in the draw no more."""
        load = self.members.pop(key, None)
        if load is not None:
            self._unfile(key, load)

    def moved(self, key: UpstreamKey) -> None:
        """A lease of `key` has gone out or come back, or it has another weight."""
        members = self.members
        before = members.get(key)
        if before is None:
            return
        load = members[key] = key.in_flight / key.weight
        if not before:  # written out: it is done twice a call, and costs half a microsecond
            del self.idle[key]
        else:
            self._unfile(key, before)
        if not load:
            self.idle[key] = None
        else:
            self._file(key, load)

    def _file(self, key: UpstreamKey, load: float) -> None:
        if not load:
            self.idle[key] = None
            return
        filed = self.busy.get(load)
        if filed is None:
            filed = self.busy[load] = OrderedDict()  # made and then filled: from a dict takes 400 ns more, twice a call
        filed[key] = None

    def _unfile(self, key: UpstreamKey, load: float) -> None:
        if not load:
            del self.idle[key]
            return
        filed = self.busy[load]
        del filed[key]
        if not filed:
            del self.busy[load]

    def without(self, some: Container[UpstreamKey]) -> Roster:
        """A roster of those that are not among `some`; it shares the wheel."""
        made = Roster(self.roll)
        made._wheel, made._bounds = self._wheel, self._bounds
        for key in (*self.idle, *(key for filed in self.busy.values() for key in filed)):
            if key not in some:
                made.members[key] = key.load
                made._file(key, key.load)
        return made

    def pick(self) -> UpstreamKey:
        """Any key of the wheel, each as likely as its weight."""
        return self._wheel[bisect(self._bounds, self.roll() * self._bounds[-1])]


Policy = Callable[[Roster, May], UpstreamKey | None]


def least_busy(roster: Roster, may: May) -> UpstreamKey | None:
    """The key idle longest; where all are busy, one of those with the fewest leases out by weight."""
    idle = roster.idle
    for _ in range(len(idle)):
        key = next(iter(idle))
        if may(key):
            return key
        idle.move_to_end(key)
    for load in sorted(roster.busy):
        for key in roster.busy[load]:
            if may(key):
                return key
    return None


def round_robin(roster: Roster, may: May) -> UpstreamKey | None:
    """The next in turn."""
    members = roster.members
    for _ in range(len(members)):
        key = next(iter(members))
        members.move_to_end(key)
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
