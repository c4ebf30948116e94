"""The bytes of one turn leave together, at its end, over real sockets without a reactor."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.task import Clock
from twisted.internet.tcp import Connection

from targon_gw.cork import MOST, Cork


@define(eq=False)
class Reactor:
    """What a Connection asks of its reactor."""

    writers: list[Any] = field(factory=list)

    def addWriter(self, writer: Any) -> None:
        """Twisted's word for: more is to be sent when the socket takes it."""
        self.writers.append(writer)


@define(eq=False)
class Line:
    """A connection, its other end and the cork."""

    clock: Clock
    cork: Cork
    transport: Connection
    other: socket.socket

    def got(self) -> bytes:
        """What has arrived."""
        try:
            return self.other.recv(1 << 20)
        except BlockingIOError:
            return b""


@pytest.fixture
def line() -> Iterator[Line]:
    """A fresh one."""
    here, there = socket.socketpair()
    here.setblocking(False)
    there.setblocking(False)
    transport: Any = Connection(here, None, Reactor())  # type: ignore[arg-type]
    transport.connected = True
    clock = Clock()
    yield Line(clock, Cork(clock), transport, there)
    here.close()
    there.close()


class CorkTests:
    """What is kept, and when it leaves."""

    def test_all_of_a_turn_leaves_in_order_at_its_end(self, line: Line) -> None:
        """Nothing leaves while the turn lasts; then everything does, and nothing is left ticking."""
        line.cork.send(line.transport, b"head ")
        line.cork.send(line.transport, b"body")
        assert line.got() == b""

        line.clock.advance(0)

        assert line.got() == b"head body"
        assert line.clock.getDelayedCalls() == []

    def test_release_sends_at_once_and_once(self, line: Line) -> None:
        """Whoever closes has it sent before; the end of the turn has nothing more to send."""
        line.cork.send(line.transport, b"last words")
        line.cork.release(line.transport)
        assert line.got() == b"last words"

        line.clock.advance(0)

        assert line.got() == b""

    def test_much_does_not_wait(self, line: Line) -> None:
        """Beyond `MOST` bytes the turn is not waited for, so that pressure reaches whoever produces them."""
        line.cork.send(line.transport, b"x" * MOST)
        assert line.got() == b""
        line.cork.send(line.transport, b"y")

        assert line.got().startswith(b"x")

    def test_what_the_kernel_does_not_take_goes_twisteds_way(self, line: Line) -> None:
        """A full socket: the rest waits in the transport's own buffer, in order, behind nothing that overtakes it."""
        line.cork.send(line.transport, b"a" * (8 << 20))
        line.clock.advance(0)
        line.cork.send(line.transport, b"z")
        line.clock.advance(0)

        waiting = line.transport.dataBuffer + b"".join(line.transport._tempDataBuffer)
        assert waiting.endswith(b"az")

    def test_a_broken_connection_is_left_to_twisted(self, line: Line) -> None:
        """Where the other end is gone, the reactor is asked to write, and so finds out; the turn goes on."""
        line.other.close()
        line.cork.send(line.transport, b"too late")

        line.clock.advance(0)

        assert line.transport.reactor.writers == [line.transport]

    def test_a_lost_connection_is_passed_over(self, line: Line) -> None:
        """What is kept for a connection that is gone goes nowhere, and the others still get theirs."""
        line.cork.send(line.transport, b"too late")
        line.transport.connected = False

        line.clock.advance(0)

        assert line.got() == b""
        assert line.clock.getDelayedCalls() == []
