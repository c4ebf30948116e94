"""An answer: its head at once, its body to whoever asks for it.

It has treq's face as well: a wrapper around it would cost two calls for each look at the status, and a callback for
each request. It is also the transport of its body's protocol, so that nothing is wrapped on the way: pausing reaches
the socket, `stopProducing` drops the connection at once, also a paused one and also under TLS. Once the answer has
ended, the connection is no longer its own and neither does anything.

A body that nobody takes holds its connection, unread: take it or call `stopProducing`.
"""

from __future__ import annotations

from typing import Protocol as Shape

from treq.cookies import IndexableCookieJar
from treq.response import _Response
from twisted.internet.interfaces import IProtocol, IPushProducer
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse
from zope.interface import implementer

from .inflate import Inflater, Inflating
from .reading import Reading
from .requests import Exchange

DONE = Failure(ResponseDone("the body has come whole"))
"""The end by framing; one for all, as Twisted has for its own orderly ends: to make one costs 3 µs."""


class Line(Shape):
    """What an answer needs of its connection."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def drop(self) -> None: ...


@implementer(IResponse, IPushProducer)
class Response(_Response):
    """See `twisted.web.iweb.IResponse` and `treq.response`; the body ends with `ResponseDone` (by its framing),
    `PotentialDataLoss` (the connection's end was the only mark, and it was an orderly one) or `BrokenBody`.
    """

    disconnecting = False
    request: Exchange | None = None
    code = 0
    previousResponse: IResponse | None = None
    taken = False
    """Whether somebody reads the body, or has read it."""
    _cookiejar = IndexableCookieJar()
    """Empty, and treq only copies it: a vendor's cookies are nobody's."""
    _headers: Headers | None = None
    _protocol: IProtocol | None = None
    _end: Failure | None = None
    _paused = False

    def __init__(self, request: Exchange, line: Line | None, reading: Reading) -> None:
        # what is not set here, and in most calls never, is the class's: each costs a thousandth of a call
        self.request = request
        self.code = reading.status
        self._line = line
        self._reading = reading

    def __repr__(self) -> str:
        return f"<response {self.code}>"

    @property
    def original(self) -> Response:  # type: ignore[override]
        """What treq's methods take for the wrapped one."""
        return self

    @property
    def phrase(self) -> bytes:
        """The reason beside the status, for people."""
        return self._reading.phrase

    @property
    def length(self) -> int | str:
        """Bytes of the body as it is delivered, or UNKNOWN_LENGTH."""
        return self._reading.length

    @property
    def version(self) -> tuple[bytes, int, int]:
        """For instance (b"HTTP", 1, 1)."""
        return (b"HTTP", 1, self._reading.minor)

    @property
    def headers(self) -> Headers:
        """All fields, those that speak of the connection too; made when first asked for."""
        if self._headers is None:
            made = self._headers = Headers()
            for name, value in self._reading.lines():
                made.addRawHeader(name, value)
        return self._headers

    def get(self, name: bytes) -> bytes | None:
        """The first value of a field, by its lower-case name."""
        return self._reading.first.get(name)

    def setPreviousResponse(self, response: IResponse) -> None:
        """For agents that follow redirects; ours does not."""
        self.previousResponse = response

    # the body

    def take_whole(self, most: int) -> bytes | None:
        """The body, where all of it has come, as it is, in at most `most` bytes with its head; it is then taken.

        None otherwise, and then `deliverBody` is the way, where each limit has its own rule.
        """
        reading = self._reading
        if self._end is not DONE or self.taken or reading.encoding is not None or reading.received > most:
            return None
        self.taken = True
        return reading.take()

    def deliverBody(self, protocol: IProtocol) -> None:
        """Give the body to `protocol`: what has come already now, the rest as it comes. Once only."""
        if self.taken:
            raise RuntimeError("the body has been taken")
        self.taken = True
        encoding = self._reading.encoding
        if encoding is not None:
            protocol = Inflating(protocol, Inflater(encoding))  # type: ignore[assignment]
        self._protocol = protocol
        protocol.makeConnection(self)
        self.arrived(self._end)
        if not self._paused and self._line is not None:
            self._line.resume()

    def pauseProducing(self) -> None:
        """Stop reading from the vendor; what was read already may still come."""
        self._paused = True
        if self._line is not None:
            self._line.pause()

    def resumeProducing(self) -> None:
        """Read on."""
        self._paused = False
        if self._line is not None:
            self._line.resume()

    def stopProducing(self) -> None:
        """Drop the connection at once; the protocol hears of it through its `connectionLost`."""
        if self._line is not None:
            self._line.drop()

    loseConnection = stopProducing

    # for the connection, not for readers

    def arrived(self, end: Failure | None) -> None:
        """The reading has more of the body, or its end, if this was it: then the connection is no longer ours."""
        if end is not None:
            self._line = None
            self._end = end
        protocol = self._protocol
        if protocol is None:
            return
        data = self._reading.take()
        try:
            if data:
                protocol.dataReceived(data)
        finally:
            if end is not None:
                self._protocol = None  # the two would keep each other alive
                protocol.connectionLost(end)
