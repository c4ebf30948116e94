"""Whatever system call fails or kills, what was acknowledged is there once (promise P2; catalogue, E-01 to E-09).

A small daemon of nothing but the gateway's state recovers, appends, syncs and flushes; strace has the k-th call of each
kind fail by EIO, by ENOSPC once and for good, or kill it, for every k, from three kinds of beginnings. The everyday
form takes every 41st of these points: tests/live/test_crash_points.py, whose parts these are.
`python -m tests.promises.crash_points [--step N]`
"""

from __future__ import annotations

import argparse
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from attrs import define, field

from tests.live import test_crash_points as points
from tests.needs import need
from tests.promises import verdict
from tests.promises.verdict import Measured


@define(eq=False)
class Found:
    """How many points, by beginning, and how the process ended, by way and status."""

    points: Counter[str] = field(factory=Counter)
    ends: Counter[tuple[str, int]] = field(factory=Counter)


def prove(folder: Path, step: int, tell: Callable[[str], object] = print) -> Found:
    """Go through the points; raises AssertionError at the first from which it doesn't go on as promised."""
    found, strace, tests = Found(), need("strace"), points.CrashPointTests()
    for before in points.BEFORE:
        start = points.prepared(folder / before, before)
        counted, own = points.calls_of(start, folder / f"{before}-count", strace)
        for number, point in enumerate(points.points(counted, own, step)):
            place = points.copy_of(start, folder / f"{before}-{number}")
            found.ends[point.way, points.injected(place, point, strace)] += 1
            tests.check(place, point)
            shutil.rmtree(place.root)
            found.points[before] += 1
        tell(f"{before}: {found.points[before]} points")
    return found


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    found = prove(folder, options.step, lambda told: print(told, flush=True))
    rows = tuple((f"{way}, ended with {status}", count) for (way, status), count in sorted(found.ends.items(), key=str))
    return Measured(f"0 of {found.points.total():,}", rows)


def main() -> int:
    """Print the figures."""
    return verdict.concluded("crash_points", __doc__, {"step": 1}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
