"""Who a browser is."""

from __future__ import annotations

from typing import Any

import pytest

from targon_gw.core.errors import Refusal
from targon_gw.core.failures import A_MINUTE
from targon_gw.core.people import Newcomer
from targon_gw.core.sessions import digest_of
from targon_gw.core.users import IssuedKey, User
from targon_gw.web.csrf import token_of
from targon_gw.web.request import Request
from targon_gw.web.visitors import Visitors
from tests import fakes

from .conversation import Conversation, Desk, ask

ID = "s" * 43
COOKIE = f"Cookie: tg_session={ID}\r\n"


def request(lines: str = "") -> Request:
    """One with those lines, from 192.168.1.1."""
    desk = Desk()
    talk = Conversation(resource=desk)
    talk.say(ask(lines))
    (found,) = desk.seen
    return found


def visitors(**members: Any) -> Visitors:
    """Of a gateway with one user, signed in by `COOKIE`."""
    desk = fakes.gateway()
    user = User("hash", IssuedKey("ab" * 32, "sk-tg-…abc", 0.0), 0.0, **members)
    desk.take(desk.people.created(Newcomer("eve", user, digest_of(ID.encode())), fakes.WALL), 0.0)
    return Visitors(desk, lambda: 1.0, lambda: b"secret")


class SignedInTests:
    """Who is signed in."""

    def test_user(self) -> None:
        """By the session's cookie; the use of it is noted."""
        here = visitors()
        found = here.user(request(COOKIE + "User-Agent: Phone\t\u00e9\r\n"))
        session = here.gateway.people.sessions.find(found.session, fakes.WALL)

        assert found.name == "eve" and ID not in repr(found) and found.session not in repr(found)
        assert session is not None
        assert (session.seen, session.address) == (fakes.WALL + 1.0, "192.168.1.1")
        assert session.agent.startswith("Phone") and "\t" not in session.agent

    @pytest.mark.parametrize("lines", ["", f"Cookie: tg_session={'x' * 43}\r\n", f"Cookie: tg_visitor={ID}\r\n"])
    def test_nobody(self, lines: str) -> None:
        """No cookie, a wrong one, another one: all the same."""
        here = visitors()
        assert here.signed_in(request(lines)) is None
        with pytest.raises(Refusal) as told:
            here.admin(request(lines))
        assert told.value.code == "not_signed_in"

    def test_disabled_or_gone(self) -> None:
        """A session of whoever may not sign in is none, should it still be there."""
        here = visitors(enabled=False)
        assert here.signed_in(request(COOKIE)) is None
        here = visitors()
        here.gateway.people.users.put("eve", None)
        assert here.signed_in(request(COOKIE)) is None

    @pytest.mark.parametrize("admin", [True, False])
    def test_admin(self, admin: bool) -> None:
        """Only who may administer."""
        here = visitors(admin=admin)
        if admin:
            assert here.admin(request(COOKIE)).name == "eve"
            return
        with pytest.raises(Refusal) as told:
            here.admin(request(COOKIE))
        assert told.value.code == "admin_only"


class StrangerTests:
    """Who bears a key that is none."""

    def test_judged(self) -> None:
        """C-06: wrong tokens of administration and wrong keys of one address count together, an address by itself."""
        here, wrong = visitors(), Refusal("invalid_api_key", "No.")
        codes = [here.judged(request(), wrong).code for _ in range(A_MINUTE + 1)]

        assert codes == ["invalid_api_key"] * A_MINUTE + ["rate_limit_exceeded"]
        with pytest.raises(Refusal) as told:
            here.gateway.identify(b"sk-tg-wrong", here.address(request()), here.now())
        assert told.value.code == "rate_limit_exceeded"


class TokenTests:
    """Whose CSRF token it is."""

    def test_of_whom(self) -> None:
        """The session's, else the visitor's, else that of the id that it is about to be given; no dead session's."""
        here, both = visitors(), f"Cookie: tg_session={ID}; tg_visitor={'v' * 43}\r\n"
        assert here.csrf(request(both)) == token_of(b"secret", ID.encode())
        here.gateway.people.sessions.put({digest_of(ID.encode()): None})
        assert here.csrf(request(both)) == token_of(b"secret", b"v" * 43)
        assert here.csrf(request(COOKIE)) is None
        assert here.csrf(request(COOKIE), b"new") == token_of(b"secret", b"new")

    def test_guard(self) -> None:
        """F-04: what has the right token and comes from here passes; a GET does anyway."""
        here = visitors()
        bearing = f"Origin: http://gw\r\nX-Csrf-Token: {token_of(b'secret', ID.encode())}\r\n"
        here.guard(request(COOKIE + bearing))
        with pytest.raises(Refusal):
            here.guard(request(bearing))
