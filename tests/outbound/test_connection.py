"""What a connection writes, and when it is through with writing."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ISystemHandle
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection as TCPConnection
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from zope.interface import implementer

from targon_gw.outbound.connection import JOINED, WATCHED, Connection
from targon_gw.outbound.errors import BrokenBody
from targon_gw.outbound.reading import Bounds
from targon_gw.outbound.requests import NO_HEAD, Exchange, target

from .wire import CHUNKED, HERE, OK, Bench, key, result, taken

EARLY = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"


class WritingTests:
    """The request, as bytes."""

    def test_one_write(self) -> None:
        """Head and body leave in one write: request line, Host, identity, the caller's lines, the length, the body."""
        bench = Bench()
        writes: list[bytes] = []
        bench.exchange(OK)
        bench.vendor.lines[0].transport.write = writes.append  # type: ignore[method-assign]
        bench.ask(body=b"payload")
        expected = (
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: api.vendor.example\r\nAccept-Encoding: identity\r\n"
            b"Content-Length: 7\r\n\r\npayload"
        )
        assert writes == [expected]

    @pytest.mark.parametrize("size", [WATCHED, WATCHED + 1, JOINED, JOINED + 1])
    def test_every_size_arrives(self, size: int) -> None:
        """However large the body is, what arrives is the head and all of it."""
        bench = Bench()
        bench.ask(body=b"x" * size)
        heard = bench.vendor.lines[0].heard()
        head, _, body = heard.partition(b"\r\n\r\n")
        assert b"Content-Length: %d" % size in head
        assert body == b"x" * size

    def test_large_ones_in_pieces(self) -> None:
        """What a transport does not ask for is not written yet: 32 MB at once would be copied twice (A-15)."""
        bench = Bench()
        bench.exchange(OK)
        line = bench.vendor.lines[0]
        writes: list[int] = []

        def write(data: bytes) -> None:
            writes.append(len(data))
            if len(data) > WATCHED:
                line.transport.producer.pauseProducing()

        line.transport.write = write  # type: ignore[method-assign]
        bench.ask(body=b"x" * (2 * JOINED + 1))
        assert writes[1:] == [JOINED]
        line.transport.producer.resumeProducing()
        line.transport.producer.resumeProducing()
        assert writes[1:] == [JOINED, JOINED, 1]

    def test_large_ones_are_let_go(self) -> None:
        """Once it has left, nothing keeps a body for as long as the answer takes."""
        bench = Bench()
        body = bytearray(2 * JOINED)
        asked = bench.ask(body=body)  # type: ignore[arg-type]
        bench.vendor.lines[0].say(CHUNKED + b"5\r\nhello\r\n")
        taken(asked)

        body.clear()  # BufferError, where somebody looks at it still

    def test_get_has_no_length(self) -> None:
        """A GET says nothing of a body; an empty POST says 0."""
        bench = Bench()
        bench.ask(method=b"GET", body=b"")
        assert b"Content-Length" not in bench.vendor.lines[0].heard()
        bench.ask(body=b"")
        assert bench.vendor.lines[1].heard().endswith(b"Content-Length: 0\r\n\r\n")


class LeavingTests:
    """Connections that we drop ourselves."""

    def test_who_leaves_is_no_outage(self) -> None:
        """A-17: a fresh connection that we drop ourselves tells nothing about the vendor."""
        bench, head = Bench(), key(b"k")
        left = bench.ask(head)
        left.addErrback(lambda _: None)
        left.cancel()
        bench.vendor.lines[0].hang_up(rudely=True)
        bench.exchange(OK, head)
        asked = bench.ask(head)
        bench.vendor.lines[1].hang_up()
        assert len(bench.vendor.lines) == 3
        bench.vendor.lines[2].say(OK)
        assert result(asked).code == 200


class EarlyAnswerTests:
    """D-40: an answer while the request is on its way."""

    def test_upload_is_stopped(self) -> None:
        """The early answer is delivered whole, and the connection dropped with what was not sent."""
        bench = Bench()
        asked = bench.ask(body=b"x" * (WATCHED + 1))
        line = bench.vendor.lines[0]
        line.transport.producer.pauseProducing()
        line.say(EARLY)
        reader = taken(asked)
        assert (reader.body, reader.end) == (b"no", ResponseDone)
        assert line.aborted

    def test_pieces_that_were_not_written(self) -> None:
        """Nor is a connection any good that a part of the body has not been given to."""
        bench = Bench()
        bench.exchange(OK)
        line = bench.vendor.lines[0]
        heard: list[bytes] = []

        def write(data: bytes) -> None:
            heard.append(data)
            if len(heard) == 2:
                line.transport.producer.pauseProducing()

        line.transport.write = write  # type: ignore[method-assign]
        asked = bench.ask(body=b"x" * (2 * JOINED))
        line.say(EARLY)
        assert taken(asked).body == b"no"
        assert line.aborted and len(heard) == 2

    def test_upload_that_is_through(self) -> None:
        """Once the transport has taken everything, the connection is as good as any, without a producer."""
        bench = Bench()
        bench.ask(body=b"x" * (WATCHED + 1))
        line = bench.vendor.lines[0]
        line.transport.producer.pauseProducing()
        line.transport.producer.resumeProducing()
        line.say(EARLY)
        assert not line.aborted
        assert line.transport.producer is None
        bench.ask()
        assert len(bench.vendor.lines) == 1


@implementer(ISystemHandle)
class SocketTransport(StringTransport):
    """A transport in memory that shows a real socket to whoever asks for its handle."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock

    def getHandle(self) -> socket.socket:
        return self._sock


@define(eq=False)
class Nobody:
    """An owner that only counts, and is its own turn."""

    gone_ones: list[Any] = field(factory=list)
    sent: list[tuple[Any, bytes]] = field(factory=list)

    @property
    def turn(self) -> Nobody:
        return self

    def send(self, transport: Any, data: bytes) -> None:
        self.sent.append((transport, data))

    def died(self, exchange: Any) -> None:
        """With a fresh connection."""

    def lost(self, connection: Any) -> None:
        """Closed."""

    def gone(self, connection: Any) -> None:
        self.gone_ones.append(connection)


class Socketless(TCPConnection):
    """Plain TCP as far as a protocol sees."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol

    def setTcpNoDelay(self, enabled: bool) -> None: ...

    def getHandle(self) -> None: ...


class DirectTests:
    """Plain TCP, without anything between."""

    def test_reads_come_straight(self) -> None:
        """What an endpoint put before the connection to learn of it is not asked to pass on every read."""
        connection = Connection(Nobody(), (b"", b""), Bounds())  # type: ignore[arg-type]
        transport = Socketless(Protocol())
        connection.makeConnection(transport)
        assert transport.protocol is connection

    def test_requests_leave_together(self) -> None:
        """A request goes to the turn; a connection that is lost has let go of it."""
        owner = Nobody()
        connection = Connection(owner, (b"", b""), Bounds())  # type: ignore[arg-type]
        transport = Socketless(connection)
        connection.makeConnection(transport)
        exchange = Exchange(target(b"POST", HERE), NO_HEAD, b"{}", (b"", b""))
        connection.send(exchange)
        assert owner.sent == [(transport, exchange.wire(b"{}"))]
        connection.connectionLost(Failure(ConnectionDone()))
        assert connection._corked is None


@define(eq=False)
class Phased:
    """A bench whose connections deal with what has come at the end of the turn."""

    works: list[tuple[Any, Any]] = field(factory=list)
    bench: Bench = field(factory=Bench)

    def __attrs_post_init__(self) -> None:
        self.bench.agent.turn = self

    def take(self, work: Any) -> None:
        """As a turn's phase."""
        self.works.append(work)

    def send(self, transport: Any, data: bytes) -> None:
        """Nothing goes this way: the transports are in memory."""

    def ask(self) -> tuple[Any, Any]:
        """A request, and the vendor's end of it, which has a socket for all that the connection knows."""
        asked = self.bench.ask()
        line = self.bench.vendor.lines[-1]
        line.connection._turn = self
        return asked, line

    def end(self) -> None:
        """The turn ends."""
        works, self.works = self.works, []
        for work, whom in works:
            try:
                work()
            except Exception:
                whom.processingFailed(Failure())


class PhaseTests:
    """What has come is dealt with in its phase of the turn, whatever comes in between."""

    def test_once_for_several_reads(self) -> None:
        """TLS may bring several in one turn; they are one."""
        phased = Phased()
        asked, line = phased.ask()
        line.say(OK[:-1])
        line.say(OK[-1:])
        assert len(phased.works) == 1
        phased.end()

        assert taken(asked).body == b"hi"

    def test_more_than_the_answer_in_the_same_turn(self) -> None:
        """D-13, D-31: what comes behind an answer that is not yet dealt with is nobody's, and ends the connection."""
        phased = Phased()
        asked, line = phased.ask()
        line.say(OK)
        line.say(OK)
        phased.end()

        assert taken(asked).body == b"hi"
        assert line.aborted

    def test_an_end_in_the_same_turn(self) -> None:
        """What came before the connection's end is not lost by it, nor dealt with twice."""
        phased = Phased()
        asked, line = phased.ask()
        line.say(OK)
        line.hang_up()
        assert taken(asked).body == b"hi"
        phased.end()

        assert phased.works == []

    def test_a_cut_in_the_same_turn(self) -> None:
        """D-14: half an answer and the end are half an answer."""
        phased = Phased()
        asked, line = phased.ask()
        line.say(CHUNKED + b"5\r\nhello\r\n")
        line.hang_up()
        phased.end()

        reader = taken(asked)
        assert (reader.body, reader.end) == (b"hello", BrokenBody)

    def test_who_has_left_is_not_told(self) -> None:
        """A-17: cancelled behind the last byte, the answer is nobody's, and the connection is dropped."""
        phased = Phased()
        asked, line = phased.ask()
        line.say(OK)
        asked.cancel()
        phased.end()

        assert line.aborted
        assert isinstance(asked.result, Failure)
        asked.addErrback(lambda _: None)

    def test_who_wants_no_more_gets_no_more(self) -> None:
        """Given up behind a read that is not yet dealt with, a body goes no further."""
        phased = Phased()
        asked, line = phased.ask()
        line.say(CHUNKED + b"5\r\nhello\r\n")
        phased.end()
        response = result(asked)
        reader = taken(asked)
        line.say(b"5\r\nworld\r\n")
        response.stopProducing()
        phased.end()

        assert reader.body == b"hello"
        assert line.aborted

    @pytest.mark.parametrize("lost", [False, True])
    def test_a_bug_drops_the_connection(self, monkeypatch: pytest.MonkeyPatch, lost: bool) -> None:
        """And is logged, also where the connection ends in that turn; its owner hears of that end."""
        phased = Phased()
        asked, line = phased.ask()
        asked.addErrback(lambda _: None)

        def broken(*words: Any) -> None:
            raise ValueError("a bug")

        monkeypatch.setattr(Connection, "_pass_on", broken)
        line.say(OK)
        with capturedLogs() as logs:
            if lost:
                line.hang_up()
            phased.end()

        assert line.aborted
        assert [event["log_failure"].value.args for event in logs] == [("a bug",)]


class QuietTests:
    """D-06, D-31: the look at the socket before a connection is used again."""

    def test_what_the_kernel_holds(self) -> None:
        """Nothing waiting is quiet; a byte or an end that the reactor has not seen is not."""
        near, far = socket.socketpair()
        near.setblocking(False)
        connection = Connection(Nobody(), (b"", b""), Bounds())  # type: ignore[arg-type]
        connection.makeConnection(SocketTransport(near))
        assert connection.quiet()
        far.send(b"H")
        assert not connection.quiet()
        near.recv(1)
        assert connection.quiet()
        far.close()
        assert not connection.quiet()
        near.close()
        assert not connection.quiet()
