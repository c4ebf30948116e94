"""What a browser keeps for us: its session, and who it is before it has one.

Over TLS each of our cookies has the prefix `__Host-`, which no other host and no plain page can set; then one without
the prefix is not heeded. Neither can be read by a script. No cookie is looked at below `/v1`: whoever calls there
bears a key (faults catalogue, F-07, F-12).
"""

# mypy: disallow-untyped-calls=False
# Twisted's web is not typed throughout.

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from targon_gw.core.config import Network

from .peers import is_trusted
from .request import Request

SESSION: Final = b"tg_session"
VISITOR: Final = b"tg_visitor"
"""A browser that is not signed in, known from nothing else: what its CSRF token is made of."""
_HOST: Final = b"__Host-"
_ID: Final = re.compile(rb"[A-Za-z0-9_-]{22,128}")
"""128 random bits and more, as `secrets.token_urlsafe` writes them; anything else is none of ours."""


def is_from_proxy(request: Request, trusted: Sequence[Network]) -> bool:
    """Whether it came through a proxy that the operator trusts to say for whom."""
    return is_trusted(request.client_host(), trusted)


def is_secure(request: Request, trusted: Sequence[Network]) -> bool:
    """Whether the browser speaks TLS: with us, or with a proxy of `trusted` that says so in X-Forwarded-Proto."""
    if request.isSecure():
        return True
    forwarded = request.header(b"x-forwarded-proto")
    if forwarded is None or not is_from_proxy(request, trusted):
        return False
    return forwarded.rpartition(b",")[2].strip().lower() == b"https"


def cookie(request: Request, name: bytes, secure: bool) -> bytes | None:
    """The id that the browser keeps under `name`; `None` where there is none, or nothing that we could have made."""
    value = request.received_cookies.get(_HOST + name if secure else name)
    return value if value is not None and _ID.fullmatch(value) else None


def kept(name: bytes, value: bytes, secure: bool, seconds: float | None = None) -> tuple[bytes, bytes]:
    """The header that has the browser keep `value` for so many seconds, or until it is closed."""
    age = b"" if seconds is None else b"; Max-Age=%d" % int(seconds)
    prefix, wall = (_HOST, b"; Secure") if secure else (b"", b"")
    return b"set-cookie", b"%b%b=%b; Path=/; HttpOnly; SameSite=Lax%b%b" % (prefix, name, value, age, wall)


def dropped(name: bytes, secure: bool) -> tuple[bytes, bytes]:
    """The header that has the browser forget it."""
    return kept(name, b"", secure, 0)
