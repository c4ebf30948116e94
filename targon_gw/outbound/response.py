"""An answer: its head at once, its body to whoever asks for it.

It is also the transport of its body's protocol, so that nothing is wrapped on the way: pausing reaches the socket,
`stopProducing` drops the connection at once, also a paused one and also under TLS. Once the answer has ended, the
connection is no longer its own and neither does anything.

A body that nobody takes holds its connection, unread: take it or call `stopProducing`.
"""

from __future__ import annotations

from typing import Protocol as Shape

from twisted.internet.interfaces import IProtocol, IPushProducer
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse
from zope.interface import implementer

from .inflate import Inflater, Inflating
from .reading import Reading
from .requests import Exchange


class Line(Shape):
    """What an answer needs of its connection."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def drop(self) -> None: ...


@implementer(IResponse, IPushProducer)
class Response:
    """See `twisted.web.iweb.IResponse`; the body ends with `ResponseDone` (by its framing), `PotentialDataLoss` (the
    connection's end was the only mark, and it was an orderly one) or `BrokenBody`.
    """

    __slots__ = (
        "_end",
        "_fields",
        "_headers",
        "_inflater",
        "_kept",
        "_line",
        "_minor",
        "_paused",
        "_protocol",
        "_taken",
        "code",
        "length",
        "phrase",
        "previousResponse",
        "request",
    )

    disconnecting = False

    def __init__(
        self,
        request: Exchange,
        line: Line | None,
        reading: Reading,
    ) -> None:
        self.request = request
        self.code = reading.status
        self.phrase = reading.phrase
        self.length = reading.length
        self._minor = reading.minor
        self._fields = reading.fields
        self.previousResponse: IResponse | None = None
        self._line = line
        self._headers: Headers | None = None
        self._inflater = None if reading.encoding is None else Inflater(reading.encoding)
        self._protocol: IProtocol | None = None
        self._kept = b""
        self._end: Failure | None = None
        self._paused = self._taken = False

    def __repr__(self) -> str:
        return f"<response {self.code}>"

    @property
    def version(self) -> tuple[bytes, int, int]:
        """For instance (b"HTTP", 1, 1)."""
        return (b"HTTP", 1, self._minor)

    @property
    def headers(self) -> Headers:
        """All fields, those that speak of the connection too; made when first asked for."""
        if self._headers is None:
            made = self._headers = Headers()
            for name, value in self._fields.lines():
                made.addRawHeader(name, value)
        return self._headers

    def get(self, name: bytes) -> bytes | None:
        """The first value of a field, by its lower-case name."""
        return self._fields.first.get(name)

    def setPreviousResponse(self, response: IResponse) -> None:
        """For agents that follow redirects; ours does not."""
        self.previousResponse = response

    def deliverBody(self, protocol: IProtocol) -> None:
        """Give the body to `protocol`: what has come already now, the rest as it comes. Once only."""
        if self._taken:
            raise RuntimeError("the body has been taken")
        self._taken = True
        if self._inflater is not None:
            protocol = Inflating(protocol, self._inflater)  # type: ignore[assignment]
        self._protocol = protocol
        kept, self._kept = self._kept, b""
        protocol.makeConnection(self)  # type: ignore[arg-type]
        self.arrived(kept, self._end)
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

    def detach(self) -> None:
        """The connection is no longer this answer's."""
        self._line = None

    @property
    def taken(self) -> bool:
        """Whether somebody reads the body, or has read it."""
        return self._taken

    def arrived(self, data: bytes, end: Failure | None) -> None:
        """Bytes of the body, perhaps none, and its end, if this was it."""
        protocol = self._protocol
        if protocol is None:
            self._kept += data
            self._end = end
            return
        try:
            if data:
                protocol.dataReceived(data)
        finally:
            if end is not None:
                self._line = self._protocol = None  # the two would keep each other alive
                protocol.connectionLost(end)
