"""Tests of targon_gw/web/admin_desk.py: what may be sent to the socket."""

from __future__ import annotations

import json
from pathlib import Path

from .conversation import ask
from .office import Office

SECRET = "sn4_a-canary-of-the-tests"


class BodyTests:
    """`body_of`."""

    def test_odd_bodies(self, tmp_path: Path) -> None:
        """What is no JSON, of another shape or with another member is a 400 that repeats no value."""
        for odd in ([], {"upstream": "acme"}, {"upstream": "acme", "secret": 1}, {"upstream": SECRET}, "x"):
            answer = Office(tmp_path).ask("POST", "/keys", odd)
            assert answer.status == 400
            assert SECRET.encode() not in answer.body
            assert json.loads(answer.body)["error"]["code"] == "invalid_body"

    def test_bodies_that_cannot_be_read(self, tmp_path: Path) -> None:
        """B-10: brackets without end, and bytes that are no UTF-8, are a 400 as any other body that is none."""
        deep = b'{"name": "x", "quota": {"usd": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
        for odd in (deep, b'{"name": "\xff"}'):
            office = Office(tmp_path)
            office.talk.say(ask(body=odd, target="/clients"))
            assert json.loads(office.talk.heard()[-1].body)["error"]["code"] == "invalid_body"

    def test_unknown_member_is_named(self, tmp_path: Path) -> None:
        """A slip of the pen is told by its name, not passed over."""
        body = {"upstream": "acme", "secret": SECRET, "notes": "x"}

        assert b"notes" in Office(tmp_path).ask("POST", "/keys", body).body


class ArgumentTests:
    """`argument` and `whole_number`."""

    def test_last_one_counts(self, tmp_path: Path) -> None:
        """Of an argument that is given twice the last counts; bytes that are no UTF-8 name nothing."""
        office = Office(tmp_path)

        assert office.ask("GET", "/keys?upstream=nobody&upstream=acme").status == 200
        assert office.ask("GET", "/keys?upstream=%FF").status == 404

    def test_numbers(self, tmp_path: Path) -> None:
        """Only plain digits within the bounds are a number."""
        office = Office(tmp_path)
        for odd in ("1e3", "%2B1", "%D9%A3", "9" * 400, "0", ""):
            assert office.ask("GET", f"/calls?limit={odd}").status == 400, odd
        assert office.ask("GET", "/calls?limit=1000").status == 200
