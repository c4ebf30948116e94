"""Tests of targon_gw/web/admin_answers.py: how a part of the admin tree answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from klein import Klein
from klein.resource import KleinResource

from targon_gw.web.admin_answers import objecting
from targon_gw.web.admin_desk import Objection
from targon_gw.web.request import Request
from targon_gw.web.rooms import tell

from .conversation import Answer, Conversation, ask


class Part:
    """A part."""

    app = objecting(Klein())

    @app.route("/yes", methods=["GET"])
    def yes(self, request: Request) -> None:
        """It answers."""
        tell(request, {"yes": "ja"}, 202)

    @app.route("/no", methods=["POST"])
    async def no(self, request: Request) -> None:
        """It objects."""
        raise Objection(409, "no", "Not now.")


def asked(method: str, target: str) -> Answer:
    """What it answers."""
    app: Any = Part().app
    talk = Conversation(resource=KleinResource(app))
    talk.say(ask(target=target, method=method))
    return talk.heard()[-1]


class AnswerTests:
    """`tell` and `objecting`."""

    def test_tell(self) -> None:
        """F-11: JSON that no cache keeps, and that no page of another origin is given for something else."""
        answer = asked("GET", "/yes")
        assert (answer.status, json.loads(answer.body)) == (202, {"yes": "ja"})
        assert answer.headers[b"cache-control"] == b"no-store"
        assert answer.headers[b"x-content-type-options"] == b"nosniff"
        assert answer.headers[b"cross-origin-resource-policy"] == b"same-origin"

    @pytest.mark.parametrize(
        ("method", "target", "status", "code"),
        [
            ("POST", "/no", 409, "no"),
            ("GET", "/no", 405, "method_not_allowed"),
            ("GET", "/maybe", 404, "unknown"),
        ],
    )
    def test_objections(self, method: str, target: str, status: int, code: str) -> None:
        """One envelope for what is not done, whatever the reason."""
        answer = asked(method, target)
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (status, code)
        assert answer.headers[b"cache-control"] == b"no-store"
        assert status != 405 or answer.headers[b"allow"] == b"POST"
