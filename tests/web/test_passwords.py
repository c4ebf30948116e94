"""Passwords: hashed as OWASP says, two at a time, the same work for nobody."""

from __future__ import annotations

import re
import time

import pytest
from twisted.internet.defer import Deferred

from targon_gw.core.errors import Refusal
from targon_gw.core.users import LONGEST_PASSWORD
from targon_gw.web.passwords import NOBODY, THREADS, WAITING, Passwords, hashed, matches
from tests.store.stage import Later, at_once, result

RIGHT = "correct horse"


class HashTests:
    """`hashed` and `matches`."""

    def test_parameters(self) -> None:
        """Argon2id with 19 MiB, 2 passes and 1 lane, a salt of 16 bytes, 32 bytes of hash."""
        made = hashed(RIGHT)
        found = re.fullmatch(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})", made)

        assert found is not None
        assert re.fullmatch(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$.{22}\$.{43}", NOBODY)
        assert hashed(RIGHT) != made, "each has a salt of its own"

    @pytest.mark.parametrize("password", [RIGHT, "密码密码密码密码", "\ud800" * 8, "x" * LONGEST_PASSWORD])
    def test_matches(self, password: str) -> None:
        """It is the hash of that password and of no other, to its last byte: nothing is cut off (F-10)."""
        made = hashed(password)

        assert matches(password, made)
        assert not matches(password[:-1], made) and not matches(password + "x", made)
        assert not matches(password, NOBODY)

    def test_time(self) -> None:
        """F-09: a wrong password of somebody and any of nobody take the processor as long."""
        made = hashed(RIGHT)
        took: dict[str, list[float]] = {"somebody": [], "nobody": []}
        for _ in range(5):
            for who, of in (("somebody", made), ("nobody", NOBODY)):
                began = time.thread_time()
                assert not matches("wrong horse", of)
                took[who].append(time.thread_time() - began)

        somebody, nobody = min(took["somebody"]), min(took["nobody"])
        assert nobody > 0.002 and 0.5 < somebody / nobody < 2.0


class QueueTests:
    """`Passwords`; faults catalogue, F-10."""

    def test_done(self) -> None:
        """What comes of it."""
        passwords = Passwords(at_once)
        made = result(passwords.hash(RIGHT))

        assert result(passwords.check(RIGHT, made)) is True
        assert result(passwords.check("wrong horse", made)) is False
        assert result(passwords.check(RIGHT, None)) is False
        assert passwords.waiting == 0

    def test_two_at_a_time(self) -> None:
        """F-10: of a hundred that come at once two are at work, a few wait, and the rest are told to."""
        threads = Later()
        passwords, waits, let_in = Passwords(threads), [], []
        for _ in range(100):
            try:
                let_in.append(passwords.check(RIGHT, NOBODY))
            except Refusal as refusal:
                waits.append((refusal.code, refusal.wait))

        assert (len(threads.asked), len(let_in)) == (THREADS, WAITING)
        assert waits == [("too_many_sign_ins", 2.0)] * (100 - WAITING)
        while threads.asked:
            assert len(threads.asked) <= THREADS
            threads.go()
        assert [result(one) for one in let_in] == [False] * WAITING
        assert passwords.waiting == 0

    def test_who_leaves_is_at_work(self) -> None:
        """Whoever hangs up frees no thread: it counts until it is done, and harms nobody."""
        threads = Later()
        passwords = Passwords(threads)
        gone = [passwords.check(RIGHT, NOBODY) for _ in range(WAITING)]
        for one in gone:
            one.addErrback(lambda _: None)
            one.cancel()
        with pytest.raises(Refusal):
            passwords.hash(RIGHT)
        while threads.asked:
            threads.go()

        assert passwords.waiting == 0

    def test_a_failure_is_told(self) -> None:
        """And the place in the queue is free again."""

        def broken(*_: object) -> Deferred[object]:
            raise MemoryError("19 MiB")

        passwords = Passwords(broken)
        with pytest.raises(MemoryError):
            result(passwords.hash(RIGHT))
        assert passwords.waiting == 0
