"""One request of a client, and the answer to it.

A `twisted.web.server.Request` that is cheap to make and cheap to answer: what a relayed call does not use (`Headers`,
cookies, form arguments, a file for the body) is made only when somebody asks, so that Klein and twisted.web's resources
work as ever. It decides nothing about what is answered. It must never put a second answer, or the end of an answer,
behind one that was cut: once the client is gone or the answer has ended, every method here does nothing.

An answer takes one of two ways: whole (`answer`, `refuse`) or as a stream (`open_stream`, `send_parts`, then
`end_stream` or `end_unfinished`). These send exactly the headers that they are given, and their own: Date,
x-request-id, the framing and Connection; `setHeader` and its kin belong to twisted.web's `write` and `finish`.
"""

# mypy: disallow-untyped-calls=False
# Twisted's web is not typed throughout.

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import http
from twisted.web.error import UnsupportedMethod
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET

from targon_gw.core.clients import ClientKey
from targon_gw.core.errors import Refusal

from .framing import LAST_CHUNK, chunks
from .lazy import LazyRequest
from .phases import Phases
from .refusals import envelope, headers_of, status_of
from .strict import METHODS, Head

if TYPE_CHECKING:
    from .channel import Channel
    from .serving import Site

Fields = Sequence[tuple[bytes, bytes]]
"""Names and values of headers."""

STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_BODILESS: Final = frozenset(http.NO_BODY_CODES)


@lru_cache(maxsize=4)
def _dated(second: int) -> bytes:
    """What stands between the status and the identity of every answer of that second."""
    return b"date: %b\r\nx-request-id: " % http.datetimeToString(second)


class Request(LazyRequest):
    """A request whose body, if any, has come whole, unless its channel says otherwise.

    `request_id` is `req_` and 32 hex digits. `on_gone` is called once, if the client leaves before the answer has
    ended; it is not called for an end that we brought about.
    """

    defaultContentType = None
    on_gone: Callable[[], None] | None
    gone: bool
    """Whether the client left before the answer had ended."""
    body: bytes | bytearray
    beside: bytes = b""
    """Lines of headers for a refusal, beside its own."""
    asking: ClientKey | None
    """Who asks, where the gate has found out."""
    phases: Phases
    """Its connection's, once it has come whole."""
    channel: Channel | None  # type: ignore[assignment]
    site: Site
    _log = Logger()
    _opening: bytes
    _mute = False
    _deferreds: Sequence[Deferred[None]]

    def __init__(self, channel: Channel, head: Head) -> None:
        # The two parents' constructors build five objects and two addresses that a call never looks at: 2.1 us and
        # more, against 0.5 us for this.
        site = channel.site
        self.channel = channel
        self.site = site
        self.transport = channel.transport
        self.fields = head.fields
        self.method = head.method
        self.uri = head.target
        self.path = head.path
        self.clientproto = head.version
        self.request_id: bytes = next(site.request_ids)
        self._client_host = channel.client_host
        # No attributes of the class, though most stay as they are: Python 3.11 finds those the long way, 40 ns.
        self.body = self._opening = b""
        self.asking = self.on_gone = None
        self.gone = False
        self._deferreds = ()

    # -- what came in -------------------------------------------------------------------------------------------------

    def header(self, name: bytes) -> bytes | None:
        """The value of the field with that lower-cased name; repeated fields are joined with a comma. (Where every call
        passes, `fields.get` itself is asked: a frame less.)"""
        return self.fields.get(name)

    def client_host(self) -> str:
        """The peer's address as text: an IP address, or `unix`."""
        return self._client_host

    @property
    def ended(self) -> bool:
        """Whether nothing can be answered any more: the answer has ended, or the client has left."""
        return self.channel is None

    @property
    def unread(self) -> int:
        """Bytes sent that wait for the client to take them; 0 also where the transport does not say."""
        return 0 if self.channel is None else self.channel.unsent()

    def notifyFinish(self) -> Deferred[None]:
        """As twisted.web's: fires with `None` at the answer's end, fails when the client leaves before."""
        deferred: Deferred[None] = Deferred()
        self._deferreds = [*self._deferreds, deferred]
        return deferred

    # -- whole answers ------------------------------------------------------------------------------------------------

    def answer(self, code: int, headers: Fields | bytes, body: bytes) -> None:
        """Answer with `body`, head and all in one write. HEAD, 204 and 304 leave the body out.

        `headers` may be their lines, each with its end: for these, whoever hands them over vouches.
        The head of a stream that has not left yet is forgotten. Raises RuntimeError where it has left.
        """
        channel = self.channel
        if channel is None:
            return
        if self.startedWriting:
            raise RuntimeError("an answer has begun already")
        if self._opening:
            self._opening, self._mute, self.chunked = b"", False, 0
        if code in _BODILESS:
            framing, body = b"\r\n", b""
        else:
            framing = b"content-length: %d\r\n\r\n" % len(body)
            if self.method == b"HEAD":
                body = b""
        piece = self._head(code, headers, framing, body)
        self.code = code
        self.startedWriting = 1
        channel.send(piece)
        self._ended(channel)

    def refuse(self, refusal: Refusal, headers: Fields | bytes = ()) -> None:
        """Answer with the error envelope of `refusal`; `headers`, as for `answer`, go beside its own."""
        own = headers_of(refusal)
        beside = _lines(own) + headers if isinstance(headers, bytes) else [*own, *headers]
        self.answer(status_of(refusal), beside, envelope(refusal))

    def _head(self, code: int, headers: Fields | bytes, framing: bytes, body: bytes) -> bytes:
        """The bytes of a head whose last lines are `framing`, with `body` behind it.

        Raises ValueError for a field that would split it.
        """
        channel = self.channel
        assert channel is not None
        if isinstance(headers, bytes):
            lines = headers
        else:
            lines = _lines(headers)
            count = len(headers)
            if lines.count(b"\n") != count or lines.count(b"\r") != count:
                raise ValueError("a header field has a line break in it")
        return b"".join(
            (
                STATUS_LINES.get(code) or b"HTTP/1.1 %d \r\n" % code,
                _dated(int(self.site.clock.seconds() + self.site.wall)),
                self.request_id,
                b"\r\n",
                lines,
                framing if channel.persistent else b"connection: close\r\n" + framing,
                body,
            )
        )

    # -- streams ------------------------------------------------------------------------------------------------------

    def open_stream(self, code: int, headers: Fields | bytes) -> None:
        """Note the head of a stream; it leaves with the first part, or with `flush_head`. `headers` as for `answer`.

        HTTP/1.1 frames each part as a chunk; for HTTP/1.0 the end of the connection is the end of the stream.
        """
        if self.channel is None:
            return
        if self.startedWriting or self._opening:
            raise RuntimeError("an answer has begun already")
        chunked = self.clientproto == b"HTTP/1.1" and code not in _BODILESS
        self._opening = self._head(code, headers, b"transfer-encoding: chunked\r\n\r\n" if chunked else b"\r\n", b"")
        self._mute = self.method == b"HEAD" or code in _BODILESS
        self.chunked = chunked
        self.code = code

    def flush_head(self) -> None:
        """Send the noted head now, though there is no part yet."""
        self.send_parts(())

    def send_parts(self, parts: Sequence[bytes], end: bytes = b"") -> None:
        """Send a head that still waits, `parts`, each as a chunk of its own, and `end`, all in one write."""
        channel = self.channel
        if channel is None:
            return
        piece = self._opening
        if not self._mute:
            piece += chunks(parts) if self.chunked else b"".join(parts)
        piece += end
        if piece:
            self._opening = b""
            self.startedWriting = 1
            channel.send(piece)

    def end_stream(self, parts: Sequence[bytes] = ()) -> None:
        """Send the last parts and the end of the stream in one write."""
        self.send_parts(parts, LAST_CHUNK if self.chunked and not self._mute else b"")
        channel = self.channel
        if channel is not None:
            self._ended(channel)

    def end_unfinished(self, parts: Sequence[bytes] = ()) -> None:
        """Send the last parts, then close the connection without an end: what is unfinished stays visibly so.

        `notifyFinish` fails, once the connection is closed; `on_gone` is not called.
        """
        channel = self.channel
        if channel is None:
            return
        self.send_parts(parts)
        self.on_gone = None
        self._drop_producer(channel)
        self.channel = None
        self.finished = 1
        channel.loseConnection()

    # -- the way through twisted.web ----------------------------------------------------------------------------------

    def process(self) -> None:
        """Have the site's resource answer, unless the client has left. What it raises is answered "internal error"."""
        if self.channel is None:
            return
        try:
            if self.path == b"*":
                self.answer(204, [(b"allow", METHODS)], b"")
                return
            root = self.site.resource
            # One leaf is what the gateway has; to look for children would have to split the path first.
            self.render(root if root.isLeaf else self.site.getResourceFor(self))
        except Exception:  # The edge of twisted.web: whatever a resource raises is our bug, and must be answered.
            self.processingFailed(Failure())

    def render(self, resrc: IResource) -> None:
        """As twisted.web's; but a method that the resource has not is refused in JSON."""
        try:
            body = resrc.render(self)
        except UnsupportedMethod as error:
            if self.method == b"HEAD" and b"GET" in error.allowedMethods:
                super().render(resrc)
                return
            allow = b", ".join(error.allowedMethods)
            self.refuse(Refusal("method_not_allowed", "This address does not take this method."), [(b"allow", allow)])
            return
        if body is NOT_DONE_YET:
            return
        if not isinstance(body, bytes):
            raise TypeError(f"{type(resrc).__name__}.render returned a {type(body).__name__}")
        self.setHeader(b"content-length", b"%d" % len(body))
        self.write(b"" if self.method == b"HEAD" else body)
        self.finish()

    def processingFailed(self, reason: Failure) -> Failure:
        """Log `reason` whole; answer 500, or end visibly unfinished what has begun."""
        self._log.failure(
            "A request failed inside the gateway: {method} {path} {request_id}",
            failure=reason,
            method=self.method.decode("ascii"),
            path=self.path.decode("ascii"),
            request_id=self.request_id.decode("ascii"),
        )
        if self.startedWriting:
            self.end_unfinished()
            return reason
        message = f"Something failed inside the gateway. Try again, or report {self.request_id.decode('ascii')}."
        self.refuse(Refusal("internal_error", message), self.site.refusal_headers(self.path))
        return reason

    def write(self, data: bytes) -> None:
        """As twisted.web's; nothing once the client has gone or the answer has ended."""
        channel = self.channel
        if channel is None:
            return
        if self._opening or self._mute:
            self.send_parts((data,))
            return
        if not self.startedWriting:
            unix = self.site.clock.seconds() + self.site.wall
            self.responseHeaders.setRawHeaders(b"date", [http.datetimeToString(unix)])
            self.responseHeaders.setRawHeaders(b"x-request-id", [self.request_id])
            if not channel.persistent:
                self.responseHeaders.setRawHeaders(b"connection", [b"close"])
        super().write(data)

    def finish(self) -> None:
        """As twisted.web's; nothing once the client has gone or the answer has ended."""
        if self.channel is None:
            return
        if self._opening or self._mute:
            self.end_stream()
        else:
            super().finish()

    def loseConnection(self) -> None:
        """As twisted.web's; and whatever is written or finished later, the answer stays visibly unfinished."""
        self.end_unfinished()

    def unregisterProducer(self) -> None:
        """As twisted.web's, also after the end."""
        if self.channel is not None:
            self.channel.unregisterProducer()
        self.producer = None

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """As twisted.web's; a producer that comes after the end is told to stop."""
        if self.channel is None:
            producer.stopProducing()
            return
        super().registerProducer(producer, streaming)

    # -- the end ------------------------------------------------------------------------------------------------------

    def _ended(self, channel: Channel) -> None:
        """The answer has left whole: the channel may go on to the next request."""
        self.finished = 1
        self.on_gone = None
        if self.producer is not None:
            self._drop_producer(channel)
        self.channel = None
        channel.requestDone(self)
        if self._deferreds:
            deferreds, self._deferreds = self._deferreds, ()
            for deferred in deferreds:
                deferred.callback(None)

    def _cleanup(self) -> None:
        """twisted.web's way to say so."""
        assert self.channel is not None
        self._ended(self.channel)

    def _drop_producer(self, channel: Channel) -> None:
        if self.producer is not None:
            channel.unregisterProducer()
            self.producer = None

    def connectionLost(self, reason: Failure) -> None:
        """The client has left."""
        self.gone = self._disconnected = True
        self.channel = None
        on_gone, self.on_gone = self.on_gone, None
        deferreds, self._deferreds = self._deferreds, ()
        try:
            if on_gone is not None:
                on_gone()
        finally:
            for deferred in deferreds:
                deferred.errback(reason)


def _lines(headers: Fields) -> bytes:
    """The lines of a head that `headers` come to, each with its end."""
    return b"\r\n".join([*map(b": ".join, headers), b""])
