"""What a target of fuzzing is, and how its input says where to cut."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise

from attrs import frozen

Check = Callable[[bytes], object]
"""Holds one input against what must be true of it; raises AssertionError, or whatever the parser should not have."""


@frozen
class Target:
    """A parser. `seeds` are inputs to begin with."""

    name: str
    check: Check
    seeds: Callable[[], Sequence[bytes]]


def cut(data: bytes) -> list[bytes]:
    """`data` in pieces, of sizes that follow from what is in it: the same input is always cut alike."""
    luck = random.Random(data)
    places = sorted(luck.randint(0, len(data)) for _ in range(luck.choice((1, 2, 5, 20))))
    return [data[a:b] for a, b in pairwise([0, *places, len(data)]) if a != b]
