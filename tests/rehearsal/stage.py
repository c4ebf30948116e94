"""A stage for the vendor: a line in memory with pressure back, a clock, and a reader of what came over the line."""

from __future__ import annotations

import json
from typing import Any

from attrs import define, field
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from targon_gw.core.config import Dialect
from targon_gw.rehearsal.accounts import Account
from targon_gw.rehearsal.scene import Pace
from targon_gw.rehearsal.telling import Model
from targon_gw.rehearsal.vendor import Vendor
from targon_gw.rehearsal.wire import Conversation, VendorFactory

KEY, OTHER_KEY, THIRD_KEY = "sk-one", "sk-two", "sk-three"
MODEL, THINKER, EMBEDDER = "plain", "thinker", "embedder"
TURNS = 5000
"""Turns of the reactor within which anything without a pause must be over."""


@define(eq=False, slots=False)
class Line(StringTransport):
    """A transport that remembers how it ended, and asks for a pause after `room` bytes that nobody took."""

    room: int | None = None
    ended: str | None = None
    taken: int = 0

    def __attrs_post_init__(self) -> None:
        StringTransport.__init__(self)

    def write(self, data: bytes) -> None:
        """Take bytes, unless it is over."""
        assert self.ended is None, "written after the end"
        StringTransport.write(self, data)
        if self.room is not None and len(self.value()) > self.room and self.producer is not None:
            self.producer.pauseProducing()

    def take(self) -> bytes:
        """What has come, as a reader who then wants more."""
        data = self.value()
        self.taken += len(data)
        self.clear()
        if self.room is not None and self.producer is not None:
            self.producer.resumeProducing()
        return data

    def loseConnection(self) -> None:
        """FIN."""
        self.ended = self.ended or "fin"

    def abortConnection(self) -> None:
        """RST."""
        self.ended = self.ended or "rst"


@define(eq=False)
class Stage:
    """A vendor, a clock and one connection."""

    vendor: Vendor
    clock: Clock = field(factory=Clock)
    line: Line = field(init=False)
    talk: Conversation = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.connect()

    def connect(self, room: int | None = None) -> None:
        """A new connection, in place of the one before."""
        self.line = Line(room=room)
        self.talk = VendorFactory(self.vendor, self.clock).buildProtocol(None)
        self.talk.makeConnection(self.line)

    def say(self, data: bytes) -> None:
        """Bytes from the client."""
        self.talk.dataReceived(data)
        self.turn()

    def turn(self) -> None:
        """Let the reactor turn until only real waits are left."""
        for _ in range(TURNS):
            if not any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls()):
                return
            self.clock.advance(0)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)
        self.turn()

    def leave(self) -> None:
        """The client goes, or the connection that was ended is gone."""
        self.talk.connectionLost(Failure(ConnectionLost()))

    def ask(self, model: str = MODEL, **more: Any) -> bytes:
        """Post a chat completion and take what comes at once."""
        self.say(chat(model, **more))
        return self.line.take()


def vendor(dialect: Dialect = Dialect.OPENAI, pace: Pace = Pace(0.0, 0.0), **more: Any) -> Vendor:
    """A vendor with three keys of two accounts; as fast as may be unless told otherwise."""
    accounts = (Account("a", (KEY, OTHER_KEY)), Account("b", (THIRD_KEY,)))
    models = (Model(MODEL), Model(THINKER, reasoning=True), Model(EMBEDDER, dimensions=16))
    return Vendor(**{"accounts": accounts, "models": models, "dialect": dialect, "pace": pace, **more})


def stage(dialect: Dialect = Dialect.OPENAI, pace: Pace = Pace(0.0, 0.0), **more: Any) -> Stage:
    """A stage with such a vendor."""
    return Stage(vendor(dialect, pace, **more))


def post(path: str, body: object, key: str | None = KEY, *lines: str) -> bytes:
    """A POST of JSON (or of bytes as they are), as a client writes it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    top = [f"POST {path} HTTP/1.1", "Host: vendor", f"Content-Length: {len(raw)}", *lines]
    if key is not None:
        top.append(f"Authorization: Bearer {key}")
    return "\r\n".join([*top, "", ""]).encode() + raw


def get(path: str, method: str = "GET") -> bytes:
    """A request without a body."""
    return f"{method} {path} HTTP/1.1\r\nHost: vendor\r\n\r\n".encode()


def chat(model: str = MODEL, key: str | None = KEY, stream: bool | None = True, **more: Any) -> bytes:
    """A chat completion, asked for deterministically so that tests are."""
    body = {"model": model, "messages": [{"role": "user", "content": "hello there"}], "temperature": 0, **more}
    if stream is not None:
        body["stream"] = stream
    return post("/v1/chat/completions", body, key)


@define
class Response:
    """A response, read apart without mercy. `rest` is what came after its end; `whole` says whether its end came."""

    status: int
    lines: list[tuple[str, str]]
    body: bytes
    rest: bytes
    whole: bool

    @property
    def headers(self) -> dict[str, str]:
        """Header lines by lower-case name; the last of several."""
        return {name.lower(): value for name, value in self.lines}

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def payloads(self) -> list[str]:
        """What stands after `data: `, event by event."""
        return [each[6:] for each in self.body.decode().split("\n") if each.startswith("data: ")]

    @property
    def chunks(self) -> list[dict[str, Any]]:
        """The stream's chunks, without `[DONE]`."""
        return [json.loads(each) for each in self.payloads if each != "[DONE]"]

    @property
    def text(self) -> str:
        """The text of all chunks, or of the whole answer."""
        chunks = self.chunks or [self.json]
        parts = [part for chunk in chunks for part in chunk.get("choices", [])]
        return "".join((part["delta"] if "delta" in part else part["message"]).get("content") or "" for part in parts)


def response(data: bytes) -> Response:
    """The first response in `data`."""
    top, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = top.decode("latin-1").split("\r\n")
    parted = [tuple(line.split(": ", 1)) for line in lines]
    found = Response(int(first.split(" ")[1]), parted, b"", rest, False)  # type: ignore[arg-type]
    if found.headers.get("transfer-encoding", "").endswith("chunked"):
        found.body, found.rest, found.whole = dechunked(rest)
    elif "content-length" in found.headers:
        length = int(found.headers["content-length"])
        found.body, found.rest, found.whole = rest[:length], rest[length:], len(rest) >= length
    else:
        found.body, found.rest = rest, b""
    return found


def dechunked(data: bytes) -> tuple[bytes, bytes, bool]:
    """The body in chunks, what follows it, and whether the last chunk came; ValueError for a size that is none."""
    body = bytearray()
    while True:
        size, mark, rest = data.partition(b"\r\n")
        if not mark:
            return bytes(body), data, False
        length = int(size, 16)
        if length == 0:
            return bytes(body), rest[2:], rest.startswith(b"\r\n")
        if len(rest) < length + 2:
            return bytes(body), data, False
        assert rest[length : length + 2] == b"\r\n"
        body += rest[:length]
        data = rest[length + 2 :]
