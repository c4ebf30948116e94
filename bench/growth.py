"""What growth costs: keys, clients, models and a year of ledger, each as a curve that should be flat.

For each size a gateway is started on settings and a state folder of that size. All of one kind run at the same time and
are measured by turns, so that a drift of the machine's speed touches all alike: the cost of a unary call in processor
time, then how long the settings take to be read again and the state to be written, and how long the loop stood still
meanwhile. Those that only a start sees (a year of files, a lost state) are measured as starts.
"""

import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, frozen

from bench import drawing, grown, machine, pinger, stage, systems

NEVER = "2h"
"""Between two writings of the state, while the cost of a call is measured."""
OFTEN = "1s"
CALLERS = 100
"""Clients that call in turn, where clients are not what grows: each stays with a key and its kept connection, so that
what is compared is the choice among keys and not how many of them have to be connected to."""
CONNECTIONS = 16
CALLS_A_SECOND = 4000
"""About what a gateway answers: how long each of many clients needs for a call of its own."""
A_DAY = 1000
"""Calls in a day's file of the ledger."""
FIGURES = ("call_us", "start_s", "reload_s", "reload_lag_ms", "flush_ms", "flush_lag_ms", "mib")
"""What is measured at each size: processor time of a unary call; how long it takes until /health answers, and until
settings are in force; the longest wait of a ping meanwhile; how long the state is written, and the longest wait
meanwhile; memory."""
CHARTS = {
    "call": ("Cost of a unary call", "µs of processor time", {"call_us": "gateway"}),
    "long": ("Start and reload", "seconds", {"start_s": "start", "reload_s": "reload"}),
    "flush": ("State written", "ms", {"flush_ms": "from begin to end", "flush_lag_ms": "longest wait meanwhile"}),
    "lag": ("Longest wait while settings are read", "ms", {"reload_lag_ms": "gateway"}),
    "memory": ("Memory", "MiB", {"mib": "gateway"}),
}
"""Chart → title, unit, and which figures are drawn under which names."""


@frozen
class Axis:
    """What grows: its name, and the sizes by what the horizontal axis shows.

    `all_call`: every client calls in turn, where clients are what grows. `only_start`: nothing else would see it.
    """

    name: str
    sizes: Mapping[int, grown.Size]
    all_call: bool = False
    only_start: bool = False


@frozen
class Plan:
    """How much is measured."""

    axes: tuple[Axis, ...]
    seconds: float = 1.0
    rounds: int = 3
    watched: float = 3.5
    warming: float = 25.0
    """Seconds at most in which each client has its first call, which costs more than those that follow."""


def axes(
    keys: Sequence[int], clients: Sequence[int], models: Sequence[int], days: Sequence[int], lost: Sequence[int]
) -> tuple[Axis, ...]:
    """What grows, at those sizes; `lost` are lines to be folded in by a start without a state."""
    few = grown.Size()
    return (
        Axis("vendor keys", {at: evolve(few, keys=at) for at in keys}),
        Axis("clients", {at: evolve(few, clients=at) for at in clients}, all_call=True),
        Axis("models", {at: evolve(few, models=at) for at in models}),
        Axis("days of ledger", {at: evolve(few, days=at, calls_a_day=A_DAY) for at in days}),
        Axis(
            "lines to fold", {at: evolve(few, days=10, calls_a_day=at // 10, lost=True) for at in lost}, only_start=True
        ),
    )


FULL = Plan(
    axes(
        (10, 100, 1000, 10_000),
        (10, 100, 1000, 10_000, 100_000),
        (1, 10, 100, 1000),
        (1, 30, 365),
        (2500, 25_000, 250_000),
    )
)
"""250,000 lines are 100 MB."""
QUICK = Plan(
    axes((10, 10_000), (10, 10_000), (1, 1000), (365,), (25_000,)), seconds=0.5, rounds=1, watched=1.4, warming=1.0
)


@define(eq=False)
class Point:
    """One size as it runs, and what has been measured of it."""

    size: grown.Size
    server: stage.Server
    callers: int
    costs: list[float] = field(factory=list)
    figures: dict[str, float] = field(factory=dict)


def grown_server(on: stage.Stage, vendor: int, name: str, size: grown.Size) -> stage.Server:
    """A gateway of that size, answering."""
    setting = on.setting(vendor, name)
    path = grown.write(setting, size, NEVER)
    return on.start(systems.System("gateway", systems.filled(systems.GATEWAY, setting, path)), setting, "/health")


def along(on: stage.Stage, vendor: int, plan: Plan, axis: Axis) -> dict[int, dict[str, float]]:
    """All that is measured along one axis: figures by size."""
    points: dict[int, Point] = {}
    for at, size in axis.sizes.items():
        server = grown_server(on, vendor, f"{axis.name}-{at}".replace(" ", "-"), size)
        points[at] = Point(size, server, size.clients if axis.all_call else min(size.clients, CALLERS))
        points[at].figures = {"start_s": server.took, "mib": machine.resident_mib(server.pid)}
        if axis.only_start:
            on.stop(server)
    if not axis.only_start:
        for point in points.values():
            warmed(on, point, plan)
        for _ in range(plan.rounds):
            for point in points.values():
                point.costs.append(called(on, point, plan.seconds))
        for point in points.values():
            point.figures["call_us"] = statistics.median(point.costs)
            point.figures |= reloaded(on, point) | flushed(on, point, plan.watched)
            on.stop(point.server)
    return {at: point.figures for at, point in points.items()}


def warmed(on: stage.Stage, point: Point, plan: Plan) -> None:
    """Have each client call once, as far as there is time for it."""
    loaded(on, point, min(plan.warming, max(plan.seconds / 2, point.callers / CALLS_A_SECOND)))


def called(on: stage.Stage, point: Point, seconds: float) -> float:
    """Processor time of one unary call, microseconds, over a short load."""
    before = machine.cpu_seconds(point.server.pid)
    good = loaded(on, point, seconds)
    return (machine.cpu_seconds(point.server.pid) - before) / good * 1e6


def loaded(on: stage.Stage, point: Point, seconds: float) -> int:
    """A load of unary calls; how many were answered."""
    load = ("-c", str(CONNECTIONS), "-d", str(seconds), "-k", grown.CLIENT_KEY, "-K", str(point.callers))
    good: int = on.load(point.server.setting.port, *load)["good"]
    return good


def reloaded(on: stage.Stage, point: Point) -> dict[str, float]:
    """Have it read its settings with one key more, and the state written often from then on."""
    setting = point.server.setting
    grown.write_keys(setting, point.size.keys + 1)
    grown.write_gateway(setting, OFTEN)
    with pinger.pinging(setting.port, on.loader) as pinging:
        time.sleep(0.1)
        took = point.server.reload()
        time.sleep(0.1)
    return {"reload_s": took, "reload_lag_ms": pinger.lag(pinging.pings).worst}


def flushed(on: stage.Stage, point: Point, seconds: float) -> dict[str, float]:
    """Watch it write its state: the longest time that took, and the longest wait in all that time."""
    setting = point.server.setting
    with pinger.pinging(setting.port, on.loader) as pinging:
        writings = watched(point.server, f"{grown.CLIENT_KEY}000000", seconds)
    return {
        "flush_ms": max(end - begin for begin, end in writings) * 1e3,
        "flush_lag_ms": pinger.lag(pinging.pings).worst,
    }


def watched(server: stage.Server, key: str, seconds: float) -> list[tuple[float, float]]:
    """When the state was being written within `seconds`, with a call now and then, lest there be nothing to write.

    The writing is seen by the file that is there while it lasts, to a millisecond: one that is over sooner took one.
    """
    state = Path(server.setting.folder, "state", "state.yaml")
    following = state.with_name("state.yaml.next")
    known = inode(state)
    writings: list[tuple[float, float]] = []
    began: float | None = None
    end, call_at = time.monotonic() + seconds, 0.0
    body = b'{"model": "%s", "messages": [{"role": "user", "content": "Hello!"}]}' % systems.MODEL.encode()
    while (now := time.monotonic()) < end or (began is not None and now < end + 60):
        if following.exists():
            began = now if began is None else began
        elif (there := inode(state)) != known:
            writings.append((now - 0.001 if began is None else began, now))
            began, known = None, there
        if now >= call_at and began is None and now < end:
            if server.call(key, body).status != 200:
                raise SystemExit(f"a call failed; see {server.log}")
            call_at = now + 0.25
        time.sleep(0.001)
    if not writings:
        raise SystemExit(f"the state was not written; see {server.log}")
    return writings


def inode(path: Path) -> int | None:
    """Which file has that name now."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def tables(report: Mapping[str, Mapping[int, Mapping[str, float]]]) -> str:
    """For people; what should be flat with its growth."""
    out = []
    for name, figures in report.items():
        kinds = [kind for kind in FIGURES if any(kind in row for row in figures.values())]
        rows: list[list[object]] = [[at, *(row.get(kind) for kind in kinds)] for at, row in figures.items()]
        if len(rows) > 1:
            first, *_, last = figures.values()
            rows.append(["grew", *(f"x {last[kind] / first[kind]:.2f}" if first.get(kind) else None for kind in kinds)])
        out.append(stage.table(name, ("", *kinds), rows))
    return "\n".join(out)


def charts(report: Mapping[str, Mapping[int, Mapping[str, float]]]) -> dict[str, str]:
    """File name → SVG: what was measured along each axis."""
    out = {}
    for name, figures in report.items():
        for chart, (title, unit, drawn) in CHARTS.items():
            series = {
                shown: [row[kind] for row in figures.values()]
                for kind, shown in drawn.items()
                if all(kind in row for row in figures.values())
            }
            if series and len(figures) > 1:
                file = f"growth-{name.replace(' ', '-')}-{chart}.svg"
                out[file] = drawing.curves(title, unit, [float(at) for at in figures], series, name)
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print."""
    args = stage.arguments("growth", __doc__, argv)
    plan = QUICK if args.quick else FULL
    report: dict[str, Any] = {}
    with stage.staged() as on:
        vendor = on.vendor()
        for axis in plan.axes:
            report[axis.name] = along(on, vendor, plan, axis)
    stage.written(args, "growth", tables(report), report, charts(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
