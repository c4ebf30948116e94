"""No wait is without bound (promise P10; faults catalogue, D-03, D-07 to D-09, D-44).

Every deadline of a call is `--scale` times as short as promised; the call is over within a second after it. The vendor
accepts no connection, says no word, no event, falls silent, drips, speaks for ever; each way many times at once,
streamed and whole, tried once: what is measured is the deadline, not the failover.
`python -m tests.promises.deadlines [--scale N] [--each N]`
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen

from tests.live.rig import Rig, Wishes, started
from tests.promises import verdict
from tests.promises.client_gone import WORDS, head_alone, request, silent, slow_whole
from tests.promises.stand_in import HEAD, Asked, StandIn, chunk
from tests.promises.verdict import Measured
from tests.promises.witness import ADMIN

CONNECT, FIRST, IDLE, TOTAL = 5.0, 60.0, 60.0, 600.0
"""Seconds, of the promise; what the settings say by default is no more, but for the whole."""
AFTER = 1.0
"""Seconds after a deadline by which the call is over; these are not shortened: a gateway looks four times a second."""
OF_A_TOKEN = 0.05
"""Seconds that a whole answer is given for each token it may have."""


async def stall(writer: asyncio.StreamWriter) -> None:
    """Two events, and nothing more."""
    writer.write(HEAD + chunk(WORDS) * 2)
    await asyncio.Event().wait()


async def drip(writer: asyncio.StreamWriter) -> None:
    """An event of which a byte comes now and then."""
    writer.write(HEAD + chunk(WORDS))
    for byte in WORDS * 100_000:
        writer.write(chunk(bytes((byte,))))
        await asyncio.sleep(0.1)


async def for_ever(writer: asyncio.StreamWriter) -> None:
    """One event after the other."""
    writer.write(HEAD)
    while True:
        writer.write(chunk(WORDS))
        await asyncio.sleep(0.1)


async def drip_whole(writer: asyncio.StreamWriter) -> None:
    """An answer that is no stream, of which a byte comes now and then."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500000\r\n\r\n{")
    while True:
        writer.write(b" ")
        await asyncio.sleep(0.1)


@frozen
class Case:
    """What the vendor does, and the deadline that ends it, as the promise has it."""

    name: str
    does: Callable[[asyncio.StreamWriter], Coroutine[Any, Any, None]]
    deadline: float
    streamed: bool = True


CASES = (
    Case("silent", silent, FIRST),
    Case("no event", head_alone, FIRST),
    Case("stall", stall, IDLE),
    Case("silent, whole", silent, FIRST, False),
    Case("stall, whole", slow_whole, IDLE, False),
    Case("drip", drip, IDLE),  # a byte is no event
    Case("for ever", for_ever, TOTAL),
    Case("drip, whole", drip_whole, FIRST, False),
)
BLACK_HOLE = Case("connect", silent, CONNECT)


@define(eq=False)
class Caller:
    """One call, in a thread of its own, until it is over."""

    rig: Rig
    case: Case
    number: int
    took: float = 0.0
    got: bytes = b""
    _thread: threading.Thread | None = None

    def start(self) -> Caller:
        """Begin."""
        self._thread = threading.Thread(target=self._call, daemon=True)
        self._thread.start()
        return self

    def wait(self, seconds: float) -> Caller:
        """Until it is over; fails after `seconds`."""
        assert self._thread is not None
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"{self.case.name} is not over after {seconds:.1f} s"
        return self

    def _call(self) -> None:
        with self.rig.connect() as client:
            client.settimeout(120)
            client.sendall(request(f"{self.number}/{self.case.name}", self.case.streamed, max_tokens=1))
            began = time.monotonic()
            while not is_over(self.got) and (piece := client.recv(65536)):
                self.got = (self.got + piece)[-4096:]
            self.took = time.monotonic() - began


def is_over(got: bytes) -> bool:
    """Whether an answer of a declared length, or one in chunks, has come to its end."""
    head, found, body = got.partition(b"\r\n\r\n")
    size = head.lower().partition(b"\r\ncontent-length:")[2].split(b"\r\n", 1)[0]
    return got.endswith(b"\r\n0\r\n\r\n") or bool(found and size and len(body) >= int(size))


@define(eq=False)
class Found:
    """By case: by how much calls were over after their deadlines, seconds."""

    late: dict[str, list[float]] = field(factory=dict)

    @property
    def worst(self) -> float:
        """Of all."""
        return max(one for late in self.late.values() for one in late)


async def answer(said: Asked, writer: asyncio.StreamWriter) -> None:
    """What the case of that name does."""
    name = said.words.partition("/")[2]
    for case in CASES:
        if case.name == name:
            await case.does(writer)


@contextmanager
def black_hole() -> Iterator[str]:
    """The URL of a port where connections are never made: what may wait to be accepted is full."""
    waiting: list[socket.socket] = []
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        try:
            for _ in range(4):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(full.getsockname())
                waiting.append(one)
            yield f"http://127.0.0.1:{full.getsockname()[1]}"
        finally:
            for one in waiting:
                one.close()


def prove(folder: Path, scale: float, each: int) -> Found:
    """Have `each` calls of each case wait; raises AssertionError where one is over too soon, or too late."""
    found = Found()
    with StandIn(answer) as vendor, black_hole() as nowhere:
        for name, url, cases in (("speaking", vendor.url, CASES), ("nowhere", nowhere, (BLACK_HOLE,))):
            (folder / name).mkdir()
            with started(folder / name, wishes(url, scale)) as rig:
                callers = [Caller(rig, case, number).start() for case in cases for number in range(each)]
                for caller in callers:
                    caller.wait(TOTAL / scale + 20)
                    assert_ended(caller)
                    found.late.setdefault(caller.case.name, []).append(caller.took - due(caller.case, scale))
    wrong = {name: late for name, late in found.late.items() if max(late) > AFTER or min(late) < -0.01}
    assert not wrong, f"after their deadlines, by more than {AFTER:g} s, or before: {wrong}"
    return found


def due(case: Case, scale: float) -> float:
    """Seconds that the call may take."""
    return case.deadline / scale + (0.0 if case.streamed else OF_A_TOKEN)


def wishes(url: str, scale: float) -> Wishes:
    """Everything is so many times as short."""
    timeouts = {"connect": CONNECT, "first_token": FIRST, "idle": IDLE, "total": TOTAL}
    return Wishes(
        dialect="openai",
        upstream={
            "base_url": f"{url}/v1",
            "timeouts": {name: f"{seconds / scale * 1000:.0f}ms" for name, seconds in timeouts.items()},
            "per_key": {"concurrent": 1000},
            "rescue": {"replay": "never"},
        },
        gateway={**ADMIN, "retries": {"attempts": 1, "deadline": f"{TOTAL / scale * 1000:.0f}ms"}},
    )


def assert_ended(caller: Caller) -> None:
    """It was told what has happened: by a status, or where it was under way by an error event and no true end."""
    begun, got = caller.case.does in (stall, drip, for_ever), caller.got
    told = b'"error"' in got and b"[DONE]" not in got
    late = (b"HTTP/1.1 504 " in got or b"HTTP/1.1 502 " in got) if not begun else not got.endswith(b"\r\n0\r\n\r\n")
    early_head = caller.case.streamed and b"HTTP/1.1 200 " in got  # it had to wait so long that the head went out
    assert told and (late or early_head), f"{caller.case.name} ended so: {got[-300:]!r}"


@pytest.mark.live
def test_deadlines(tmp_path: Path) -> None:
    """With deadlines of a 200th, each call is over within a second after its own (D-03, D-07 to D-09, D-44)."""
    found = prove(tmp_path, 200.0, 2)

    assert len(found.late) == len(CASES) + 1


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    found = prove(folder, options.scale, options.each)
    rows = [(f"{name}, ms after its deadline, at most", f"{max(late) * 1000:.0f}") for name, late in found.late.items()]
    return Measured(f"{found.worst:.2f} s at most, with all deadlines at 1/{options.scale:g}", tuple(rows))


def main() -> int:
    """Print the figures."""
    return verdict.concluded("deadlines", __doc__, {"scale": 20.0, "each": 10}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
