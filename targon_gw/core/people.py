"""The people of this gateway as one: users, their sessions, and the invites by which more may come.

Each change is worked out first, as what is to be put where, and nothing is altered by that; it becomes one line of the
ledger, and is done when that line is on file: by `take`, which does it again when the line is read at the next start.
To do it twice comes to the same. A change and its line are made in one turn: nobody can come between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from attrs import define, evolve, field, frozen

from .config import ClientSettings, Registration
from .cut import Plain, Slices
from .errors import Refusal
from .invites import Invites
from .sessions import Sessions
from .signins import SignIns
from .users import MOST, NEVER, RESERVED, IssuedKey, User, Users, plain_of, user_of

Change = dict[str, Any]
"""What is to be put: by `users`, `sessions`, `invites`, and there by name or digest; `None` where it is to go."""

TAKEN: Final = "This name is taken. Choose another one."


@frozen
class Newcomer:
    """Who wants to be a user. `invite` and `session` are digests; the name is one that `name_of` made."""

    name: str
    user: User
    session: str | None = None
    invite: str | None = field(default=None, repr=False)


@define(eq=False)
class People:
    """Users, sessions, invites, and how fast passwords may be tried. `unix` is Unix seconds."""

    users: Users = field(factory=Users)
    sessions: Sessions = field(factory=Sessions)
    invites: Invites = field(factory=Invites)
    sign_ins: SignIns = field(factory=SignIns)
    _filed: tuple[Sequence[ClientSettings], frozenset[str]] = ((), frozenset())
    """Names of the clients of the settings, in lower case, and of which settings that is."""

    # what is to be put

    def may_register(self, registration: Registration, invite: str | None, unix: float) -> None:
        """Raise `Refusal` unless somebody with that invite (its digest) may: before the cost of a password."""
        if registration is Registration.CLOSED or len(self.users) >= MOST:
            raise Refusal("registration_closed", "Nobody can register here at present.")
        if registration is Registration.INVITE:
            self.invites.using(invite, unix)

    def registered(self, newcomer: Newcomer, registration: Registration, taken: bool, unix: float) -> Change:
        """So that the newcomer is a user, signed in. `taken`: somebody else has, or had, the name. Raises `Refusal`.

        An invite is judged before the name: who has none is not told which names there are (F-09).
        """
        self.may_register(registration, newcomer.invite, unix)
        invites = self.invites.using(newcomer.invite, unix) if registration is Registration.INVITE else {}
        if taken or newcomer.name in RESERVED:
            raise Refusal("name_taken", TAKEN, "name")
        return {**self.created(newcomer, unix), **({"invites": invites} if invites else {})}

    def created(self, newcomer: Newcomer, unix: float) -> Change:
        """So that the newcomer is a user: the operator wants it. Raises `Refusal`."""
        if newcomer.name in NEVER or newcomer.name in self.users:
            raise Refusal("name_taken", TAKEN, "name")
        change: Change = {"users": {newcomer.name: plain_of(newcomer.user)}}
        if newcomer.session is not None:
            change["sessions"] = self.sessions.beginning(newcomer.name, newcomer.session, unix)
        return change

    def altered(self, name: str, **members: Any) -> Change:
        """So that the user of that name has these members; raises `Refusal` where there is none."""
        return {"users": {name: plain_of(evolve(self.user(name), **members))}}

    def rotated(self, name: str, key: IssuedKey) -> Change:
        """So that the user has that key, and the old one is nobody's."""
        return self.altered(name, key=key)

    def disabled(self, name: str, unix: float) -> Change:
        """So that neither the user's key nor its sessions are good any more."""
        return {**self.altered(name, enabled=False), "sessions": self.sessions.ending(name, unix)}

    def demoted(self, name: str, unix: float) -> Change:
        """So that the user administers no more. The sessions in which it did end (F-07)."""
        return {**self.altered(name, admin=False), "sessions": self.sessions.ending(name, unix)}

    def promoted(self, name: str, unix: float) -> Change:
        """So that the user may administer: as of the next sign-in."""
        return {**self.altered(name, admin=True), "sessions": self.sessions.ending(name, unix)}

    def with_password(self, name: str, hashed: str, unix: float, session: str | None = None) -> Change:
        """So that the user has that password; all sessions end, and one of the digest `session` begins."""
        ended = self.sessions.ending(name, unix)
        began = {} if session is None else {session: self.sessions.beginning(name, session, unix)[session]}
        return {**self.altered(name, hash=hashed), "sessions": {**ended, **began}}

    def deleted(self, name: str, unix: float) -> Change:
        """So that there is no such user; raises `Refusal` where there is none."""
        self.user(name)
        return {"users": {name: None}, "sessions": self.sessions.ending(name, unix)}

    def signed_in(self, name: str, session: str, unix: float, former: str | None = None) -> Change:
        """So that a session of the user begins; the one of the digest `former`, which the browser had, ends."""
        ended = {} if former is None else {former: None}
        return {"sessions": {**ended, **self.sessions.beginning(name, session, unix)}}

    def signed_out(self, session: str) -> Change:
        """So that the session of that digest is over."""
        return {"sessions": {session: None}}

    # who there is

    def user(self, name: str) -> User:
        """The user of that name; raises `Refusal`."""
        found = self.users.get(name)
        if found is None:
            raise Refusal("not_found", f"There is no user '{name[:32]}'.")
        return found

    def is_filed(self, name: str, clients: Sequence[ClientSettings]) -> bool:
        """Whether a client of the settings has that name, as people read it. Asked first, it takes 0.2 us a client."""
        if self._filed[0] is not clients:
            self._filed = clients, frozenset(client.name.lower() for client in clients)
        return name in self._filed[1]

    # changes

    def take(self, change: Mapping[str, Any]) -> tuple[str, ...]:
        """Do it; the names of users that it is about. Raises `msgspec.ValidationError`."""
        users = {name: None if plain is None else user_of(plain) for name, plain in change.get("users", {}).items()}
        for name, user in users.items():
            self.users.put(name, user)
        self.sessions.put(change.get("sessions", {}))
        self.invites.put(change.get("invites", {}))
        return tuple(users)

    def slices(self, unix: float) -> Slices:
        """The state, as of the first step, a slice at a time: what lasts is frozen, and is written down later."""
        users, invites, sessions = self.users.parted(), list(self.invites), self.sessions.parted(unix)
        self.sessions.touched = False
        yield 0
        told: Plain = {"users": {}, "sessions": {}, "invites": {digest: _plain(one) for digest, one in invites}}
        for part in users:
            told["users"].update(part)
            yield len(part)
        for signed_in in sessions:
            told["sessions"].update((digest, _plain(one)) for digest, one in signed_in if unix < one.ends())
            yield len(signed_in)
        return told

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `slices` came to in an earlier run; raises `msgspec.ValidationError`."""
        self.take({"users": state.get("users", {}), "invites": state.get("invites", {})})
        self.sessions.restore(state.get("sessions", {}))


_plain: Final = msgspec.to_builtins
