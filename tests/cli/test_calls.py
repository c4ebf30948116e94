"""Tests of targon_gw/cli/calls.py."""

from __future__ import annotations

import json
from pathlib import Path

from targon_gw.core.ledger import Ending, Entry, Kind
from tests import fakes
from tests.web.office import Office, line, used

from .desk import as_json, told, typed


def counted(tmp_path: Path) -> Office:
    """An office with two calls, the second of which took two attempts."""
    office = Office(tmp_path)
    served = {"client": "ann", "model": fakes.MODEL, "upstream": "acme", "account": "alice"}
    lines = [
        line("req_1", key="k-a", usage=used(1200), cost=37, first=0.41, took=4.2, attempts=1, **served),
        line("req_2", kind=Kind.ATTEMPT, key="k-b", status=429, ending=None, note="429: slow\x1b[31m down"),
        line("req_2", key=None, status=503, ending=Ending.REFUSED, client="bob\x1b[0m", model=fakes.MODEL),
    ]
    for entry in lines:
        count(office, entry)
    return office


def count(office: Office, entry: Entry) -> None:
    """Have `entry` in the ledger."""
    office.desk.ledger.fold(office.desk.ledger.n + 1, entry)


class ListTests:
    """`targon-gw calls`."""

    def test_table(self, tmp_path: Path) -> None:
        """A line a call, the latest last; nothing in it moves the terminal."""
        out = told(counted(tmp_path), "calls")
        _, first, second = out.splitlines()

        assert ("req_1" in first, "served" in first, "1,201" in first) == (True, True, True)
        assert ("req_2" in second, "503" in second, "refused" in second) == (True, True, True)
        assert "\x1b" not in out

    def test_filters(self, tmp_path: Path) -> None:
        """By status and key, as many as were asked for; another status is told to be none."""
        office = counted(tmp_path)

        assert [call["id"] for call in as_json(office, "calls", "--status", "5xx")["calls"]] == ["req_2"]
        assert [call["id"] for call in as_json(office, "calls", "--key", "k-b")["calls"]] == ["req_2"]
        assert [call["id"] for call in as_json(office, "calls", "-n", "1")["calls"]] == ["req_2"]
        assert typed(office, "calls", "--status", "nonsense").exit_code == 1

    def test_follow(self, tmp_path: Path) -> None:
        """New calls are told as they end, each once, an object a line."""
        office = counted(tmp_path)
        asked = []

        def answer(method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
            asked.append(target)
            if len(asked) > 2:
                raise ConnectionRefusedError
            if len(asked) == 2:
                count(office, line("req_3"))
            found = office.ask(method, target)
            return found.status, found.body

        result = typed(answer, "calls", "-f", "--json")
        calls = [json.loads(each) for each in result.stdout.splitlines()[:3]]

        assert [call["id"] for call in calls] == ["req_1", "req_2", "req_3"]
        assert asked[0] == "/calls?limit=20"

    def test_follow_tells_nothing_old(self) -> None:
        """What was left out at the first look, being older, is not told as new at the second."""
        every, looks = [f"req_{number}" for number in range(10)], []

        def answer(method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
            looks.append(target)
            if len(looks) > 2:
                raise ConnectionRefusedError
            if len(looks) == 2:
                every.append("new")
            limit = int(target.partition("limit=")[2])
            return 200, json.dumps({"calls": [{"id": id, "at": fakes.WALL} for id in every[::-1][:limit]]}).encode()

        result = typed(answer, "calls", "-f", "-n", "2", "--json")

        assert [json.loads(each)["id"] for each in result.stdout.splitlines()[:3]] == ["req_8", "req_9", "new"]


class ShowTests:
    """`targon-gw calls show`."""

    def test_attempts(self, tmp_path: Path) -> None:
        """One call with what failed before, and why."""
        out = told(counted(tmp_path), "calls", "show", "req_2")

        assert "refused 503" in out
        assert "429: slow�[31m down" in out
        assert "\x1b" not in out

    def test_served(self, tmp_path: Path) -> None:
        """Tokens with where the count is from, and what they cost."""
        out = told(counted(tmp_path), "calls", "show", "req_1")

        assert "1,200 + 1 (by: upstream), 0.000037 USD" in out
        assert "k-a of alice at acme" in out
        assert typed(counted(tmp_path), "calls", "show", "req_9").exit_code == 1
