"""One connection to a vendor: a request out, its answer in, and then, only after a clean end, perhaps another.

All that one read brings of a body leaves as one `dataReceived`, its end in the same turn. What makes a connection unfit
for another request: any byte that is not the answer's, an answer before the upload was through, anything but an end by
framing, a vendor that says close, and every byte that comes while nobody asked (D-13, D-31).
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Any
from typing import Protocol as Shape

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHandshakeListener, IPushProducer, ISystemHandle
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Connection as TCPConnection
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from twisted.web.http import PotentialDataLoss
from zope.interface import implementer

from .errors import BrokenBody, BrokenResponse, no_connection
from .reading import Bounds, Reading
from .requests import Exchange
from .response import DONE, Response

log = Logger()

JOINED = 256 << 10
"""A body up to this size is copied behind its head, one write for both; a larger one leaves in pieces of this size, for
32 MB at once would be copied twice on their way, and hold up everybody for 30 ms."""
WATCHED = 64 << 10
"""What a transport takes without calling an upload unfinished (`abstract.FileDescriptor.bufferSize`)."""


class Turn(Shape):
    """The end of a turn of the reactor: see `targon_gw.turn`."""

    @property
    def take(self) -> Callable[[tuple[Callable[[], object], Connection]], None]:
        """The phase in which what vendors have sent is dealt with."""

    def send(self, transport: TCPConnection, data: bytes) -> None:
        """Send `data` then."""


class Owner(Shape):
    """The agent, as a connection sees it: send that again if you may, it died with me though I was fresh, I am free, I
    am of no use any more, I am closed."""

    turn: Turn | None

    def may_repeat(self, exchange: Exchange) -> bool: ...

    def again(self, exchange: Exchange) -> None: ...

    def died(self, exchange: Exchange) -> None: ...

    def free(self, connection: Connection) -> None: ...

    def gone(self, connection: Connection) -> None: ...

    def lost(self, connection: Connection) -> None: ...


_NOTHING = memoryview(b"")
"""Not an empty part of a body, which would keep all of it in memory."""


@implementer(IPushProducer)
class _Upload:
    """Writes a large body, no more at once than the transport likes to keep."""

    def __init__(self, transport: Any, payload: bytes) -> None:
        self._transport = transport
        self._left = memoryview(payload)
        self._paused = False
        transport.registerProducer(self, True)

    @property
    def waiting(self) -> bool:
        """Whether some of it has not left yet."""
        return self._paused or bool(self._left)

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        self.write_on()

    def write_on(self) -> None:
        """Write as much as the transport likes."""
        while self._left and not self._paused:
            piece, self._left = self._left[:JOINED], self._left[JOINED:]
            self._transport.write(bytes(piece))
        if not self._left:
            self._left = _NOTHING

    def stopProducing(self) -> None:
        """The connection is lost; it knows."""
        self._left = _NOTHING

    def close(self) -> None:
        self._left = _NOTHING
        self._transport.unregisterProducer()


@implementer(IHandshakeListener)
class Connection(Protocol):
    """The protocol of one connection, of one `key` for good."""

    transport: Any

    def __init__(self, owner: Owner, key: tuple[bytes, bytes], bounds: Bounds) -> None:
        self.key = key
        self.idle_since = 0.0
        self.secure = True
        """False until a TLS handshake is through, certificate checked."""
        self._owner = owner
        self._bounds = bounds
        self._served = False
        self._lost: Failure | None = None
        self._dropped = False
        self._paused = False
        self._corked: Callable[[bytes], None] | None = None
        """Over plain TCP, sends with all else that this turn of the reactor sends."""
        self._turn: Turn | None = None
        """Where there is one, and a socket: what is read is dealt with in its phase."""
        self._arrived = False
        """Something has been read that is not yet dealt with."""
        self._socket: socket.socket | None = None
        self._exchange: Exchange | None = None
        self._response: Response | None = None
        self._upload: _Upload | None = None
        self._reading: Reading | None = None

    # the transport

    def connectionMade(self) -> None:
        raw = transport = self.transport
        if isinstance(transport, TLSMemoryBIOProtocol):
            self.secure = False
            raw = transport.transport
        if isinstance(raw, TCPConnection):
            raw.setTcpNoDelay(True)
            if raw is transport and self._owner.turn is not None:
                self._corked = partial(self._owner.turn.send, raw)
            self._turn = self._owner.turn
            # an endpoint's wrapper, which tells of the connection in this turn, would only pass on each read after it
            raw.protocol = transport if raw is not transport else self
        if ISystemHandle.providedBy(raw):
            handle = raw.getHandle()
            self._socket = handle if isinstance(handle, socket.socket) else None
        self._raw = raw

    def handshakeCompleted(self) -> None:
        self.secure = True
        if self._exchange is not None:
            self._exchange.calm()

    def send(self, exchange: Exchange) -> None:
        """Ask; the owner hears of the answer."""
        exchange.stop = self.drop
        if self._lost is not None:
            self._lost_before_head(exchange, 0)
            return
        self._exchange = exchange
        self._reading = Reading(exchange.target.method == b"HEAD", self._bounds)
        payload = exchange.payload
        if len(payload) <= WATCHED:
            write = self._corked or self.transport.write
            write(exchange.wire(payload))
            return
        joined = len(payload) <= JOINED
        self._upload = _Upload(self.transport, b"" if joined else payload)
        self.transport.write(exchange.wire(payload if joined else b""))
        self._upload.write_on()

    def quiet(self) -> bool:
        """Whether nothing has arrived, no byte and no end, that the reactor has not told us of (D-06, D-31)."""
        if self._dropped or self._lost is not None:
            return False
        if self._socket is None:
            return True
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def pause(self) -> None:
        """Read no more for now."""
        if not self._paused and self._lost is None and not self._dropped:
            self._paused = True
            self.transport.pauseProducing()

    def resume(self) -> None:
        """Read on."""
        if self._paused and self._lost is None and not self._dropped:
            self._paused = False
            self.transport.resumeProducing()

    def drop(self) -> None:
        """Away with it, at once: no goodbye, no waiting for one."""
        if self._lost is None and not self._dropped:
            self._dropped = True
            self.transport.abortConnection()

    def retire(self) -> None:
        """Close an idle connection in good order, without waiting for the other side's goodbye."""
        if self._lost is None and not self._dropped:
            self._dropped = True
            self.transport.loseConnection()
            if self._raw is not self.transport:
                self._raw.loseConnection()

    # what came

    def dataReceived(self, data: bytes) -> None:
        exchange, reading = self._exchange, self._reading
        if exchange is None or reading is None or self._dropped:
            self.drop()  # nobody asked (D-31)
            self._owner.gone(self)
            return
        reading.feed(data)
        if self._turn is None:
            self._take()
        elif not self._arrived:
            self._arrived = True
            self._turn.take((self._take, self))

    def _take(self) -> None:
        """Deal with what has been read."""
        self._arrived = False
        exchange, reading, response = self._exchange, self._reading, self._response
        if exchange is None or reading is None or self._dropped:  # broken off meanwhile
            return
        if response is not None:
            self._pass_on(reading, response)
        elif reading.headed and not reading.unusable:
            response = self._response = Response(exchange, self, reading)
            self._pass_on(reading, response)
            exchange.succeed(response)
            if self._response is response and not response.taken:
                self.pause()
        elif reading.fault is not None:
            self._let_go(reading)
            self.drop()
            error = BrokenResponse(reading.fault, reading.detail, reading.received, reading.headed, self._served)
            exchange.fail(error)

    def processingFailed(self, failure: Failure) -> None:
        """A bug of ours; the connection is none any more that can be read on from."""
        log.failure("what a vendor sent could not be dealt with", failure=failure)
        self.drop()

    def _pass_on(self, reading: Reading, response: Response) -> None:
        """One read's worth of body, its end if this was it. The connection's fate comes first, so that whoever hears of
        the end may use it again."""
        end: Failure | None = None
        if reading.complete:
            end = DONE
            self._finish(reading)
        elif reading.fault is not None:
            end = Failure(BrokenBody(reading.fault, reading.detail, reading.received))
            self._let_go(reading)
            self.drop()
        response.arrived(end)

    def _finish(self, reading: Reading) -> None:
        """The answer is complete: is the connection fit for another?"""
        self._exchange = self._response = self._reading = None
        self._served = True
        fit = reading.keep and not self._dropped
        if self._upload is not None:
            fit = fit and not self._upload.waiting
            self._upload.close()
            self._upload = None
        if fit:
            if self._paused:
                self.resume()
            self._owner.free(self)
        else:
            self.drop()

    def _let_go(self, reading: Reading) -> None:
        """No more is read of this answer."""
        self._exchange = self._response = self._reading = None
        reading.close()

    # the end

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._arrived:
            try:
                self._take()
            except Exception:  # the edge, as in its phase
                self.processingFailed(Failure())
        self._lost = reason
        exchange, reading, response = self._exchange, self._reading, self._response
        self._exchange = self._reading = self._response = self._upload = self._socket = self._corked = None
        self._owner.lost(self)
        if exchange is None or reading is None:
            return
        reading.close()
        if response is None:
            self._lost_before_head(exchange, reading.received)
        else:
            response.arrived(self._end_of_body(reading))

    def _lost_before_head(self, exchange: Exchange, received: int) -> None:
        reason = self._lost or connectionDone
        if not self.secure:
            exchange.fail(no_connection(reason))
        elif self._served and not received and not self._dropped and self._owner.may_repeat(exchange):
            self._owner.again(exchange)
        else:
            if not self._served and not received and not self._dropped:  # what we drop ourselves says nothing
                self._owner.died(exchange)
            exchange.fail(BrokenResponse("closed", _manner(reason), received, False, self._served))

    def _end_of_body(self, reading: Reading) -> Failure:
        """Only an orderly end (under TLS, one that was said) may pass for the end of a body without framing."""
        reason = self._lost or connectionDone
        if reading.until_close and reason.check(ConnectionDone) is not None and not self._dropped:
            return Failure(PotentialDataLoss())
        return Failure(BrokenBody("closed", _manner(reason), reading.received))


def _manner(reason: Failure) -> str:
    return "in good order" if reason.check(ConnectionDone) is not None else "reset"
