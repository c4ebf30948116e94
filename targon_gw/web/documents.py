"""A document for a browser: bytes of one kind, packed beforehand, and what every answer that shows one must bear.

It decides how a document is answered: whole, packed, or not again (304). It never reads one from a file, and never
makes one for a single reader: what only one may see is no document.
"""

# mypy: disallow-untyped-calls=False
# Twisted's web is not typed throughout.

from __future__ import annotations

import gzip
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from attrs import field, frozen

from .request import Request

Lines = Sequence[tuple[bytes, bytes]]

POLICY: Final = b"; ".join(
    (
        b"default-src 'none'",
        b"script-src 'self'",
        b"style-src 'self'",
        b"img-src 'self' data:",
        b"font-src 'self'",
        b"connect-src 'self'",
        b"form-action 'self'",
        b"base-uri 'none'",
        b"frame-ancestors 'none'",
        b"manifest-src 'self'",
    )
)
"""Nothing inline, nothing from elsewhere, in nobody's frame: the second wall behind escaping (F-05, F-11)."""
GUARDED: Final[Lines] = (
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
"""What every page and every file of one bears."""
ONLY_TLS: Final[Lines] = (
    (b"strict-transport-security", b"max-age=31536000"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
"""For pages that came over TLS; elsewhere browsers heed neither (RFC 6797, 8.1), and complain of the second."""
WORTH_PACKING: Final = 256
"""Bytes: below that gzip's own head and tail eat what it saves."""
_PACKED: Final = (b"text/", b"application/json", b"image/svg+xml")


@frozen
class Document:
    """`kind` is its content type; `packed` is it in gzip, where that is shorter; `tag` is its weak ETag, the same for
    both (RFC 9110, 8.8.1)."""

    kind: bytes
    body: bytes
    level: int = 9
    packed: bytes | None = field(init=False)
    tag: bytes = field(init=False)

    @packed.default
    def _made_packed(self) -> bytes | None:
        if len(self.body) < WORTH_PACKING or not self.kind.startswith(_PACKED):
            return None
        packed = gzip.compress(self.body, self.level, mtime=0)
        return packed if len(packed) < len(self.body) else None

    @tag.default
    def _made_tag(self) -> bytes:
        return b'W/"%b"' % sha256(self.body).hexdigest()[:24].encode("ascii")

    def tell(self, request: Request, lines: Lines, code: int = 200) -> None:
        """Answer with it and `lines`; with 304 where the client has it. No other code is ever left out."""
        told = [*GUARDED, (b"vary", b"accept-encoding"), (b"etag", self.tag)]
        told = [*merged(told, lines)]
        if code == 200 and has(request.header(b"if-none-match"), self.tag):
            request.answer(304, told, b"")
            return
        told.append((b"content-type", self.kind))
        body = self.body
        if self.packed is not None and takes_gzip(request.header(b"accept-encoding")):
            told.append((b"content-encoding", b"gzip"))
            body = self.packed
        request.answer(code, told, body)


def merged(first: Lines, second: Lines) -> Lines:
    """Both; what both name is joined with a comma, in one line."""
    found = dict(first)
    for name, value in second:
        found[name] = b"%b, %b" % (found[name], value) if name in found else value
    return list(found.items())


def has(sent: bytes | None, tag: bytes) -> bool:
    """Whether If-None-Match names `tag`, compared weakly (RFC 9110, 13.1.2)."""
    if sent is None:
        return False
    wanted = tag.removeprefix(b"W/")
    return any(one.strip().removeprefix(b"W/") in (wanted, b"*") for one in sent.split(b","))


def takes_gzip(sent: bytes | None) -> bool:
    """Whether Accept-Encoding takes gzip, by its name or by `*`, with a weight (RFC 9110, 12.5.3)."""
    weights = {}
    for one in (sent or b"").lower().split(b",")[:32]:
        name, _, rest = one.partition(b";")
        weights[name.strip()] = rest.replace(b" ", b"")
    weight = weights.get(b"gzip", weights.get(b"x-gzip", weights.get(b"*", b"q=0")))
    return not (weight.startswith(b"q=0") and not weight.strip(b"q=0."))
