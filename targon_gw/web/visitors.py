"""Who a browser is: its session, whose that is, and whether what it asks for came from a page of ours.

All rooms ask here. A session that is used is noted; one whose user may not sign in any more is none. What is `None` or
raised is the same for an id that never was, is over, or was ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from attrs import define, field, frozen

from targon_gw.core.bank import caller
from targon_gw.core.config import Network
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Gateway
from targon_gw.core.sessions import Seen, digest_of
from targon_gw.core.users import User

from . import csrf
from .cookies import SESSION, VISITOR, cookie, is_secure
from .peers import client_address
from .request import Request

_UNSEEN: Final = dict.fromkeys((*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
"""Controls, and what turns the direction of writing about (faults catalogue, F-16)."""


@frozen
class SignedIn:
    """Whoever is: its name, and its session's digest."""

    name: str
    user: User = field(repr=False)
    session: str = field(repr=False)


@define(eq=False)
class Visitors:
    """Tells who asks. `secret` is what CSRF tokens are made with; `now` is monotonic seconds."""

    gateway: Gateway
    now: Callable[[], float]
    secret: Callable[[], bytes] = field(repr=False)

    def unix(self) -> float:
        """Unix seconds."""
        return self.now() + self.gateway.wall

    @property
    def trusted(self) -> Sequence[Network]:
        """Proxies that may say for whom they ask."""
        return self.gateway.config.trusted_proxies

    def address(self, request: Request) -> str:
        """From where it is asked, as `/v1` takes it."""
        return client_address(request.client_host(), request.header(b"x-forwarded-for"), self.trusted)

    def is_secure(self, request: Request) -> bool:
        """Whether the browser speaks TLS."""
        return is_secure(request, self.trusted)

    def seen(self, request: Request) -> Seen:
        """This use, as a session remembers it."""
        agent = (request.header(b"user-agent") or b"").decode("utf-8", "replace").translate(_UNSEEN)
        return Seen(self.unix(), self.address(request), agent)

    def signed_in(self, request: Request) -> SignedIn | None:
        """Who is, if anybody; the session is used by that."""
        value = cookie(request, SESSION, self.is_secure(request))
        if value is None:
            return None
        people, digest = self.gateway.people, digest_of(value)
        session = people.sessions.find(digest, self.unix())
        user = None if session is None else people.users.get(session.user)
        if session is None or user is None or not user.enabled:
            return None
        people.sessions.used(digest, self.seen(request))
        return SignedIn(session.user, user, digest)

    def user(self, request: Request) -> SignedIn:
        """Who is signed in; raises `Refusal`."""
        found = self.signed_in(request)
        if found is None:
            raise Refusal("not_signed_in", "Sign in first.")
        return found

    def admin(self, request: Request) -> SignedIn:
        """Who is signed in and may administer; raises `Refusal`."""
        found = self.user(request)
        if not found.user.admin:
            raise Refusal("admin_only", "This is for administrators of this gateway.")
        return found

    def judged(self, request: Request, refusal: Refusal) -> Refusal:
        """What to tell who bore a key or a token that is none: `refusal`, or, after many, to slow down (C-06)."""
        return self.gateway.failures.judged(refusal, caller(self.address(request)), self.now())

    def csrf(self, request: Request, visitor: bytes | None = None) -> str | None:
        """The token that this browser's changes must bear; `visitor` is an id that it is about to be given."""
        identity = cookie(request, SESSION, self.is_secure(request)) if self.signed_in(request) else None
        identity = identity or cookie(request, VISITOR, self.is_secure(request)) or visitor
        return None if identity is None else csrf.token_of(self.secret(), identity)

    def guard(self, request: Request) -> None:
        """Raise `Refusal` unless the request is a page's of ours, or changes nothing."""
        csrf.guard(request, self.csrf(request), self.trusted)
