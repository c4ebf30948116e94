"""How long the loop stands still while something large goes on, seen from outside and from inside.

A gateway with 10,000 keys and 10,000 clients is pinged each 5 ms from another process while its state is written, its
settings are read again, a client sends it 32 MB, its metrics are read, people sign in, another gateway starts. What a
ping waited is what every open stream waited. From inside it is told by the gateway's own gauge,
`targon_gw_loop_lag_seconds`: the worst of the last minute, so that what was worst is told again by the lines behind it.
"""

import http.client
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from attrs import asdict, define, field, frozen

from bench import grown, growth, pinger, stage, systems

MOST_MS, GOAL_MS = 100.0, 20.0
GAUGE = "targon_gw_loop_lag_seconds"
_SAMPLE = re.compile(rf"^{GAUGE}(?:_max)?(?:\{{[^}}]*\}})? ([0-9.eE+-]+)", re.MULTILINE)
BODY = (32 << 20) - 1024
"""Bytes of a large body: just below what gateway.yaml allows unless it is told otherwise."""
SIGN_INS = 100
SETTLED = 0.5
"""Seconds behind a start, whose own lag is a line of its own."""
GETS = 50
"""How often a small thing is asked for: one is over before the next ping."""


@frozen
class Plan:
    """How much is measured: the size, and how often each thing is done."""

    size: grown.Size = grown.Size(keys=10_000, clients=10_000)
    times: int = 5
    flushes: float = 6.0
    """Seconds in which the state is written once a second."""
    quiet: float = 3.0


QUICK = Plan(times=2, flushes=2.5, quiet=1.0)


@frozen
class Row:
    """What went on, how long it took in all, and how long pings waited meanwhile; `inside` is the gauge behind it."""

    name: str
    took: float
    lag: pinger.Lag
    inside_ms: float | None


def gauge(exposition: str) -> float | None:
    """The greatest lag that a page of metrics tells, in ms; None where it tells none."""
    found = [float(sample) for sample in _SAMPLE.findall(exposition)]
    return max(found) * 1e3 if found else None


@define(eq=False)
class Watch:
    """A gateway that is pinged while things are done to it."""

    on: stage.Stage
    server: stage.Server
    rows: list[Row] = field(factory=list)

    def during(self, name: str, what: Callable[[], object]) -> None:
        """Do it and note what pings that were on their way meanwhile have waited."""
        with pinger.pinging(self.server.setting.port, self.on.loader) as pinging:
            began = time.monotonic()
            what()
            took = time.monotonic() - began
            time.sleep(0.1)
        inside = self.inside()
        self.rows.append(Row(name, took, pinger.lag(pinging.pings, began, began + took + 2 * pinger.EVERY), inside))

    def inside(self) -> float | None:
        """What the gateway says itself: the worst of the last minute, so of what was done before, too."""
        answer = self.server.get("/metrics")
        return gauge(answer.body.decode()) if answer.status == 200 else None


def measured(on: stage.Stage, plan: Plan) -> list[Row]:
    """Everything, one after the other."""
    vendor = on.vendor()
    server = growth.grown_server(on, vendor, "large", plan.size)
    watch = Watch(on, server)
    key = f"{grown.CLIENT_KEY}000000"
    time.sleep(SETTLED)
    watch.during("nothing", lambda: time.sleep(plan.quiet))
    load = ("-c", "16", "-d", str(plan.quiet), "-k", key)
    watch.during("calls, 16 at a time", lambda: on.load(server.setting.port, *load))
    for path in ("/health", "/metrics", "/v1/models"):
        if asked(server, path, key) == 200:
            watch.during(f"GET {path} x {GETS}", partial(repeated, server, path, key, GETS))
    watch.during(f"a body of 32 MiB x {plan.times}", lambda: large_bodies(server, key, plan.times))
    watch.during(f"settings read again x {plan.times}", lambda: reloads(server, plan))
    watch.during(f"{SIGN_INS} sign-ins at once", lambda: sign_ins(server, SIGN_INS))
    grown.write_gateway(server.setting, growth.OFTEN)
    server.reload()
    watch.during("state written each second", lambda: growth.watched(server, key, plan.flushes))
    on.stop(server)
    return [*watch.rows, started(on, vendor, plan)]


def asked(server: stage.Server, path: str, key: str) -> int:
    """GET `path` as a client; the status."""
    return server.get(path, {"Authorization": f"Bearer {key}"}).status


def repeated(server: stage.Server, path: str, key: str, times: int) -> None:
    """GET `path`, one after the other."""
    for _ in range(times):
        asked(server, path, key)


def large_bodies(server: stage.Server, key: str, times: int) -> None:
    """Calls with a prompt of 32 MB, one after the other."""
    words = "All work and no play makes Jack a dull boy. "
    message = {"role": "user", "content": words * (BODY // len(words))}
    body = json.dumps({"model": systems.MODEL, "messages": [message], "max_tokens": 8}).encode()
    for _ in range(times):
        answer = server.call(key, body)
        if answer.status != 200:
            raise SystemExit(f"a call with {len(body)} bytes came to {answer.status}: {answer.body[:300]!r}")


def sign_ins(server: stage.Server, times: int) -> None:
    """So many at once, each of another name: as many as there is room for are hashed, the rest are told to wait."""
    origin = f"http://127.0.0.1:{server.setting.port}"
    connection = http.client.HTTPConnection("127.0.0.1", server.setting.port, timeout=60)
    connection.request("GET", "/api/me")
    answer = connection.getresponse()
    token = json.loads(answer.read())["csrf"]
    cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    headers = {"Content-Type": "application/json", "Origin": origin, "Cookie": cookie, "X-CSRF-Token": token}

    def sign_in(number: int) -> int:
        body = json.dumps({"name": f"nobody{number}", "password": "correct horse battery"}).encode()
        asking = http.client.HTTPConnection("127.0.0.1", server.setting.port, timeout=60)
        return stage.asked(asking, ("POST", "/api/login"), body=body, headers=headers).status

    with ThreadPoolExecutor(times) as pool:
        told = Counter(pool.map(sign_in, range(times)))
    if not told[401] or told[401] + told[429] != times:
        raise SystemExit(f"{times} sign-ins came to {dict(told)}")


def reloads(server: stage.Server, plan: Plan) -> None:
    """Each time with a key more."""
    for at in range(plan.times):
        grown.write_keys(server.setting, plan.size.keys + at + 1)
        server.reload()


def started(on: stage.Stage, vendor: int, plan: Plan) -> Row:
    """A gateway of that size starts: from the first connection that it takes."""
    setting = on.setting(vendor, "starting")
    path = grown.write(setting, plan.size, growth.OFTEN)
    with pinger.pinging(setting.port, on.loader, there=False) as pinging:
        system = systems.System("gateway", systems.filled(systems.GATEWAY, setting, path))
        server = on.start(system, setting, "/health")
        time.sleep(plan.quiet)
        inside = Watch(on, server).inside()
    on.stop(server)
    return Row("start, from its first connection", server.took, pinger.lag(pinging.pings), inside)


def tables(rows: Sequence[Row]) -> str:
    """For people."""
    heads = ("meanwhile", "took, s", "p50, ms", "p99, ms", "worst, ms", "inside, ms", "")
    shown: list[Sequence[object]] = [
        (row.name, row.took, row.lag.p50, row.lag.p99, row.lag.worst, row.inside_ms, verdict(row.lag.worst))
        for row in rows
    ]
    return stage.table(f"how long the loop stands still (at most {MOST_MS:.0f} ms, goal {GOAL_MS:.0f})", heads, shown)


def verdict(worst: float) -> str:
    """What is to be said of a longest wait, ms."""
    return "" if worst <= GOAL_MS else "not the goal" if worst <= MOST_MS else "TOO LONG"


def reported(rows: Sequence[Row]) -> dict[str, Any]:
    """For a file."""
    return {row.name: asdict(row) for row in rows}


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print."""
    args = stage.arguments("lag", __doc__, argv)
    with stage.staged() as on:
        rows = measured(on, QUICK if args.quick else Plan())
    stage.written(args, "lag", tables(rows), reported(rows), {})
    return 0


if __name__ == "__main__":
    sys.exit(main())
