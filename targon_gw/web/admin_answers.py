"""How the admin tree answers, in all its parts: JSON that no cache keeps, and objections in one envelope."""

# mypy: disallow-untyped-calls=False
# Twisted's web is not typed throughout, nor is Klein.

from __future__ import annotations

from typing import Any

from klein import Klein
from klein.resource import KleinResource
from twisted.python.failure import Failure
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from .admin_desk import Objection, unknown
from .request import Request
from .rooms import tell


def object_to(request: Request, error: Objection) -> None:
    """Answer that it is not done, and why."""
    tell(request, {"error": {"code": error.code, "message": error.message}}, error.status)


def part_of(tree: object, request: Request) -> KleinResource:
    """What answers for a part of the tree, below the address that `request` has been led to: `tree.app`'s routes."""
    if not request.postpath:
        request.postpath = [b""]  # Klein takes an empty path for none, and has no route for that
    app: Any = tree.app  # type: ignore[attr-defined]
    return KleinResource(app)


def objecting(app: Klein) -> Klein:
    """`app`, with answers to what its routes object to and to addresses that it has not."""

    def objected(self: object, request: Request, failure: Failure) -> None:
        assert isinstance(failure.value, Objection)
        object_to(request, failure.value)

    def wrong_method(self: object, request: Request, failure: Failure) -> None:
        assert isinstance(failure.value, MethodNotAllowed)
        allowed = ", ".join(sorted(failure.value.valid_methods or ()))
        error = {"code": "method_not_allowed", "message": f"This address takes {allowed}."}
        tell(request, {"error": error}, 405, [(b"allow", allowed.encode())])

    def no_route(self: object, request: Request, failure: Failure) -> None:
        path = request.path.decode("ascii", "replace")[:80]
        object_to(request, unknown(f"The admin socket has nothing at {request.method.decode()} {path}."))

    answers: Any = app.handle_errors
    answers(Objection)(objected)
    answers(MethodNotAllowed)(wrong_method)
    answers(HTTPException)(no_route)
    return app
