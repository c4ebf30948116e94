"""Tests of targon_gw/web/backstage.py: who may do what the admin socket does, and who is noted to have done it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen
from klein import Klein

from targon_gw.core.config import Secret
from targon_gw.core.errors import Refusal
from targon_gw.web.admin_answers import objecting, part_of
from targon_gw.web.admin_desk import Actor, Objection
from targon_gw.web.backstage import PREFIX, TOKEN, Backstage
from targon_gw.web.request import Request
from targon_gw.web.rooms import room, tell

from .conversation import Answer, ask
from .house import JSON, House
from .office import Office

SECRET = "canary-of-the-admin-token-0123456789"
BEARER = f"Authorization: Bearer {SECRET}\r\n"


@frozen
class Ann:
    """Somebody."""

    name: str = "ann"


@define(eq=False)
class Porter:
    """Who knows browsers: what it says of whoever comes. `guarded` are the methods that it was asked about."""

    says: str = ""
    token_is_right: bool = True
    guarded: list[bytes] = field(factory=list)
    strikes: int = 0

    def admin(self, request: Request) -> Ann:
        if self.says:
            raise Refusal(self.says, "No.")  # type: ignore[arg-type]
        return Ann()

    def guard(self, request: Request) -> None:
        self.guarded.append(request.method)
        if not self.token_is_right and request.method != b"GET":
            raise Refusal("csrf_failed", "No.")

    def address(self, request: Request) -> str:
        return "192.0.2.7"

    def judged(self, request: Request, refusal: Refusal) -> Refusal:
        self.strikes += 1
        return refusal if self.strikes < 3 else Refusal("rate_limit_exceeded", "Slowly.", wait=3.0)


class Told:
    """A tree that tells who is at it."""

    app = objecting(Klein())

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    @app.route("/who/<name>", methods=["GET", "POST"])
    def who(self, request: Request, name: str) -> None:
        tell(request, {"who": self.actor.name, "from": self.actor.address, "name": name})

    @app.route("/no", methods=["GET"])
    def no(self, request: Request) -> None:
        raise Objection(409, "no", "Not now.")


def asked(porter: Porter, method: str = "GET", target: str = "who/x", lines: str = "", token: Any = None) -> Answer:
    """What is answered backstage."""
    house = House()
    behind = Backstage(porter, token, lambda actor, request: part_of(Told(actor), request))
    app: Any = behind.app
    house.rooms.append(room(app, PREFIX))
    house.talk.say(ask(lines, b"{}" if method == "POST" else b"", PREFIX + target, method))
    return house.heard


def code(answer: Answer) -> str:
    """Why not."""
    return str(json.loads(answer.body)["error"]["code"])


class BrowserTests:
    """An admin's browser."""

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_admin(self, method: str) -> None:
        """The tree answers, and knows who acts and from where."""
        answer = asked(Porter(), method, lines=JSON)
        assert json.loads(answer.body) == {"who": "ann", "from": "192.0.2.7", "name": "x"}
        assert answer.headers[b"cache-control"] == b"no-store"

    @pytest.mark.parametrize(("says", "status"), [("not_signed_in", 401), ("admin_only", 403)])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_nobody(self, says: str, status: int, method: str) -> None:
        """F-26: whoever is not signed in, or is no admin, gets nothing, whatever is asked."""
        for target in ("who/x", "nothing", ""):
            answer = asked(Porter(says), method, target, JSON)
            assert (answer.status, code(answer)) == (status, says)
            assert answer.headers[b"cache-control"] == b"no-store"

    def test_guard(self) -> None:
        """F-04: what another page has the browser send is not done."""
        porter = Porter(token_is_right=False)
        assert (asked(porter, "POST", lines=JSON).status, code(asked(porter, "POST", lines=JSON))) == (
            403,
            "csrf_failed",
        )
        assert asked(porter).status == 200

    def test_as_the_tree(self) -> None:
        """Objections, wrong methods and unknown addresses are answered as the tree answers them."""
        assert code(asked(Porter(), target="no")) == "no"
        assert asked(Porter(), "DELETE", "no").status == 405
        assert asked(Porter(), target="nothing").status == 404
        assert asked(Porter(), target="who/a%20b").body == asked(Porter(), target="who/a b".replace(" ", "%20")).body


class TokenTests:
    """A program that bears the token."""

    def test_right(self) -> None:
        """It needs no browser, and no cookie's owner is asked."""
        porter = Porter("not_signed_in")
        answer = asked(porter, "POST", lines=BEARER + JSON, token=Secret(SECRET))
        assert json.loads(answer.body)["who"] == TOKEN and porter.guarded == []

    @pytest.mark.parametrize(
        ("lines", "token"),
        [
            (BEARER, None),
            (BEARER.replace("0123", "0124"), Secret(SECRET)),
            ("Authorization: Bearer \r\n", Secret(SECRET)),
            ("Authorization: Bearer \r\n", None),
            (f"Authorization: Basic {SECRET}\r\n", Secret(SECRET)),
        ],
    )
    def test_wrong(self, lines: str, token: Secret | None) -> None:
        """A wrong one, or one where there is none, is refused: a session beside it makes it no better."""
        answer = asked(Porter(), lines=lines, token=token)
        assert (answer.status, code(answer)) == (401, "invalid_api_key")
        assert SECRET.encode() not in answer.body

    def test_many(self) -> None:
        """C-06: who tries one after another is told to slow down, as at `/v1`; who has the right one is served."""
        porter, token = Porter(), Secret(SECRET)
        answers = [asked(porter, lines="Authorization: Bearer wrong\r\n", token=token) for _ in range(3)]

        assert [code(answer) for answer in answers] == ["invalid_api_key"] * 2 + ["rate_limit_exceeded"]
        assert asked(porter, lines=BEARER, token=token).status == 200


class TreeTests:
    """The real tree, backstage."""

    def test_parts(self, tmp_path: Path) -> None:
        """What lies below its parts is reached as at the socket."""
        from targon_gw.web.admin import Admin

        office = Office(tmp_path)
        house = House()
        behind = Backstage(Porter(), None, lambda actor, request: part_of(Admin(office.desk), request))
        app: Any = behind.app
        house.rooms.append(room(app, PREFIX))
        for target in ("keys", "keys/import", "settings", "settings/changes", "audit", "users", "invites", "status"):
            assert house.get(f"{PREFIX}{target}", "").status == 200, target
