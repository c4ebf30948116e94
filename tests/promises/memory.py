"""What clients cost in memory (promise P15; faults catalogue, A-15, A-30).

The measure is bench.memory's, with its own gateways: 2,000 streams that idle, then 100 clients that never read of an
answer of 200 MB each, which the vendor would send at once. `python -m tests.promises.memory [--streams N] [--deaf N]`
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pytest
from attrs import frozen

from bench import memory, stage, systems
from bench.crowd import Crowd
from tests.promises import verdict
from tests.promises.verdict import Measured

EACH_KIB = 64.0
TOTAL_MIB = 200.0
DEAF_MIB = 64.0
UNREAD = 820_000
"""Events of an answer that nobody reads: 200 MB and more, as the vendor of the bench writes them."""


@frozen
class Found:
    """The two rows of the measure."""

    streams: memory.Row
    deaf: memory.Row


def prove(streams: int, deaf: int, settle: float, pauses: float = 2.0) -> Found:
    """Measure; raises AssertionError where it is more than promised, or SystemExit where it can't be measured."""
    plan = memory.Plan(0, streams, deaf, settle)

    def streaming(crowd: Crowd, setting: systems.Setting) -> None:
        crowd.join(streams, memory.stream_of(setting, 1000), spread=streams / 1000)
        crowd.until(b"data: ", 30)
        crowd.drained(pauses * memory.PACE_US / 1e6)

    def flooded(crowd: Crowd, setting: systems.Setting) -> None:
        crowd.room = memory.TINY
        crowd.join(deaf, memory.stream_of(setting, UNREAD))
        time.sleep(settle)
        crowd.are_sent(b"HTTP/1.1 200 ")

    with stage.staged() as on:
        found = Found(
            memory.one_kind(on, plan, ("idle stream", streams, memory.PACE_US), streaming),
            memory.one_kind(on, plan, ("never reads", deaf, 0), flooded),
        )
    assert found.streams.each_kib <= EACH_KIB, f"{found.streams.each_kib:.1f} KiB a stream"
    assert found.streams.mib <= TOTAL_MIB, f"{found.streams.mib:.0f} MiB with {streams} streams"
    grown = found.deaf.mib - found.deaf.before_mib
    assert grown <= DEAF_MIB, f"{grown:.1f} MiB more for {deaf} clients that never read"
    return found


@pytest.mark.live
def test_memory() -> None:
    """200 idle streams take 64 KiB each at most, and 20 clients that never read no more than their share (A-15)."""
    found = prove(200, 20, 0.3, 0.5)

    assert found.deaf.mib - found.deaf.before_mib <= DEAF_MIB * 20 / 100


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    found = prove(options.streams, options.deaf, options.settle)
    streams, deaf = found.streams, found.deaf
    grown = deaf.mib - deaf.before_mib
    rows = (
        (f"MiB without and with {streams.count:,} idle streams", f"{streams.before_mib:.0f}, {streams.mib:.0f}"),
        ("KiB for each", f"{streams.each_kib:.1f}"),
        (f"MiB without and with {deaf.count} that never read", f"{deaf.before_mib:.0f}, {deaf.mib:.0f}"),
    )
    return Measured(
        f"{streams.each_kib:.1f} KiB a stream, {streams.count:,} in {streams.mib:.0f} MiB; "
        f"{deaf.count} that never read: {grown:.1f} MiB",
        rows,
    )


def main() -> int:
    """Print the figures."""
    return verdict.concluded("memory", __doc__, {"streams": 2000, "deaf": 100, "settle": 3.0}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
