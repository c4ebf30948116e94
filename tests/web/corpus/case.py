"""What a case of the corpus is, and the words to write one in."""

from __future__ import annotations

from attrs import frozen

HOST = b"Host: gw"
MARKER = b"GET /marker HTTP/1.1\r\nHost: gw\r\nX-Marker: 7f3a\r\n\r\n"
"""The request that is put behind every case: it must get its own answer, or none since the connection has ended."""
MARKED = (b"GET", b"/marker", b"")

Served = tuple[bytes, bytes, bytes]
"""Method, target and body of a request as whoever answers sees it."""


@frozen
class Case:
    """Bytes, and what becomes of them: the requests `served`, one after the other, and then one of these.

    `status`: a refusal with that status, and the end of the connection. `closes`: the end alone. `swallows`:
    the framing says that the marker belongs to the last request's body; what comes behind it is another request.
    Otherwise the connection goes on.
    """

    name: str
    raw: bytes
    served: tuple[Served, ...] = ()
    status: int = 0
    closes: bool = False
    swallows: bool = False


def lines(*given: bytes) -> bytes:
    """A head out of these lines."""
    return b"\r\n".join((*given, b"", b""))


def get(*more: bytes) -> bytes:
    """A GET with a Host and these lines."""
    return lines(b"GET /x HTTP/1.1", HOST, *more)


def post(*more: bytes, body: bytes = b"") -> bytes:
    """A POST with a Host and these lines, and the body's bytes behind it; no line says how many."""
    return lines(b"POST /x HTTP/1.1", HOST, *more) + body


def chunked(body: bytes, *more: bytes) -> bytes:
    """A POST whose body is in these chunks."""
    return post(b"Transfer-Encoding: chunked", *more, body=body)


def refused(name: str, status: int, raw: bytes, *served: Served) -> Case:
    """`raw` is refused with `status`, after what it holds before that has been served."""
    return Case(name, raw, served, status)


def taken(name: str, raw: bytes, *served: Served) -> Case:
    """`raw` is served, and the connection goes on; where nothing else is said, it is `POST /x` without a body."""
    return Case(name, raw, served or ((b"POST", b"/x", b""),))


def posted(name: str, raw: bytes, body: bytes) -> Case:
    """`raw` is a `POST /x` with that body."""
    return Case(name, raw, ((b"POST", b"/x", body),))


def got(name: str, raw: bytes, target: bytes = b"/x") -> Case:
    """`raw` is a GET of `target` without a body."""
    return Case(name, raw, ((b"GET", target, b""),))


def last(name: str, raw: bytes, *served: Served) -> Case:
    """`raw` is served, and the connection ends."""
    return Case(name, raw, served or ((b"GET", b"/x", b""),), closes=True)
