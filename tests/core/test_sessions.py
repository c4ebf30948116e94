"""Sessions against a plain dict: whatever is done with them, who is signed in is who should be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from targon_gw.core import sessions as module
from targon_gw.core.sessions import IDLE, LIFE, LONGEST, PER_USER, Seen, Session, Sessions, digest_of

NOW = 1_700_000_000.0


def begun(sessions: Sessions, user: str, digest: str, unix: float = NOW) -> None:
    """Have a session begin, as a line of the ledger says."""
    sessions.put(json.loads(json.dumps(sessions.beginning(user, digest, unix))))


def each(sessions: Sessions, unix: float) -> list[tuple[str, Session]]:
    """All of them."""
    return [one for part in sessions.parted(unix) for one in part]


class EndTests:
    """When a session ends; faults catalogue, F-07."""

    def test_idle(self) -> None:
        """It ends a week after its last use, and each use puts that off."""
        sessions = Sessions()
        begun(sessions, "ann", "a")
        assert sessions.find("a", NOW + IDLE - 1) is not None
        sessions.used("a", Seen(NOW + IDLE - 1, "192.0.2.1"))

        assert sessions.find("a", NOW + 2 * IDLE - 2) is not None
        assert sessions.find("a", NOW + 2 * IDLE - 1) is None
        assert sessions.find("a", NOW) is None, "what has ended has ended"

    def test_in_the_end(self) -> None:
        """However often it is used, it ends after 30 days."""
        sessions = Sessions()
        begun(sessions, "ann", "a")
        for day in range(30):
            assert sessions.find("a", NOW + day * 86400.0) is not None
            sessions.used("a", Seen(NOW + day * 86400.0, "192.0.2.1"))

        assert sessions.find("a", NOW + LIFE - 1) is not None
        assert sessions.find("a", NOW + LIFE) is None

    def test_revoked(self) -> None:
        """All of a user's but one, and nobody else's."""
        sessions = Sessions()
        for user, digest in (("ann", "a1"), ("ann", "a2"), ("ann", "a3"), ("bob", "b1")):
            begun(sessions, user, digest)
        sessions.put(sessions.ending("ann", NOW, "a2"))

        assert [digest for digest, _ in sessions.of("ann", NOW)] == ["a2"]
        assert sessions.find("b1", NOW) is not None


class RoomTests:
    """How many there may be."""

    def test_of_a_user(self) -> None:
        """The next one makes the one end that was not seen for longest."""
        sessions = Sessions()
        for number in range(PER_USER):
            begun(sessions, "ann", str(number), NOW + number)
        sessions.used("0", Seen(NOW + 1000.0, ""))
        begun(sessions, "ann", "next", NOW + 2000.0)

        assert len(sessions) == PER_USER
        assert sessions.find("1", NOW + 2000.0) is None
        assert sessions.find("0", NOW + 2000.0) is not None

    def test_in_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As for one user."""
        monkeypatch.setattr(module, "MOST", 3)
        sessions = Sessions()
        for number in range(5):
            begun(sessions, f"user{number}", str(number), NOW + number)

        assert [session.user for _, session in each(sessions, NOW + 9)] == ["user2", "user3", "user4"]


class UseTests:
    """What is noted of a use."""

    def test_to_the_minute(self) -> None:
        """A use within a minute of the last changes nothing, unless it comes from elsewhere."""
        sessions = Sessions()
        begun(sessions, "ann", "a")
        sessions.used("a", Seen(NOW + 1, "192.0.2.1", "Browser " + "x" * 500))
        first = sessions.find("a", NOW)
        sessions.touched = False
        sessions.used("a", Seen(NOW + 59, "192.0.2.1", "Browser " + "x" * 500))

        assert sessions.find("a", NOW) is first and not sessions.touched
        assert first is not None and (first.seen, len(first.agent)) == (NOW + 1, LONGEST)
        sessions.used("a", Seen(NOW + 59, "192.0.2.2"))
        assert sessions.find("a", NOW) == Session("ann", NOW, NOW + 59, "192.0.2.2", "")
        assert sessions.touched

    def test_a_clock_set_back(self) -> None:
        """E-16: a use is never earlier than the one before."""
        sessions = Sessions()
        begun(sessions, "ann", "a")
        sessions.used("a", Seen(NOW - 5000, "192.0.2.1"))
        found = sessions.find("a", NOW)

        assert found is not None and found.seen == NOW

    def test_lines_tell_no_address(self) -> None:
        """What goes to the ledger is whose it is and when it began."""
        assert Sessions().beginning("ann", "a", NOW) == {"a": {"user": "ann", "began": NOW, "seen": NOW}}
        assert "192.0.2.1" not in repr(Seen(NOW, "192.0.2.1")) + repr(Session("ann", NOW, NOW, "192.0.2.1"))


class StateTests:
    """Over a restart."""

    def test_restored(self) -> None:
        """Those that last, in the order in which they were seen; those that have ended meanwhile are gone."""
        sessions = Sessions()
        rows: dict[str, Any] = {
            "new": {"user": "ann", "began": NOW, "seen": NOW + 9, "address": "192.0.2.1", "agent": "x"},
            "old": {"user": "bob", "began": NOW, "seen": NOW},
            "over": {"user": "bob", "began": NOW - LIFE, "seen": NOW - IDLE},
        }
        sessions.restore(rows)

        assert [digest for digest, _ in each(sessions, NOW)] == ["old", "new"]
        assert sessions.find("new", NOW) == Session("ann", NOW, NOW + 9, "192.0.2.1", "x")

    def test_digest(self) -> None:
        """An id is known by its SHA-256."""
        assert digest_of(b"abc").startswith("ba7816bf") and len(digest_of(b"")) == 64


USERS = st.sampled_from(["ann", "bob", "cid"])
DIGESTS = st.sampled_from([f"d{number}" for number in range(30)])


class Machine(RuleBasedStateMachine):
    """Sign-ins, uses, revocations and time, beside a dict that is the plain truth."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions, self.now = Sessions(), NOW
        self.truth: dict[str, tuple[str, float, float]] = {}

    def lasting(self, digest: str) -> bool:
        """Whether it does."""
        if digest not in self.truth:
            return False
        _, began, seen = self.truth[digest]
        return self.now < min(began + LIFE, seen + IDLE)

    @rule(user=USERS, digest=DIGESTS)
    def sign_in(self, user: str, digest: str) -> None:
        """A new session, which ids are random for: none that there is."""
        if not self.lasting(digest):
            begun(self.sessions, user, digest, self.now)
            theirs = [d for d, (whose, _, _) in self.truth.items() if whose == user and self.lasting(d)]
            assert len(theirs) < PER_USER, "so many are not tried here"
            self.truth[digest] = (user, self.now, self.now)

    @rule(digest=DIGESTS)
    def use(self, digest: str) -> None:
        """A use of whatever the browser has."""
        if self.sessions.find(digest, self.now) is not None:
            self.sessions.used(digest, Seen(self.now, "192.0.2.1"))
            user, began, seen = self.truth[digest]
            self.truth[digest] = (user, began, self.now if self.now - seen >= 60 or seen == began else seen)

    @rule(user=USERS, but=DIGESTS)
    def revoke(self, user: str, but: str) -> None:
        """All of a user's but one."""
        self.sessions.put(self.sessions.ending(user, self.now, but))
        self.truth = {d: one for d, one in self.truth.items() if one[0] != user or d == but}

    @rule(digest=DIGESTS)
    def sign_out(self, digest: str) -> None:
        """One, which may be none."""
        self.sessions.put({digest: None})
        self.truth.pop(digest, None)

    @rule(seconds=st.sampled_from([1.0, 30.0, 61.0, 86400.0, IDLE - 1, IDLE]))
    def wait(self, seconds: float) -> None:
        """Time."""
        self.now += seconds

    @rule()
    def restart(self) -> None:
        """Through the state."""
        told = {d: {"user": s.user, "began": s.began, "seen": s.seen, "address": s.address, "agent": s.agent}
                for d, s in each(self.sessions, self.now)}  # fmt: skip
        self.sessions = Sessions()
        self.sessions.restore(json.loads(json.dumps(told)))

    @invariant()
    def is_as_it_should_be(self) -> None:
        """Whoever should be signed in is, and nobody else."""
        for digest in [f"d{number}" for number in range(30)]:
            found = self.sessions.find(digest, self.now)
            assert (None if found is None else found.user) == (self.truth[digest][0] if self.lasting(digest) else None)
        for user in ("ann", "bob", "cid"):
            theirs = {d for d, (whose, _, _) in self.truth.items() if whose == user and self.lasting(d)}
            assert {digest for digest, _ in self.sessions.of(user, self.now)} == theirs


SessionsAsADictTests = Machine.TestCase
SessionsAsADictTests.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
