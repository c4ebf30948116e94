"""A request's body as it comes in: of known length, or chunked and read strictly (RFC 9112, section 7.1).

httptools reads heads; bodies are read here, because llhttp shows neither how long a chunk extension grows nor where a
body ends inside a read, and both must be known: the first for limits, the second to keep pipelined requests apart.
Extensions are checked and ignored. Trailers are checked and dropped: they never become headers.
"""

from __future__ import annotations

import enum
import re
from typing import Final

from attrs import define, field

from targon_gw.core.errors import Refusal

LINE_LIMIT: Final = 288
"""Bytes of a chunk-size line: 16 digits and 270 of extension; nobody known sends any extension at all."""
EXTRA_LIMIT: Final = 16 << 10
"""Bytes of extensions, and of trailers, in one body: as much as a head may have."""

COPIED: Final = 1 << 20
"""Bytes of a body that is copied out of what it came into; 32 MB would hold up everybody for 16 ms."""

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SIZE = re.compile(
    rb"([0-9A-Fa-f]{1,16})((?:[ \t]*;[ \t]*" + _TOKEN + rb"(?:[ \t]*=[ \t]*(?:" + _TOKEN + rb'|"[ !#-~]*"))?)*)'
)
_SIZE_BEGUN = re.compile(rb"[0-9A-Fa-f]{0,16}(?:\r|[ \t]*(?:;[\t -~]*\r?)?)")
_TRAILER = re.compile(rb"(" + _TOKEN + rb"):[\t -~\x80-\xff]*")
_FORBIDDEN: Final = frozenset(
    b"authorization connection content-encoding content-length content-type expect host proxy-authorization te trailer"
    b" transfer-encoding upgrade x-api-key".split()
)
"""Fields that frame, route or authenticate (RFC 9110, 6.5.1): in a trailer they can only be meant to deceive."""


class _Part(enum.Enum):
    SIZE = "size"
    CONTENT = "content"
    CONTENT_END = "content end"
    TRAILER = "trailer"


def _bad(what: str) -> Refusal:
    return Refusal("bad_request", f"The chunked body is not valid HTTP/1.1: {what}.")


def whole(body: bytearray) -> bytes | bytearray:
    """A body that nothing is added to any more."""
    return bytes(body) if len(body) <= COPIED else body


@define(eq=False)
class Sized:
    """One body of which `left` bytes are still to come; `body` is what came so far."""

    left: int
    body: bytearray = field(factory=bytearray)

    def feed(self, data: bytes) -> bytes | None:
        """Take `data`; the bytes behind the body once it is whole, `None` while more must come."""
        left = self.left
        self.body += data[:left]
        self.left = max(0, left - len(data))
        return None if self.left else data[left:]


@define(eq=False)
class Chunks:
    """One chunked body as it comes in. `limit` is in bytes of content; `body` is what came so far."""

    limit: int
    body: bytearray = field(factory=bytearray)
    _part: _Part = _Part.SIZE
    _left: int = 0
    _extra: int = 0
    _line: bytes = b""

    def feed(self, data: bytes) -> bytes | None:
        """Take `data`; the bytes behind the body once it is whole, `None` while more must come.

        Raises `Refusal`: `bad_request` for broken framing, `request_too_large` as soon as a chunk's size says that
        the body will be longer than `limit`, before its content is read.
        """
        at = 0
        while at < len(data):
            if self._part is _Part.CONTENT:
                at = self._take_content(data, at)
                continue
            end = data.find(b"\n", at)
            line, at = (data[at:], len(data)) if end < 0 else (data[at : end + 1], end + 1)
            line = self._line + line
            if not line.endswith(b"\n"):
                self._check_unfinished(line)
                self._line = line
                return None
            self._line = b""
            if self._take_line(line):
                return data[at:]
        return None

    def _take_content(self, data: bytes, at: int) -> int:
        end = min(len(data), at + self._left)
        self.body += data[at:end]
        self._left -= end - at
        if not self._left:
            self._part = _Part.CONTENT_END
        return end

    def _check_unfinished(self, line: bytes) -> None:
        """Refuse what no ending could mend: nobody may make us wait by not ending a line."""
        if self._part is _Part.CONTENT_END and line != b"\r":
            raise _bad("a chunk is longer than its size says")
        if self._part is _Part.SIZE and (len(line) > LINE_LIMIT or not _SIZE_BEGUN.fullmatch(line)):
            raise _bad("a chunk's size is not a short hexadecimal number")
        if self._extra + len(line) > EXTRA_LIMIT:
            raise _bad("too many trailers")

    def _take_line(self, line: bytes) -> bool:
        """Take a line with its end; whether it was the last one of the body."""
        if not line.endswith(b"\r\n"):
            raise _bad("a line ends without CR LF")
        match self._part:
            case _Part.SIZE:
                self._take_size(line[:-2])
            case _Part.CONTENT_END:
                if line != b"\r\n":
                    raise _bad("a chunk is longer than its size says")
                self._part = _Part.SIZE
            case _Part.TRAILER:
                return self._take_trailer(line[:-2])
        return False

    def _take_size(self, line: bytes) -> None:
        match = _SIZE.fullmatch(line) if len(line) < LINE_LIMIT else None
        if match is None:
            raise _bad("a chunk's size is not a short hexadecimal number")
        self._count_extra(len(match[2]))
        size = int(match[1], 16)
        if size > self.limit - len(self.body):
            raise Refusal("request_too_large", f"The body is too large; {self.limit} bytes are taken at most.")
        self._left = size
        self._part = _Part.CONTENT if size else _Part.TRAILER

    def _take_trailer(self, line: bytes) -> bool:
        if not line:
            return True
        self._count_extra(len(line))
        match = _TRAILER.fullmatch(line)
        if match is None or match[1].lower() in _FORBIDDEN:
            raise _bad("a trailer is malformed, or one that may not be a trailer")
        return False

    def _count_extra(self, size: int) -> None:
        self._extra += size
        if self._extra > EXTRA_LIMIT:
            raise _bad("too many extensions and trailers")
