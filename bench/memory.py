"""What a client costs in memory: one that is connected and asks nothing, one with an open stream, one that never reads.

The figure is the gateway's PSS (proportional set size: what it holds itself and its share of what it shares) with and
without them, divided by their number. Python keeps freed memory for later, so each figure is of a gateway of its own,
warmed by the same few calls, which never held more than it holds when it is measured.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from bench import stage, systems
from bench.crowd import Crowd, request

PACE_US = 2_000_000
"""Between two events of a stream that idles: a thinking model."""
WARMING = 200
"""Calls, after which the gateway's own structures have the size that they keep."""
GOALS = {"idle stream": (64.0, 24.0)}
"""KiB for each: at most, and the goal."""
MOST_MIB = 200.0
"""With all streams open, at most."""
TINY = 4096
"""Receive buffer of a client that never reads: the less the kernel takes, the more the gateway must hold back."""
UNREAD = 8000
"""Events of an answer that nobody reads: 2 MB, sent by the vendor at once."""


@frozen
class Plan:
    """How many of each."""

    connections: int = 2000
    streams: int = 2000
    deaf: int = 100
    settle: float = 3.0
    """Seconds that all is left alone before it is measured."""


QUICK = Plan(connections=1000, streams=500, settle=1.0)


@frozen
class Row:
    """`count` clients of a kind: the gateway's MiB before and with them, and the KiB that each of them makes of it."""

    kind: str
    count: int
    before_mib: float
    mib: float
    each_kib: float


def pss_mib(smaps_rollup: str) -> float:
    """The Pss of a process's smaps_rollup (proc(5)), in MiB."""
    for line in smaps_rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no Pss in it")


def held_mib(pid: int) -> float:
    """What a process holds, MiB."""
    return pss_mib(Path(f"/proc/{pid}/smaps_rollup").read_text())


def stream_of(setting: systems.Setting, events: int) -> bytes:
    """A request for a stream of so many events."""
    asked = {"model": systems.MODEL, "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": events}
    body = json.dumps({**asked, "stream": True}).encode()
    return request("POST", "/v1/chat/completions", (f"Authorization: Bearer {setting.key}",), body)


def measured(on: stage.Stage, plan: Plan) -> list[Row]:
    """Each kind, by a gateway of its own."""

    def idle(crowd: Crowd, _: systems.Setting) -> None:
        crowd.join(plan.connections, request("GET", "/health/live"))
        crowd.until(b'"ok"', 20)

    def streaming(crowd: Crowd, setting: systems.Setting) -> None:
        crowd.join(plan.streams, stream_of(setting, 1000), spread=plan.streams / 1000)
        crowd.until(b"data: ", 30)
        crowd.drained(2 * PACE_US / 1e6)  # two events each, read at once: what idles between them is what is measured

    def deaf(crowd: Crowd, setting: systems.Setting) -> None:
        crowd.room = TINY
        crowd.join(plan.deaf, stream_of(setting, UNREAD))
        time.sleep(plan.settle)
        crowd.are_sent(b"HTTP/1.1 200 ")

    return [
        one_kind(on, plan, ("idle connection", plan.connections, 0), idle),
        one_kind(on, plan, ("idle stream", plan.streams, PACE_US), streaming),
        one_kind(on, plan, ("never reads", plan.deaf, 0), deaf),
    ]


def one_kind(
    on: stage.Stage, plan: Plan, kind: tuple[str, int, int], gather: Callable[[Crowd, systems.Setting], None]
) -> Row:
    """Measure one kind: its name, how many, and the vendor's pause between two events."""
    name, count, pause_us = kind
    setting = on.setting(on.vendor(pause_us), name.replace(" ", "-"))
    server = on.start(systems.gateway(setting), setting, "/health")
    warmed(server)
    before = held_mib(server.pid)
    crowd = Crowd(setting.port)
    try:
        gather(crowd, setting)
        time.sleep(plan.settle)
        mib = held_mib(server.pid)
    finally:
        crowd.leave()
    on.stop(server)
    return Row(name, count, before, mib, (mib - before) * 1024 / count)


def warmed(server: stage.Server) -> None:
    """Some calls of the plain kind."""
    body = json.dumps({"model": systems.MODEL, "messages": [{"role": "user", "content": "Hello!"}]}).encode()
    for _ in range(WARMING):
        answer = server.call(server.setting.key, body)
        if answer.status != 200:
            raise SystemExit(f"a call came to {answer.status}: {answer.body[:200]!r}")


def reported(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """By kind, for a file."""
    return {
        row.kind: {"count": row.count, "before_mib": row.before_mib, "mib": row.mib, "each_kib": row.each_kib}
        for row in rows
    }


def tables(rows: Sequence[Row]) -> str:
    """For people."""
    heads = ("clients", "", "before, MiB", "with them, MiB", "each, KiB", "at most", "goal")
    shown = [
        (row.kind, row.count, row.before_mib, row.mib, row.each_kib, *GOALS.get(row.kind, (None, None))) for row in rows
    ]
    total = next((row for row in rows if row.kind == "idle stream"), None)
    told = "" if total is None else f"\n  {total.count} open streams: {total.mib:.0f} MiB in all"
    return stage.table("memory of the gateway's process", heads, shown) + told


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print."""
    args = stage.arguments("memory", __doc__, argv)
    with stage.staged() as on:
        rows = measured(on, QUICK if args.quick else Plan())
    stage.written(args, "memory", tables(rows), reported(rows), {})
    return 0


if __name__ == "__main__":
    sys.exit(main())
