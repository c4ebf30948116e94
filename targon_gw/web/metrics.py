"""`/metrics`: who may read it, and the page that they get.

Whoever asks from this very machine may, and whoever bears the token that the settings name a file of. A request that a
proxy has passed on is never from this machine, whatever its peer's address: a proxy beside us would open the page to
the world. To anybody else there is no such page (404, as for any address that there is not); a wrong token is told so
(401) where there is a right one, so that who mistypes it need not guess. No key of a client opens it.

The page is made in slices, between which the reactor turns. It is told while the gateway drains, too.
"""

# mypy: disallow-untyped-calls=False
# Twisted is not typed throughout.

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from hmac import compare_digest
from typing import TYPE_CHECKING, Final, Protocol

from attrs import define
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from targon_gw.core.config import Secret
from targon_gw.core.errors import Refusal
from targon_gw.core.measures import Measures

from .request import Request

if TYPE_CHECKING:
    from .exposition import Lag, Scene

SLICE: Final = 0.002
"""Seconds of work between two turns of the reactor."""
PASSED_ON: Final = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"x-forwarded-host", b"x-forwarded-proto", b"via")
"""What proxies add to the requests that they pass on."""


class Settings(Protocol):
    """How readings of the settings went: what is wrong with the last, when one was last taken (Unix seconds)."""

    @property
    def problem(self) -> str | None: ...

    @property
    def succeeded_at(self) -> float | None: ...


class Drift(Protocol):
    """By how many seconds the system's clock is ahead of the one that is gone by; see `targon_gw.drift`."""

    @property
    def seconds(self) -> float: ...


@define(eq=False)
class MetricsPage:
    """The page. `now` is monotonic seconds, as is `started`."""

    measures: Measures
    lag: Lag
    token: Secret | None
    clock: IReactorTime
    now: Callable[[], float]
    started: float
    version: str
    drift: Drift
    settings: Settings | None = None

    async def tell(self, request: Request) -> None:
        """Answer with all figures; raises `Refusal` where whoever asks may not know them."""
        self._admit(request)
        # Loaded when it is first asked for: 9 ms and half a MiB that a gateway which nobody scrapes does without.
        from .exposition import encoding, pieces

        accept = (request.header(b"accept") or b"").decode("latin-1")
        parts: list[bytes] = []
        began = self.now()
        for piece in pieces(self._scene(), accept):
            parts.append(piece)
            if self.now() - began >= SLICE:
                await deferLater(self.clock, 0)
                began = self.now()
        kind = encoding(accept)[1].encode("ascii")
        request.answer(200, [(b"content-type", kind), (b"cache-control", b"no-store")], b"".join(parts))

    def _scene(self) -> Scene:
        from .exposition import Scene

        settings = self.settings
        started_at = self.started + self.measures.gateway.wall
        return Scene(
            self.measures,
            self.lag,
            self.version,
            self.now(),
            started_at,
            (settings and settings.succeeded_at) or started_at,
            settings is None or settings.problem is None,
            self.drift.seconds,
        )

    def _admit(self, request: Request) -> None:
        """Raise `Refusal` unless the request is from this machine, or bears the token."""
        if is_from_here(request):
            return
        sent = request.header(b"authorization")
        if self.token is None or sent is None:
            raise Refusal("unknown_url", f"There is nothing at {request.method.decode('ascii')} /metrics.")
        scheme, _, secret = sent.partition(b" ")
        right = compare_digest(secret.strip(b" "), self.token.reveal.encode("ascii"))
        if scheme.lower() != b"bearer" or not right:
            raise Refusal("invalid_api_key", "This is not the token of /metrics.")


def is_from_here(request: Request) -> bool:
    """Whether the peer is this machine and speaks for itself: its address is loopback, and it has passed nothing on."""
    if any(request.header(name) is not None for name in PASSED_ON):
        return False
    try:
        address = ipaddress.ip_address(request.client_host().partition("%")[0])
    except ValueError:  # a Unix socket is where proxies are
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
