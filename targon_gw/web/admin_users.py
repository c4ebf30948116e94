"""Users and invites, as an operator sees and changes them: at the admin socket, and on the page of administrators.

An operator is never shown a user's key but when it was just made, for whoever asked for it to hand it on. Lists come in
pages, the newest first: there may be 100,000, and each costs 20 us.
"""

# mypy: disallow-untyped-calls=False
# Klein is not typed.

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any, Final, Protocol

import msgspec
from klein import Klein
from msgspec import Meta
from twisted.python.failure import Failure

from targon_gw.core.errors import Refusal
from targon_gw.core.invites import MOST_USES, invite_id
from targon_gw.core.people import Change
from targon_gw.core.users import MOST as MOST_USERS
from targon_gw.core.users import User

from .admin_answers import object_to
from .admin_clients import told_limits, told_plan
from .admin_desk import Desk, Objection, argument, body_of, unknown, whole_number
from .refusals import status_of
from .registrar import Registrar
from .request import Request
from .rooms import tell

PAGE: Final = 100
MOST: Final = 1000
"""Users in one answer."""
LONGEST: Final = 3650 * 86400.0
"""Seconds of an invite: ten years."""


class NewUser(msgspec.Struct, forbid_unknown_fields=True):
    """A user to be made."""

    name: str
    password: str
    admin: bool = False


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """What a user's password is to be."""

    password: str


class Right(msgspec.Struct, forbid_unknown_fields=True):
    """Whether a user may administer."""

    admin: bool


class NewInvite(msgspec.Struct, forbid_unknown_fields=True):
    """How often a code may be used, and for how many seconds (`None`: until it is used up)."""

    uses: Annotated[int, Meta(ge=1, le=MOST_USES)] = 1
    seconds: Annotated[float, Meta(gt=0, le=LONGEST)] | None = None
    note: Annotated[str, Meta(max_length=200)] = ""


class Whose(Protocol):
    """The tree that these routes are added to."""

    desk: Desk


def shown(name: str, user: User, desk: Desk) -> dict[str, Any]:
    """A user, as an operator sees it."""
    gateway = desk.gateway
    sessions = gateway.people.sessions.of(name, desk.now() + gateway.wall)
    return {
        "name": name,
        "admin": user.admin,
        "enabled": user.enabled,
        "since": user.since,
        "seen": max((session.seen for _, session in sessions), default=None),
        "sessions": len(sessions),
        "key": {"masked": user.key.masked, "issued_at": user.key.at, "shown": user.key.sealed is not None},
        "shadowed": gateway.people.is_filed(name, gateway.config.clients),
        "use": desk.use_of(name) if user.enabled else {},
    }


def as_client(name: str, user: User, desk: Desk) -> dict[str, Any]:
    """A user among the clients: its members are those of one in clients.yaml, `user` tells it from them."""
    config = desk.gateway.config
    quota = config.default_quota
    return {
        "name": name,
        "key": f"k-{user.key.digest[:8]}",
        "models": None,
        "limits": told_limits(config.default_limits),
        "plan": None if quota is None else told_plan(quota),
        "allow_from": [],
        "expires": None,
        "priority": 1,
        "use": desk.use_of(name) if user.enabled else {},
        "user": shown(name, user, desk),
    }


def found(desk: Desk, name: str) -> User | None:
    """The user of that name, unless a client of the settings has just that: then that is meant."""
    clients = desk.gateway.config.clients
    return None if any(client.name == name for client in clients) else desk.gateway.people.users.get(name)


async def rotated(desk: Desk, name: str, grace: float = 0.0) -> dict[str, Any]:
    """Another key for a user; raises Objection where the old one is to be good for a time."""
    if grace:
        raise Objection(400, "invalid_value", f"{name} is a user, who has one key at a time: there is no grace.")
    key = await desk.registrar.rotate(name)
    desk.acted("rotated", f"the key of user {name}")
    return {"name": name, "key": key, "former_until": None}


async def disabled(desk: Desk, name: str) -> None:
    """The end of a user's key and sessions, until it is enabled."""
    registrar = desk.registrar
    await registrar.keep(name, desk.gateway.people.disabled(name, registrar.unix()))
    desk.acted("disabled", f"user {name}")


def add_routes(app: Klein) -> None:
    """Have `app`, whose object has a `desk`, answer for users and invites, too, and for what the core refuses."""

    def refused(self: object, request: Request, failure: Failure) -> None:
        assert isinstance(failure.value, Refusal)
        refusal = failure.value
        object_to(request, Objection(status_of(refusal), refusal.code, refusal.message))

    answers: Any = app.handle_errors
    answers(Refusal)(refused)
    _listing(app)
    _changing(app)
    _inviting(app)


def _listing(app: Klein) -> None:
    @app.route("/users", methods=["GET"])
    def users(self: Whose, request: Request) -> None:
        people = self.desk.gateway.people
        limit, wanted = whole_number(request, "limit", PAGE, MOST), (argument(request, "search") or "").lower()
        offset = 0 if argument(request, "offset") in (None, "0") else whole_number(request, "offset", 1, MOST_USERS)
        every = people.users.names(wanted)
        page = islice(reversed(every), offset, offset + limit)
        told = [shown(name, people.user(name), self.desk) for name in page]
        tell(request, {"users": told, "total": len(every), "offset": offset})

    @app.route("/users/<name>", methods=["GET"])
    def user(self: Whose, request: Request, name: str) -> None:
        tell(request, shown(name, _user(self.desk, name), self.desk))


def _changing(app: Klein) -> None:
    @app.route("/users", methods=["POST"])
    async def add_user(self: Whose, request: Request) -> None:
        wanted = body_of(request, NewUser)
        admitted = await self.desk.registrar.create(wanted.name, wanted.password, wanted.admin)
        self.desk.acted("added", f"user {admitted.name}")
        told = shown(admitted.name, _user(self.desk, admitted.name), self.desk)
        tell(request, {**told, "secret": admitted.key}, 201)

    @app.route("/users/<name>", methods=["DELETE"])
    async def remove_user(self: Whose, request: Request, name: str) -> None:
        registrar = self.desk.registrar
        await registrar.keep(name, self.desk.gateway.people.deleted(name, registrar.unix()))
        self.desk.acted("removed", f"user {name}")
        tell(request, {"name": name, "removed": True})

    @app.route("/users/<name>/disable", methods=["POST"])
    async def disable_user(self: Whose, request: Request, name: str) -> None:
        await disabled(self.desk, name)
        tell(request, shown(name, _user(self.desk, name), self.desk))

    @app.route("/users/<name>/enable", methods=["POST"])
    async def enable_user(self: Whose, request: Request, name: str) -> None:
        await _change(self.desk, name, self.desk.gateway.people.altered(name, enabled=True), "enabled")
        tell(request, shown(name, _user(self.desk, name), self.desk))

    @app.route("/users/<name>/admin", methods=["POST"])
    async def set_admin(self: Whose, request: Request, name: str) -> None:
        people, registrar = self.desk.gateway.people, self.desk.registrar
        to_be = body_of(request, Right).admin
        if to_be is not _user(self.desk, name).admin:
            change = (people.promoted if to_be else people.demoted)(name, registrar.unix())
            await _change(self.desk, name, change, "promoted" if to_be else "demoted")
        tell(request, shown(name, _user(self.desk, name), self.desk))

    @app.route("/users/<name>/password", methods=["POST"])
    async def set_password(self: Whose, request: Request, name: str) -> None:
        await self.desk.registrar.set_password(name, body_of(request, NewPassword).password)
        self.desk.acted("changed", f"the password of user {name}")
        tell(request, shown(name, _user(self.desk, name), self.desk))

    @app.route("/users/<name>/rotate", methods=["POST"])
    async def rotate_user(self: Whose, request: Request, name: str) -> None:
        tell(request, await rotated(self.desk, name))


def _inviting(app: Klein) -> None:
    @app.route("/invites", methods=["GET"])
    def invites(self: Whose, request: Request) -> None:
        now = self.desk.now() + self.desk.gateway.wall
        told = [
            {
                "id": invite_id(digest),
                "uses": invite.uses,
                "since": invite.since,
                "expires": invite.expires,
                "note": invite.note,
            }
            for digest, invite in self.desk.gateway.people.invites
            if invite.expires is None or now < invite.expires
        ]
        tell(request, {"invites": told})

    @app.route("/invites", methods=["POST"])
    async def add_invite(self: Whose, request: Request) -> None:
        wanted = body_of(request, NewInvite)
        id, code = await self.desk.registrar.invite(wanted.uses, wanted.seconds, wanted.note)
        self.desk.acted("made", f"invite {id}")
        tell(request, {"id": id, "code": code, "uses": wanted.uses}, 201)

    @app.route("/invites/<id>", methods=["DELETE"])
    async def remove_invite(self: Whose, request: Request, id: str) -> None:
        change: Change = {"invites": self.desk.gateway.people.invites.deleting(id)}
        await _change(self.desk, f"invite {id}", change, "removed", f"invite {id}")
        tell(request, {"id": id, "removed": True})


async def _change(desk: Desk, name: str, change: Change, act: str, on: str = "") -> None:
    registrar: Registrar = desk.registrar
    await registrar.keep(name, change)
    desk.acted(act, on or f"user {name}")


def _user(desk: Desk, name: str) -> User:
    user = desk.gateway.people.users.get(name)
    if user is None:
        raise unknown(f"There is no user '{name}'; GET /users (targon-gw clients list) has them all.")
    return user
