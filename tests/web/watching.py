"""Pages that listen to `/api/live` of a gateway in memory, each over a connection of its own."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from attrs import define, field
from klein import Klein
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from targon_gw.web.figures import Figures
from targon_gw.web.live import PATHS, Live, nobody
from targon_gw.web.request import Request
from targon_gw.web.rooms import room
from tests import fakes

from .conversation import Answer, Wire, _Reader, ask
from .house import House


@define(eq=False)
class Somebody:
    """Who is signed in."""

    admin: bool


@define(eq=False)
class Counted(Figures):
    """Figures that note how often each was made."""

    made: list[str] = field(factory=list)

    def overview(self) -> dict[str, Any]:
        """As ever."""
        self.made.append("overview")
        return Figures.overview(self)

    def models(self) -> list[dict[str, Any]]:
        """As ever."""
        self.made.append("models")
        return Figures.models(self)


@define(eq=False)
class Page:
    """One open page."""

    house: House
    view: str = "overview"
    lines: str = ""
    wire: Wire = field(factory=Wire)
    channel: Any = None
    left: bool = False

    def __attrs_post_init__(self) -> None:
        self.channel = self.house.talk.site.buildProtocol(None)
        self.channel.makeConnection(self.wire)
        self.channel.dataReceived(ask(self.lines, target=f"/api/live?view={self.view}", method="GET"))

    @property
    def answer(self) -> Answer:
        """What has come, so far."""
        reader = _Reader()
        reader.parser.feed_data(self.wire.value())
        return reader.answers[0]

    @property
    def events(self) -> list[tuple[str, Any]]:
        """The events, by name, with their data."""
        found = []
        for block in self.answer.body.decode().split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if "event" in lines:
                found.append((lines["event"], json.loads(lines["data"])))
        return found

    def named(self, name: str) -> list[Any]:
        """The data of all events of that name."""
        return [data for event, data in self.events if event == name]

    def forget(self) -> None:
        """Have only what comes from now on be told, behind a head of its own."""
        self.wire.clear()
        StringTransport.write(self.wire, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")

    def leave(self) -> None:
        """Close it."""
        if not self.left:
            self.left = True
            self.channel.connectionLost(Failure(ConnectionDone()))


@define(eq=False)
class Watched:
    """A gateway whose figures are told, and pages that look at them. `who` is signed in, wherever a page asks."""

    house: House = field(factory=lambda: House(fakes.config(fakes.upstream(2))))
    who: Somebody | None = None
    live: Live = field(init=False)
    figures: Counted = field(init=False)
    pages: list[Page] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        house = self.house
        figures = self.figures = Counted(house.gateway, house.now, 0.0, "1.2.3")
        moved: deque[Any] = house.measures.moved
        self.live = Live(figures, house.talk.clock, moved, self.identify if self.who else nobody)
        app: Klein | Any = self.live.app
        house.rooms.append(room(app, *PATHS))

    def identify(self, request: Request) -> Somebody | None:
        """Who asks."""
        return self.who

    def page(self, view: str = "overview", lines: str = "") -> Page:
        """One more."""
        page = Page(self.house, view, lines)
        self.pages.append(page)
        return page

    def told(self, path: str) -> Any:
        """What an address answers."""
        answer = self.house.get(path, "")
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def tick(self, times: int = 1) -> None:
        """So many of them."""
        for _ in range(times):
            self.house.talk.clock.advance(0.5)
            self.house.talk.clock.advance(0.0)

    def is_quiet(self) -> bool:
        """Whether nothing ticks any more once all pages are closed."""
        for page in self.pages:
            page.leave()
        return self.live.fanout.listening == 0 and self.house.quiet()
