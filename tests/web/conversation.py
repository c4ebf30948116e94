"""A client's end of a connection, in memory: bytes in at any split, answers out, a clock that is turned by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import httptools
from attrs import define, field
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from targon_gw.web.channel import Channel
from targon_gw.web.request import Request
from targon_gw.web.serving import Gate, Site
from targon_gw.web.strict import HttpLimits


def respond(request: Request) -> None:
    """Answer with what was asked: method, target and body."""
    request.answer(200, [(b"content-type", b"text/plain")], b"%b %b %b" % (request.method, request.uri, request.body))


class Desk(Resource):
    """A resource that keeps what it is asked, and answers it as it is told."""

    isLeaf = True

    def __init__(self, serve: Callable[[Request], object] = respond) -> None:
        super().__init__()
        self.serve = serve
        self.seen: list[Request] = []

    def render(self, request: Any) -> int:
        """Keep the request and serve it."""
        self.seen.append(request)
        self.serve(request)
        return NOT_DONE_YET


class Wire(StringTransport):
    """A transport that counts writes; `dataBuffer` stands for bytes that the client has not taken."""

    dataBuffer = b""
    aborted = False
    transport: Wire | None = None

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write(self, data: bytes) -> None:
        """Count, and keep."""
        self.writes += 1
        super().write(data)

    def abortConnection(self) -> None:
        """Note the abort."""
        self.aborted = True
        super().abortConnection()


@define(eq=False)
class Answer:
    """One answer as a client's parser sees it; `ended` tells whether its framing says that it is whole."""

    status: int = 0
    headers: dict[bytes, bytes] = field(factory=dict)
    chunks: list[bytes] = field(factory=list)
    ended: bool = False

    @property
    def body(self) -> bytes:
        """All of the body."""
        return b"".join(self.chunks)


class _Reader:
    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.parser = httptools.HttpResponseParser(self)

    def on_message_begin(self) -> None:
        self.answers.append(Answer())

    def on_header(self, name: bytes, value: bytes) -> None:
        self.answers[-1].headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self.answers[-1].status = self.parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.answers[-1].chunks.append(body)

    def on_message_complete(self) -> None:
        self.answers[-1].ended = True


@define(eq=False)
class Conversation:
    """A connection to a site of its own; `desk` answers."""

    desk: Desk = field(factory=Desk)
    limits: HttpLimits = HttpLimits()
    gate: Gate | None = None
    resource: Any = None
    clock: Clock = field(factory=Clock)
    wire: Wire = field(factory=Wire)
    site: Site = field(init=False)
    channel: Channel = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.site = Site(self.resource or self.desk, self.limits, self.clock)
        self.site.gate = self.gate
        self.channel = self.site.buildProtocol(None)  # type: ignore[assignment]
        self.channel.makeConnection(self.wire)

    def say(self, data: bytes, split: int | None = None) -> None:
        """Send `data` in pieces of `split` bytes, or whole, as long as the connection stands."""
        for at in range(0, len(data), split or max(1, len(data))):
            if not self.wire.aborted:
                self.channel.dataReceived(data[at : at + (split or len(data))])

    def heard(self) -> list[Answer]:
        """The answers so far, read as a strict client reads them; what came behind them would raise."""
        reader = _Reader()
        reader.parser.feed_data(self.wire.value())
        return [answer for answer in reader.answers if answer.status != 100]

    def leave(self) -> None:
        """Close the client's end."""
        self.channel.connectionLost(Failure(ConnectionDone()))

    def pass_seconds(self, seconds: float) -> None:
        """Turn the clock on, as a reactor would: in small steps."""
        self.clock.pump([0.25] * int(seconds * 4))


def ask(lines: str = "", body: bytes = b"", target: str = "/x", method: str = "POST") -> bytes:
    """A request of HTTP/1.1 with a Host and these further lines, each with its end."""
    head = f"{method} {target} HTTP/1.1\r\nHost: gw\r\n{lines}"
    if body or method == "POST":
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode("latin-1") + b"\r\n" + body


NEXT = ask(target="/next", method="GET")
"""A request to put behind another: whether it is answered shows whether the two were kept apart."""


def statuses(answers: Iterable[Answer]) -> list[int]:
    """The statuses of `answers`."""
    return [answer.status for answer in answers]
