"""How a response is put on the wire: status line, header lines, chunks.

It frames what it is given and checks nothing: a head that contradicts itself is somebody's wish.
"""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus

Lines = Iterable[tuple[str, str]]

LAST_CHUNK = b"0\r\n\r\n"
UNNAMED = {529: "Site is overloaded"}
CHUNKED = (("Transfer-Encoding", "chunked"),)


def reason(status: int) -> str:
    """The words after the number in a status line; "Unknown" for a number without any."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return UNNAMED.get(status, "Unknown")


def head(status: int, lines: Lines, version: str = "1.1") -> bytes:
    """A response's head, with the empty line that ends it."""
    top = f"HTTP/{version} {status} {reason(status)}\r\n"
    return (top + "".join(f"{name}: {value}\r\n" for name, value in lines) + "\r\n").encode("latin-1")


def length(body: bytes) -> tuple[tuple[str, str], ...]:
    """The header line that says how long `body` is."""
    return (("Content-Length", str(len(body))),)


def chunk(data: bytes) -> bytes:
    """`data` as one chunk (RFC 9112, 7.1); `data` must not be empty, or the body would end."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def http_date(now: float) -> str:
    """`now`, in seconds since 1970, as an HTTP date (RFC 9110, 5.6.7)."""
    return formatdate(now, usegmt=True)
