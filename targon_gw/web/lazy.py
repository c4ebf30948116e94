"""What twisted.web's requests carry and a relayed call never looks at, made only when somebody asks.

Klein, twisted.web's resources and its `static.File` find every attribute that they know; a call of the hot path pays
for none. It decides nothing, but that the client's Host has no say here.
"""

# mypy: disallow-untyped-calls=False
# Twisted's web is not typed throughout.

from __future__ import annotations

import io
from functools import cached_property
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.internet.interfaces import IAddress
from twisted.web import http, server
from twisted.web.http_headers import Headers


class LazyRequest(server.Request):
    """A `server.Request` whose subclass sets `fields` (by lower-cased name), `body`, `uri`, `path` and `transport`.

    It is never made by its parents' constructors: they build five objects and two addresses, 2 us a request and more.
    """

    fields: dict[bytes, bytes]
    body: bytes | bytearray
    transport: Any
    queued = False

    @cached_property
    def requestHeaders(self) -> Headers:  # type: ignore[override]
        headers = Headers()
        for name, value in self.fields.items():
            headers.addRawHeader(name, value)
        return headers

    @cached_property
    def responseHeaders(self) -> Headers:  # type: ignore[override]
        return Headers()

    @cached_property
    def content(self) -> io.BytesIO:  # type: ignore[override]
        return io.BytesIO(self.body)

    @cached_property
    def args(self) -> dict[bytes, list[bytes]]:  # type: ignore[override]
        args: dict[bytes, list[bytes]] = http.parse_qs(self.uri.partition(b"?")[2], True)
        return args

    @cached_property
    def received_cookies(self) -> dict[bytes, bytes]:  # type: ignore[override]
        pairs = (piece.strip().partition(b"=") for piece in self.fields.get(b"cookie", b"").split(b";"))
        return {name: value for name, equals, value in pairs if equals}

    @cached_property
    def cookies(self) -> list[bytes]:  # type: ignore[override]
        return []

    @cached_property
    def client(self) -> IAddress:
        peer: IAddress = self.transport.getPeer()
        return peer

    @cached_property
    def host(self) -> IAddress:
        host: IAddress = self.transport.getHost()
        return host

    @cached_property
    def prepath(self) -> list[bytes]:  # type: ignore[override]
        return []

    @cached_property
    def postpath(self) -> list[bytes]:  # type: ignore[override]
        return [unquote_to_bytes(segment) for segment in self.path[1:].split(b"/")]

    @cached_property
    def sitepath(self) -> list[bytes]:
        return []

    @cached_property
    def _adapterCache(self) -> dict[str, Any]:  # type: ignore[override]
        return {}

    def getHeader(self, key: Any) -> Any:
        """As twisted.web's, without making `requestHeaders`."""
        if isinstance(key, bytes):
            return self.fields.get(key.lower())
        value = self.fields.get(key.lower().encode("ascii"))
        return None if value is None else value.decode("utf-8", "replace")

    def getRequestHostname(self) -> bytes:
        """Our own address: what the client writes into Host decides nothing here (faults catalogue, A-03)."""
        return str(getattr(self.host, "host", "localhost")).encode("ascii")
