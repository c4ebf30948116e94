"""How many connections may be open: of one address, and in all.

It counts them, and decides before a connection costs anything whether it may come in. Who is too many gets a short
answer and is gone; nobody else notices (faults catalogue, A-31, E-17). A proxy that the operator trusts may have any
number: its address is no client's. In all there may be so many that each could have a connection to a vendor, too, and
descriptors are left for the disk: so what is let in is never broken for want of one.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Sequence
from typing import Final

from attrs import define, field
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection as TCPConnection
from twisted.web.http import datetimeToString

from targon_gw.core.bank import caller
from targon_gw.core.config import Bounds, Network
from targon_gw.core.errors import Refusal

from .peers import is_trusted
from .refusals import envelope, headers_of, status_of
from .request import STATUS_LINES, Fields

RESERVED: Final = 64
"""Descriptors for what is no connection of a client's or a vendor's: files of the state, the log, timers, sockets that
are listened on. An idle daemon has some 20."""
TOO_MANY: Final = "This gateway has as many connections open as it may. Try again in a moment."


def room_for_clients() -> int:
    """Connections of clients that this process has descriptors for, one of a vendor with each."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, (most - RESERVED) // 2) if most > 0 else 1 << 20


@define(eq=False)
class Doorway:
    """The open connections. `bounds` and `trusted` answer with what the settings say at present."""

    bounds: Callable[[], Bounds] = Bounds
    trusted: Callable[[], Sequence[Network]] = tuple
    roll: Callable[[], float] = lambda: 1.0
    """A number from 0 up to 1: who is turned away is not to come again with all the others."""
    most: Callable[[], int] = room_for_clients
    """Asked for each connection, which takes 1 µs: the limit may be changed from outside."""
    open: int = 0
    _of: dict[str, int] = field(factory=dict)

    def refusal(self, host: str) -> Refusal | None:
        """Why one more connection of `host` may not come in; `None` where it may."""
        if self.open >= self.most():
            return Refusal("overloaded", TOO_MANY, wait=5.0 * self.roll())
        if self._of.get(caller(host), 0) < (bound := self.bounds().connections_per_address):
            return None
        if is_trusted(host, self.trusted()):
            return None
        told = f"This address has as many connections open as it may: {bound}. Close some, or use them again."
        return Refusal("rate_limit_exceeded", told, wait=5.0 * self.roll())

    def is_crowded(self, host: str) -> bool:
        """Whether `host` has more connections than it may: its address was not known when the last came in."""
        over = self._of.get(caller(host), 0) > self.bounds().connections_per_address
        return over and not is_trusted(host, self.trusted())

    def enter(self, host: str, known: str | None = None) -> str:
        """A connection of `host` has come in, or (`known`) turns out to be its: what `leave` is to be told."""
        self.leave(known)
        place = caller(host)
        self.open += 1
        self._of[place] = self._of.get(place, 0) + 1
        return place

    def leave(self, place: str | None) -> None:
        """That connection is gone, if it had come in."""
        if place is None:
            return
        self.open -= 1
        left = self._of[place] - 1
        if left:
            self._of[place] = left
        else:
            del self._of[place]


class TurnedAway(Protocol):
    """A connection that may not come in: the answer, whatever it would ask, and the end."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    def connectionMade(self) -> None:
        """Answer and close. Over TLS there is nobody to be answered yet, and a handshake is what a flood would have."""
        transport = self.transport
        assert transport is not None
        if isinstance(transport, TCPConnection):
            transport.write(self.answer)
            transport.loseConnection()
        else:
            transport.abortConnection()  # type: ignore[attr-defined]


def turned_away(refusal: Refusal, request_id: bytes, now: float, beside: Fields) -> bytes:
    """The whole answer, whose only words are those of `refusal`, at `now` (Unix seconds)."""
    body = envelope(refusal)
    fields = [
        (b"date", datetimeToString(now)),
        (b"x-request-id", request_id),
        *headers_of(refusal),
        *beside,
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    return STATUS_LINES[status_of(refusal)] + b"".join(b"%b: %b\r\n" % pair for pair in fields) + b"\r\n" + body
