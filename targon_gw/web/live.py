"""`/api/overview`, `/api/models`, `/api/monitor`, `/api/live`: how the gateway is, for pages and while they are open.

The first three are the same for everybody and are made at most twice a second, however many ask. The view of the
operator is for an administrator who is signed in, and for as long as that lasts; no other is told of keys or clients.
"""

# mypy: disallow-untyped-calls=False
# Twisted is not typed throughout, nor is Klein.

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from attrs import define, field
from klein import Klein
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from targon_gw.core.errors import Refusal
from targon_gw.core.history import SPANS
from targon_gw.core.ledger import Entry

from .admin_desk import argument
from .fanout import TICK, Fanout
from .figures import Figures
from .news import Calls, Keys, News, Picture, Points
from .peers import client_address
from .request import Request
from .rooms import PRIVATE, refusing

PATHS: Final = ("/api/overview", "/api/models", "/api/monitor", "/api/live")
ADMIN: Final = "admin"
VIEWS: Final = {
    "overview": ("overview",),
    "monitor": ("overview", "points", "models"),
    ADMIN: ("overview", "points", "models", "keys", "call"),
}
"""What each view is told of, in that order."""
MODELS_EVERY: Final = 1.0
MODELS_AT_ONCE: Final = 100
"""Models that are looked at each second, 2 ms; where there are more, it is done the more seldom."""
FEWEST: Final = 8
"""Streams that one address may have open at the least."""
OF_CONNECTIONS: Final = 4
"""One in so many connections of an address may be such a stream."""
_HEADERS: Final = ((b"content-type", b"application/json; charset=utf-8"), *PRIVATE)


class Who(Protocol):
    """Somebody who is signed in."""

    @property
    def admin(self) -> bool:
        """Whether the gateway is that person's to administer."""


Identify = Callable[[Request], Who | None]
"""Who is signed in where the request comes from, if anybody is."""


def nobody(request: Request) -> None:
    """For a gateway without accounts."""


@define(eq=False, slots=False)
class Live:
    """The room. `moved` are changes in the health of keys, the latest last."""

    figures: Figures
    clock: IReactorTime
    moved: deque[Entry] = field(factory=deque)
    identify: Identify = nobody
    fanout: Fanout = field(init=False)
    _overview: Picture = field(init=False)
    _models: Picture = field(init=False)
    _catalogue: Picture = field(init=False)
    _monitors: dict[str, Picture] = field(init=False)
    app = refusing(Klein())

    def __attrs_post_init__(self) -> None:
        figures, now, gateway = self.figures, self.figures.now, self.figures.gateway
        passing = ("at", "uptime_s")
        self._overview = Picture("overview", figures.overview, lambda: TICK / 2, passing)
        self._models = Picture("models", lambda: {"models": figures.models()}, self._seldom)
        self._catalogue = Picture("catalogue", lambda: {"models": figures.catalogue()}, self._seldom)
        self._monitors = {span: Picture(span, self._monitor(span), lambda: TICK) for span in SPANS}
        news: dict[str, News] = {
            "overview": self._overview,
            "points": Points(figures.points),
            "models": self._models,
            "keys": Keys(gateway, self.moved),
            "call": Calls(gateway),
        }
        self.fanout = Fanout(self.clock, now, news, VIEWS, self._most_of_one)

    def _seldom(self) -> float:
        return MODELS_EVERY * max(1.0, len(self.figures.gateway.catalog) / MODELS_AT_ONCE) - TICK / 2

    def _monitor(self, span: str) -> Callable[[], dict[str, Any]]:
        return lambda: self.figures.monitor(span)

    def _most_of_one(self) -> int:
        return max(FEWEST, self.figures.gateway.config.limits.connections_per_address // OF_CONNECTIONS)

    def close(self) -> None:
        """End all streams: the daemon is about to leave."""
        self.fanout.close()

    @app.route("/api/overview", methods=["GET"])
    def overview(self, request: Request) -> None:
        """How the gateway is, in a few figures and 90 cells."""
        self._tell(request, self._overview)

    @app.route("/api/models", methods=["GET"])
    def models(self, request: Request) -> None:
        """The catalog, whoever asks: the guide lists all of it."""
        self._tell(request, self._catalogue)

    @app.route("/api/monitor", methods=["GET"])
    def monitor(self, request: Request) -> None:
        """A chart of `span`, and the last hour of each model."""
        span = argument(request, "span") or "15m"
        chart = self._monitors.get(span)
        if chart is None:
            raise Refusal("invalid_value", f"span is one of: {', '.join(SPANS)}.", "span")
        now = self.figures.now()
        # The two are made at other times: what is told of both is put together as text, not made anew.
        told = chart.look(now)[:-1] + b"," + self._models.look(now)[1:]
        request.answer(200, _HEADERS, told)

    @app.route("/api/live", methods=["GET"])
    def live(self, request: Request) -> Deferred[None] | None:
        """A stream of what changes, for one of `VIEWS`."""
        view = argument(request, "view") or "overview"
        if view not in VIEWS:
            raise Refusal("invalid_value", f"view is one of: {', '.join(VIEWS)}.", "view")
        if view == ADMIN and not self._is_admin(request):
            raise Refusal("admin_only", "This view is for administrators who are signed in.")
        if request.method == b"HEAD":
            request.answer(200, [(b"content-type", b"text/event-stream"), *PRIVATE], b"")
            return None
        trusted = self.figures.gateway.config.trusted_proxies
        address = client_address(request.client_host(), request.header(b"x-forwarded-for"), trusted)
        may_go_on = (lambda: self._is_admin(request)) if view == ADMIN else lambda: True
        self.fanout.join(request, view, address, may_go_on)
        return Deferred()  # Klein would end what is answered at once

    def _is_admin(self, request: Request) -> bool:
        who = self.identify(request)
        return who is not None and who.admin

    def _tell(self, request: Request, picture: Picture) -> None:
        request.answer(200, _HEADERS, picture.look(self.figures.now()))
