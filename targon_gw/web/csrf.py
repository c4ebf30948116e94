"""Whether a change was asked for by a page of ours, and not by somebody else's in the same browser.

Two things must be right for whatever is no GET: the request's origin is this server's own, and it bears the token that
only a page of ours can have read. Either alone would do in most browsers; a wrong one of either is refused (F-04).
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from targon_gw.core.config import Network
from targon_gw.core.errors import Refusal

from .cookies import is_from_proxy, is_secure
from .request import Request

HEADER: Final = b"x-csrf-token"
_HARMLESS: Final = frozenset((b"GET", b"HEAD", b"OPTIONS"))
_USUAL_PORT: Final = {b"http": b":80", b"https": b":443"}


def token_of(secret: bytes, identity: bytes) -> str:
    """The token of a session or a visitor: HMAC-SHA256 of its id, in 64 hex digits."""
    return hmac.new(secret, identity, sha256).hexdigest()


def own_origin(request: Request, trusted: Sequence[Network]) -> bytes:
    """The origin that a browser has reached us by, such as `https://gw.example.org`; empty where it named no host.

    What a proxy says of it is heeded only where it is one of `trusted`.
    """
    scheme = b"https" if is_secure(request, trusted) else b"http"
    host = request.header(b"host") or b""
    if is_from_proxy(request, trusted):
        host = (request.header(b"x-forwarded-host") or host).rpartition(b",")[2].strip()
    return _plain(scheme + b"://" + host) if host else b""


def _plain(origin: bytes) -> bytes:
    """As browsers write an origin (RFC 6454, 6.2): in lower case, without the port that goes without saying."""
    origin = origin.lower()
    return origin.removesuffix(_USUAL_PORT.get(origin.partition(b":")[0], b"\n"))


def guard(request: Request, token: str | None, trusted: Sequence[Network] = ()) -> None:
    """Raise `Refusal` unless the request is a page's of ours; GET changes nothing, and passes.

    `token` is the right one for whoever asks, of `token_of`; `None` where we know nothing of the browser.
    """
    if request.method in _HARMLESS:
        return
    if not _is_same_origin(request, trusted):
        raise Refusal(
            "csrf_failed",
            "This did not come from a page of this gateway. Where a proxy stands in front of it, that must pass on "
            "Host and X-Forwarded-Proto and be one of trusted_proxies.",
        )
    sent = request.header(HEADER) or b""
    if token is None or not hmac.compare_digest(sent, token.encode("ascii")):
        raise Refusal("csrf_failed", "The page is out of date. Load it again, then try once more.")


def _is_same_origin(request: Request, trusted: Sequence[Network]) -> bool:
    origin = request.header(b"origin")
    if origin is None:
        return request.header(b"sec-fetch-site") == b"same-origin"
    own = own_origin(request, trusted)
    return bool(own) and _plain(origin) == own
