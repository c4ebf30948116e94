"""Where connections may go (F-18), and to whom they talk there (D-04)."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from typing import Any

import pytest
import trustme
from attrs import define, field, frozen
from OpenSSL.SSL import TLS_METHOD, Connection, Context
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IHostnameResolver, IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.test.iosim import ConnectionCompleter
from zope.interface import implementer

from targon_gw.outbound.addresses import Endpoints, literal, private
from targon_gw.outbound.agent import Agent, AgentLimits
from targon_gw.outbound.errors import ConnectFailed

from .wire import OK, failure, taken

CA = trustme.CA()
NOT_THE_INTERNETS = """
127.0.0.1 127.8.8.8 0.0.0.0 10.0.0.1 172.16.3.4 192.168.1.1 169.254.169.254 100.64.0.1 224.0.0.1 239.1.1.1
255.255.255.255 240.0.0.1 192.0.2.1 198.18.0.1 ::1 :: fe80::1 fe80::1%eth0 fc00::1 fd12::1 ff02::1
::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 64:ff9b::a00:1 2002:7f00:1:: 2001:db8::1 ::127.0.0.1
"""
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


@implementer(IHostnameResolver)
@define(eq=False)
class Names:
    """A resolver that answers what it is told, each time the next."""

    answers: list[list[str]]
    asked: int = 0

    def resolveHostName(
        self,
        resolutionReceiver: Any,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[Any] | None = None,
        transportSemantics: str = "TCP",
    ) -> Any:
        resolutionReceiver.resolutionBegan(self)
        for host in self.answers[min(self.asked, len(self.answers) - 1)]:
            kind = IPv6Address if ":" in host else IPv4Address
            resolutionReceiver.addressResolved(kind("TCP", host, portNumber))
        self.asked += 1
        resolutionReceiver.resolutionComplete()
        return self


class Silent(Protocol):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard = b""

    def dataReceived(self, data: bytes) -> None:
        self.heard += data


@define(eq=False)
class World:
    """A reactor in memory, its names and what was tried to reach."""

    reactor: MemoryReactorClock = field(factory=MemoryReactorClock)

    def connect(self, host: bytes, *addresses: str, allow_private: bool = False) -> Deferred[Any]:
        """Connect to port 80 of `host`, which is `addresses`."""
        self.reactor.installNameResolver(Names([list(addresses)]))
        endpoints = Endpoints(self.reactor, allow_private)
        return endpoints(b"http", host, 80).connect(Factory.forProtocol(Silent))

    @property
    def tried(self) -> list[str]:
        """The addresses that a connection was begun to."""
        return [host for host, *_ in self.reactor.tcpClients]


class PrivateTests:
    """Which addresses are not the internet's."""

    @pytest.mark.parametrize("address", NOT_THE_INTERNETS.split())
    def test_private(self, address: str) -> None:
        """Loopback, private, link-local, shared, reserved, multicast, and IPv6 that wraps one."""
        assert private(ipaddress.ip_address(address))

    @pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
    def test_public(self, address: str) -> None:
        """The rest is public."""
        assert not private(ipaddress.ip_address(address))

    @pytest.mark.parametrize("host", ["2130706433", "0177.0.0.1", "127.1", "0x7f.1", "1.2.3.4.5", "localhost", ""])
    def test_other_spellings_are_names(self, host: str) -> None:
        """Decimal, octal and short forms are left to the resolver, whose answer is looked at."""
        assert literal(host) is None


class ScreenTests:
    """F-18: nothing is connected to that may not be."""

    @pytest.mark.parametrize("host", [b"127.0.0.1", b"::1", b"169.254.169.254", b"::ffff:127.0.0.1", b"0.0.0.0"])
    def test_literal(self, host: bytes) -> None:
        """A private address, written out, is refused before a connection is begun."""
        world = World()
        assert failure(world.connect(host)).kind == "private"
        assert world.tried == []

    @pytest.mark.parametrize("host", [b"inside.example", b"2130706433", b"0177.0.0.1"])
    def test_name(self, host: bytes) -> None:
        """A name that leads to one is refused too, and so is any spelling that the resolver makes one of."""
        world = World()
        error = failure(world.connect(host, "127.0.0.1", "fe80::1"))
        assert isinstance(error, ConnectFailed)
        assert error.kind == "private"
        assert world.tried == []

    def test_both_kinds(self) -> None:
        """Of a name with both kinds of addresses the public ones are tried."""
        world = World()
        world.connect(b"both.example", "10.0.0.1", "8.8.8.8")
        assert world.tried == ["8.8.8.8"]

    def test_no_rebinding(self) -> None:
        """The name is looked up once; what was checked is what is connected to."""
        world = World()
        names = Names([["8.8.8.8"], ["127.0.0.1"]])
        world.reactor.installNameResolver(names)
        endpoint = Endpoints(world.reactor)(b"http", b"rebound.example", 80)
        endpoint.connect(Factory.forProtocol(Silent))
        assert (names.asked, world.tried) == (1, ["8.8.8.8"])
        assert failure(endpoint.connect(Factory.forProtocol(Silent))).kind == "private"
        assert world.tried == ["8.8.8.8"]

    def test_allowed(self) -> None:
        """An upstream that may have private addresses is connected to, by address and by name."""
        world = World()
        world.connect(b"127.0.0.1", allow_private=True)
        world.connect(b"::1", allow_private=True)
        world.connect(b"inside.example", "10.0.0.1", allow_private=True)
        assert world.tried == ["127.0.0.1", "::1", "10.0.0.1"]

    def test_unknown_name(self) -> None:
        """D-01: a name without addresses is a DNS failure, not a private address."""
        agent = Agent(MemoryReactorClock(), Endpoints(World().reactor))
        world = World()
        world.reactor.installNameResolver(Names([[]]))
        agent = Agent(world.reactor, Endpoints(world.reactor))
        assert failure(agent.request(b"GET", b"http://nowhere.example/")).kind == "dns"
        assert world.reactor.getDelayedCalls() == []

    def test_refused_at_once(self) -> None:
        """D-02: a literal address that refuses is reported in the same turn, a name's within 50 ms."""
        world = World()
        agent = Agent(world.reactor, Endpoints(world.reactor))
        asked = agent.request(b"GET", b"http://8.8.8.8/")
        world.reactor.tcpClients[0][2].clientConnectionFailed(None, Failure(ConnectionRefusedError()))
        assert failure(asked).kind == "refused"
        world.reactor.installNameResolver(Names([["8.8.4.4"]]))
        asked = agent.request(b"GET", b"http://dns.example/")
        world.reactor.tcpClients[1][2].clientConnectionFailed(None, Failure(ConnectionRefusedError()))
        world.reactor.advance(0.05)
        assert failure(asked).kind == "refused"
        assert world.reactor.getDelayedCalls() == []

    def test_endpoints_are_kept(self) -> None:
        """The same address is the same endpoint, and other schemes there are none."""
        endpoints = Endpoints(MemoryReactorClock())
        assert endpoints(b"http", b"a.example", 80) is endpoints(b"http", b"a.example", 80)
        with pytest.raises(ValueError):
            endpoints(b"ftp", b"a.example", 21)


@implementer(IOpenSSLServerConnectionCreator)
@frozen
class Served:
    """A server's side of TLS, with one certificate."""

    leaf: trustme.LeafCert

    def serverConnectionForTLS(self, tlsProtocol: object) -> Connection:
        context = Context(TLS_METHOD)
        self.leaf.configure_cert(context)
        return Connection(context, None)


@define(eq=False)
class Vault:
    """A TLS server at 127.0.0.1:443, as `leaf` says, or a plain one, and an agent that trusts `CA`."""

    leaf: trustme.LeafCert | None
    reactor: MemoryReactorClock = field(factory=MemoryReactorClock)
    servers: list[Any] = field(factory=list)
    pump: Any = None

    def ask(self, host: bytes) -> Deferred[Any]:
        """A request to `host`, as far as it gets."""
        self.reactor.installNameResolver(Names([["127.0.0.1"]]))
        trust = trustRootFromCertificates([Certificate.loadPEM(CA.cert_pem.bytes())])
        agent = Agent(self.reactor, Endpoints(self.reactor, True, trust=trust), AgentLimits(connect=5))
        inner = Factory.forProtocol(Silent)
        outer = inner if self.leaf is None else TLSMemoryBIOFactory(Served(self.leaf), False, inner, clock=self.reactor)
        build = inner.buildProtocol

        def remember(address: Any) -> Any:
            self.servers.append(build(address))
            return self.servers[-1]

        inner.buildProtocol = remember  # type: ignore[method-assign]
        self.reactor.listenTCP(443, outer)
        asked = agent.request(b"GET", b"https://" + host + b"/v1")
        self.pump = ConnectionCompleter(self.reactor).succeedOnce()
        self.pump.flush()
        return asked


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL")
class CertificateTests:
    """D-04: TLS is verified, and never done without."""

    @pytest.mark.parametrize(("host", "name"), [(b"api.example", "api.example"), (b"127.0.0.1", "127.0.0.1")])
    def test_good(self, host: bytes, name: str) -> None:
        """A certificate of a trusted authority for that name, or that address, is good."""
        vault = Vault(CA.issue_cert(name))
        asked = vault.ask(host)
        server = vault.servers[0]
        assert server.heard.startswith(b"GET /v1 HTTP/1.1\r\nHost: " + host)
        server.transport.write(OK)
        vault.pump.flush()
        assert taken(asked).body == b"hi"
        assert all(call.getTime() > 5.0 for call in vault.reactor.getDelayedCalls())

    @pytest.mark.parametrize(
        ("host", "leaf"),
        [
            (b"api.example", CA.issue_cert("other.example")),
            (b"127.0.0.1", CA.issue_cert("127.0.0.2")),
            (b"api.example", CA.issue_cert("api.example", not_before=LONG_AGO, not_after=LONG_AGO)),
            (b"api.example", trustme.CA().issue_cert("api.example")),
            (b"api.example", None),
        ],
        ids=["name", "address", "expired", "authority", "plain"],
    )
    def test_bad(self, host: bytes, leaf: trustme.LeafCert | None) -> None:
        """Another's, an expired one, a stranger's, or none at all: no byte of the request leaves."""
        vault = Vault(leaf)
        asked = vault.ask(host)
        if leaf is None:
            assert b"GET" not in vault.servers[0].heard
            vault.servers[0].transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            vault.pump.flush()
        error = failure(asked)
        assert isinstance(error, ConnectFailed)
        assert error.kind == "tls"
        assert all(b"GET" not in server.heard for server in vault.servers)
        assert vault.reactor.getDelayedCalls() == []

    def test_silent_handshake(self) -> None:
        """D-03: a peer that never answers the handshake costs what a black hole does."""
        vault = Vault(None)
        asked = vault.ask(b"api.example")
        vault.reactor.advance(5)
        assert failure(asked).kind == "timeout"
        assert vault.reactor.getDelayedCalls() == []

    def test_one_context_a_host(self) -> None:
        """Another port of a host does not load the authorities again."""
        endpoints = Endpoints(MemoryReactorClock())
        endpoints(b"https", b"a.example", 443), endpoints(b"https", b"a.example", 8443)
        assert len(endpoints._contexts) == 1
