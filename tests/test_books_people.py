"""Users over a real folder: what was told is there after a kill, once, and nothing of it can be read back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from targon_gw.books import UNSHOWN
from targon_gw.core.config import ClientSettings, Registration, Secret
from targon_gw.core.errors import Refusal
from targon_gw.core.sessions import Seen, digest_of
from targon_gw.store.recovery import verify
from targon_gw.web.passwords import Passwords
from targon_gw.web.registrar import Admitted, Application, Registrar
from tests import fakes
from tests.lives import Run, settings
from tests.store.stage import Later, at_once, result

PASSWORD = "correct horse"
OPEN = evolve(settings(), registration=Registration.OPEN)


def registrar(run: Run) -> Registrar:
    """Who makes users in that life, with real hashes and the real disk."""
    return Registrar(run.gateway, run.clock.seconds, run.books.keep, Passwords(at_once), run.books.vault)


def done(work: Any) -> Any:
    """What a coroutine comes to."""
    return result(Deferred.fromCoroutine(work))


def life(path: Path, in_thread: Callable[..., Deferred[Any]] = at_once) -> Run:
    """One where people can register."""
    return Run(path, in_thread, OPEN).begin()


def register(run: Run, name: str = "eve") -> Admitted:
    """Somebody."""
    admitted: Admitted = done(registrar(run).register(Application(name, PASSWORD)))
    return admitted


def is_good(run: Run, key: str) -> bool:
    """Whether one may call with it."""
    try:
        run.gateway.identify(key.encode(), "192.0.2.1", 0.0)
    except Refusal:
        return False
    return True


class KilledTests:
    """E-01: a kill right after the answer loses nothing."""

    @pytest.mark.parametrize("flushed", [False, True])
    def test_registered(self, tmp_path: Path, flushed: bool) -> None:
        """Name, key, password and session are there; the key can be shown."""
        run = life(tmp_path)
        admitted = register(run)
        if flushed:
            result(run.books.flush())
        run.die()
        again = life(tmp_path)

        assert is_good(again, admitted.key) and registrar(again).reveal("eve") == admitted.key
        assert done(registrar(again).is_password("eve", PASSWORD))
        assert admitted.session is not None
        assert again.gateway.people.sessions.find(digest_of(admitted.session.encode()), fakes.WALL) is not None
        with pytest.raises(Refusal) as told:
            register(again)
        assert told.value.code == "name_taken"
        again.close()

    @pytest.mark.parametrize("flushed", [False, True])
    def test_taken_away(self, tmp_path: Path, flushed: bool) -> None:
        """What has ended stays ended: an old key, a session, a user, a code."""
        run = life(tmp_path)
        eve, bob = register(run), register(run, "bob")
        shown, _ = done(registrar(run).invite(1, None))
        result(run.books.flush())
        key = done(registrar(run).rotate("eve"))
        people = run.gateway.people
        assert eve.session is not None
        done(run.books.keep("eve", people.signed_out(digest_of(eve.session.encode()))))
        done(run.books.keep("bob", people.deleted("bob", fakes.WALL)))
        done(run.books.keep("x", {"invites": people.invites.deleting(shown)}))
        if flushed:
            result(run.books.flush())
        run.die()
        again = life(tmp_path)

        assert is_good(again, key) and not is_good(again, eve.key) and not is_good(again, bob.key)
        assert len(again.gateway.people.sessions) == 0 == len(again.gateway.people.invites)
        assert again.gateway.people.users.get("bob") is None
        again.close()

    def test_not_told_before_it_is_synced(self, tmp_path: Path) -> None:
        """Nobody is told before the disk has it; it is done before that."""
        threads = Later()
        run = life(tmp_path, threads)
        work = Deferred.fromCoroutine(registrar(run).register(Application("eve", PASSWORD)))
        answers: list[Admitted] = []
        work.addCallback(answers.append)

        assert answers == [] and run.gateway.people.users.get("eve") is not None
        while threads.asked:
            threads.go()
        assert is_good(run, answers[0].key)
        run.die()

    def test_the_browser_leaves_meanwhile(self, tmp_path: Path) -> None:
        """A-17, E-07: who breaks off while the disk is at work has not broken it: all is done, and what follows it."""
        threads = Later()
        run = life(tmp_path, threads)
        after: list[str] = []

        async def asked() -> None:
            after.append((await registrar(run).register(Application("eve", PASSWORD))).key)

        work = Deferred.fromCoroutine(asked())
        for _ in range(2):
            work.cancel()
        while threads.asked:
            threads.go()
        result(work)
        next_one = Deferred.fromCoroutine(registrar(run).rotate("eve"))
        while threads.asked:
            threads.go()

        assert not is_good(run, after[0]) and is_good(run, result(next_one))
        run.die()

    def test_no_room(self, tmp_path: Path) -> None:
        """E-06: without room nobody is made, and the gateway says so."""
        run = life(tmp_path)
        run.books.journal.full = True
        with pytest.raises(Refusal) as told:
            register(run)

        assert told.value.code == "overloaded" and run.gateway.people.users.get("eve") is None
        run.books.journal.full = False
        run.close()

    def test_uses_of_sessions(self, tmp_path: Path) -> None:
        """When a session was used last is in the state, though no line has told of it."""
        run = life(tmp_path)
        admitted = register(run)
        result(run.books.flush())
        digest = digest_of((admitted.session or "").encode())
        run.gateway.people.sessions.used(digest, Seen(fakes.WALL + 5000, "192.0.2.9"))
        result(run.books.flush())
        run.die()
        again = life(tmp_path)
        found = again.gateway.people.sessions.find(digest, fakes.WALL + 5000)

        assert found is not None and (found.seen, found.address) == (fakes.WALL + 5000, "192.0.2.9")
        again.close()


class FolderTests:
    """What lies in the folder."""

    def test_nothing_readable(self, tmp_path: Path) -> None:
        """F-14: no key, no password, no session's id, no code, in any file; nobody else may read one; it is whole."""
        run = life(tmp_path)
        admitted = register(run)
        _, code = done(registrar(run).invite(1, None))
        run.close()
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        held = b"".join(path.read_bytes() for path in files)

        assert len(files) >= 4
        for secret in (admitted.key[6:], PASSWORD, admitted.session or "", code):
            assert secret and secret.encode() not in held
        assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
        assert verify(run.books.folder) == []

    def test_another_key_file(self, tmp_path: Path) -> None:
        """It starts and says so: keys work, can't be shown, and can be rotated."""
        run = life(tmp_path)
        admitted = register(run)
        run.close()
        os.unlink(tmp_path / "secret.key")
        with capturedLogs() as logs:
            again = life(tmp_path)

        assert UNSHOWN in [log.get("note") for log in logs]
        assert is_good(again, admitted.key)
        with pytest.raises(Refusal) as told:
            registrar(again).reveal("eve")
        assert told.value.code == "conflict"
        key = done(registrar(again).rotate("eve"))
        assert registrar(again).reveal("eve") == key
        again.close()
        with capturedLogs() as logs:
            life(tmp_path).close()
        assert UNSHOWN not in [log.get("note") for log in logs]


class ShadowTests:
    """A name in both."""

    def test_said(self, tmp_path: Path) -> None:
        """At a start and at a reload, once for as long as it lasts."""
        run = life(tmp_path)
        admitted = register(run)
        filed = evolve(OPEN, clients=(*OPEN.clients, ClientSettings("eve", Secret("filed").digest)))
        run.gateway.reconfigure(filed, 0.0)
        assert said(run.books.follow) == ["eve"] and said(run.books.follow) == []
        assert not is_good(run, admitted.key) and is_good(run, "filed")
        run.close()
        again = Run(tmp_path, at_once, filed)

        assert said(again.begin) == ["eve"]
        again.gateway.reconfigure(OPEN, 0.0)
        assert said(again.books.follow) == []
        assert is_good(again, admitted.key)
        again.close()


def said(work: Callable[[], object]) -> list[str]:
    """Who is said to be out while that is done."""
    with capturedLogs() as logs:
        work()
    return [log["names"] for log in logs if "names" in log and "clients.yaml" in log["log_format"]]
