"""Users, sessions and invites as one: each change is one line, and the lines lead to the same people again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from targon_gw.core import people as module
from targon_gw.core.config import ClientSettings, Registration
from targon_gw.core.cut import all_of
from targon_gw.core.errors import Refusal
from targon_gw.core.invites import Invite
from targon_gw.core.people import Change, Newcomer, People
from targon_gw.core.sessions import Seen
from targon_gw.core.users import IssuedKey, User

NOW = 1_700_000_000.0
CODE = "ab" * 32


def user(number: int = 1, **members: Any) -> User:
    """The n-th, with a key of its own."""
    return User(f"hash {number}", IssuedKey(f"{number:064x}", "sk-tg-…abc", NOW, "sealed"), NOW, **members)


def done(people: People, change: Change) -> tuple[str, ...]:
    """Have a change done as its line says."""
    return people.take(json.loads(json.dumps(change)))


def with_ann(**members: Any) -> People:
    """One user, signed in twice."""
    people = People()
    done(people, people.created(Newcomer("ann", user(**members), "s1"), NOW))
    done(people, people.signed_in("ann", "s2", NOW + 1))
    return people


def sessions_of(people: People, name: str = "ann") -> set[str]:
    """Where that user is signed in."""
    return {digest for digest, _ in people.sessions.of(name, NOW + 5)}


class RegistrationTests:
    """Who may come: `registration` of the settings."""

    def test_open(self) -> None:
        """Anybody, and is signed in by that."""
        people = People()
        assert done(people, people.registered(Newcomer("ann", user(), "s1"), Registration.OPEN, False, NOW)) == ("ann",)

        assert people.user("ann") == user()
        assert sessions_of(people) == {"s1"}

    @pytest.mark.parametrize("invite", [None, CODE])
    def test_closed(self, invite: str | None) -> None:
        """Nobody, with an invite either."""
        people = People()
        people.invites.put({CODE: {"uses": 1, "since": NOW}})
        with pytest.raises(Refusal) as told:
            people.registered(Newcomer("ann", user(), "s1", invite), Registration.CLOSED, False, NOW)

        assert told.value.code == "registration_closed"

    def test_invite(self) -> None:
        """Whoever has one, which is used up by the same line."""
        people = People()
        people.invites.put(people.invites.making(CODE, Invite(1, NOW), NOW))
        change = people.registered(Newcomer("ann", user(), "s1", CODE), Registration.INVITE, False, NOW)
        done(people, change)

        assert set(change) == {"users", "sessions", "invites"}
        assert len(people.invites) == 0
        with pytest.raises(Refusal) as told:
            people.registered(Newcomer("bob", user(2), "s2", CODE), Registration.INVITE, False, NOW)
        assert told.value.code == "invite_invalid"

    def test_an_invite_comes_before_the_name(self) -> None:
        """F-09: who has none is told the same of every name."""
        people, told = with_ann(), set()
        for name, taken in (("ann", True), ("free", False), ("admin", False)):
            with pytest.raises(Refusal) as refused:
                people.registered(Newcomer(name, user(2), "s9"), Registration.INVITE, taken, NOW)
            told.add((refused.value.code, refused.value.message))

        assert len(told) == 1

    @pytest.mark.parametrize(
        ("name", "taken"), [("ann", False), ("free", True), ("admin", False), ("anonymous", False)]
    )
    def test_taken(self, name: str, taken: bool) -> None:
        """By a user, by a client, by somebody who was here, or kept back."""
        with pytest.raises(Refusal) as told:
            with_ann().registered(Newcomer(name, user(2), "s9"), Registration.OPEN, taken, NOW)

        assert (told.value.code, told.value.param) == ("name_taken", "name")

    def test_what_the_operator_may(self) -> None:
        """To give away a name that is kept back, but never those that mean nobody."""
        people = People()
        done(people, people.created(Newcomer("admin", user(admin=True)), NOW))

        assert people.user("admin").admin
        assert sessions_of(people, "admin") == set()
        for name in ("anonymous", "none", "admin"):
            with pytest.raises(Refusal, match="taken"):
                people.created(Newcomer(name, user()), NOW)

    def test_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """There are so many users at most."""
        monkeypatch.setattr(module, "MOST", 1)
        with pytest.raises(Refusal) as told:
            with_ann().may_register(Registration.OPEN, None, NOW)

        assert told.value.code == "registration_closed"


class ChangeTests:
    """What a change is, and what it ends."""

    def test_nothing_before_its_line(self) -> None:
        """To work a change out alters nothing."""
        people = with_ann()
        before = all_of(people.slices(NOW + 5))
        for change in (
            people.disabled("ann", NOW), people.deleted("ann", NOW), people.rotated("ann", user(3).key),
            people.with_password("ann", "x", NOW, "s3"), people.promoted("ann", NOW), people.signed_out("s1"),
        ):  # fmt: skip
            assert change
        assert all_of(people.slices(NOW + 5)) == before

    def test_password(self) -> None:
        """F-07: all sessions end, and whoever changed it has a new one."""
        people = with_ann()
        done(people, people.with_password("ann", "other", NOW + 5, "s3"))

        assert people.user("ann").hash == "other"
        assert sessions_of(people) == {"s3"}
        done(people, people.with_password("ann", "by the operator", NOW + 5))
        assert sessions_of(people) == set()

    @pytest.mark.parametrize("right", [True, False])
    def test_rights(self, right: bool) -> None:
        """F-07: no session outlives a change of what its user may."""
        people = with_ann(admin=not right)
        done(people, people.promoted("ann", NOW) if right else people.demoted("ann", NOW))

        assert people.user("ann").admin is right
        assert sessions_of(people) == set()

    def test_disabled_and_deleted(self) -> None:
        """Neither is signed in any more; only one of them is still there."""
        people = with_ann()
        done(people, people.disabled("ann", NOW))
        assert not people.user("ann").enabled and sessions_of(people) == set()
        done(people, people.altered("ann", enabled=True))
        assert people.user("ann") == user()
        done(people, people.deleted("ann", NOW))
        with pytest.raises(Refusal) as told:
            people.user("ann")
        assert told.value.code == "not_found"

    def test_sign_in_ends_the_session_before(self) -> None:
        """F-07: the id that a browser had before it signed in is good for nothing after."""
        people = with_ann()
        done(people, people.signed_in("ann", "s3", NOW, former="s1"))

        assert sessions_of(people) == {"s2", "s3"}

    @pytest.mark.parametrize(
        "act", ["altered", "rotated", "disabled", "deleted", "promoted", "demoted", "with_password"]
    )
    def test_of_nobody(self, act: str) -> None:
        """There is nothing to change of a user that there is not."""
        more: dict[str, tuple[Any, ...]] = {"altered": (), "rotated": (user().key,), "with_password": ("x", NOW)}
        with pytest.raises(Refusal) as told:
            getattr(People(), act)("ann", *more.get(act, (NOW,)))

        assert told.value.code == "not_found"


class NameTests:
    """Names of clients.yaml."""

    def test_filed(self) -> None:
        """As people read them; asked anew when the settings are others."""
        people, first = People(), (ClientSettings("Ann", "ab" * 32),)
        assert people.is_filed("ann", first) and not people.is_filed("bob", first)
        assert people.is_filed("bob", (ClientSettings("bob", "ab" * 32),))
        assert not people.is_filed("bob", first)


NAMES = st.sampled_from(["ann", "bob", "cid"])
ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["created", "disabled", "deleted", "promoted", "demoted", "password", "signed_in", "used", "out", "invite"]
        ),
        NAMES,
        st.integers(0, 9),
    ),
    max_size=40,
)


def change_of(people: People, act: str, name: str, number: int, unix: float) -> Change:
    """What it comes to, of whatever there is."""
    session = f"s{number}"
    match act:
        case "created":
            return people.created(Newcomer(name, user(number), session), unix)
        case "password":
            return people.with_password(name, f"hash {number}", unix, session)
        case "signed_in":
            people.user(name)
            return people.signed_in(name, session, unix)
        case "used":
            if people.sessions.find(session, unix) is not None:
                people.sessions.used(session, Seen(unix, "192.0.2.1", "x"))
            return {}
        case "out":
            return people.signed_out(session)
        case "invite":
            return {"invites": people.invites.making(f"{number}", Invite(1 + number, unix, None, name), unix)}
        case _:
            change: Change = getattr(people, act)(name, unix)
            return change


class StateTests:
    """What outlives the process."""

    @given(acts=ACTS, cut=st.integers(0, 40))
    @settings(max_examples=60, deadline=None)
    def test_state_and_lines(self, acts: list[tuple[str, str, int]], cut: int) -> None:
        """E-01: from nothing, by all lines, and from the state in between by those behind it: the same people."""
        people, lines, state, at = People(), [], all_of(People().slices(NOW)), 0
        for number, (act, name, value) in enumerate(acts):
            try:
                change = change_of(people, act, name, value, NOW + number)
            except Refusal:
                continue
            done(people, change)
            lines.append(change)
            if number == cut:
                state, at = json.loads(json.dumps(all_of(people.slices(NOW + number)))), len(lines)
        by_lines, by_state = People(), People()
        by_state.restore(state)
        for change in lines:
            done(by_lines, change)
        for change in lines[at:]:
            done(by_state, change)

        truth = known(people)
        assert known(by_state) == truth and known(by_lines) == truth

    def test_in_slices(self) -> None:
        """The state is as of the first step, whatever comes between the steps."""
        people = People()
        for number in range(600):
            done(people, people.created(Newcomer(f"user{number}", user(number), f"s{number}"), NOW))
        slices = people.slices(NOW)
        steps = [next(slices)]
        done(people, people.deleted("user5", NOW))
        done(people, people.disabled("user599", NOW))
        while True:
            try:
                steps.append(next(slices))
            except StopIteration as end:
                told = end.value
                break

        assert len(told["users"]) == len(told["sessions"]) == 600 and len(steps) > 5
        assert told["users"]["user599"].get("enabled") is True

    def test_old_states(self) -> None:
        """A state that knows of no people is one of nobody."""
        people = People()
        people.restore({})

        assert known(people) == ({}, {}, {})


def known(people: People) -> tuple[Any, ...]:
    """All that must be the same, but for where sessions were last seen."""
    told = all_of(people.slices(NOW + 100))
    sessions = {digest: (one["user"], one["began"]) for digest, one in told["sessions"].items()}
    return told["users"], sessions, told["invites"]
