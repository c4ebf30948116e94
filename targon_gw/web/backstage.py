"""`/api/admin/…`: the tree of the admin socket, for the browser of an admin and for programs that bear the token.

What can be done is what can be done at the socket; here it is decided who may, and who is noted to have done it. A
browser's session must be an admin's, and what changes something must come from a page of ours. A token is no browser's:
where one is sent it is judged alone, and no cookie is looked at.
"""

# mypy: disallow-untyped-calls=False
# Twisted's web is not typed throughout, nor is Klein.

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest
from typing import Any, Final, Protocol

from attrs import define
from klein import Klein
from klein.resource import KleinResource

from targon_gw.core.config import Secret
from targon_gw.core.errors import Refusal

from .admin_desk import Actor
from .request import Request
from .rooms import refusing

PREFIX: Final = "/api/admin/"
TOKEN: Final = "admin token"
"""Who acts with the token: no user's name, which has no space in it."""


class Person(Protocol):
    """Whoever is signed in."""

    @property
    def name(self) -> str: ...


class Doorkeeper(Protocol):
    """Who knows browsers; `targon_gw.web.visitors.Visitors` is one."""

    def admin(self, request: Request) -> Person:
        """Who is signed in and may administer; raises `Refusal`."""

    def guard(self, request: Request) -> None:
        """Raise `Refusal` unless the request is a page's of ours, or changes nothing."""

    def address(self, request: Request) -> str:
        """From where it is asked."""

    def judged(self, request: Request, refusal: Refusal) -> Refusal:
        """What to tell who bore a token that is none: `refusal`, or to slow down."""


@define(eq=False, slots=False)
class Backstage:
    """The addresses below `PREFIX`. `tree` makes the admin tree for whoever acts."""

    keeper: Doorkeeper
    token: Secret | None
    tree: Callable[[Actor, Request], KleinResource]
    app = refusing(Klein())

    @app.route(PREFIX, branch=True)
    def admin(self, request: Request) -> Any:
        """The tree, for those who may."""
        return self.tree(self._actor(request), request)

    def _actor(self, request: Request) -> Actor:
        address = self.keeper.address(request)
        sent = request.header(b"authorization")
        if sent is not None:
            scheme, _, secret = sent.partition(b" ")
            known = b"" if self.token is None else self.token.reveal.encode("ascii")
            right = compare_digest(secret.strip(b" "), known)
            if not known or scheme.lower() != b"bearer" or not right:
                wrong = Refusal("invalid_api_key", "This is not the token of administration (admin: token_file).")
                raise self.keeper.judged(request, wrong)
            return Actor(TOKEN, address)
        person = self.keeper.admin(request)
        self.keeper.guard(request)
        return Actor(person.name, address)
