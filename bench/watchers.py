"""Open pages: streams of /api/live that a process of its own reads and throws away, as fast as they come.

Usage: python -m bench.watchers PORT COUNT VIEW, until its standard input ends. It says `up` once each of them has been
told how things stand, and at the end {"events": how many were told in all, "bytes": …, "lost": streams that ended}.
"""

import gc
import json
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from attrs import define, field

from bench import machine

VIEW = "monitor"
"""The view of most: of all figures, none of the keys."""
AT_ONCE = 1 << 16


@define(eq=False)
class Watching:
    """Watchers at work; `seen` is there when they have ended."""

    process: "subprocess.Popen[str]"
    seen: dict[str, int] = field(factory=dict)


@contextmanager
def watching(port: int, count: int, processor: int, view: str = VIEW) -> Iterator[Watching]:
    """Have `count` pages open while the block lasts; none of them, where `count` is 0."""
    process = subprocess.Popen(
        (sys.executable, "-m", "bench.watchers", str(port), str(count), view),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=machine.pin(processor),
    )
    out = Watching(process)
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "up\n":
            raise SystemExit(f"the pages did not open on port {port}")
        yield out
    finally:
        told, _ = process.communicate()
    out.seen = json.loads(told.splitlines()[-1])
    if out.seen["lost"]:
        raise SystemExit(f"{out.seen['lost']} of {count} pages were dropped")


def opened(port: int, view: str) -> socket.socket:
    """A page that has been told how things stand; ConnectionError where it is not let in."""
    connection = socket.create_connection(("127.0.0.1", port), 20)
    connection.sendall(f"GET /api/live?view={view} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    got = b""
    while b"event: " not in got:
        more = connection.recv(AT_ONCE)
        got += more
        if not more or not got.startswith(b"HTTP/1.1 200 "[: len(got)]):
            raise ConnectionError(got[:200].decode("latin-1"))
    connection.setblocking(False)
    return connection


def main(port: int, count: int, view: str) -> None:
    """Watch until standard input ends."""
    gc.disable()
    seen: dict[str, Any] = {"events": 0, "bytes": 0, "lost": 0}
    poll = select.epoll()
    pages = {page.fileno(): page for page in (opened(port, view) for _ in range(count))}
    for number in pages:
        poll.register(number, select.EPOLLIN)
    poll.register(sys.stdin.fileno(), select.EPOLLIN)
    print("up", flush=True)
    while True:
        for number, _ in poll.poll():
            if number not in pages:
                print(json.dumps(seen))
                return
            told = pages[number].recv(AT_ONCE)
            seen["events"] += told.count(b"event: ")
            seen["bytes"] += len(told)
            if not told:
                seen["lost"] += 1
                poll.unregister(number)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
