"""A crowd of plain connections: clients that ask once and then stay, read or don't.

What they hold open is what is measured, so they must cost the server only what they are meant to.
"""

import selectors
import socket
import time
from collections.abc import Callable, Sequence

from attrs import define, field

SEEN = 4096
"""Bytes that are kept of what a client was sent last: marks are shorter."""


@define(eq=False)
class Crowd:
    """Connections to a port of 127.0.0.1; `room` is each one's receive buffer in bytes, the system's own if None."""

    port: int
    room: int | None = None
    sockets: list[socket.socket] = field(factory=list)

    def join(self, count: int, request: bytes = b"", spread: float = 0.0) -> None:
        """`count` more, each of which says `request` once; they come evenly over `spread` seconds."""
        began = time.monotonic()
        for at in range(count):
            time.sleep(max(0.0, began + spread * at / count - time.monotonic()))
            one = socket.socket()
            if self.room is not None:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.room)
            one.settimeout(30)
            one.connect(("127.0.0.1", self.port))
            one.sendall(request)
            self.sockets.append(one)

    def until(self, mark: bytes, seconds: float) -> None:
        """Read until each has been sent `mark`; SystemExit where that takes longer, or one is closed before."""
        waiting = dict.fromkeys(self.sockets, b"")
        self._read(waiting, seconds, lambda one, got: mark in got)
        if waiting:
            got = next(iter(waiting.values()))
            raise SystemExit(f"{len(waiting)} of {len(self.sockets)} did not get {mark!r}; one got {got[:200]!r}")

    def are_sent(self, mark: bytes) -> None:
        """See that each has been sent something that begins with `mark`, and read none of it; else SystemExit."""
        for one in self.sockets:
            got = one.recv(len(mark), socket.MSG_PEEK)
            if got != mark:
                raise SystemExit(f"{got!r} was sent where {mark!r} was to come")

    def drained(self, seconds: float) -> None:
        """Read what has come, for so long."""
        self._read(dict.fromkeys(self.sockets, b""), seconds, lambda one, got: False)

    def _read(
        self, waiting: dict[socket.socket, bytes], seconds: float, has_enough: Callable[[socket.socket, bytes], bool]
    ) -> None:
        """Read from each of `waiting`, and take it out when it `has_enough`."""
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for each in waiting:
                selector.register(each, selectors.EVENT_READ, each)
            while waiting and (left := end - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    one: socket.socket = key.data
                    more = one.recv(65536)
                    waiting[one] = (waiting[one] + more)[-SEEN:]
                    if has_enough(one, waiting[one]):
                        del waiting[one]
                    if one not in waiting or not more:
                        selector.unregister(one)

    def leave(self) -> None:
        """Close all."""
        for one in self.sockets:
            one.close()
        self.sockets.clear()


def request(method: str, path: str, headers: Sequence[str] = (), body: bytes = b"") -> bytes:
    """A request's bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body
