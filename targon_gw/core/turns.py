"""Whose turn it is, where several want one thing: each gets a share of the turns by its weight.

Start-time fair queueing (Goyal, Vin, Cheng, 1996). Each turn of a member takes 1/weight of a time that only turns move;
the next turn is of whoever's begins first. Whoever comes begins where the others are, and whoever leaves and comes back
has not had its turns forgotten meanwhile: to leave between two turns gains nothing. To leave without a turn costs none.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from attrs import define, field

from .ordered import Ordered

M = TypeVar("M", bound=Hashable)


@define(eq=False)
class Turns(Generic[M]):
    """The members that want a turn. Nothing here takes longer than the logarithm of their number."""

    weights: dict[M, int] = field(factory=dict)
    """Of who is in it."""
    _starts: Ordered[M] = field(factory=Ordered)
    """When the next turn of each begins."""
    _ends: Ordered[M] = field(factory=Ordered)
    """When the last turn ended of those who have left and were ahead of the others."""
    _now: float = 0.0
    """When the turn began that was the last to begin."""

    def __len__(self) -> int:
        return len(self.weights)

    def enter(self, member: M, weight: int) -> None:
        """It wants turns from now on, of that weight (1 or more); who is in it already changes its weight."""
        if member not in self.weights:
            end = self._ends.numbers.get(member, 0.0)
            self._ends.put(member, None)
            self._starts.put(member, max(self._now, end))
        self.weights[member] = weight

    def leave(self, member: M) -> None:
        """It wants none any more."""
        del self.weights[member]
        start = self._starts.numbers[member]
        self._starts.put(member, None)
        if not self.weights:
            self._ends, self._now = Ordered(), 0.0
        elif start > self._now:
            self._ends.put(member, start)

    def took(self, member: M) -> None:
        """It has had a turn."""
        start = self._starts.numbers[member]
        self._starts.put(member, start + 1.0 / self.weights[member])
        self._now = max(self._now, start)
        while self._ends.until(self._now) is not None:
            pass

    def next(self, fits: Callable[[M], bool] = lambda _: True) -> M | None:
        """Whose turn it is, among those that fit; only those before it are looked at."""
        return self._starts.first(fits)
