"""A client that leaves frees the vendor at once, whatever the call is at (promise P9; catalogue, A-17 to A-19).

Clients leave by closing, by a reset, by closing one direction, and with more requests behind the first than anybody
sends: before the vendor has said a word, before its first event, in the middle of a stream, of one that nobody reads,
of a whole answer. What is measured is how long the vendor still sees a connection afterwards.
`python -m tests.promises.client_gone [--count N]`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from attrs import define, field, frozen

from tests.live.rig import CLIENT_KEY, V3, Rig, Wishes, started
from tests.promises import verdict
from tests.promises.stand_in import HEAD, Asked, StandIn, chunk, event, hang
from tests.promises.verdict import Measured, percentile
from tests.promises.witness import ADMIN, asked

MOST = 1.0
"""Seconds."""
THREADS = 8
LONGEST = 5.0
"""Seconds that a vendor is waited for: beyond this it is not freed at all."""
WORDS = event({"content": "word " * 20})
A_LOT = chunk(event({"content": "flood " * 10_000}))


async def silent(writer: asyncio.StreamWriter) -> None:
    """Say nothing."""
    await hang()


async def head_alone(writer: asyncio.StreamWriter) -> None:
    """The head, and nothing more."""
    writer.write(HEAD)
    await hang()


async def stream(writer: asyncio.StreamWriter) -> None:
    """Twenty events a second, for ever."""
    writer.write(HEAD)
    while True:
        writer.write(chunk(WORDS))
        await writer.drain()
        await asyncio.sleep(0.05)


async def flood(writer: asyncio.StreamWriter) -> None:
    """As much as is taken, for ever."""
    writer.write(HEAD)
    while True:
        writer.write(A_LOT)
        await writer.drain()


async def slow_whole(writer: asyncio.StreamWriter) -> None:
    """The beginning of an answer that is no stream."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{")
    await hang()


PHASES = {
    "before the head": silent,
    "before the first event": head_alone,
    "mid-stream": stream,
    "unread": flood,
    "whole answer": silent,
    "whole answer, begun": slow_whole,
}


def close(client: socket.socket) -> None:
    """FIN, or RST where something has not been read."""
    client.close()


def reset(client: socket.socket) -> None:
    """RST."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def half(client: socket.socket) -> None:
    """FIN, and going on to listen."""
    client.shutdown(socket.SHUT_WR)


def junk_and_close(client: socket.socket) -> None:
    """Twenty requests more, then the end."""
    client.settimeout(2)
    with suppress(OSError):  # that is more than is taken
        client.sendall(request("junk", True) * 100)
    client.close()


LEAVING: tuple[Callable[[socket.socket], None], ...] = (close, reset, half, junk_and_close)


@frozen
class Leaver:
    """One client: what its call is at when it leaves, and how it does."""

    number: int
    phase: str
    leaves: Callable[[socket.socket], None]

    @property
    def words(self) -> str:
        """What the vendor knows it by."""
        return f"{self.number}/{self.phase}"


@define(eq=False)
class Found:
    """Seconds from leaving to the vendor's being freed, by phase and way; and how many calls are left over."""

    took: dict[tuple[str, str], list[float]] = field(factory=dict)
    in_flight: int = 0

    @property
    def all(self) -> list[float]:
        """Of all."""
        return [one for times in self.took.values() for one in times]


def request(words: str, streamed: bool, **more: object) -> bytes:
    """A call as bytes."""
    said = [{"role": "user", "content": words}]
    body = json.dumps({"model": V3, "messages": said, "stream": streamed, **more}).encode()
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: gw\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s" % (CLIENT_KEY.encode(), len(body), body)
    )


async def answer(said: Asked, writer: asyncio.StreamWriter) -> None:
    """What the phase of that name needs."""
    phase = said.words.partition("/")[2]
    if phase:
        await PHASES[phase](writer)


def prove(folder: Path, count: int, seed: int) -> Found:
    """Have `count` clients leave; raises AssertionError where the vendor is not freed as promised."""
    luck, found = random.Random(seed), Found()
    ways = [(phase, way) for phase in PHASES for way in LEAVING]
    leavers = [Leaver(number, *ways[number % len(ways)]) for number in range(count)]
    luck.shuffle(leavers)
    with StandIn(answer) as vendor:
        wishes = Wishes(dialect="openai", upstream={"base_url": f"{vendor.url}/v1"}, gateway=ADMIN)
        with started(folder, wishes) as rig, ThreadPoolExecutor(THREADS) as pool:
            pauses = [luck.uniform(0.0, 0.1) for _ in leavers]
            for one, took in zip(leavers, pool.map(_leave, [(rig, vendor)] * count, leavers, pauses), strict=True):
                found.took.setdefault((one.phase, one.leaves.__name__), []).append(took)
            time.sleep(0.2)
            found.in_flight = asked(rig, "/status")["in_flight"]
    late = {key: max(times) for key, times in found.took.items() if percentile(times, 0.99) > MOST}
    assert not late, f"the vendor was freed late, in seconds: {late}"
    assert not found.in_flight, f"{found.in_flight} calls are under way, and nobody waits for them"
    return found


def _leave(where: tuple[Rig, StandIn], one: Leaver, pause: float) -> float:
    """Ask, wait until the call is where it is to be, and leave; seconds until the vendor was freed."""
    rig, vendor = where
    with rig.connect() as client:
        if one.phase == "unread":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(request(one.words, "whole" not in one.phase))
        _until(lambda: one.words in vendor.begun)
        if one.phase == "mid-stream":
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        time.sleep(pause + (0.2 if one.phase == "unread" else 0.0))
        assert one.words not in vendor.gone, f"{one} was over before it was left"
        began = time.monotonic()
        one.leaves(client)
        _until(lambda: one.words in vendor.gone)
        return vendor.gone.get(one.words, began + LONGEST) - began


def _until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + LONGEST
    while not true() and time.monotonic() < ends:
        time.sleep(0.002)


@pytest.mark.live
def test_client_gone(tmp_path: Path) -> None:
    """In each of six phases, left in each of four ways, the vendor is freed within a second (A-17 to A-19)."""
    found = prove(tmp_path, 2 * len(PHASES) * len(LEAVING), 1)

    assert len(found.took) == len(PHASES) * len(LEAVING)


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    found = prove(folder, options.count, options.seed)
    slowest = max(found.took, key=lambda key: max(found.took[key]))
    rows = (
        ("clients that left, in so many ways", f"{len(found.all)} in {len(found.took)}"),
        ("seconds until the vendor was freed, median", f"{percentile(found.all, 0.5):.4f}"),
        ("p99", f"{percentile(found.all, 0.99):.4f}"),
        ("longest", f"{max(found.all):.4f}, {' / '.join(slowest)}"),
        ("calls under way in the end", found.in_flight),
    )
    return Measured(f"p99 {percentile(found.all, 0.99) * 1000:.0f} ms, longest {max(found.all) * 1000:.0f} ms", rows)


def main() -> int:
    """Print the figures."""
    return verdict.concluded("client_gone", __doc__, {"count": 504}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
