"""Behind the PROXY protocol the client's address is what the proxy says, which comes behind the connection itself."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory

from .conversation import Conversation, Desk, ask

V1 = b"PROXY TCP4 203.0.113.9 198.51.100.1 5555 3811\r\n"
V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xc6\x33\x64\x01\x15\xb3\x0e\xe3"


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
@pytest.mark.parametrize("split", [False, True])
def test_address_is_the_proxys_word(header: bytes, split: bool) -> None:
    """Each request has the address that was told, however the bytes come, and not that of the proxy."""
    desk = Desk()
    site = Conversation(resource=desk).site
    protocol = HAProxyWrappingFactory(site).buildProtocol(IPv4Address("TCP", "127.0.0.1", 9))
    protocol.makeConnection(StringTransport(peerAddress=IPv4Address("TCP", "127.0.0.1", 9)))
    sent = header + ask(target="/", method="GET")
    # Twisted must have what tells the two versions apart in the first read.
    for part in [sent[:16], *(sent[at : at + 1] for at in range(16, len(sent)))] if split else [sent]:
        protocol.dataReceived(part)
    protocol.dataReceived(ask(target="/", method="GET"))

    assert [request.client_host() for request in desk.seen] == ["203.0.113.9"] * 2
    protocol.connectionLost(None)
