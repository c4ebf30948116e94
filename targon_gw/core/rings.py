"""Figures over time in fixed room: rings of points, each of which knows the moment that it is of.

A point's number is its Unix time divided by the ring's step; its place is that number modulo the ring's size. So a gap
costs nothing, and neither does a clock that leaps: what is older than the ring is passed over, what stands in the place
of something newer is not written, and `forget` drops what lies in the future of whoever looks (faults catalogue, E-16).
How long things took is counted in buckets whose bounds are each a quarter above the one before: a quantile is off by an
eighth at most, and a point is a few numbers instead of all that was seen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final, Generic, TypeVar

from attrs import define, field

T = TypeVar("T")

LEAST: Final = 0.01
GROWTH: Final = 1.25
BOUNDS: Final = tuple(LEAST * GROWTH**power for power in range(52))
"""Seconds: 10 ms to 877 s, which is longer than what is unusual."""

_bucket_of: Final = partial(bisect_right, BOUNDS)
"""The bucket of a duration: 0 below the first bound, `len(BOUNDS)` from the last one on."""


def buckets(durations: Iterable[float]) -> Counter[int]:
    """How many of these (seconds) are in which bucket."""
    return Counter(map(_bucket_of, durations))


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """The duration below which that share of all lies, in seconds; `None` where there is none.

    Within a bucket they are taken to lie evenly; what is beyond the last bound is taken to lie a quarter beyond it.
    """
    total = sum(counts.values())
    if not total:
        return None
    left = share * total
    listed = sorted(counts.items())
    while len(listed) > 1 and listed[0][1] < left:
        left -= listed.pop(0)[1]
    bucket, count = listed[0]
    low = BOUNDS[bucket - 1] if bucket else 0.0
    high = BOUNDS[bucket] if bucket < len(BOUNDS) else low * GROWTH
    return round(low + (high - low) * min(1.0, left / count), 4)


def add(to: dict[Any, int], counts: Mapping[Any, int]) -> None:
    """Add counts to others, in place."""
    for name, count in counts.items():
        to[name] = to.get(name, 0) + count


@define(eq=False)
class Ring(Generic[T]):
    """So many points of `step` seconds each, of which the newest stay. `make` makes an empty one."""

    step: int
    size: int
    make: Callable[[], T]
    _points: list[T | None] = field(init=False)
    _numbers: list[int] = field(init=False)
    """Which point is in which place; -1 where none is."""
    newest: int = -1

    def __attrs_post_init__(self) -> None:
        self._points = [None] * self.size
        self._numbers = [-1] * self.size

    def number(self, unix: float) -> int:
        """Which point a moment lies in."""
        return int(unix // self.step)

    def to_write(self, unix: float) -> T | None:
        """The point of that moment, to be added to; `None` where the ring holds a newer one in its place."""
        number = int(unix // self.step)
        place = number % self.size
        there = self._numbers[place]
        if there == number:
            return self._points[place]
        if there > number:
            return None
        self._numbers[place] = number
        point = self._points[place] = self.make()
        if number > self.newest:
            self.newest = number
        return point

    def find(self, number: int) -> T | None:
        """The point of that number, if there is one."""
        place = number % self.size
        return self._points[place] if self._numbers[place] == number else None

    def last(self, unix: float, count: int | None = None) -> Iterator[tuple[int, T | None]]:
        """The numbers of the last `count` points (all) up to that of `unix`, oldest first, each with its point."""
        newest = int(unix // self.step)
        for number in range(newest - (self.size if count is None else count) + 1, newest + 1):
            yield number, self.find(number)

    def kept(self, unix: float) -> Iterator[tuple[int, T]]:
        """The points that there are among the last."""
        return ((number, point) for number, point in self.last(unix) if point is not None)

    def forget(self, after: float) -> None:
        """Drop what lies behind that moment."""
        newest = int(after // self.step)
        if self.newest <= newest:
            return
        for place, number in enumerate(self._numbers):
            if number > newest:
                self._numbers[place], self._points[place] = -1, None
        self.newest = newest
