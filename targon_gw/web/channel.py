"""One connection of a client: HTTP/1.1 under twisted.web, with llhttp's eyes.

It decides when a request is whole, how long a client may take, and when the connection ends. A connection is always in
one of a few stages; the table says what bytes mean in each and what happens when its time is up:

| stage   | bytes are                                     | when its time is up                                 |
|---------|-----------------------------------------------|-----------------------------------------------------|
| HEAD    | a head, read when it is whole                 | idle: closed; begun: 408                            |
| BODY    | a body, of known length or chunked            | 408, unless it keeps coming                         |
| RUNNING | the next requests: kept, a few; more: aborted | never: who answers has deadlines of its own         |
| CLOSING | nobody's                                      | closed; then aborted, unless the client still reads |

It must never pause reading while a request is RUNNING (the client's leaving would go unseen), never begin a request
before the one in front of it has been answered, and never read on after a refusal.
"""

# mypy: disallow-untyped-calls=False
# Twisted's web is not typed throughout.

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.tcp import Connection as TCPConnection
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from targon_gw.core.errors import Refusal

from .alarm import Alarm
from .bodies import Chunks, Sized, whole
from .peers import host_of
from .phases import AT_ONCE, Phases, Turn
from .request import Request
from .strict import METHODS, Head, Reader, check_begun, stand_in

if TYPE_CHECKING:
    from .serving import Site

LINGER: Final = 1.0
"""Seconds that are read on, and dropped, after a refusal: closing at once would reset the connection, and a client that
is still sending its body would lose the answer."""
GRACE: Final = 5.0
"""Seconds in which a client must read something of what a closing connection still holds."""
BODY_WINDOW: Final = 10.0
"""Seconds over which a body's rate is judged once its deadline has passed."""


class Stage(enum.Enum):
    """What the next bytes are."""

    HEAD = "head"
    BODY = "body"
    RUNNING = "running"
    CLOSING = "closing"


_HEAD, _BODY, _RUNNING, _CLOSING = Stage


class Channel(HTTPChannel):
    """An HTTP/1.1 connection. Made by a `Site`, which sets `site`.

    `persistent` says whether it outlives the present answer; `client_host` is the peer's address as text.
    """

    site: Site
    transport: Any
    requests: list[Request]
    requestFactory: Callable[[Channel, Head], Request]  # type: ignore[assignment]
    client_host: str
    persistent: bool = True
    phases: Phases
    _turn: Turn | None = None
    """Over plain TCP, where there is one."""
    _stage: Stage
    _linger = 0.0
    _received = _received_before = 0
    _incoming: Sized | Chunks | None = None
    _place: str | None = None

    # -- the connection -----------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Take up the connection; the client has `idle` seconds to begin."""
        self.timeOut = None  # Time is kept here, not by TimeoutMixin.
        # what each request looks at is no attribute of the class: Python 3.11 finds that the long way, 40 ns
        self._stage, self.phases = _HEAD, AT_ONCE
        self._held, self._begun, self._blank, self._unsent_before = b"", False, False, 0
        super().connectionMade()
        self._note_peer()
        if isinstance(self.transport, ProtocolWrapper):
            self.dataReceived = self._first_received  # type: ignore[method-assign]
        site = self.site
        if isinstance(self.transport, TCPConnection) and site.turn is not None:
            self.phases = self._turn = site.turn
            self.send = partial(site.turn.send, self.transport)  # type: ignore[method-assign]
        self._read = Reader(site.limits).read
        self._seconds = site.clock.seconds
        self._idle = site.limits.idle
        self._alarm = Alarm(site.clock, site.tick, self._overdue, site.clock.seconds() + site.limits.idle)
        self._alarm.start()

    def _note_peer(self) -> None:
        self.client_host = host_of(self.transport.getPeer())
        self._place = self.site.doorway.enter(self.client_host, self._place)

    def _first_received(self, data: bytes) -> None:
        """What the PROXY protocol says of the client is known only once the first bytes come."""
        del self.dataReceived
        self._note_peer()
        if self.site.doorway.is_crowded(self.client_host):
            self.transport.abortConnection()
        else:
            self.dataReceived(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """The client has left, or we have: whoever still answers is told."""
        self._stage = _CLOSING
        self._held = b""
        self._incoming = None
        self._alarm.stop()
        place, self._place = self._place, None
        self.site.doorway.leave(place)
        requests, self.requests = self.requests, []
        for request in requests:
            request.connectionLost(reason)

    def loseConnection(self) -> None:
        """Close once all is sent; abort where the client reads nothing of it for `GRACE` seconds."""
        self._stage = _CLOSING
        self._held = b""
        self._linger = 0.0
        if self._turn is not None:
            self._turn.release(self.transport)
        self._unsent_before = self.unsent()
        self._alarm.hurry(GRACE)
        super().loseConnection()

    timeoutConnection = loseConnection
    """twisted.web's way of giving up on a client."""

    def _close_gently(self) -> None:
        """Read on for a moment, then close."""
        if self._linger:
            self._stage = _CLOSING
            self._held = b""
            self._alarm.hurry(self._linger)
        else:
            self.loseConnection()

    # -- bytes in -----------------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Bytes of the client, split anywhere: taken as far as they go; what must wait is held."""
        if self._held:
            data = self._held + data
            self._held = b""
        while data:
            stage = self._stage
            if stage is _HEAD:
                if self._waitingForTransport:
                    self._held = data
                    return
                data = self._take_head(data)
            elif stage is _BODY:
                data = self._take_body(data)
            else:
                if stage is _RUNNING:
                    self._hold(data)
                return

    def _hold(self, data: bytes) -> None:
        """Keep what came behind the running request. Who sends more than that means harm (faults catalogue, A-18)."""
        if len(data) > self.site.limits.pipelined:
            self._stage = _CLOSING
            self.transport.abortConnection()
        else:
            self._held = data

    def _take_head(self, data: bytes) -> bytes:
        end = data.find(b"\r\n\r\n", 0, self.site.limits.head)
        if end < 0:
            return self._take_begun(data)
        end += 4
        try:
            head = self._read(data[:end])
        except Refusal as refusal:
            if data.startswith(b"\r"):
                return self._take_begun(data)
            self._reject(refusal, data)
            return b""
        self._begun = self._blank = False
        self.persistent = head.persistent
        request = self.requestFactory(self, head)
        self.requests.append(request)
        length = head.length
        if length is None or len(data) - end < length:
            return self._expect_body(request, head, data[end:])
        if length:
            request.body = data[end : end + length]
        self._start(request)
        return data[end + length :]

    def _take_begun(self, data: bytes) -> bytes:
        """Part of a head, or an empty line in front of one, of which one is borne (RFC 9112, 2.2)."""
        if data.startswith(b"\r\n") and not self._blank:
            self._blank = True
            return data[2:]
        if data != b"\r" or self._blank:
            try:
                check_begun(data, self.site.limits)
            except Refusal as refusal:
                self._reject(refusal, data)
                return b""
        if not self._begun:
            self._begun = True
            self._alarm.due = self._seconds() + self.site.limits.head_deadline
        self._held = data
        return b""

    def _expect_body(self, request: Request, head: Head, rest: bytes) -> bytes:
        """Some of the body is still to come: ask whether it is wanted before it is read."""
        refusal = self._ask_gate(request)
        if refusal is not None:
            self._refuse(refusal)
        if self._stage is not _HEAD:
            return b""
        if head.expects and not rest:
            self._send100Continue()
        self._incoming = Chunks(self.site.limits.body) if head.length is None else Sized(head.length)
        self._stage = _BODY
        self._received = self._received_before = 0
        self._alarm.due = self._seconds() + self.site.limits.body_deadline
        return rest

    def _ask_gate(self, request: Request) -> Refusal | None:
        gate = self.site.gate
        try:
            return None if gate is None else gate(request)
        except Exception:  # The edge: a bug behind the gate must be answered, like one behind a resource.
            self.persistent = False
            self._linger = LINGER
            request.processingFailed(Failure())
            return None

    def _take_body(self, data: bytes) -> bytes:
        incoming = self._incoming
        assert incoming is not None
        self._received += len(data)
        try:
            rest = incoming.feed(data)
        except Refusal as refusal:
            self._reject(refusal)
            return b""
        if rest is None:
            return b""
        request = self.requests[0]
        request.body = whole(incoming.body)
        self._incoming = None
        self._start(request)
        return rest

    # -- requests -----------------------------------------------------------------------------------------------------

    def _start(self, request: Request) -> None:
        self._stage = _RUNNING
        self._handlingRequest = True
        phases = request.phases = self.phases
        phases.admit((request.process, request))

    def requestDone(self, request: Request) -> None:
        """The answer in front has left whole: go on to the next request, or close."""
        self.requests.remove(request)
        self._handlingRequest = False
        if self._stage is _CLOSING:
            return
        if not self.persistent:
            self._close_gently()
            return
        self._stage = _HEAD
        self._unsent_before = 0
        self._alarm.due = self._seconds() + self._idle
        if self._waitingForTransport:
            # Who does not read the answers gets no more of them, and nothing runs that could miss the client's leaving.
            self._networkProducer.pauseProducing()
        elif self._held:
            self.dataReceived(b"")

    def _reject(self, refusal: Refusal, raw: bytes = b"") -> None:
        """Refuse what HTTP's own rules refuse; `raw` is the beginning of a request that there is no object for."""
        self.site.count_refusal(refusal, self.client_host)
        if not self.requests:
            self.requests.append(self.requestFactory(self, stand_in(raw)))
        self._refuse(refusal)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer a request that will not be read to its end; then close."""
        self.persistent = False
        self._linger = LINGER
        self._alarm.due = inf
        self._incoming = None
        self._handlingRequest = True
        allow = [(b"allow", METHODS)] if refusal.code == "method_not_allowed" else []
        self.requests[0].refuse(refusal, [*allow, *self.site.refusal_headers(self.requests[0].path)])

    # -- bytes out, and pressure --------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Every byte that leaves passes here; over plain TCP `Turn.send` stands in its place."""
        self.transport.write(data)

    def write(self, data: bytes) -> None:
        """twisted.web's way out."""
        self.send(data)

    def writeSequence(self, iovec: Sequence[bytes]) -> None:
        """twisted.web's way out, for several pieces."""
        self.send(b"".join(iovec))

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Any) -> None:
        """twisted.web's way to send a head."""
        lines = [b"%b: %b\r\n" % (name, value) for name, values in headers.getAllRawHeaders() for value in values]
        self.send(b"%b %b %b\r\n%b\r\n" % (version, code, reason, b"".join(lines)))

    def _send100Continue(self) -> None:
        self.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """As twisted.web's; a producer that comes while the client does not read is paused at once."""
        super().registerProducer(producer, streaming)
        if self._waitingForTransport and self._requestProducer is not None:
            self._requestProducer.pauseProducing()

    def resumeProducing(self) -> None:
        """The client has read what we sent: on with the answer, or with the next request."""
        super().resumeProducing()
        if self._held and self._stage is _HEAD:
            self.dataReceived(b"")

    def unsent(self) -> int:
        """Bytes that wait in the transport: Twisted's transports keep them in these two; others say nothing, 0."""
        transport = self.transport
        behind = len(getattr(transport, "dataBuffer", b"")) - int(getattr(transport, "offset", 0))
        return behind + int(getattr(transport, "_tempDataLen", 0))

    # -- time ---------------------------------------------------------------------------------------------------------

    def _overdue(self, now: float) -> None:
        """The stage's time is up."""
        match self._stage:
            case Stage.RUNNING:  # Looked at here: to say `never` with each request costs more.
                self._alarm.due = inf
            case Stage.HEAD if self._begun:
                self._reject(Refusal("request_timeout", "The request's head took too long to arrive."), self._held)
            case Stage.HEAD if self._is_still_read():
                self._alarm.due = now + GRACE
            case Stage.HEAD:
                self.loseConnection()
            case Stage.BODY:
                self._judge_rate(now)
            case Stage.CLOSING if self._linger:
                self.loseConnection()
            case Stage.CLOSING if self._is_still_read():
                self._alarm.due = now + GRACE
            case Stage.CLOSING:
                self._alarm.due = now + GRACE
                self._cut_off()

    def _cut_off(self) -> None:
        """End a closing connection that does not end by itself.

        TLS waits for the other side's farewell though all has left. An abort would drop what the kernel still holds:
        there the connection beneath is closed instead.
        """
        beneath = getattr(self.transport, "transport", None)
        if beneath is not None and not self.unsent():
            beneath.loseConnection()
        else:
            self.transport.abortConnection()

    def _is_still_read(self) -> bool:
        """Whether the client has taken some of what waits since this was last asked; at first, whether any waits."""
        before, self._unsent_before = self._unsent_before, self.unsent()
        return self._unsent_before > 0 and (before == 0 or self._unsent_before < before)

    def _judge_rate(self, now: float) -> None:
        """Go on reading a body past its deadline only while it comes at `body_rate`."""
        limits = self.site.limits
        window = BODY_WINDOW if self._received_before else limits.body_deadline
        if self._received - self._received_before < limits.body_rate * window:
            self._reject(Refusal("request_timeout", "The request's body took too long to arrive."))
            return
        self._received_before = self._received
        self._alarm.due = now + BODY_WINDOW
