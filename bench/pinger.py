"""The pinger: asks a server for something cheap each 5 ms, from a process of its own, and says how long each waited.

What waits is the loop: a ping that comes while it is at work is answered when it is done. A ping's time runs from the
moment it was due, not from when it could be sent: those that queue behind a stalled one waited too, and to leave them
out would show one slow ping where a whole stall was (coordinated omission).

Usage: python -m bench.pinger PORT PATH, until its standard input ends. It says `up`, `answered` after the first answer,
and at the end [[due, seconds], ...] as JSON, `due` on the machine's monotonic clock, which all processes share.
"""

import gc
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from attrs import define, field, frozen

from bench import machine

EVERY = 0.005
PATH = "/health/live"
"""The cheapest of the gateway's addresses: what is measured is the loop, not the answer."""
MOST = 60.0
"""Seconds that one answer is waited for."""


@frozen
class Ping:
    """When it was due (monotonic seconds) and how long it took from then to the whole answer, seconds."""

    due: float
    took: float


@frozen
class Lag:
    """How long pings waited, milliseconds; `count` of them."""

    count: int
    p50: float
    p99: float
    worst: float


def lag(pings: Sequence[Ping], begin: float = 0.0, end: float = float("inf")) -> Lag:
    """Of the pings that were on their way at any moment from `begin` to `end`; ValueError where there is none."""
    waits = sorted(ping.took for ping in pings if ping.due <= end and ping.due + ping.took >= begin)
    if not waits:
        raise ValueError("no ping was on its way then")

    def at(share: float) -> float:
        return waits[int(share * (len(waits) - 1))] * 1e3

    return Lag(len(waits), at(0.5), at(0.99), at(1.0))


@define(eq=False)
class Pinging:
    """A pinger at work; `pings` are there when it has ended."""

    process: "subprocess.Popen[str]"
    pings: list[Ping] = field(factory=list)


@contextmanager
def pinging(port: int, processor: int, there: bool = True) -> Iterator[Pinging]:
    """Ping `port` while the block lasts, from the first answer on; where nobody is `there` yet, from when one is."""
    process = subprocess.Popen(
        (sys.executable, "-m", "bench.pinger", str(port), PATH),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=machine.pin(processor),
    )
    out = Pinging(process)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        if there:
            process.stdout.readline()
        yield out
    finally:
        told, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"the pinger broke off: no answer from port {port}")
    out.pings += [Ping(due, took) for due, took in json.loads(told.splitlines()[-1])]


def connected(port: int) -> socket.socket | None:
    """A connection to `port`, as soon as somebody listens there; None where standard input ends before."""
    while not select.select([sys.stdin], [], [], EVERY)[0]:
        try:
            connection = socket.create_connection(("127.0.0.1", port), MOST)
        except ConnectionRefusedError:
            continue
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
    return None


def answered(connection: socket.socket, request: bytes) -> None:
    """Ask, and take the whole answer; ConnectionError where it ends before, ValueError where it is not 200."""
    connection.sendall(request)
    got = b""
    while True:
        more = connection.recv(65536)
        if not more:
            raise ConnectionError("closed")
        got += more
        head, found, body = got.partition(b"\r\n\r\n")
        if not found:
            continue
        if not head.startswith(b"HTTP/1.1 200 "):
            raise ValueError(head.split(b"\r\n", 1)[0].decode("latin-1"))
        size = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
        if len(body) >= int(size):
            return


def main(port: int, path: str) -> None:
    """Ping until standard input ends."""
    gc.disable()
    with suppress(PermissionError):  # who sends 32 MB shares its processor: it is not to wait for that
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    print("up", flush=True)
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    pings: list[tuple[float, float]] = []
    connection = connected(port)
    due = time.monotonic()
    while connection is not None:
        answered(connection, request)
        ended = time.monotonic()
        if not pings:
            print("answered", flush=True)
        pings.append((due, ended - due))
        due += EVERY
        if select.select([sys.stdin], [], [], max(0.0, due - ended))[0]:
            break
    print(json.dumps(pings))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
