"""Rooms: which addresses are theirs, and how they say no."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from klein import Klein

from targon_gw.core.errors import Refusal
from targon_gw.web.request import Request
from targon_gw.web.rooms import Room, body_of, refusing, room, tell

from .conversation import ask
from .house import JSON, House


class Wanted(msgspec.Struct):
    """What `/api/tea` takes."""

    cups: int


class Tea:
    """A room."""

    app = refusing(Klein())

    @app.route("/api/tea", methods=["GET"])
    def tea(self, request: Request) -> None:
        """What there is."""
        tell(request, {"tea": "green"}, lines=[(b"x-tea", b"1")])

    @app.route("/api/tea", methods=["POST"])
    async def order(self, request: Request) -> None:
        """So many cups."""
        cups = body_of(request, Wanted).cups
        if cups > 2:
            raise Refusal("invalid_value", "That is too much.", "cups")
        tell(request, {"cups": cups}, 201)


def house() -> House:
    """One with a room."""
    house = House()
    app: Any = Tea().app
    house.rooms.append(room(app, "/api/tea", "/tea/"))
    return house


class RoomTests:
    """`Room` and `room`."""

    @pytest.mark.parametrize(
        ("path", "has"),
        [
            (b"/chat", True),
            (b"/chat/", False),
            (b"/chats", False),
            (b"/api/me/x", True),
            (b"/api/me", False),
            (b"/", True),
            (b"/x", False),
        ],
    )
    def test_has(self, path: bytes, has: bool) -> None:
        """A prefix is one address, or all below it; the root is one address."""
        assert Room((b"/", b"/chat", b"/api/me/"), Any).has(path) is has  # type: ignore[arg-type]

    def test_route(self) -> None:
        """What a room has is answered by it, as JSON that no cache keeps; HEAD too."""
        answer = house().get("/api/tea", "")
        assert (answer.status, json.loads(answer.body)) == (200, {"tea": "green"})
        assert answer.headers[b"cache-control"] == b"no-store" and answer.headers[b"x-tea"] == b"1"
        assert house().get("/api/tea", "", "HEAD").status == 200

    def test_what_a_room_has_not(self) -> None:
        """Below its prefix it is the room that says no, and to no other origin."""
        answer = house().get("/tea/black", "")
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (404, "unknown_url")
        assert b"access-control-allow-origin" not in answer.headers

    def test_wrong_method(self) -> None:
        """405, with what it takes."""
        answer = house().get("/api/tea", "", "DELETE")
        assert (answer.status, answer.headers[b"allow"]) == (405, b"GET, HEAD, POST")

    def test_the_rest_is_as_ever(self) -> None:
        """Addresses that no room has are the tree's."""
        assert house().get("/health", "").status == 200
        assert json.loads(house().get("/api/coffee", "").body)["error"]["code"] == "unknown_url"


class BodyTests:
    """`body_of`."""

    @pytest.mark.parametrize(
        ("lines", "body", "status", "code"),
        [
            (JSON, b'{"cups":2}', 201, None),
            (JSON, b'{"cups":3}', 400, "invalid_value"),
            (JSON, b'{"cups":"canary"}', 400, "invalid_value"),
            (JSON, b"{canary", 400, "invalid_json"),
            (JSON, b"\xff", 400, "invalid_json"),
            ("", b'{"cups":2}', 415, "unsupported_media_type"),
            ("Content-Type: text/plain\r\n", b'{"cups":2}', 415, "unsupported_media_type"),
        ],
    )
    def test_bodies(self, lines: str, body: bytes, status: int, code: str | None) -> None:
        """JSON of the right shape, by its name; a form of another page's is none. Nothing that was sent is repeated."""
        one = house()
        one.talk.say(ask(lines, body, "/api/tea"))
        assert one.heard.status == status and b"canary" not in one.heard.body
        if code is not None:
            assert json.loads(one.heard.body)["error"]["code"] == code
