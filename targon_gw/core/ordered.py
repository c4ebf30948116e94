"""Things in the order of a number that changes: the first of them without a scan.

A heap in which what is no longer so is left until it comes up; where too much of it is, the heap is made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Generic, TypeVar

from attrs import define, field

T = TypeVar("T", bound=Hashable)

_LEFT = 64
"""Entries that are no longer so and may lie in a heap, whatever its size."""
_ties = count()
"""Things have no order of their own: of equals, the one put first."""


@define(eq=False)
class Ordered(Generic[T]):
    """Things by a number, the least first."""

    numbers: dict[T, float] = field(factory=dict)
    _heap: list[tuple[float, int, T]] = field(factory=list)

    def put(self, key: T, number: float | None) -> None:
        """Have `key` at `number` from now on; `None` takes it out."""
        if number is None:
            self.numbers.pop(key, None)
        elif self.numbers.get(key) != number:
            self.numbers[key] = number
            heappush(self._heap, (number, next(_ties), key))
            if len(self._heap) > _LEFT + 4 * len(self.numbers):
                self._heap = [(at, next(_ties), each) for each, at in self.numbers.items()]
                heapify(self._heap)

    def until(self, most: float) -> T | None:
        """Take out the first key, if its number is `most` or less."""
        least = self.least
        if least is None or least > most:
            return None
        key = heappop(self._heap)[2]
        del self.numbers[key]
        return key

    @property
    def least(self) -> float | None:
        """The first key's number."""
        heap = self._heap
        while heap and self.numbers.get(heap[0][2]) != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else None

    def first(self, fits: Callable[[T], bool], below: float = float("inf")) -> T | None:
        """The first key that fits and whose number is below that. Only those before it are looked at."""
        if self.least is None:
            return None
        heap = self._heap
        front = [(heap[0], 0)]
        while front:
            (number, _, key), at = heappop(front)
            if number >= below:
                return None
            if self.numbers.get(key) == number and fits(key):
                return key
            for child in (2 * at + 1, 2 * at + 2):
                if child < len(heap):
                    heappush(front, (heap[child], child))
        return None
