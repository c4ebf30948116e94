"""One answer, out of bytes: its head, the pieces of its body, and how it ended. No transport here, and no time.

Every answer has a parser of its own: httptools hands a trailer that stands last to the message after it. Of an answer
only what is certain is taken: HTTP/1.0 and 1.1, `chunked` as the one transfer coding, one Content-Length (two equal
ones are refused as well, the parser does not tell them apart). Chunked beside a Content-Length is read as chunked, and
the connection then never again (D-15). Trailers are passed over, 1xx too, both within limits.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from attrs import frozen
from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser
from twisted.web.iweb import UNKNOWN_LENGTH

from .errors import Fault
from .inflate import KNOWN


@frozen
class Bounds:
    """What one answer's head may take."""

    head: int = 64 << 10
    """Bytes of head, interim heads included; likewise of trailers and chunk extensions between two bytes of body."""
    lines: int = 256
    interim: int = 16
    """How many 1xx may come before the answer."""


class Reading(msgspec.Struct, eq=False):
    """Feed it until `fault` or `complete`; the `on_` methods are the parser's."""

    bodiless: bool
    """The answer to a HEAD."""
    bounds: Bounds
    status: int = 0
    minor: int = 1
    """Of HTTP's version."""
    first: dict[bytes, bytes] = {}
    """The first value of each header field, names in lower case."""
    more: list[tuple[bytes, bytes]] = []
    """The lines that repeat a name."""
    encoding: bytes | None = None
    """A member of `inflate.KNOWN`, or None."""
    received: int = 0
    """Bytes fed, of any kind."""
    headed: bool = False
    unusable: bool = False
    """The head is whole, and is the trouble."""
    complete: bool = False
    until_close: bool = False
    keep: bool = False
    """Whether the answer, if it is complete, leaves a connection that another may use."""
    fault: Fault | None = None
    detail: str = ""
    on_body: Callable[[bytes], object] | None = None
    on_status: Callable[[bytes], object] | None = None
    _pieces: list[bytes] = []
    _phrases: list[bytes] = []
    _interim: bool = False
    _interims: int = 0
    _heard: int = 0
    """What `received` was when anything of use had come."""
    _ours: int | None = None
    """How many pieces are this answer's, where bytes have come that are not."""
    _parser: HttpResponseParser | None = None

    def __post_init__(self) -> None:
        self.on_body = self._pieces.append  # no call of ours for each chunk
        self.on_status = self._phrases.append
        parser = self._parser = HttpResponseParser(self)
        parser.set_dangerous_leniencies(lenient_chunked_length=True)

    def feed(self, data: bytes) -> None:
        """What one read brought."""
        parser = self._parser
        if parser is None:
            if self.complete and data:
                self._surplus()
            return
        self.received += len(data)
        try:
            parser.feed_data(data)
        except HttpParserCallbackError:
            raise  # a bug of ours, not the vendor's: to be seen as one
        except (HttpParserError, HttpParserUpgrade) as error:
            if self.complete:
                self._surplus()
            elif self.fault is None:
                self.fault, self.detail = "syntax", str(error)
        if self.complete:
            self._parser = None
        elif self._pieces:
            self._heard = self.received
        elif self.received - self._heard > self.bounds.head and self.fault is None:
            if self.headed:
                self.fault, self.detail = "syntax", "nothing but trailers and extensions"
            else:
                self.fault, self.detail = "head_too_large", "too many bytes"

    def close(self) -> None:
        """No more will be fed: part with the parser, whose callbacks make a ring of the two. Complete, it has."""
        self._parser = None

    def take(self) -> bytes:
        """The body's bytes that came since the last time, as one."""
        pieces = self._pieces
        if self._ours is not None:
            del pieces[self._ours :]  # the rest is an answer that nobody asked for
        if len(pieces) == 1:
            return pieces.pop()
        body = b"".join(pieces)
        pieces.clear()
        return body

    @property
    def phrase(self) -> bytes:
        """The reason beside the status."""
        return b"".join(self._phrases)

    @property
    def length(self) -> int | str:
        """Bytes of the body as it will be delivered, or UNKNOWN_LENGTH."""
        if self.bodiless or self.status in (204, 304):
            return 0
        length = self.first.get(b"content-length")
        if length is None or self.encoding is not None or b"transfer-encoding" in self.first:
            return UNKNOWN_LENGTH
        return int(length)

    def lines(self) -> list[tuple[bytes, bytes]]:
        """All header fields; the order among lines of one name is kept."""
        return [*self.first.items(), *self.more]

    # the parser's

    def on_message_begin(self) -> None:
        if self.complete:
            self._surplus()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.headed:
            return  # a trailer
        name = name.lower()
        first = self.first
        if name in first:
            self.more.append((name, value))
        else:
            first[name] = value

    def on_headers_complete(self) -> None:
        parser = self._parser
        if parser is None or self.headed:
            return  # an answer that nobody asked for
        status = parser.get_status_code()
        if status < 200 and status >= 100:
            self._pass_over(status)
            return
        self.headed = True
        self._heard = self.received
        self.status = status
        self.keep = parser.should_keep_alive()
        version, first, bounds = parser.get_http_version(), self.first, self.bounds
        # The first look costs half of what `_check` does, and nearly all heads pass it.
        if version != "1.1" or status != 200 or self.more or len(first) > bounds.lines or self.received > bounds.head:
            self._check(version)
        self._frame()
        if b"content-encoding" in first:
            self._encode(first[b"content-encoding"].strip().lower())
        if self.fault is not None:
            self.unusable = True

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
        elif self.headed:
            self.complete = True

    # its judgement

    def _surplus(self) -> None:
        """Bytes have come behind the answer."""
        self.keep = False
        if self._ours is None:
            self._ours = len(self._pieces)
        self._phrases = self._phrases.copy()  # the parser goes on adding to the one it knows

    def _pass_over(self, status: int) -> None:
        """An interim head, which has no body (RFC 9112, 6.3): the parser would read one, and hand it to the answer."""
        bodied = self.first.get(b"content-length", b"0").strip() != b"0" or b"transfer-encoding" in self.first
        self._interim = True
        self._interims += 1
        self.first, self.more = {}, []
        self._phrases.clear()
        if status == 101:
            self.fault, self.detail = "upgrade", "nobody asked for another protocol"
        elif bodied:
            self.fault, self.detail = "framing", "an interim answer with a body"
        elif self._interims > self.bounds.interim:
            self.fault, self.detail = "too_many_interim", "1xx without end"

    def _check(self, version: str) -> None:
        """Whether the head is one that we can live with."""
        self.minor = 0 if version == "1.0" else 1
        if version not in ("1.1", "1.0"):
            self.fault, self.detail = "version", "HTTP/1.0 and 1.1 are spoken here"
        elif not 200 <= self.status < 600:
            self.fault, self.detail = "syntax", "no such status"
        elif len(self.first) + len(self.more) > self.bounds.lines:
            self.fault, self.detail = "head_too_large", "too many lines"
        elif self.received > self.bounds.head:
            size = sum(len(name) + len(value) + 4 for name, value in self.lines())
            if size > self.bounds.head:
                self.fault, self.detail = "head_too_large", "too many bytes"

    def _frame(self) -> None:
        """How the end of the body is known (RFC 9112, 6.3)."""
        first = self.first
        coding = first.get(b"transfer-encoding")
        if self.bodiless:
            # the parser can't be told and waits for a body: such a connection is not worth keeping
            self.complete, self.keep, self._ours = True, False, 0
        elif self.status in (204, 304):
            pass  # none
        elif coding is not None:
            if coding.strip().lower() != b"chunked" or (self.more and b"transfer-encoding" in dict(self.more)):
                self.fault, self.detail = "framing", "a transfer coding other than chunked"
            if b"content-length" in first or self.minor == 0:
                self.keep = False
        elif b"content-length" not in first:
            self.until_close = True

    def _encode(self, encoding: bytes) -> None:
        if encoding in KNOWN:
            self.encoding = encoding
        elif encoding not in (b"identity", b""):
            self.fault, self.detail = "encoding", "a content encoding that was not asked for"
