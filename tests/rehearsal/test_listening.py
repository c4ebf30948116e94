"""The vendor on a real port of loopback: what memory cannot show, the difference between FIN and RST."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import CannotListenError, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from targon_gw.rehearsal.listening import BACKLOG, start

from .stage import chat, response, vendor


class Client(Protocol):
    """Sends a request and keeps what comes until the connection is lost."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.data = b""
        self.lost: Deferred[type[BaseException]] = Deferred()

    def connectionMade(self) -> None:
        """Ask."""
        self.transport.write(self.request)

    def dataReceived(self, data: bytes) -> None:
        """Keep."""
        self.data += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell why: by class, for a Failure would be raised."""
        self.lost.callback(reason.type)


class StartTests(SynchronousTestCase):
    """Putting a vendor on a port."""

    def test_listens_on_loopback(self) -> None:
        """It asks the reactor for the port, on loopback, with room for a crowd."""
        memory = MemoryReactorClock()
        self.successResultOf(start(memory, vendor(), 8080))
        ((port, _, backlog, interface),) = memory.tcpServers
        assert (port, backlog, interface) == (8080, BACKLOG, "127.0.0.1")


@pytest.mark.live
class LiveTests(TestCase):
    """Real sockets."""

    timeout = 10
    port: IListeningPort

    async def ask(self, model: str) -> tuple[Client, type[BaseException]]:
        """Ask over a connection of one's own until it is lost."""
        from twisted.internet import reactor

        client = Client(chat(model))
        await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", self.port.getHost().port), client)
        return client, await client.lost

    async def test_reset_and_fin(self) -> None:
        """D-05, D-10, D-11: RST is a lost connection, FIN a closed one; what was said before either arrives."""
        from twisted.internet import reactor

        self.port = await start(reactor, vendor())
        self.addCleanup(self.port.stopListening)
        for model, reason, events in (
            ("fault/reset-before-head", ConnectionLost, None),
            ("fault/fin-before-head", ConnectionDone, None),
            ("fault/reset-midway:4", ConnectionLost, 4),
            ("fault/fin-midway:4", ConnectionDone, 4),
        ):
            client, lost = await self.ask(model)
            assert lost is reason, model
            assert (len(response(client.data).payloads) if events else client.data) == (events or b"")

    async def test_taken_port(self) -> None:
        """A port that is taken is said to be."""
        from twisted.internet import reactor

        self.port = await start(reactor, vendor())
        self.addCleanup(self.port.stopListening)
        with self.assertRaises(CannotListenError):
            await start(reactor, vendor(), self.port.getHost().port)
