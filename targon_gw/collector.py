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


def calm() -> None:
    """What there is stays for good: it is gone through once more, and then no longer.

    To be done before anybody can call: with 10,000 keys it takes 130 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


@contextmanager
def resting() -> Iterator[None]:
    """Settings are being read: nothing is collected, and what there is by the end is not looked at any more.

    To go through those of 10,000 keys, which live on, would hold every call up for 100 ms. What is dropped is freed all
    the same; only a ring that something left just now would stay.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
