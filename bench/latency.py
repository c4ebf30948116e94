"""What the gateway adds to the first token and to each event, beside nginx and beside no gateway at all, in one run.

Streams of an event each 20 ms, 1, 100 and 500 of them open at once; they begin one after another, so that they are not
in step. `direct` is the load and the fake vendor alone: what a system adds is its figure less that of `direct`, of the
same percentile and the same round. The vendor stamps each event with the time it is sent at; a first token's time runs
from the client's request.
"""

import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from bench import drawing, machine, peers, stage, systems
from bench.compare import PAUSE_US

Rounds = dict[int, dict[str, list[stage.Result]]]
Report = dict[str, dict[str, dict[str, Any]]]
"""Streams → system → `first_ms` and `event_ms`, each with p50 and p99 as seen and `added_p50` and `added_p99`; how many
`calls` and `events` were noted; `busy`, the share of its processor that it took: one that is near 1 queues, and what is
added is the queue's length."""
DIRECT = "direct"
MEASURES = {"first": "ttft_us", "event": "hop_us"}


@frozen
class Plan:
    """How much is measured. `ramp` is the seconds in which the streams begin."""

    seconds: float = 5.0
    ramp: float = 1.0
    rounds: int = 3
    streams: tuple[int, ...] = (1, 100, 500)
    tokens: int = 50


QUICK = Plan(seconds=1.2, ramp=0.5, rounds=1, tokens=25)
TOKENS_ALONE = 5
"""Of the one stream that is alone: short, so that there are enough first tokens to speak of."""


def measured(on: stage.Stage, plan: Plan) -> Rounds:
    """All rounds, systems by turns."""
    vendor = on.vendor(PAUSE_US)
    running: dict[str, stage.Server | None] = {DIRECT: None}
    for name, maker in (("gateway", systems.gateway), ("nginx", peers.nginx)):
        setting = on.setting(vendor, name)
        system = maker(setting)
        if system is None:
            print(f"{name} is not installed, and is left out", file=sys.stderr)
            continue
        running[name] = on.start(system, setting)
    rounds: Rounds = {streams: {name: [] for name in running} for streams in plan.streams}
    for _ in range(plan.rounds):
        for streams in plan.streams:
            for name, server in running.items():
                began, before = time.monotonic(), 0.0 if server is None else machine.cpu_seconds(server.pid)
                result = on.load(vendor if server is None else server.setting.port, *options(plan, streams))
                spent = 0.0 if server is None else machine.cpu_seconds(server.pid) - before
                rounds[streams][name].append({**result, "busy": spent / (time.monotonic() - began)})
    return rounds


def options(plan: Plan, streams: int) -> list[str]:
    """What the load is told."""
    tokens = plan.tokens if streams > 1 else TOKENS_ALONE
    return ["-c", str(streams), "-d", str(plan.seconds), "-r", str(plan.ramp), "-t", str(tokens), "-s"]


def summary(rounds: Rounds) -> Report:
    """Medians over the rounds; what is added is reckoned in each round."""
    return {
        str(streams): {
            name: {
                "calls": sum(result["ttft_us"]["n"] for result in results),
                "events": sum(result["hop_us"]["n"] for result in results),
                "busy": statistics.median(result["busy"] for result in results),
                **{
                    f"{measure}_ms": _percentiles(results, by_name[DIRECT], found)
                    for measure, found in MEASURES.items()
                },
            }
            for name, results in by_name.items()
        }
        for streams, by_name in rounds.items()
    }


def _percentiles(results: Sequence[stage.Result], direct: Sequence[stage.Result], found: str) -> dict[str, float]:
    out = {}
    for p in ("p50", "p99"):
        out[p] = statistics.median(result[found][p] for result in results) / 1e3
        pairs = zip(results, direct, strict=True)
        out[f"added_{p}"] = statistics.median(ours[found][p] - theirs[found][p] for ours, theirs in pairs) / 1e3
    return out


def tables(report: Report) -> str:
    """For people."""
    heads = ("open streams", "", "first p50", "first p99", "event p50", "event p99", "busy", "calls", "events")
    rows: list[Sequence[object]] = []
    for streams, by_name in report.items():
        for name, row in by_name.items():
            kind = "p" if name == DIRECT else "added_p"
            figures = [row[f"{measure}_ms"][f"{kind}{share}"] for measure in MEASURES for share in (50, 99)]
            busy = None if name == DIRECT else f"{row['busy']:.0%}"
            shown = name if name == DIRECT else f"{name} adds"
            rows.append((streams, shown, *figures, busy, row["calls"], row["events"]))
    return stage.table("added to the first token and to each event, ms (direct: as it is)", heads, rows)


def charts(report: Report) -> dict[str, str]:
    """A chart for the first token and one for events: what is added, over the streams."""
    xs = [float(streams) for streams in report]
    names = [name for name in next(iter(report.values())) if name != DIRECT]
    out = {}
    for measure, title in (("first", "Added to the first token"), ("event", "Added to each event")):
        series = {
            f"{name} {p}": [by_name[name][f"{measure}_ms"][f"added_{p}"] for by_name in report.values()]
            for name in names
            for p in ("p50", "p99")
        }
        out[f"latency-{measure}.svg"] = drawing.curves(title, "ms", xs, series, "open streams")
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print."""
    args = stage.arguments("latency", __doc__, argv)
    with stage.staged() as on:
        report = summary(measured(on, QUICK if args.quick else Plan()))
    stage.written(args, "latency", tables(report), report, charts(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
