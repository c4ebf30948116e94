"""How many connections come in."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.python.failure import Failure

from targon_gw.core.config import Bounds, Network
from targon_gw.web.channel import Channel
from targon_gw.web.doorway import Doorway, TurnedAway, room_for_clients

from .conversation import Conversation, Desk, Wire, ask

ANN, BOB = "192.0.2.1", "192.0.2.2"
GONE = Failure(ConnectionDone())


def doorway(bound: int = 3, most: int = 1000, trusted: tuple[str, ...] = ()) -> Doorway:
    """One that lets in so many of one address, and so many in all."""
    networks: list[Network] = [ipaddress.ip_network(each) for each in trusted]
    return Doorway(lambda: Bounds(connections_per_address=bound), lambda: networks, lambda: 0.5, lambda: most)


class DoorwayTests:
    def test_one_address(self) -> None:
        """A-31: one more than it may have is told so, and when to come again; another address comes in."""
        door = doorway(3)
        places = [door.enter(ANN) for _ in range(3)]
        refusal = door.refusal(ANN)
        assert refusal is not None and (refusal.code, refusal.wait) == ("rate_limit_exceeded", 2.5)
        assert door.refusal(BOB) is None
        door.leave(places[0])

        assert door.refusal(ANN) is None

    def test_in_all(self) -> None:
        """E-17: when as many are open as there are descriptors for, nobody else comes in, by a Unix socket neither."""
        door = doorway(most=2)
        for host in (ANN, BOB):
            door.enter(host)

        for host in (ANN, "198.51.100.1", "unix"):
            refusal = door.refusal(host)
            assert refusal is not None and refusal.code == "overloaded"

    @pytest.mark.parametrize("host", ["unix", "10.0.0.9", "::ffff:10.0.0.9"])
    def test_no_clients_address(self, host: str) -> None:
        """A Unix socket and a trusted proxy may have any number."""
        door = doorway(1, trusted=("10.0.0.0/8",))
        for _ in range(5):
            door.enter(host)

        assert door.refusal(host) is None and not door.is_crowded(host)

    def test_a_network_of_one_customer(self) -> None:
        """Addresses of one IPv6 /64 are one; an IPv4 address is the same as an IPv6 one."""
        door = doorway(2)
        door.enter("2001:db8::1")
        door.enter("2001:db8::2")
        door.enter(f"::ffff:{ANN}")
        door.enter(ANN)

        assert door.refusal("2001:db8::3") is not None
        assert door.refusal("2001:db8:0:1::3") is None
        assert door.refusal(ANN) is not None

    @given(st.lists(st.tuples(st.booleans(), st.sampled_from([ANN, BOB, "unix", "::1"]), st.integers(0, 9))))
    def test_counts_never_leak(self, acts: list[tuple[bool, str, int]]) -> None:
        """Whatever comes and goes: when all are gone nothing is counted, and nothing is remembered."""
        door = doorway()
        inside: list[str] = []
        for comes, host, number in acts:
            if comes:
                inside.append(door.enter(host))
            elif inside:
                door.leave(inside.pop(number % len(inside)))
            assert door.open == len(inside)
        for place in inside:
            door.leave(place)

        assert door.open == 0 and not door._of

    def test_room(self) -> None:
        """Half of the descriptors, and some are kept."""
        assert 0 < room_for_clients() < 1 << 20


def came(conversation: Conversation, host: str) -> tuple[Any, Wire]:
    """A connection of `host`, as the reactor makes it."""
    address = UNIXAddress(b"/x") if host == "unix" else (IPv6Address if ":" in host else IPv4Address)("TCP", host, 1)
    protocol = conversation.site.buildProtocol(address)
    wire = Wire()
    wire.peerAddr = address
    protocol.makeConnection(wire)
    return protocol, wire


class SiteTests:
    """What a connection meets."""

    def test_too_many(self) -> None:
        """A-31: the fourth is not let in, others are; when one of the three goes, one may come."""
        talk = Conversation()
        talk.channel.connectionLost(GONE)
        talk.site.doorway = doorway(3)
        inside = [came(talk, ANN)[0] for _ in range(3)]
        outside, wire = came(talk, ANN)
        assert isinstance(outside, TurnedAway) and wire.aborted
        assert isinstance(came(talk, BOB)[0], Channel)
        assert talk.site.refusals == {"rate_limit_exceeded": 1}
        inside[0].connectionLost(GONE)

        assert isinstance(came(talk, ANN)[0], Channel)

    def test_the_proxied_address_counts(self) -> None:
        """Behind the PROXY protocol it is the client's address, not the proxy's, that has as many as it may."""
        desk = Desk()
        talk = Conversation(resource=desk)
        talk.channel.connectionLost(GONE)
        talk.site.doorway = doorway(2, trusted=("10.0.0.1/32",))
        wires = []
        for source in (ANN, ANN, ANN, BOB):
            protocol: Protocol = HAProxyWrappingFactory(talk.site).buildProtocol(IPv4Address("TCP", "10.0.0.1", 9))
            wire = Wire()
            wire.peerAddr = IPv4Address("TCP", "10.0.0.1", 9)
            protocol.makeConnection(wire)
            header = f"PROXY TCP4 {source} 198.51.100.1 5555 3811\r\n".encode()
            protocol.dataReceived(header + ask(target="/", method="GET"))
            wires.append(wire)

        assert [wire.aborted for wire in wires] == [False, False, True, False]
        assert [request.client_host() for request in desk.seen] == [ANN, ANN, BOB]

    def test_what_the_fourth_reads(self) -> None:
        """A whole answer in the shape of every other refusal, that may be read from any origin."""
        talk = Conversation()
        talk.channel.connectionLost(GONE)
        talk.site.refusal_headers = lambda path: ((b"access-control-allow-origin", b"*"),)
        talk.site.doorway = doorway(0)
        protocol = talk.site.buildProtocol(IPv4Address("TCP", ANN, 1))
        assert isinstance(protocol, TurnedAway)
        head, _, body = protocol.answer.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")

        assert lines[0] == b"HTTP/1.1 429 Too Many Requests"
        assert b"retry-after: 3" in lines and b"connection: close" in lines
        assert b"access-control-allow-origin: *" in lines
        assert b"content-length: %d" % len(body) in lines
        assert b'"code":"rate_limit_exceeded"' in body
        assert any(line.startswith(b"x-request-id: req_") for line in lines)
