"""A vendor without a network: what it was sent, what it says, when it goes."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers

from targon_gw.outbound.agent import Agent, AgentLimits
from targon_gw.outbound.requests import Body, Head

HERE = b"http://api.vendor.example/v1/chat/completions"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def key(name: bytes) -> Head:
    """A head that bears a key."""
    return Head.of([(b"authorization", b"Bearer " + name)])


@define(eq=False)
class Line:
    """One connection, seen from the vendor."""

    connection: Any
    transport: StringTransport

    def heard(self) -> bytes:
        """What has come since the last time."""
        value: bytes = self.transport.value()
        self.transport.clear()
        return value

    def say(self, data: bytes) -> None:
        """One read's worth."""
        self.connection.dataReceived(data)

    def hang_up(self, rudely: bool = False) -> None:
        """The connection's end, as the transport tells it."""
        self.connection.connectionLost(Failure(ConnectionLost() if rudely else ConnectionDone()))

    @property
    def aborted(self) -> bool:
        return bool(self.transport.disconnected)

    @property
    def paused(self) -> bool:
        return bool(self.transport.producerState == "paused")


@define(eq=False)
class Vendor:
    """Every endpoint at once; connects at once, or when told (`slow`)."""

    slow: bool = False
    asked: list[tuple[bytes, bytes, int]] = field(factory=list)
    lines: list[Line] = field(factory=list)
    waiting: list[tuple[Any, Deferred[Any]]] = field(factory=list)
    cancelled: int = 0

    def __call__(self, scheme: bytes, host: bytes, port: int) -> Vendor:
        self.asked.append((scheme, host, port))
        return self

    def connect(self, factory: Any) -> Deferred[Any]:
        def note(_: object) -> None:
            self.cancelled += 1

        connecting: Deferred[Any] = Deferred(note)
        self.waiting.append((factory, connecting))
        if not self.slow:
            self.accept()
        return connecting

    def accept(self) -> Line:
        """Let the oldest attempt through."""
        factory, connecting = self.waiting.pop(0)
        protocol = factory.buildProtocol(None)
        line = Line(protocol, StringTransport())
        self.lines.append(line)
        protocol.makeConnection(line.transport)
        connecting.callback(protocol)
        return line

    def refuse(self, error: Exception) -> None:
        """Fail the oldest attempt."""
        _, connecting = self.waiting.pop(0)
        connecting.errback(Failure(error))


class Reader(Protocol):
    """A body's protocol that keeps everything."""

    transport: Any

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.ends: list[Failure] = []

    def dataReceived(self, data: bytes) -> None:
        self.parts.append(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.ends.append(reason)

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    @property
    def end(self) -> type[BaseException]:
        """The kind of the one end."""
        (reason,) = self.ends
        return type(reason.value)


@define(eq=False)
class Bench:
    """An agent at one end of a wire, a vendor at the other."""

    clock: Clock = field(factory=Clock)
    vendor: Vendor = field(factory=Vendor)
    limits: AgentLimits = field(factory=AgentLimits)
    agent: Agent = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.agent = Agent(self.clock, self.vendor, self.limits)

    def ask(self, head: Headers | Head | None = None, method: bytes = b"POST", body: bytes = b"{}") -> Deferred[Any]:
        """A request to `HERE`."""
        return self.agent.request(method, HERE, head, Body(body))

    def exchange(self, answer: bytes, head: Head | None = None) -> Reader:
        """A request that the newest line answers, and its body."""
        asked = self.ask(head)
        self.vendor.lines[-1].say(answer)
        return taken(asked)


def result(asked: Deferred[Any]) -> Any:
    """What `asked` has fired with: the result, or the Failure."""
    seen: list[Any] = []

    def note(outcome: Any) -> Any:
        seen.append(outcome)
        return None if isinstance(outcome, Failure) else outcome

    asked.addBoth(note)
    if not seen:
        raise AssertionError("it has not fired")
    return seen[0]


def failure(asked: Deferred[Any]) -> Any:
    """The exception that `asked` has failed with."""
    seen = result(asked)
    assert isinstance(seen, Failure), seen
    return seen.value


def taken(asked: Deferred[Any]) -> Reader:
    """The body of the response that `asked` has fired with, so far."""
    reader = Reader()
    result(asked).deliverBody(reader)
    return reader
