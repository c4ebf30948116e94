"""Registering, signing in, one's own key, password and sessions: `/api/me`, `/api/register`, `/api/login` …

Every answer is for the one browser that asked: no cache keeps it, no other origin can read it, and it leads nowhere
else (F-11 to F-13). What a wrong name is told, and when, a wrong password is told as well (F-09). Whoever is told that
something is done finds it done after a crash.
"""

# mypy: disallow-untyped-calls=False
# Klein is not typed.

from __future__ import annotations

from typing import Annotated, Any, Final, Protocol

import msgspec
from attrs import define
from klein import Klein
from msgspec import Meta

from targon_gw.core.bank import caller
from targon_gw.core.errors import Refusal
from targon_gw.core.sessions import LIFE, digest_of
from targon_gw.core.users import LONGEST_PASSWORD, folded, is_too_long

from .admin_clients import told_limits, told_plan
from .cookies import SESSION, VISITOR, cookie, dropped, kept
from .csrf import token_of
from .ownkey import told_of
from .registrar import ID_SIZE, Application, Registrar, mask
from .request import Request
from .rooms import PRIVATE, Lines, body_of, refusing, tell
from .visitors import SignedIn, Visitors

PREFIXES: Final = ("/api/me", "/api/me/", "/api/register", "/api/login", "/api/logout")
"""What the room has."""
VISIT: Final = 400 * 86400.0
"""Seconds that a browser keeps its visitor's id: as long as browsers keep anything (RFC 6265bis, 5.5)."""
SHOWN: Final = 16
"""Digits of a session's digest that it is called by."""
_Short = Annotated[str, Meta(max_length=256)]


class Registering(msgspec.Struct, forbid_unknown_fields=True):
    """What `/api/register` takes."""

    name: str
    password: str
    invite: _Short | None = None


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    """What `/api/login` takes."""

    name: str
    password: str


class Passwords(msgspec.Struct, forbid_unknown_fields=True):
    """What `/api/me/password` takes."""

    old: str
    new: str


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """What a change takes that needs no saying more."""


class Note(Protocol):
    """Keeps events of security; see `targon_gw.store.audit`."""

    def __call__(self, who: str, act: str, on: str = "", address: str = "") -> object: ...


def _forget(who: str, act: str, on: str = "", address: str = "") -> None:
    """Keep nothing."""


@define(eq=False, slots=False)
class Accounts:
    """The room. What is noted is who did what, and failures at names that there are: what strangers type is not."""

    registrar: Registrar
    visitors: Visitors
    note: Note = _forget
    app = refusing(Klein())

    @app.route("/api/me", methods=["GET"])
    def me(self, request: Request) -> None:
        """Who asks, and what it may do."""
        signed_in = self.visitors.signed_in(request)
        secure, visitor, lines = self.visitors.is_secure(request), None, []
        if signed_in is None and cookie(request, VISITOR, secure) is None:
            visitor = self.registrar.fresh(ID_SIZE).encode("ascii")
            lines.append(kept(VISITOR, visitor, secure, VISIT))
        told = self._told(request, signed_in) | {"csrf": self.visitors.csrf(request, visitor)}
        tell(request, told, lines=lines)

    def _told(self, request: Request, signed_in: SignedIn | None) -> dict[str, Any]:
        """What `/api/me` tells, but for the token."""
        config = self.registrar.gateway.config
        anonymous = config.anonymous
        for_all: dict[str, Any] = {
            "registration": config.registration.value,
            "contact": config.contact,
            "anonymous": {
                "enabled": anonymous.enabled,
                "models": list(anonymous.models),
                "limits": told_limits(anonymous.limits),
                "quota": None if anonymous.quota is None else told_plan(anonymous.quota),
            },
        }
        if signed_in is None:
            return {"signed_in": False, **for_all}
        user = signed_in.user
        return {
            "signed_in": True,
            "name": signed_in.name,
            "admin": user.admin,
            "key": {"masked": user.key.masked, "issued_at": user.key.at},
            "use": self._use_of(signed_in.name, request),
            **for_all,
        }

    def _use_of(self, name: str, request: Request) -> dict[str, Any]:
        """The `data` of `GET /v1/key` for the user's key; nothing where that is out, or the name is a client's, too."""
        gateway = self.registrar.gateway
        key = None if gateway.people.is_filed(name, gateway.config.clients) else gateway.bank.named(name)
        if key is None:
            return {}
        return told_of(gateway.bank.overview(key, self.registrar.now(), self.visitors.address(request)))

    # coming and going

    @app.route("/api/register", methods=["POST"])
    async def register(self, request: Request) -> None:
        """A new user, signed in, with a key."""
        self.visitors.guard(request)
        wanted = body_of(request, Registering)
        registrar = self.registrar
        registrar.gateway.people.sign_ins.register(self._caller(request), registrar.now())
        former = self._session(request)
        admitted = await registrar.register(Application(wanted.name, wanted.password, wanted.invite or None, former))
        registrar.gateway.people.sign_ins.registered(self._caller(request), registrar.now())
        self._noted(request, admitted.name, "registered")
        self._welcome(request, admitted.name, admitted.session or "", 201, {"secret": admitted.key})

    @app.route("/api/login", methods=["POST"])
    async def login(self, request: Request) -> None:
        """Another session of a user."""
        self.visitors.guard(request)
        wanted = body_of(request, Credentials)
        if is_too_long(wanted.password):
            raise Refusal("invalid_value", f"A password has {LONGEST_PASSWORD} bytes at most.", "password")
        name = folded(wanted.name) or ""
        if not await self._is_right(request, name, wanted.password):
            raise Refusal("sign_in_failed", "This name and this password do not go together.")
        self._changes("session", name)
        session = await self.registrar.sign_in(name, self._session(request))
        self._noted(request, name, "signed in")
        self._welcome(request, name, session, 200, {})

    @app.route("/api/logout", methods=["POST"])
    async def logout(self, request: Request) -> None:
        """The end of this session; one that is none ends, too."""
        self.visitors.guard(request)
        body_of(request, Nothing)
        signed_in = self.visitors.signed_in(request)
        if signed_in is not None:
            await self._end(signed_in, signed_in.session)
        self._done(request, [dropped(SESSION, self.visitors.is_secure(request))])

    async def _is_right(self, request: Request, name: str, password: str) -> bool:
        """Whether the user's password is that; each try is counted, and many are slow (F-08)."""
        people, address = self.registrar.gateway.people, self._caller(request)
        theirs = people.sessions.of(name, self.registrar.unix())
        known = any(caller(session.address) == address for _, session in theirs)
        people.sign_ins.attempt(name, address, known, self.registrar.now())
        try:
            is_right = await self.registrar.is_password(name, password)
        except Refusal:  # too many wait
            people.sign_ins.untried(name, address)
            raise
        if is_right:
            people.sign_ins.succeeded(name, address)
        elif name in people.users:
            self._noted(request, "", "failed to sign in", f"as {name}")
        return is_right

    def _changes(self, sort: str, name: str) -> None:
        """Count one more line of the ledger; raise `Refusal` where that is too many."""
        self.registrar.gateway.people.sign_ins.change(sort, name, self.registrar.now())

    def _noted(self, request: Request, name: str, act: str, on: str = "") -> None:
        self.note(name, act, on, self.visitors.address(request))

    def _session(self, request: Request) -> str | None:
        """The session that the browser has, which a new one takes the place of (F-07)."""
        signed_in = self.visitors.signed_in(request)
        return None if signed_in is None else signed_in.session

    def _caller(self, request: Request) -> str:
        return caller(self.visitors.address(request))

    def _welcome(self, request: Request, name: str, session: str, status: int, more: dict[str, Any]) -> None:
        """Tell who has just signed in who it is, as `/api/me` would; the session's id goes into its cookie alone."""
        people, secret, id = self.registrar.gateway.people, self.visitors.secret(), session.encode("ascii")
        digest = digest_of(id)
        if people.sessions.find(digest, self.visitors.unix()) is None:  # ended while its line went to the disk
            raise Refusal("not_signed_in", "Sign in first.")
        signed_in = SignedIn(name, people.user(name), digest)
        people.sessions.used(digest, self.visitors.seen(request))
        told = self._told(request, signed_in) | {"csrf": token_of(secret, id)} | more
        tell(request, told, status, [kept(SESSION, id, self.visitors.is_secure(request), LIFE)])

    def _done(self, request: Request, lines: Lines = ()) -> None:
        request.answer(204, [*PRIVATE, *lines], b"")

    # one's own

    @app.route("/api/me/key", methods=["GET"])
    def key(self, request: Request) -> None:
        """One's key, in full."""
        tell(request, {"key": self.registrar.reveal(self.visitors.user(request).name)})

    @app.route("/api/me/key/rotate", methods=["POST"])
    async def rotate(self, request: Request) -> None:
        """Another key; the old one has ended when this is answered."""
        self.visitors.guard(request)
        body_of(request, Nothing)
        name = self.visitors.user(request).name
        self._changes("key", name)
        key = await self.registrar.rotate(name)
        self._noted(request, name, "rotated", "the own key")
        tell(request, {"key": key, "masked": mask(key)})

    @app.route("/api/me/password", methods=["POST"])
    async def password(self, request: Request) -> None:
        """Another password: all other sessions end, and this one has another id, and another token."""
        self.visitors.guard(request)
        wanted, signed_in = body_of(request, Passwords), self.visitors.user(request)
        name = signed_in.name
        if is_too_long(wanted.old) or not await self._is_right(request, name, wanted.old):
            raise Refusal("sign_in_failed", "The old password is another one.", "old")
        self._changes("password", name)
        session = await self.registrar.set_password(name, wanted.new, within=signed_in.session)
        self._noted(request, name, "changed", "the own password")
        id = session.encode("ascii")
        self._done(request, [kept(SESSION, id, self.visitors.is_secure(request), LIFE)])

    @app.route("/api/me/sessions", methods=["GET"])
    def sessions(self, request: Request) -> None:
        """Where one is signed in, whichever was used last first."""
        signed_in = self.visitors.user(request)
        theirs = self.registrar.gateway.people.sessions.of(signed_in.name, self.registrar.unix())
        tell(
            request,
            {
                "sessions": [
                    {
                        "id": digest[:SHOWN],
                        "began": session.began,
                        "seen": session.seen,
                        "address": session.address,
                        "agent": session.agent,
                        "current": digest == signed_in.session,
                    }
                    for digest, session in theirs
                ]
            },
        )

    @app.route("/api/me/sessions/<session_id>", methods=["DELETE"])
    async def end_session(self, request: Request, session_id: str) -> None:
        """Sign out somewhere, or here."""
        self.visitors.guard(request)
        signed_in = self.visitors.user(request)
        theirs = self.registrar.gateway.people.sessions.of(signed_in.name, self.registrar.unix())
        found = next((digest for digest, _ in theirs if digest[:SHOWN] == session_id), None)
        if found is None:
            raise Refusal("not_found", "There is no such session.")
        await self._end(signed_in, found)
        here = found == signed_in.session
        self._done(request, [dropped(SESSION, self.visitors.is_secure(request))] if here else [])

    async def _end(self, signed_in: SignedIn, session: str) -> None:
        await self.registrar.keep(signed_in.name, self.registrar.gateway.people.signed_out(session))
