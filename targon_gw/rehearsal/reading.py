"""Requests out of bytes, at any split. No I/O: it is fed, and says what has come.

httptools does the parsing and is strict about it; what it refuses is `Unreadable`, comes last, and the connection is
then beyond use. A request is told twice: when its head is there, and when it is whole. Trailers are not header lines.
"""

from __future__ import annotations

import httptools
from attrs import define, field, frozen


@frozen
class Request:
    """A request. Header names are in lower case; of a header that came twice the last value stands."""

    method: str
    target: str
    headers: dict[str, str] = field(repr=False)
    keep_alive: bool = True
    body: bytes = field(default=b"", repr=False)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def key(self) -> str | None:
        """The bearer's secret, or `None`."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" and key.strip() else None


@frozen
class HeadCame:
    """The head of a request is there; its `body` is still empty."""

    request: Request


@frozen
class WholeCame:
    """The request is complete."""

    request: Request


@frozen
class TooLarge:
    """The body is over the bound; no more of it is kept."""

    request: Request


@frozen
class Unreadable:
    """What came is not HTTP; nothing comes after this."""


Arrival = HeadCame | WholeCame | TooLarge | Unreadable


@define(eq=False, slots=False)
class RequestReader:
    """Feed it bytes; it answers with what has arrived. `max_body` is in bytes."""

    max_body: int
    _parser: httptools.HttpRequestParser = field(init=False)
    _target: bytearray = field(init=False, factory=bytearray)
    _headers: dict[str, str] = field(init=False, factory=dict)
    _request: Request | None = field(init=False, default=None)
    _body: bytearray = field(init=False, factory=bytearray)
    _over: bool = field(init=False, default=False)
    _dead: bool = field(init=False, default=False)
    _arrived: list[Arrival] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)

    def feed(self, data: bytes) -> list[Arrival]:
        """What has arrived with `data`, in order."""
        if self._dead:
            return []
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._dead = True
            self._arrived.append(Unreadable())
        arrived, self._arrived = self._arrived, []
        return arrived

    # What httptools calls.

    def on_message_begin(self) -> None:
        """A request begins."""
        self._target, self._headers, self._body = bytearray(), {}, bytearray()
        self._request, self._over = None, False

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header line, or a trailer, which is passed over."""
        if self._request is None:
            self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The head is there."""
        method = self._parser.get_method().decode("ascii")
        target = self._target.decode("latin-1")
        self._request = Request(method, target, self._headers, self._parser.should_keep_alive())
        self._arrived.append(HeadCame(self._request))

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        if self._over or self._request is None:
            return
        self._body += data
        if len(self._body) > self.max_body:
            self._over, self._body = True, bytearray()
            self._arrived.append(TooLarge(self._request))

    def on_message_complete(self) -> None:
        """The request is whole."""
        head = self._request
        if head is not None and not self._over:
            whole = Request(head.method, head.target, head.headers, head.keep_alive, bytes(self._body))
            self._arrived.append(WholeCame(whole))
