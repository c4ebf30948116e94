"""Users, their keys and invites, as the shells make them."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred

from targon_gw.core.config import Registration
from targon_gw.core.errors import Refusal
from targon_gw.core.sessions import digest_of
from targon_gw.web.registrar import Application, Registrar, mask
from tests import fakes
from tests.store.stage import result

from .registry import PASSWORD, Disk, registrar_of

T = TypeVar("T")


def office(registration: Registration = Registration.OPEN) -> tuple[Registrar, Disk]:
    """Of a gateway where anybody may register, or as it is said."""
    return registrar_of(fakes.gateway(evolve(fakes.config(), registration=registration)), lambda: 5.0)


def done(work: Any) -> Any:
    """What a coroutine comes to, at once."""
    return result(Deferred.fromCoroutine(work))


class RegisterTests:
    """`register`."""

    def test_one_line(self) -> None:
        """A user, its key and its session are one change; nothing that could be read back into the key is in it."""
        registrar, disk = office()
        admitted = done(registrar.register(Application("Eve", PASSWORD, former="f" * 64)))
        ((name, change),) = disk.kept
        user = registrar.gateway.people.user("eve")

        assert (name, set(change)) == ("eve", {"users", "sessions"})
        assert change["sessions"]["f" * 64] is None
        assert user.key.digest == digest_of(admitted.key.encode()) and user.key.masked == mask(admitted.key)
        assert registrar.reveal("eve") == admitted.key
        assert admitted.key not in disk.text + repr(admitted) + repr(registrar) + repr(user)
        assert PASSWORD not in repr(Application("eve", PASSWORD))

    def test_the_settings_change_while_it_is_hashed(self) -> None:
        """What they say when it is done is what holds."""
        registrar, disk = office()
        hashing: Deferred[str] = Deferred()
        registrar.passwords.in_thread = lambda *_: hashing
        work = Deferred.fromCoroutine(registrar.register(Application("eve", PASSWORD)))
        registrar.gateway.config = fakes.config()
        hashing.callback("hash")

        with pytest.raises(Refusal) as told:
            result(work)
        assert told.value.code == "registration_closed" and disk.kept == []

    def test_keys(self) -> None:
        """Each is another: 32 characters behind the prefix, of which six and three are shown."""
        registrar, _ = office()
        keys = {registrar.fresh_key() for _ in range(200)}

        assert len(keys) == 200 and {len(key) for key in keys} == {38}
        assert mask("sk-tg-0123456789abc") == "sk-tg-…abc"


class CreateTests:
    """`create`."""

    def test_an_administrator(self) -> None:
        """The operator makes one, whoever may register; it is signed in nowhere."""
        registrar, disk = office(Registration.CLOSED)
        admitted = done(registrar.create("Admin", PASSWORD, True))

        assert (admitted.name, admitted.session) == ("admin", None)
        assert registrar.gateway.people.user("admin").admin
        assert "sessions" not in disk.kept[0][1]

    @pytest.mark.parametrize(
        ("name", "password", "code"),
        [
            ("ann", PASSWORD, "name_taken"),
            ("ANN", PASSWORD, "name_taken"),
            ("anonymous", PASSWORD, "name_taken"),
            ("x", PASSWORD, "invalid_value"),
            ("eve", "short", "invalid_value"),
        ],
    )
    def test_refused(self, name: str, password: str, code: str) -> None:
        """The name of a client, of nobody, or none; and a password that is none."""
        registrar, disk = office()
        with pytest.raises(Refusal) as told:
            done(registrar.create(name, password, False))
        assert told.value.code == code and disk.kept == []


class PasswordTests:
    """`is_password`."""

    def test_changed_while_it_is_compared(self) -> None:
        """What was right a moment ago, and is not any more, lets nobody in (F-07)."""
        registrar, _ = office()
        done(registrar.create("eve", PASSWORD, False))
        comparing: Deferred[bool] = Deferred()
        registrar.passwords.in_thread = lambda *_: comparing
        work = Deferred.fromCoroutine(registrar.is_password("eve", PASSWORD))
        people = registrar.gateway.people
        people.take(people.with_password("eve", "another", 0.0))
        comparing.callback(True)

        assert result(work) is False

    def test_the_session_ends_while_it_is_hashed(self) -> None:
        """F-07: whose session an administrator ends meanwhile sets no password, and is signed in nowhere by it."""
        registrar, disk = office()
        admitted = done(registrar.register(Application("eve", PASSWORD)))
        session, hashing = digest_of(admitted.session.encode()), Deferred[str]()
        registrar.passwords.in_thread = lambda *_: hashing
        work = Deferred.fromCoroutine(registrar.set_password("eve", "another password", within=session))
        done(registrar.keep("eve", registrar.gateway.people.demoted("eve", registrar.unix())))
        lines = len(disk.kept)
        hashing.callback("hash of another password")

        with pytest.raises(Refusal) as told:
            result(work)
        assert (told.value.code, len(disk.kept)) == ("not_signed_in", lines)


class InviteTests:
    """`invite`."""

    def test_told_once(self) -> None:
        """The code is told, and its digest is kept."""
        registrar, disk = office()
        shown, code = done(registrar.invite(3, 60.0, "friends"))
        ((digest, made),) = list(registrar.gateway.people.invites)

        assert digest == digest_of(code.encode()) and digest.startswith(shown) and len(code) == 16
        assert (made.uses, made.expires, made.note) == (3, fakes.WALL + 65.0, "friends")
        assert code not in disk.text
