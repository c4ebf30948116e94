"""An outage is not tripled (promise P14; faults catalogue, D-46, D-47).

Calls arrive at a steady pace, whatever becomes of those before. Then every key of the vendor fails, in one way or
another, and after a while it is well again. By the vendor's own log: no call is tried more than three times; ten
seconds after the outage began there are at most 1.1 tries for each call, and no two within a second; and it serves
again within 30 seconds of its recovery. Every call is answered, and those that are refused are told when to come back.
`python -m tests.promises.amplification [--outage SECONDS] [--pace CALLS]`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen

from tests.live.rig import CLIENT_KEY, V3, Rig, Wishes, started
from tests.promises import verdict
from tests.promises.verdict import Measured
from tests.promises.witness import ADMIN, vendors

TRIES, SHARE, AFTER, BACK = 3, 1.1, 10.0, 30.0
"""The promise: tries of a call, tries of all calls so long after the beginning, seconds until it is used again."""
RESENT = 1
"""A request is sent once more, within its try, where a kept connection turns out to be closed (D-06)."""
ACCOUNTS = {name: [f"sn4_amplified_{name}_{'x' * 24}"[:32]] for name in ("alice", "bob", "carol", "dave")}
KINDS = ("status:500", "reset-before-head", "throttled:none", "forbidden", "payment-required")
"""How the vendor fails; the last three look like a key's own trouble, and every key has it."""
LONGEST = 25.0
"""Seconds within which each call is answered: it may wait for ten in the queue."""


@frozen
class Answered:
    """One call. `began` is of this process, monotonic."""

    began: float
    took: float
    status: int
    retry_after: int | None


@define(eq=False)
class Traffic:
    """Calls at a steady pace, each by a connection of its own."""

    rig: Rig
    pace: float
    answered: list[Answered] = field(factory=list)
    sent: list[float] = field(factory=list)
    _tasks: set[asyncio.Task[None]] = field(factory=set)
    _number: int = 0

    async def run(self, seconds: float) -> None:
        """So long; what is under way then goes on."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._number += 1
            task = asyncio.create_task(self._call(self._number))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            await asyncio.sleep(1.0 / self.pace)

    async def over(self) -> None:
        """Until every call has its answer."""
        if self._tasks:
            await asyncio.wait_for(asyncio.gather(*self._tasks), LONGEST)

    async def _call(self, number: int) -> None:
        began = time.monotonic()
        self.sent.append(began)
        host, _, port = self.rig.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(_request(number))
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            await reader.read()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        later = next((line.partition(":")[2] for line in head.splitlines() if line.startswith("retry-after:")), None)
        status = int(head.split(" ", 2)[1])
        took = time.monotonic() - began
        self.answered.append(Answered(began, took, status, None if later is None else int(later)))


def _request(number: int) -> bytes:
    asked = {"model": V3, "messages": [{"role": "user", "content": f"Question {number}"}], "max_tokens": 5}
    body = json.dumps({**asked, "stream": False}).encode()
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n"
        b"Authorization: Bearer %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        % (CLIENT_KEY.encode(), len(body), body)
    )


@frozen
class Outage:
    """One, as the vendor and the clients saw it. Of what came `AFTER` seconds after it began: calls, tries."""

    kind: str
    calls: int
    tries: int
    before: int
    """Tries from its beginning until then."""
    most: int
    """Tries of one call."""
    closest: float
    """Seconds between two tries at least."""
    back: float
    """Seconds from the recovery to the first call that is served."""

    @property
    def share(self) -> float:
        """Tries for each call."""
        return self.tries / max(1, self.calls)


async def played(rig: Rig, kind: str, seconds: float, pace: float) -> Outage:
    """One outage of that kind."""
    traffic = Traffic(rig, pace)
    await traffic.run(2.0)
    await traffic.over()
    assert {one.status for one in traffic.answered} == {200}, traffic.answered
    await asyncio.to_thread(vendors, rig)
    wall = time.time() - time.monotonic()
    began = time.monotonic()
    await asyncio.to_thread(rig.misbehave, kind)
    await traffic.run(seconds)
    await asyncio.to_thread(rig.behave)
    well = time.monotonic()
    while not any(one.status == 200 and one.began + one.took > well for one in traffic.answered):
        assert time.monotonic() - well < BACK + 5.0, f"{kind}: it is not used again"
        await traffic.run(0.5)
    back = min(one.began + one.took for one in traffic.answered if one.status == 200 and one.began + one.took > well)
    await traffic.over()
    _told(kind, traffic)
    served = (await asyncio.to_thread(rig.admin, "log"))["served"]
    return _counted(kind, traffic, [(one["began"] - wall, one["request_id"]) for one in served], began, well, back)


def _counted(
    kind: str, traffic: Traffic, tries: list[tuple[float, str]], began: float, well: float, back: float
) -> Outage:
    """What the vendor's log comes to."""
    during = sorted(at for at, _ in tries if began + AFTER <= at <= well)
    most = max(Counter(id for at, id in tries if at <= well and id).values())
    calls = sum(began + AFTER <= at <= well for at in traffic.sent)
    closest = min((b - a for a, b in pairwise(during)), default=float("inf"))
    before = sum(began <= at < began + AFTER for at, _ in tries)
    return Outage(kind, calls, len(during), before, most, closest, back - well)


def _told(kind: str, traffic: Traffic) -> None:
    """Every call has an answer, and whoever is refused for now is told for how long."""
    assert len(traffic.answered) == len(traffic.sent)
    assert {one.status for one in traffic.answered} <= {200, 502, 503}, Counter(o.status for o in traffic.answered)
    for one in traffic.answered:
        assert one.status != 503 or one.retry_after, (kind, one)


async def played_all(rig: Rig, kinds: tuple[str, ...], seconds: float, pace: float) -> list[Outage]:
    """One after the other; between them all is well for long enough."""
    found = []
    for kind in kinds:
        found.append(await played(rig, kind, seconds, pace))
        await Traffic(rig, pace).run(3.0)
        await asyncio.sleep(1.0)
    return found


def prove(folder: Path, kinds: tuple[str, ...], seconds: float, pace: float) -> list[Outage]:
    """Play outages; raises AssertionError where a promise is broken."""
    models: list[dict[str, Any]] = [{"id": V3, "context": 131072}]
    wishes = Wishes(ACCOUNTS, dialect="openai", models=models, gateway=ADMIN)
    with started(folder, wishes) as rig:
        found = asyncio.run(played_all(rig, kinds, seconds, pace))
    for one in found:
        assert one.most <= TRIES + (RESENT if one.kind == "reset-before-head" else 0), one
        assert one.share <= SHARE, one
        assert one.closest >= 0.9, one
        assert one.back <= BACK, one
        assert one.calls >= 10 and one.before >= TRIES, f"too little was asked: {one}"
    return found


def work(asked: argparse.Namespace, folder: Path) -> Measured:
    """The long form."""
    found = prove(folder, KINDS, asked.outage, asked.pace)
    rows = tuple(
        (one.kind, f"{one.before} tries, then {one.tries} for {one.calls} calls; back in {one.back:.1f} s")
        for one in found
    )
    share, most = max(one.share for one in found), max(one.most for one in found)
    anew = "" if most <= TRIES else ", one of them sent anew (D-06)"
    return Measured(f"{min(most, TRIES)} tries a call{anew}, {share:.2f} of all", rows)


@pytest.mark.live
def test_amplification(tmp_path: Path) -> None:
    """A vendor that fails is asked once in a while, and used again when it is well."""
    prove(tmp_path, ("status:500",), 13.0, 10.0)


if __name__ == "__main__":
    raise SystemExit(verdict.concluded("amplification", __doc__, {"outage": 60.0, "pace": 20.0}, work))
