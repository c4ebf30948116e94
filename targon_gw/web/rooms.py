"""Rooms of the tree: parts with a Klein app of their own, for people rather than for programs of the OpenAI kind.

A room has all addresses that begin with one of its prefixes, and its routes are written whole (`/api/me`). What a room
raises for whoever asked is a `Refusal`, answered in the one envelope; unlike `/v1` it tells no other origin anything:
there are no CORS headers here.
"""

# mypy: disallow-untyped-calls=False
# Twisted's web is not typed throughout, nor is Klein.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from attrs import frozen
from klein import Klein
from klein.resource import KleinResource
from twisted.python.failure import Failure
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from targon_gw.core.errors import Refusal

from .request import Request

T = TypeVar("T")
Lines = Sequence[tuple[bytes, bytes]]

PRIVATE = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""What no cache may keep, and no page of another origin may be given, whatever it takes it for (F-11)."""


@frozen
class Room:
    """`prefixes` are paths (`/chat`, `/`), or longer ones that end in a slash for all that lies below (`/api/me/`)."""

    prefixes: tuple[bytes, ...]
    resource: KleinResource

    def has(self, path: bytes) -> bool:
        """Whether the address is in this room."""
        return any(path == one or (len(one) > 1 and one[-1:] == b"/" and path.startswith(one)) for one in self.prefixes)


def room(app: Klein, *prefixes: str) -> Room:
    """The room whose routes are those of `app`, bound to the object that it was reached through."""
    return Room(tuple(prefix.encode("ascii") for prefix in prefixes), KleinResource(app))


def refusing(app: Klein) -> Klein:
    """`app`, with answers to what its routes raise and to addresses that it has not."""

    def refused(self: object, request: Request, failure: Failure) -> None:
        assert isinstance(failure.value, Refusal)
        request.refuse(failure.value, PRIVATE)

    def wrong_method(self: object, request: Request, failure: Failure) -> None:
        assert isinstance(failure.value, MethodNotAllowed)
        allowed = ", ".join(sorted(set(failure.value.valid_methods or ())))
        refusal = Refusal("method_not_allowed", f"This address takes {allowed}.")
        request.refuse(refusal, [(b"allow", allowed.encode("ascii")), *PRIVATE])

    def unknown(self: object, request: Request, failure: Failure) -> None:
        path = request.path.decode("ascii", "replace")[:80]
        request.refuse(Refusal("unknown_url", f"There is nothing at {request.method.decode()} {path}."), PRIVATE)

    handlers: Any = app.handle_errors
    handlers(Refusal)(refused)
    handlers(MethodNotAllowed)(wrong_method)
    handlers(HTTPException)(unknown)
    return app


def tell(request: Request, told: object, status: int = 200, lines: Lines = ()) -> None:
    """Answer with `told` as JSON, which no cache may keep."""
    headers = [(b"content-type", b"application/json; charset=utf-8"), *PRIVATE, *lines]
    request.answer(status, headers, msgspec.json.encode(told))


def body_of(request: Request, shape: type[T]) -> T:
    """The body, which says that it is JSON, as `shape`; raises `Refusal`, which does not repeat what was sent."""
    kind = (request.header(b"content-type") or b"").partition(b";")[0].strip().lower()
    if kind != b"application/json":
        raise Refusal("unsupported_media_type", "Send JSON, with the content type application/json.")
    try:
        return msgspec.json.decode(request.body or b"{}", type=shape)
    except msgspec.ValidationError as error:
        raise Refusal("invalid_value", f"The body is not what this address takes: {error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refusal("invalid_json", "The body is not JSON.") from None
