"""Python's garbage collector, kept from what is no garbage.

Calls leave no rings behind (tests/web/test_rings.py), so that counting references frees all of them; what the collector
goes through is the settings, for nothing, with every call held up meanwhile. A ring that something else leaves is found
all the same, a little later.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

THRESHOLDS: Final = (20_000, 20, 50)
"""Allocations between two collections of the young, and so on: a call makes some 150 objects that count, and Python's
own 700 would have the collector run every fifth call (7 % of all time)."""


def away() -> None:
    """Nothing is collected until all is `calm`: what a start makes stays, and to go through it each time that it has
    grown by a quarter would be a third of the start with 10,000 clients."""
    gc.disable()


def calm() -> None:
    """What there is stays for good: it is gone through once more, and then no longer.

    To be done before anybody can call: with 10,000 keys it takes 130 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()


LARGE: Final = 200_000
"""Objects that settings must have come to, to be left out: some 500 keys. Fewer are gone through in 10 ms."""


@contextmanager
def resting() -> Iterator[None]:
    """Settings are being read: nothing is collected, and where they are large they are not looked at afterwards.

    To go through those of 10,000 keys, which live on, would hold every call up for 100 ms. What is dropped is freed all
    the same; only a ring that something left just now would stay, for good: hence not where there is no need.
    """
    gc.collect()  # of what came since the last time; the settings themselves are not gone through
    gc.disable()
    try:
        yield
    finally:
        if gc.get_count()[0] >= LARGE:
            gc.freeze()
        gc.enable()
