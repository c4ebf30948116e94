"""Where connections come from: the factory of the clients' connections.

It holds what all of them share: the limits, the clock, the gate, the identities of requests.
It decides nothing about a request; it never logs one.
"""

# mypy: disallow-untyped-calls=False
# Twisted's web is not typed throughout.

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web import server

from targon_gw.core.errors import Code, Refusal

from .channel import Channel
from .doorway import Doorway, TurnedAway, turned_away
from .peers import host_of
from .phases import Turn
from .request import Request
from .strict import HttpLimits

Gate = Callable[[Request], Refusal | None]
"""Asked once a request's head is whole while some of its body is still to come: a Refusal ends it before any of that is
read. It must not answer by itself; it may set `on_gone`, which is called if the client leaves before the body has come.
"""

RefusalHeaders = Callable[[bytes], Sequence[tuple[bytes, bytes]]]
"""What the refusals of a path bear besides their own, where no resource has been asked yet."""

LOG_EVERY: Final = 10.0
"""Seconds between two log lines about refused requests: scanners must not fill the disk."""
_log = Logger()
_POOL: Final = 256
"""Identities a draw: os.urandom costs a system call, 0.3 us, which a request need not pay alone."""


def fresh_ids() -> Iterator[bytes]:
    """`req_` and 32 hex digits of 128 random bits, for ever."""
    return chain.from_iterable(iter(_draw, None))  # `next` of it runs no Python, but once a draw


def _draw() -> list[bytes]:
    return ("req_" + os.urandom(16 * _POOL).hex("/", 16).replace("/", "/req_")).encode("ascii").split(b"/")


class Site(server.Site):
    """A factory of `Channel`s over `resource`, the root of what is served.

    `refusals` counts by code what was refused by HTTP's own rules, before any resource saw it; `refusal_headers` says
    what such refusals, the gate's and "internal error" bear by path. `tick` is the shortest of the deadlines, in
    seconds: how long a connection's alarm waits at most; `wall`, what is to be added to the clock's for Unix ones.
    """

    protocol = Channel  # type: ignore[assignment]
    requestFactory = Request  # type: ignore[assignment]
    noisy = False
    gate: Gate | None = None

    def __init__(
        self, resource: Any, limits: HttpLimits, clock: IReactorTime, turn: Turn | None = None, wall: float = 0.0
    ) -> None:
        super().__init__(resource, Request, timeout=limits.idle, reactor=clock, parsePOSTFormSubmission=False)
        self.limits = limits
        self.turn = turn
        self.clock = clock
        self.refusal_headers: RefusalHeaders = lambda path: ()
        self.tick = min(limits.head_deadline, limits.body_deadline, limits.idle)
        self.request_ids = fresh_ids()
        self.doorway = Doorway()
        self.refusals: Counter[Code] = Counter()
        self.wall = wall
        self._unlogged = 0
        self._log_after = 0.0

    def buildProtocol(self, addr: Any) -> Any:
        """A Channel; or, for one connection too many, what tells it so and ends it."""
        host = host_of(addr)
        refusal = self.doorway.refusal(host)
        if refusal is None:
            return super().buildProtocol(addr)
        self.count_refusal(refusal, host)
        unix, beside = self.clock.seconds() + self.wall, self.refusal_headers(b"/v1/")
        return TurnedAway(turned_away(refusal, next(self.request_ids), unix, beside))

    def count_refusal(self, refusal: Refusal, client_host: str) -> None:
        """Count a request that HTTP's rules refused; log one now and then, and nothing of its bytes."""
        self.refusals[refusal.code] += 1
        self._unlogged += 1
        now = self.clock.seconds()
        if now < self._log_after:
            return
        _log.info(
            "Refused {count} requests; the last from {client_host}: {code}: {message}",
            count=self._unlogged,
            client_host=client_host,
            code=refusal.code,
            message=refusal.message,
        )
        self._unlogged = 0
        self._log_after = now + LOG_EVERY

    def acceptableProtocols(self) -> list[bytes]:
        """What TLS may offer: HTTP/1.1 alone, also where `h2` happens to be installed."""
        return [b"http/1.1"]

    def startFactory(self) -> None:
        """Begin; without twisted.web's access log and the timer that it keeps."""

    def stopFactory(self) -> None:
        """End; there is no log to close."""

    def log(self, request: Any) -> None:
        """Nothing: whoever answers a call logs it."""
