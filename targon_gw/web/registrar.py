"""Users, their keys and invites, as the shells make and change them: the page's own and the administrators' ways meet
here.

The core says what is to be put where; here the randomness, the hashes and the encryption come in, and what is told is
told once it is on the disk. Each change is worked out and handed over in one turn, after everything that takes time: so
what two ask for at once comes to what one after the other would. No secret stays here.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from attrs import define, field, frozen

from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Gateway
from targon_gw.core.invites import MOST_USES, Invite, invite_id
from targon_gw.core.people import TAKEN, Change, Newcomer
from targon_gw.core.sessions import digest_of
from targon_gw.core.users import IssuedKey, User, checked_password, name_of

from .passwords import Passwords

KEY_SIZE: Final = 24
"""Random bytes of a key: 32 characters behind `sk-tg-`."""
ID_SIZE: Final = 32
"""Random bytes of a session's or a visitor's id: twice what is asked for (faults catalogue, F-07)."""
INVITE_SIZE: Final = 12
"""Random bytes of an invite: 16 characters, to be read out over a telephone if need be, and not to be guessed."""


class Seals(Protocol):
    """Encrypts keys; see `targon_gw.store.vault`."""

    def seal(self, text: str, owner: str) -> str | None: ...

    def unseal(self, sealed: str, owner: str) -> str | None: ...

    def csrf(self) -> bytes: ...


Keep = Callable[[str, Change], Awaitable[None]]
"""Has a change, of whatever is known by that name, done and on the disk; done before it first waits."""


@frozen(repr=False)
class Application:
    """Who wants to register. `former` is the digest of the session that the browser has, if it has one."""

    name: str
    password: str
    invite: str | None = None
    former: str | None = None


@frozen(repr=False)
class Admitted:
    """A new user, with what it is told this once: its key, and the id of its session where it has one."""

    name: str
    key: str
    session: str | None = None


def mask(key: str) -> str:
    """What of a key may be seen."""
    return f"{key[:6]}…{key[-3:]}"


@define(eq=False)
class Registrar:
    """Makes and changes users. `now` is monotonic seconds; `fresh(n)` is text of n random bytes that fits in an URL."""

    gateway: Gateway
    now: Callable[[], float]
    keep: Keep
    passwords: Passwords
    seals: Seals
    fresh: Callable[[int], str] = field(default=secrets.token_urlsafe)

    def unix(self) -> float:
        """Unix seconds."""
        return self.now() + self.gateway.wall

    # who comes

    async def register(self, application: Application) -> Admitted:
        """A new user, as the settings let somebody register; raises `Refusal`."""
        people, config = self.gateway.people, self.gateway.config
        invite = (
            None if application.invite is None else digest_of(application.invite.strip().encode("utf-8", "replace"))
        )
        people.may_register(config.registration, invite, self.unix())
        name, password = name_of(application.name), checked_password(application.password)
        self.check_free(name)
        hashed = await self.passwords.hash(password)
        key, session = self.fresh_key(), self.fresh(ID_SIZE)
        user = User(hashed, self._issued(name, key), self.unix())
        newcomer = Newcomer(name, user, digest_of(session.encode()), invite)
        change = people.registered(newcomer, self.gateway.config.registration, self._is_taken(name), self.unix())
        if application.former is not None:
            change["sessions"][application.former] = None
        await self.keep(name, change)
        return Admitted(name, key, session)

    async def create(self, name: str, password: str, admin: bool) -> Admitted:
        """A new user, because the operator wants it; raises `Refusal`."""
        name, password = name_of(name), checked_password(password)
        people = self.gateway.people
        hashed = await self.passwords.hash(password)
        key = self.fresh_key()
        if people.is_filed(name, self.gateway.config.clients):
            raise Refusal("name_taken", TAKEN, "name")
        user = User(hashed, self._issued(name, key), self.unix(), admin)
        await self.keep(name, people.created(Newcomer(name, user), self.unix()))
        return Admitted(name, key)

    def check_free(self, name: str) -> None:
        """Raise `Refusal` where a newcomer can't have that name: also where somebody had it, whose use it would get."""
        if self._is_taken(name) or name in self.gateway.people.users:
            raise Refusal("name_taken", TAKEN, "name")

    def _is_taken(self, name: str) -> bool:
        gateway = self.gateway
        return gateway.people.is_filed(name, gateway.config.clients) or name in gateway.ledger.totals["client"]

    # keys

    def fresh_key(self) -> str:
        """A key for a user: 192 random bits behind `sk-tg-`."""
        return f"sk-tg-{self.fresh(KEY_SIZE)}"

    def _issued(self, name: str, key: str) -> IssuedKey:
        return IssuedKey(digest_of(key.encode()), mask(key), self.unix(), self.seals.seal(key, name))

    async def rotate(self, name: str) -> str:
        """Another key for a user, in the place of the one that it has; raises `Refusal`."""
        key = self.fresh_key()
        await self.keep(name, self.gateway.people.rotated(name, self._issued(name, key)))
        return key

    def reveal(self, name: str) -> str:
        """The key of a user, which is told to nobody but its owner; raises `Refusal` where it can't be shown."""
        sealed = self.gateway.people.user(name).key.sealed
        key = None if sealed is None else self.seals.unseal(sealed, name)
        if key is None:
            raise Refusal("conflict", "This key can't be shown any more. It works; to see one, have it replaced.")
        return key

    # passwords and sessions

    async def is_password(self, name: str, password: str) -> bool:
        """Whether that is the password of the user of that name; nobody's takes as long. Raises `Refusal`."""
        user = self.gateway.people.users.get(name)
        of = user.hash if user is not None and user.enabled else None
        is_right = await self.passwords.check(password, of)
        now_is = self.gateway.people.users.get(name)  # it may have changed meanwhile
        return is_right and now_is is not None and now_is.enabled and now_is.hash == of

    async def sign_in(self, name: str, former: str | None) -> str:
        """A session of that user, whose password was right: its id. `former` is the digest of the one before."""
        session = self.fresh(ID_SIZE)
        change = self.gateway.people.signed_in(name, digest_of(session.encode()), self.unix(), former)
        await self.keep(name, change)
        return session

    async def set_password(self, name: str, password: str, within: str | None = None) -> str:
        """Another password; all sessions of the user end. Raises `Refusal`.

        `within` is the digest of the session in which the user asks for it: another takes its place, whose id this is.
        Where it has ended meanwhile, because somebody took the account back, nothing is changed.
        """
        people, checked = self.gateway.people, checked_password(password)
        people.user(name)
        hashed, session = await self.passwords.hash(checked), self.fresh(ID_SIZE)
        if within is not None and people.sessions.find(within, self.unix()) is None:
            raise Refusal("not_signed_in", "Sign in first.")
        digest = None if within is None else digest_of(session.encode())
        await self.keep(name, people.with_password(name, hashed, self.unix(), digest))
        return session

    # invites

    async def invite(self, uses: int, seconds: float | None, note: str = "") -> tuple[str, str]:
        """A code that lets so many register, for so long: what it is called by, and itself. Raises `Refusal`."""
        code = self.fresh(INVITE_SIZE)
        digest, now = digest_of(code.encode()), self.unix()
        expires = None if seconds is None else now + seconds
        made = Invite(min(uses, MOST_USES), now, expires, note)
        await self.keep(
            f"invite {invite_id(digest)}", {"invites": self.gateway.people.invites.making(digest, made, now)}
        )
        return invite_id(digest), code
