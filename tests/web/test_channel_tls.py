"""A client that begins TLS and does not go on (faults catalogue, F-30)."""

from __future__ import annotations

import pytest
import trustme
from attrs import define
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from targon_gw.web.serving import Site
from targon_gw.web.strict import HttpLimits
from tests.web.conversation import Desk, Wire

HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 20
"""The beginning of a handshake, of which much is still to come."""


@implementer(IOpenSSLServerConnectionCreator)
@define(eq=False)
class Contexts:
    """The server's side, with a certificate of its own."""

    context: SSL.Context

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """One connection's."""
        return SSL.Connection(self.context, None)


class Line(Wire):
    """Plain TCP as far as TLS above it sees."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        """As TCP's."""


class UnfinishedHandshakeTests:
    """Before there is any HTTP."""

    @pytest.mark.parametrize("begun", [b"", HELLO[:1], HELLO])
    def test_is_ended(self, begun: bytes) -> None:
        """F-30: a handshake that is not finished holds its connection no longer than an idle one would."""
        context = SSL.Context(SSL.TLS_METHOD)
        trustme.CA().issue_cert("gw").configure_cert(context)
        clock, desk = Clock(), Desk()
        site = Site(desk, HttpLimits(), clock)
        factory = TLSMemoryBIOFactory(Contexts(context), False, site, clock)
        protocol = factory.buildProtocol(None)  # type: ignore[arg-type]
        wire = Line()
        protocol.makeConnection(wire)
        for byte in begun:
            protocol.dataReceived(bytes([byte]))
            clock.pump([0.25] * 4)
        clock.pump([0.25] * 4 * 90)

        assert wire.disconnecting or wire.aborted
        assert desk.seen == []
