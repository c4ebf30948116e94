"""Settings change under load, and nobody notices (promise P4; faults catalogue, C-14, E-10, E-23).

Fifty short calls a second and a hundred streams at once go on for a minute, while keys and clients come and go in the
operator's files and SIGHUP comes a hundred times. No call may fail, no stream may be cut; what is saved is in force
within a second. `python -m tests.promises.reload_storm [--seconds N] [--streams N]`
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from tests.live.rig import CLIENT_KEY, Rig, Wishes, started
from tests.promises import verdict
from tests.promises.verdict import Measured, percentile
from tests.promises.witness import ADMIN, PRICED, asked, chat, headers, own, settled

LIVE = 1.0
"""Seconds from a save to its being in force."""
CALLS_A_SECOND = 50.0
SIGNALS_A_MINUTE = 100.0
EVENTS_A_SECOND = 10.0
STAYING = {"alice": ["sn4_storm_key_that_stays_00000001", "sn4_storm_key_that_stays_00000002"]}
GOING = {"bob": [f"sn4_storm_key_that_goes_0000000{number}" for number in range(4)]}
"""Of this account another one is in the file each time; streams that it serves are to end whole."""


@define(eq=False)
class Storm:
    """All that goes on at once, and what came of it."""

    rig: Rig
    luck: random.Random
    ends: float
    tokens: int
    """Of a stream."""
    calls: int = 0
    streams: int = 0
    failed: list[str] = field(factory=list)
    live: list[float] = field(factory=list)
    signals: int = 0

    async def all(self, streams: int) -> None:
        """Until it is over; streams that have begun are waited for."""
        async with asyncio.TaskGroup() as group:
            for number in range(streams):
                group.create_task(self._streaming(number / streams))
            group.create_task(self._calling())
            group.create_task(self._signalling())
            group.create_task(asyncio.to_thread(self._editing))

    async def _streaming(self, offset: float) -> None:
        """One stream after the other."""
        await asyncio.sleep(offset)
        while time.monotonic() < self.ends:
            got = await self._asked(chat("Tell me a story.", self.tokens, True))
            self.streams += 1
            if not (got.startswith(b"HTTP/1.1 200 ") and b"data: [DONE]\n\n" in got and got.endswith(b"\r\n0\r\n\r\n")):
                self.failed.append(f"a stream ended so: {got[-200:]!r}")

    async def _calling(self) -> None:
        """Short calls, by the clock, whether those before have been answered or not."""
        due = time.monotonic()
        async with asyncio.TaskGroup() as group:
            while due < self.ends:
                group.create_task(self._short())
                due += 1 / CALLS_A_SECOND
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _short(self) -> None:
        got = await self._asked(chat("Hello", 1, False))
        self.calls += 1
        if not got.startswith(b"HTTP/1.1 200 "):
            self.failed.append(f"a call ended so: {got[:300]!r}")

    async def _asked(self, body: bytes) -> bytes:
        """The bytes of an answer, to the end of the connection."""
        host, _, port = self.rig.url.removeprefix("http://").partition(":")
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
            lines = {**headers(CLIENT_KEY), "Host": "gw", "Connection": "close", "Content-Length": str(len(body))}
            head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            writer.write(f"POST /v1/chat/completions HTTP/1.1\r\n{head}\r\n".encode() + body)
            got = await reader.read(-1)
            writer.close()
        except OSError as error:
            return f"{type(error).__name__}: {error}".encode()
        return got

    async def _signalling(self) -> None:
        while time.monotonic() < self.ends:
            self.rig.signal(signal.SIGHUP)
            self.signals += 1
            await asyncio.sleep(60 / SIGNALS_A_MINUTE)

    def _editing(self) -> None:
        """Save one or the other file, and see when it is in force."""
        for draft in drafts():
            if time.monotonic() >= self.ends:
                return
            name, content, is_live = draft
            self.rig.save(name, content)
            began = time.monotonic()
            while not is_live(self.rig):
                if time.monotonic() - began > 5 * LIVE:
                    self.failed.append(f"{name} is not in force after {5 * LIVE} s")
                    return
                time.sleep(0.01)
            self.live.append(time.monotonic() - began)
            time.sleep(self.luck.uniform(0.2, 1.0))


def drafts() -> Iterator[tuple[str, Any, Any]]:
    """One file after the other: its name, what it is to say, and how one sees that it is in force."""
    number = 0
    while True:
        number += 1
        guest, before = f"sk-tg-storm-guest-{number:08}", f"sk-tg-storm-guest-{number - 1:08}"
        names = [{"name": "tester", "key": CLIENT_KEY}, {"name": "guest", "key": guest}]

        def let_in(rig: Rig, guest: str = guest, before: str = before) -> bool:
            return own(rig, guest)[0] == 200 and own(rig, before)[0] in (401, 429)  # too many of the first

        yield "clients.yaml", {"clients": names}, let_in
        key = GOING["bob"][number % len(GOING["bob"])]
        bobs = [{"secret": key, "note": f"draft {number}"}]
        accounts = [{"account": "alice", "keys": STAYING["alice"]}, {"account": "bob", "keys": bobs}]

        def in_use(rig: Rig, number: int = number) -> bool:
            listed = asked(rig, "/keys")["keys"]
            return any(one["note"] == f"draft {number}" for one in listed)

        yield "keys.yaml", {"vendor": accounts}, in_use


def prove(folder: Path, seconds: float, streams: int, seed: int) -> Storm:
    """Go through it; raises AssertionError where anybody has noticed, or a save was late."""
    wishes = Wishes(
        accounts=STAYING,
        spare=GOING,
        models=PRICED,
        dialect="openai",
        events_per_second=EVENTS_A_SECOND,
        upstream={"per_key": {"concurrent": 1000}},
        gateway=ADMIN,
    )
    with started(folder, wishes) as rig:
        settled(rig)
        storm = Storm(
            rig, random.Random(seed), time.monotonic() + seconds, int(min(10.0, seconds / 2) * EVENTS_A_SECOND)
        )
        asyncio.run(storm.all(streams))
        assert asked(rig, "/status")["settings"]["problem"] is None
    assert not storm.failed, f"{len(storm.failed)} failed\n" + "\n".join(storm.failed[:5])
    assert percentile(storm.live, 1.0) <= LIVE, f"in force after {sorted(storm.live)} s"
    assert storm.calls >= 0.8 * CALLS_A_SECOND * seconds and storm.streams >= streams, (storm.calls, storm.streams)
    return storm


@pytest.mark.live
def test_reload_storm(tmp_path: Path) -> None:
    """Five seconds of SIGHUP and edits under 50 calls a second and 30 streams are noticed by nobody (E-23)."""
    storm = prove(tmp_path, 5.0, 30, 1)

    assert storm.signals >= 7 and len(storm.live) >= 3


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    storm = prove(folder, options.seconds, options.streams, options.seed)
    rows = (
        ("SIGHUP, and saves of keys and clients", f"{storm.signals}, {len(storm.live)}"),
        ("short calls, none failed", f"{storm.calls:,}"),
        (f"streams, {options.streams} at a time, none cut", f"{storm.streams:,}"),
        ("seconds to be in force", f"median {percentile(storm.live, 0.5):.2f}, longest {max(storm.live):.2f}"),
    )
    figure = f"0 of {storm.calls:,} calls, 0 of {storm.streams:,} streams, {max(storm.live):.2f} s"
    return Measured(figure, rows)


def main() -> int:
    """Print the figures."""
    return verdict.concluded("reload_storm", __doc__, {"seconds": 60.0, "streams": 100}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
