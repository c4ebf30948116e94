"""What open pages cost: 500 that watch the monitor, beside a few calls a second and beside as many as can be.

A gateway is measured by turns with no page open and with all of them. With a few calls everything that is shown changes
at each tick, and what the gateway takes more of its processor is the pages': told as milliseconds for one tick. With as
many calls as can be, what matters is whether a second of its processor carries fewer, and whether a ping from another
process waits longer. The pages are read by a process of its own, beside the load and the fake vendor.
"""

import json
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

from attrs import asdict, define, field, frozen

from bench import machine, pinger, stage, systems, watchers

TICK = 0.5
"""Seconds between two ticks of the gateway's."""
CONNECTIONS = 16
A_SECOND = 20
"""Calls, where there are few."""
GOAL_SHARE = 0.05
"""Of the processor, and of the calls a second."""


@frozen
class Plan:
    """How much is measured."""

    pages: int = 500
    seconds: float = 2.0
    rounds: int = 2


QUICK = Plan(seconds=1.0, rounds=1)


@frozen
class Round:
    """One gateway under so many pages. `busy` is the share of its processor that it took with few calls; `calls` are a
    second with as many as can be, `carried` those for a second of its processor; how long pings waited in either case;
    events that each page was told."""

    pages: int
    busy: float
    quiet: pinger.Lag
    calls: float
    carried: float
    loaded: pinger.Lag
    events: float


@define(eq=False)
class Measured:
    """All rounds."""

    plan: Plan
    rounds: list[Round] = field(factory=list)

    def median(self, name: str, pages: int) -> float:
        """Of all rounds with so many pages; `name` may reach into a lag: `quiet.p99`."""
        found = []
        for each in self.rounds:
            if each.pages == pages:
                value: Any = each
                for part in name.split("."):
                    value = getattr(value, part)
                found.append(float(value))
        return statistics.median(found)

    @property
    def tick_ms(self) -> float:
        """Processor time that a tick takes for all pages together."""
        more = self.median("busy", self.plan.pages) - self.median("busy", 0)
        return max(0.0, more) * TICK * 1e3

    @property
    def fewer(self) -> float:
        """By which share a processor second carries fewer calls: whatever else the machine does disturbs that least."""
        return 1.0 - self.median("carried", self.plan.pages) / self.median("carried", 0)


def measured(on: stage.Stage, plan: Plan) -> Measured:
    """Rounds, with and without pages by turns."""
    setting = on.setting(on.vendor(), "gateway")
    server = on.start(systems.gateway(setting), setting, "/health")
    on.load(setting.port, "-c", str(CONNECTIONS), "-d", "0.5")
    out = Measured(plan)
    for _ in range(plan.rounds):
        for pages in (0, plan.pages):
            out.rounds.append(one_round(on, server, pages, plan.seconds))
    return out


def one_round(on: stage.Stage, server: stage.Server, pages: int, seconds: float) -> Round:
    """So many pages open, first with few calls and then with many."""
    port = server.setting.port
    with watchers.watching(port, pages, on.loader) as watched:
        with pinger.pinging(port, on.loader) as few:
            began, before = time.monotonic(), machine.cpu_seconds(server.pid)
            a_few_calls(server, seconds)
            busy = (machine.cpu_seconds(server.pid) - before) / (time.monotonic() - began)
        with pinger.pinging(port, on.loader) as many:
            before = machine.cpu_seconds(server.pid)
            load = on.load(port, "-c", str(CONNECTIONS), "-d", str(seconds))
            carried = load["good"] / (machine.cpu_seconds(server.pid) - before)
    events = watched.seen["events"] / pages if pages else 0.0
    return Round(pages, busy, pinger.lag(few.pings), load["per_s"], carried, pinger.lag(many.pings), events)


def a_few_calls(server: stage.Server, seconds: float) -> None:
    """`A_SECOND` calls a second, one after the other."""
    message = {"role": "user", "content": "hello"}
    body = json.dumps({"model": systems.MODEL, "messages": [message], "max_tokens": 8}).encode()
    began = time.monotonic()
    for number in range(int(seconds * A_SECOND)):
        answer = server.call(server.setting.key, body)
        if answer.status != 200:
            raise SystemExit(f"a call came to {answer.status}: {answer.body[:300]!r}")
        time.sleep(max(0.0, began + (number + 1) / A_SECOND - time.monotonic()))


def tables(found: Measured) -> str:
    """For people."""
    heads = (
        "open pages",
        "busy, few calls",
        "p99, ms",
        "worst",
        "calls/s",
        "a cpu s",
        "p99, ms",
        "worst",
        "events each",
    )
    rows: list[Sequence[object]] = []
    for pages in (0, found.plan.pages):
        names = ("quiet.p99", "quiet.worst", "calls", "carried", "loaded.p99", "loaded.worst", "events")
        busy = f"{found.median('busy', pages):.1%}"
        rows.append((pages, busy, *(found.median(name, pages) for name in names)))
    told = stage.table("what open pages cost (pings: few calls, then as many as can be)", heads, rows)
    each = found.tick_ms * 1e3 / found.plan.pages
    return (
        f"{told}\n  a tick each {TICK} s takes {found.tick_ms:.1f} ms of processor time for all, {each:.0f} µs a page; "
        f"{found.fewer:.1%} fewer calls for a processor second{verdict(found)}"
    )


def verdict(found: Measured) -> str:
    """What is to be said of it."""
    dear = found.tick_ms / (TICK * 1e3) > GOAL_SHARE or found.fewer > GOAL_SHARE
    return f": MORE THAN {GOAL_SHARE:.0%}" if dear else ""


def reported(found: Measured) -> dict[str, Any]:
    """For a file."""
    rounds = [asdict(each) for each in found.rounds]
    return {"plan": asdict(found.plan), "tick_ms": found.tick_ms, "fewer_calls": found.fewer, "rounds": rounds}


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print."""
    args = stage.arguments("pages", __doc__, argv)
    with stage.staged() as on:
        found = measured(on, QUICK if args.quick else Plan())
    stage.written(args, "pages", tables(found), reported(found), {})
    return 0


if __name__ == "__main__":
    sys.exit(main())
