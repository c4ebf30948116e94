"""At three times what the vendor's keys can do, as many calls are served as ever, and the others know at once (P17).

Calls come by the clock, each on a connection of its own, whether those before it have been answered or not: once, twice
and three times as many as the keys can have under way. What counts is how many are served a second, against the most
that was served at any of the three; and of those that were refused, how long it took to tell them, from the last byte
of the call to the head of its answer. As many wait for a key as `limits.waiting` lets them, and are served in the end.
`python -m tests.promises.overload [--seconds N] [--keys N]`
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time
from pathlib import Path

import pytest
from attrs import define, field, frozen

from tests.live.rig import CLIENT_KEY, V3, Rig, Wishes, started
from tests.promises import verdict
from tests.promises.verdict import Measured, percentile
from tests.promises.witness import headers

GOODPUT = 0.90
SHED = 0.050
"""Seconds until who is refused at the door is told, p99."""
TOOK = 0.1
"""Seconds that the vendor takes for a call."""
AT_ONCE = 4
"""Calls that a key may have under way."""
WAITING = 100
TIMES = (1, 2, 3)
WARM = 1.0
"""Seconds at the beginning that are not counted: what waits gathers in them."""
PATIENCE = 20.0


@frozen
class Seen:
    """One call: its status (0: none came), when it was answered and how long that took from its last byte."""

    status: int
    at: float
    took: float


@define(eq=False)
class Load:
    """What came of a rate."""

    times: int
    rate: float
    seconds: float
    served: int = 0
    told: list[float] = field(factory=list)
    """Seconds, of those that were refused."""
    lost: int = 0

    @property
    def goodput(self) -> float:
        """Calls served a second, once it was warm."""
        return self.served / (self.seconds - WARM)

    def __str__(self) -> str:
        refused = f"{len(self.told)} refused"
        if self.told:
            refused += f", p99 {percentile(self.told, 0.99) * 1000:.0f} ms"
        return f"{self.goodput:.0f} a second served of {self.rate:.0f}; {refused}; {self.lost} without an answer"


def wishes(keys: int) -> Wishes:
    """So many keys, each an account of its own."""
    return Wishes(
        accounts={f"account{number}": [f"sn4_overload_{number:026d}"] for number in range(keys)},
        first_token=TOOK,
        upstream={"per_key": {"concurrent": AT_ONCE}, "draw": "least_busy"},
        gateway={
            "limits": {"connections_per_address": 10_000, "waiting": WAITING, "waiting_time": "5s"},
            "drain": "0s",
        },
    )


async def _call(host: str, port: int, request: bytes) -> Seen:
    status, took = 0, 0.0
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(request)
            began = time.monotonic()
            head = await reader.readuntil(b"\r\n\r\n")
            status, took = int(head[9:12]), time.monotonic() - began
            await reader.read(-1)
        finally:
            writer.close()
    return Seen(status, time.monotonic(), took)


async def _storm(rig: Rig, rate: float, seconds: float) -> list[Seen]:
    host, _, port = rig.url.removeprefix("http://").partition(":")
    body = json.dumps({"model": V3, "messages": [{"role": "user", "content": "Hi"}], "stream": False}).encode()
    lines = {**headers(CLIENT_KEY), "Host": "gateway", "Connection": "close", "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    request = f"POST /v1/chat/completions HTTP/1.1\r\n{head}\r\n".encode() + body
    began, calls = time.monotonic(), []
    for number in range(int(rate * seconds)):
        pause = began + number / rate - time.monotonic()
        if pause > 0:
            await asyncio.sleep(pause)
        calls.append(asyncio.create_task(_call(host, int(port), request)))
    done, late = await asyncio.wait(calls, timeout=PATIENCE)
    for one in late:
        one.cancel()
    return [one.result() for one in done] + [Seen(0, 0.0, 0.0) for _ in late]


def loaded(rig: Rig, times: int, rate: float, seconds: float) -> Load:
    """So many calls a second, for so long."""
    load = Load(times, rate, seconds)
    began = time.monotonic()
    for seen in asyncio.run(_storm(rig, rate, seconds)):
        if seen.status == 200:
            load.served += WARM <= seen.at - began <= seconds
        elif seen.status == 503:
            load.told.append(seen.took)
        elif seen.status == 0:
            load.lost += 1
        else:
            raise AssertionError(f"a call was told {seen.status}")
    return load


def prove(folder: Path, keys: int, seconds: float) -> list[Load]:
    """Each of the three rates, one after the other; raises AssertionError where the promise is broken."""
    capacity = keys * AT_ONCE / TOOK
    with started(folder, wishes(keys)) as rig:
        loaded(rig, 1, capacity / 2, WARM + 0.5)  # what is loaded with the first calls is no part of it
        loads = [loaded(rig, times, times * capacity, seconds) for times in TIMES]
    peak = max(load.goodput for load in loads)
    last = loads[-1]
    assert last.goodput >= GOODPUT * peak, [str(load) for load in loads]
    assert last.told, "nobody was refused: that was no overload"
    assert percentile(last.told, 0.99) <= SHED, str(last)
    assert not any(load.lost for load in loads), [str(load) for load in loads]
    return loads


@pytest.mark.live
def test_overload(tmp_path: Path) -> None:
    """P17: three times the load is served as well as the load itself, and the rest is refused at once."""
    prove(tmp_path, 2, 3.0)


def _work(asked: argparse.Namespace, folder: Path) -> Measured:
    loads = prove(folder, asked.keys, asked.seconds)
    peak = max(load.goodput for load in loads)
    share, told = loads[-1].goodput / peak, percentile(loads[-1].told, 0.99)
    rows = tuple((f"{load.times} times", load) for load in loads)
    return Measured(f"{share:.0%} of the peak, refused within {told * 1000:.0f} ms, p99", rows)


if __name__ == "__main__":
    raise SystemExit(verdict.concluded("overload", __doc__, {"seconds": 15.0, "keys": 4}, _work))
