"""One answer, out of bytes: its head, the pieces of its body, and how it ended. No transport here, and no time.

Every answer has a parser of its own: httptools hands a trailer that stands last to the message after it. Of an answer
only what is certain is taken: HTTP/1.0 and 1.1, `chunked` as the one transfer coding, one Content-Length (two equal
ones are refused as well, the parser does not tell them apart). Chunked beside a Content-Length is read as chunked, and
the connection then never again (D-15). Trailers are passed over, 1xx too, both within limits.
"""

from __future__ import annotations

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


class Fields:
    """Header fields as they came, names in lower case: the first value of a name, and the lines that repeat one."""

    __slots__ = ("first", "more")

    def __init__(self) -> None:
        self.first: dict[bytes, bytes] = {}
        self.more: list[tuple[bytes, bytes]] = []

    def lines(self) -> list[tuple[bytes, bytes]]:
        """All of them; the order among lines of one name is kept."""
        return [*self.first.items(), *self.more]


class Reading:
    """Feed it until `fault` or `complete`; the `on_` methods are the parser's."""

    __slots__ = (
        "_barren",
        "_bodiless",
        "_bounds",
        "_interim",
        "_interims",
        "_ours",
        "_parser",
        "_pieces",
        "complete",
        "detail",
        "encoding",
        "extra",
        "fault",
        "fields",
        "headed",
        "keep",
        "length",
        "minor",
        "on_body",
        "phrase",
        "received",
        "status",
        "until_close",
        "unusable",
    )

    def __init__(self, bodiless: bool, bounds: Bounds) -> None:
        """`bodiless`: the answer to a HEAD."""
        self._bounds = bounds
        self._bodiless = bodiless
        self._pieces: list[bytes] = []
        self._interim = False
        self._interims = self._barren = self._ours = 0
        self.on_body = self._pieces.append  # no call of ours for each chunk
        self.fields = Fields()
        self.status = self.minor = self.received = 0
        self.phrase = b""
        self.length: int | str = UNKNOWN_LENGTH
        self.encoding: bytes | None = None
        """A member of `inflate.KNOWN`, or None."""
        self.headed = self.complete = self.extra = self.keep = self.until_close = self.unusable = False
        self.fault: Fault | None = None
        self.detail = ""
        parser = HttpResponseParser(self)
        self._parser: HttpResponseParser | None = parser
        parser.set_dangerous_leniencies(lenient_chunked_length=True)

    def feed(self, data: bytes) -> None:
        """What one read brought."""
        parser = self._parser
        if parser is None:
            return
        self.received += len(data)
        self._barren += len(data)
        try:
            parser.feed_data(data)
        except HttpParserCallbackError:
            raise  # a bug of ours, not the vendor's: to be seen as one
        except (HttpParserError, HttpParserUpgrade) as error:
            if self.complete:
                self.extra = True
            elif self.fault is None:
                self.fault, self.detail = "syntax", str(error)
        if self.complete:
            self.close()
            return
        if self._pieces:
            self._barren = 0
        elif self._barren > self._bounds.head and self.fault is None:
            if self.headed:
                self.fault, self.detail = "syntax", "nothing but trailers and extensions"
            else:
                self.fault, self.detail = "head_too_large", "too many bytes"

    def close(self) -> None:
        """No more will be fed: part with the parser, whose callbacks make a ring of the two."""
        self._parser = None

    def take(self) -> bytes:
        """The body's bytes that came since the last time, as one."""
        pieces = self._pieces
        if self.complete:
            del pieces[self._ours :]  # the rest is an answer that nobody asked for
        if not pieces:
            return b""
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        return body

    @property
    def clean(self) -> bool:
        """Whether the answer left a connection that another may use."""
        return self.complete and self.keep and not self.extra

    def on_message_begin(self) -> None:
        if self.complete:
            self.extra = True

    def on_status(self, piece: bytes) -> None:
        if not self.headed:
            self.phrase += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.headed:
            return  # a trailer
        name = name.lower()
        first = self.fields.first
        if name in first:
            self.fields.more.append((name, value))
        else:
            first[name] = value

    def on_headers_complete(self) -> None:
        parser = self._parser
        if parser is None or self.headed:
            return  # an answer that nobody asked for
        status = parser.get_status_code()
        if 100 <= status < 200:
            self._pass_over(status)
            return
        self.headed = True
        self._barren = 0
        self.status = status
        self.keep = parser.should_keep_alive()
        self._check(parser.get_http_version())
        self._frame()
        encoding = self.fields.first.get(b"content-encoding")
        if encoding is not None:
            self._encode(encoding.strip().lower())
        self.unusable = self.fault is not None

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
        elif self.headed and not self.complete:
            self.complete = True
            self._ours = len(self._pieces)

    def _pass_over(self, status: int) -> None:
        """An interim head."""
        self._interim = True
        self._interims += 1
        self.fields = Fields()
        self.phrase = b""
        if status == 101:
            self.fault, self.detail = "upgrade", "nobody asked for another protocol"
        elif self._interims > self._bounds.interim:
            self.fault, self.detail = "too_many_interim", "1xx without end"

    def _check(self, version: str) -> None:
        """Whether the head is one that we can live with."""
        self.minor = 0 if version == "1.0" else 1
        fields = self.fields
        if version not in ("1.1", "1.0"):
            self.fault, self.detail = "version", "HTTP/1.0 and 1.1 are spoken here"
        elif not 200 <= self.status < 600:
            self.fault, self.detail = "syntax", "no such status"
        elif len(fields.first) + len(fields.more) > self._bounds.lines:
            self.fault, self.detail = "head_too_large", "too many lines"
        elif self.received > self._bounds.head:
            size = sum(len(name) + len(value) + 4 for name, value in fields.lines())
            if size > self._bounds.head:
                self.fault, self.detail = "head_too_large", "too many bytes"

    def _frame(self) -> None:
        """How the end of the body is known (RFC 9112, 6.3)."""
        first = self.fields.first
        coding, length = first.get(b"transfer-encoding"), first.get(b"content-length")
        if self._bodiless:
            # the parser can't be told and waits for a body: such a connection is not worth keeping
            self.length, self.complete, self.keep = 0, True, False
        elif self.status in (204, 304):
            self.length = 0
        elif coding is not None:
            repeated = any(name == b"transfer-encoding" for name, _ in self.fields.more)
            if coding.strip().lower() != b"chunked" or repeated:
                self.fault, self.detail = "framing", "a transfer coding other than chunked"
            if length is not None or self.minor == 0:
                self.keep = False
        elif length is not None:
            self.length = int(length)
        else:
            self.until_close = True

    def _encode(self, encoding: bytes) -> None:
        if encoding in KNOWN:
            self.encoding = encoding
            if not self._bodiless:
                self.length = UNKNOWN_LENGTH
        elif encoding not in (b"identity", b""):
            self.fault, self.detail = "encoding", "a content encoding that was not asked for"
