"""Where connections may go: endpoints for scheme, host and port, with TLS that is always verified.

Unless an upstream is allowed private addresses, no connection is made to loopback, private, link-local, unspecified,
reserved or multicast addresses, nor to IPv6 forms that wrap one (F-18). The check is made on the resolver's own answer,
on its way to the connect: there is no second look-up that could be answered otherwise. A name with both kinds of
addresses keeps the public ones.

Certificates are checked against the platform's authorities and the host's name (service-identity); there is no way to
turn that off, only another `trust`. One context a host: loading the authorities takes 10 ms of the reactor's time.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, fail
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure
from zope.interface import implementer

from .errors import ConnectFailed

IP = ipaddress.IPv4Address | ipaddress.IPv6Address

ATTEMPT_DELAY = 0.05
"""Seconds between tries of a name's addresses; Twisted's own 0.3 is also how late it reports a refusal."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def literal(host: str) -> IP | None:
    """The address that `host` is, in its one usual form; decimal, octal and short forms are names to us."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def private(address: IP) -> bool:
    """Whether `address` is not one of the public internet's, or wraps one that is not."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return private(inner)
    return not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified


@implementer(IResolutionReceiver)
@define(eq=False)
class _Screen:
    """Lets public addresses through to `receiver`, and notes that it held others back."""

    receiver: IResolutionReceiver
    owner: _PublicNames

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        self.receiver.resolutionBegan(resolutionInProgress)

    def addressResolved(self, address: IAddress) -> None:
        found = literal(getattr(address, "host", ""))
        if found is None or private(found):
            self.owner.held_back = True
        else:
            self.receiver.addressResolved(address)

    def resolutionComplete(self) -> None:
        self.receiver.resolutionComplete()


@implementer(IHostnameResolver)
@define(eq=False)
class _PublicNames:
    """The reactor's resolver, screened; made for one connect."""

    resolver: IHostnameResolver
    held_back: bool = False

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        screen = _Screen(resolutionReceiver, self)
        return self.resolver.resolveHostName(screen, hostName, portNumber, addressTypes, transportSemantics)


@implementer(IReactorPluggableNameResolver)
class _Screened:
    """The reactor with another resolver; everything else is the reactor's."""

    def __init__(self, reactor: Any, names: IHostnameResolver) -> None:
        self._reactor = reactor
        self.nameResolver = names

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """Not here: this resolver is for one connect."""
        raise NotImplementedError


@implementer(IStreamClientEndpoint)
@define(eq=False)
class _PublicEndpoint:
    """A name's endpoint that connects to public addresses only."""

    reactor: Any
    host: str
    port: int
    timeout: float

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        names = _PublicNames(self.reactor.nameResolver)
        reactor = _Screened(self.reactor, names)
        endpoint = HostnameEndpoint(reactor, self.host, self.port, self.timeout, attemptDelay=ATTEMPT_DELAY)

        def explain(reason: Failure) -> Failure:
            if names.held_back:
                return Failure(ConnectFailed("private", "the name leads to a private address"))
            return reason

        return endpoint.connect(protocolFactory).addErrback(explain)


@implementer(IStreamClientEndpoint)
class _Forbidden:
    """A private address, written out."""

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return fail(ConnectFailed("private", "a private address"))


@define(eq=False)
class Endpoints:
    """What an `Agent` asks for endpoints; one for each upstream, as `allow_private` is the upstream's.

    `timeout` is in seconds, for each address that is tried. `trust` is for tests and for private authorities; None is
    the platform's trust. The same call returns the same endpoint.
    """

    reactor: Any
    allow_private: bool = False
    timeout: float = 5.0
    trust: Any = None
    _made: dict[tuple[bytes, bytes, int], IStreamClientEndpoint] = field(init=False, factory=dict)
    _contexts: dict[str, IOpenSSLClientConnectionCreator] = field(init=False, factory=dict)

    def __call__(self, scheme: bytes, host: bytes, port: int) -> IStreamClientEndpoint:
        """The endpoint for `scheme` (b"http" or b"https"), `host` (without brackets) and `port`."""
        key = (scheme, host, port)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._make(scheme, host.decode("ascii"), port)
        return made

    def _make(self, scheme: bytes, host: str, port: int) -> IStreamClientEndpoint:
        plain = self._plain(host, port)
        if scheme == b"https":
            return wrapClientTLS(self._context(host), plain, self.reactor)
        if scheme == b"http":
            return plain
        raise ValueError("neither http nor https")

    def _plain(self, host: str, port: int) -> IStreamClientEndpoint:
        address = literal(host)
        if address is not None:
            if not self.allow_private and private(address):
                return _Forbidden()
            kind = TCP4ClientEndpoint if address.version == 4 else TCP6ClientEndpoint
            return kind(self.reactor, host, port, self.timeout)
        if self.allow_private:
            return HostnameEndpoint(self.reactor, host, port, self.timeout, attemptDelay=ATTEMPT_DELAY)
        return _PublicEndpoint(self.reactor, host, port, self.timeout)

    def _context(self, host: str) -> IOpenSSLClientConnectionCreator:
        context = self._contexts.get(host)
        if context is None:
            context = self._contexts[host] = optionsForClientTLS(
                host, trustRoot=self.trust, acceptableProtocols=[b"http/1.1"]
            )
        return context
