"""Our agent: requests out, answers in, connections kept between calls of one key and never shared with another's.

Two callers with different authorizations never meet on a connection, so that whatever goes wrong between a vendor and
one key stays there (D-31). A kept connection is used again newest first, after a look at its socket; where it dies all
the same before a byte of the answer came, the request is sent once more, on a fresh one (D-06); not where fresh ones
have died so of late: an outage is not doubled (D-47). Idle connections are
bounded, for each key and in all: the oldest are closed. Of busy ones the pool of keys has the bound.

The one deadline here is for connecting: name, TCP and TLS together (D-01, D-03). Cancelling what `request` returned, in
any phase, drops whatever was under way at once; the deadlines of the answer are built on that. Redirects are not
followed, cookies not kept, nothing is retried but D-06.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from .connection import Connection, Turn
from .errors import ConnectFailed, no_connection
from .reading import Bounds
from .requests import Body, Exchange, Head, Target, gather, head_of, target

Endpoints = Callable[[bytes, bytes, int], IStreamClientEndpoint]
"""Scheme, host and port to what connects there."""
Key = tuple[bytes, bytes]

JUST_NOW = 0.01
"""Seconds within which a connection that ended an answer is used again without a look at its socket: a system call, a
twelfth of a call's whole cost where connections go from answer to request within one turn."""
REMEMBERED = 1024
"""Addresses kept in prepared form; a gateway asks for a handful."""


@frozen
class AgentLimits:
    """Durations in seconds, sizes in bytes."""

    idle: float = 30.0
    """How long a connection is kept without work; below what vendors' own ends do (60 s and more)."""
    kept: int = 256
    """Idle connections of one origin and key."""
    kept_in_all: int = 4096
    """Idle connections of all keys together: ten thousand keys do not hold ten thousand sockets."""
    connect: float = 5.0
    """Name, TCP and TLS together."""
    upload: int = 64 << 20
    """What a foreign body producer may write."""
    answer: Bounds = Bounds()


class _Plug(ClientFactory):
    """Makes the protocol of one connection."""

    noisy = False

    def __init__(self, agent: Agent, key: Key) -> None:
        self._agent = agent
        self._key = key

    def buildProtocol(self, addr: IAddress | None) -> Connection:
        self._agent.counted(1)
        return Connection(self._agent, self._key, self._agent.limits.answer)


@implementer(IAgent)
class Agent:
    """See the module; also the `Owner` of its connections.

    `request` fails with `ConnectFailed` or `BrokenResponse` (errors.py), or CancelledError; ValueError is raised for
    what can't be said in HTTP.
    """

    def __init__(
        self,
        clock: IReactorTime,
        endpoints: Endpoints,
        limits: AgentLimits = AgentLimits(),
        turn: Turn | None = None,
    ) -> None:
        self.limits = limits
        self.turn = turn
        self._clock = clock
        self._endpoints = endpoints
        self._targets: dict[tuple[bytes, bytes], Target] = {}
        self._idle: dict[Key, list[Connection]] = {}
        self._sweeper: IDelayedCall | None = None
        self._closed = False
        self._distrusted: dict[bytes, float] = {}
        """Origins whose fresh connections die, and until when that is held against them."""
        self._open = 0
        """Connections that there are, idle or not."""
        self._room = limits.kept
        """Idle ones of a key that need no second look; 0 where there are so many open that all must be counted."""
        self._spare = 0
        """So many more may become idle before they are counted again."""

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | Head | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """Ask `uri` (absolute). The answer comes with its head; see `Response` for the body."""
        prepared = self._targets.get((method, uri)) or self._prepare(method, uri)
        head = headers if isinstance(headers, Head) else head_of(headers)
        if isinstance(bodyProducer, Body):
            payload = bodyProducer.payload
        elif bodyProducer is None:
            payload = b""
        else:
            return self._gathered(method, uri, head, bodyProducer)
        exchange = Exchange(prepared, head, payload, (prepared.origin, head.authorization))
        answer = exchange.answer = Deferred(exchange.cancelled)
        connection = self._take(exchange.key)
        if connection is None:
            self._connect(exchange)
        else:
            connection.send(exchange)
        return answer

    def _gathered(self, method: bytes, uri: bytes, head: Head, producer: IBodyProducer) -> Deferred[IResponse]:
        """Ask, once all of the body has been produced."""
        gathered = gather(producer, self.limits.upload)
        return gathered.addCallback(lambda whole: self.request(method, uri, head, Body(whole)))

    def close(self) -> None:
        """Close what is idle, and keep nothing from now on. Answers under way are left alone."""
        self._closed = True
        kept, self._idle = self._idle, {}
        for connections in kept.values():
            for connection in connections:
                connection.retire()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    def _prepare(self, method: bytes, uri: bytes) -> Target:
        if len(self._targets) >= REMEMBERED:
            self._targets.clear()
        made = self._targets[method, uri] = target(method, uri)
        return made

    # kept connections

    def _take(self, key: Key) -> Connection | None:
        """The one used last, if it can be used again; those that can't are closed on the way."""
        connections = self._idle.get(key)
        while connections:
            connection = connections.pop()
            idle = self._clock.seconds() - connection.idle_since
            if idle < JUST_NOW or (idle < self.limits.idle and connection.quiet()):
                return connection
            if idle < self.limits.idle:
                connection.drop()
            else:
                connection.retire()
        return None

    def free(self, connection: Connection) -> None:
        """It has ended an answer cleanly: keep it."""
        if self._closed:
            connection.retire()
            return
        connection.idle_since = self._clock.seconds()
        connections = self._idle.get(connection.key)
        if connections is None:
            connections = self._idle[connection.key] = []
        connections.append(connection)
        if len(connections) > self._room:
            self._make_room(connections)
        if self._sweeper is None:
            self._sweeper = self._clock.callLater(self.limits.idle, self._sweep)

    def gone(self, connection: Connection) -> None:
        """It can't be used any more."""
        connections = self._idle.get(connection.key)
        if connections and connection in connections:
            connections.remove(connection)

    def lost(self, connection: Connection) -> None:
        """It is closed."""
        self.counted(-1)
        self.gone(connection)

    def counted(self, more: int) -> None:
        """So many more connections are open: where that can't be too many idle ones, none are counted."""
        self._open += more
        self._room = self.limits.kept if self._open <= self.limits.kept_in_all else 0

    def _make_room(self, connections: list[Connection]) -> None:
        """One more is idle: close the oldest of its key, or the oldest of all."""
        if len(connections) > self.limits.kept:
            connections.pop(0).retire()
        elif not self._room:
            self._spare -= 1
            if self._spare < 0:
                self._thin()

    def _thin(self) -> None:
        """Close the oldest, where there are too many; a sixteenth at once, so that they are not counted each time."""
        most = self.limits.kept_in_all
        idle = [connection for connections in self._idle.values() for connection in connections]
        over = len(idle) - most
        if over > 0:
            idle.sort(key=_idle_since)
            for connection in idle[: over + most // 16]:
                self._idle[connection.key].remove(connection)
                connection.retire()
            over = -(most // 16)
        self._spare = -over

    def _sweep(self) -> None:
        """Close what has been idle too long; forget keys that have nothing left. One timer for all of them."""
        self._sweeper = None
        now = self._clock.seconds()
        for key, connections in list(self._idle.items()):
            while connections and now - connections[0].idle_since >= self.limits.idle:
                connections.pop(0).retire()
            if not connections:
                del self._idle[key]
        if self._idle:
            oldest = min(connections[0].idle_since for connections in self._idle.values())
            self._sweeper = self._clock.callLater(max(1.0, oldest + self.limits.idle - now), self._sweep)

    # new connections

    def may_repeat(self, exchange: Exchange) -> bool:
        """Whether a request whose kept connection died may go out again: not where fresh ones die, too."""
        return self._clock.seconds() >= self._distrusted.get(exchange.target.origin, 0.0)

    def died(self, exchange: Exchange) -> None:
        """A fresh connection has died before a byte came: that is no race. By `idle` what is kept now is gone."""
        self._distrusted[exchange.target.origin] = self._clock.seconds() + self.limits.idle

    def again(self, exchange: Exchange) -> None:
        """A kept connection died under it before a byte came: once more, and not on another kept one (D-06)."""
        if exchange.answer is not None:
            self._connect(exchange)

    def _connect(self, exchange: Exchange) -> None:
        where = exchange.target
        endpoint = self._endpoints(where.scheme, where.host, where.port)
        exchange.patience = self._clock.callLater(self.limits.connect, self._out_of_patience, exchange)
        connecting = endpoint.connect(_Plug(self, exchange.key))
        exchange.stop = connecting.cancel
        connecting.addCallbacks(self._connected, self._unconnected, (exchange,), {}, (exchange,), {})

    def _connected(self, connection: Connection, exchange: Exchange) -> None:
        exchange.stop = None
        if exchange.answer is None:
            connection.drop()
            return
        if connection.secure:
            exchange.calm()
        connection.send(exchange)

    def _unconnected(self, reason: Failure, exchange: Exchange) -> None:
        exchange.stop = None
        exchange.fail(no_connection(reason))

    def _out_of_patience(self, exchange: Exchange) -> None:
        exchange.patience = None
        exchange.fail(ConnectFailed("timeout"))


def _idle_since(connection: Connection) -> float:
    return connection.idle_since
