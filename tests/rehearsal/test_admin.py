"""The admin route, as someone outside the process uses it."""

from __future__ import annotations

from typing import Any
from unittest import TestCase

from targon_gw.core.config import Secret
from targon_gw.rehearsal.catalogue import CATALOGUE

from .stage import KEY, THIRD_KEY, Response, Stage, chat, get, post, response, stage


class AdminTests(TestCase):
    """Charges, log, gauges."""

    def setUp(self) -> None:
        self.stage: Stage = stage()
        self.office: Stage = Stage(self.stage.vendor, self.stage.clock)

    def ask(self, path: str, method: str = "GET") -> Any:
        """What the office says."""
        self.office.say(get(f"/rehearsal/{path}", method))
        return response(self.office.line.take()).json

    def lay(self, **wish: Any) -> Response:
        """Lay a charge."""
        self.office.say(post("/rehearsal/faults", wish, None))
        return response(self.office.line.take())

    def test_catalogue(self) -> None:
        """Every fault is listed with what it does."""
        listed = self.ask("catalogue")
        assert [each["name"] for each in listed] == list(CATALOGUE)
        assert all(each["does"] and each["numbers"] for each in listed)

    def test_a_charge_from_laying_to_dropping(self) -> None:
        """It is committed as often as asked, seen with what is left of it, and dropped."""
        got = self.lay(fault="stall", after=2, key=KEY, times=5)
        assert (got.status, got.json["times_left"], got.json["key"]) == (201, 5, Secret(KEY).fingerprint)
        assert len(response(self.stage.ask()).payloads) == 2
        (charge,) = self.ask("faults")
        assert (charge["fault"], charge["times_left"], charge["committed"]) == ("stall", 4, 1)
        assert self.ask("faults", "DELETE") == []
        assert self.stage.vendor.charges == []

    def test_arguments(self) -> None:
        """Numbers and texts will do."""
        self.lay(fault="throttled", arg="date", account="b")
        self.lay(fault="reset-midway", after="120b", model="plain")
        assert self.stage.vendor.charges[0].ordered.arg == "date"
        assert len(self.ask("faults")) == 2

    def test_wrong_wishes(self) -> None:
        """Each is refused with a word about what is wrong, and nothing is laid."""
        wrong: list[dict[str, Any]] = [
            {},
            {"fault": 3},
            {"fault": "nonsense"},
            {"fault": "stall", "after": "x"},
            {"fault": "stall", "after": True},
            {"fault": "stall", "after": 1, "arg": "1"},
            {"fault": "stall", "times": 0},
            {"fault": "refuse-connection"},
            {"fault": "stall", "key": 3},
            {"fault": "stall", "colour": "red"},
        ]
        for wish in wrong:
            with self.subTest(wish=wish):
                got = self.lay(**wish)
                assert got.status == 400
                assert got.json["error"]
        assert self.stage.vendor.charges == []

    def test_log(self) -> None:
        """What was served is there by key and in order, without a secret; it can be forgotten."""
        self.stage.ask(max_tokens=4)
        self.stage.say(chat("fault/reset-before-head", THIRD_KEY))
        log = self.ask("log")
        assert log["keys"][Secret(KEY).fingerprint]["completion_tokens"] == 4
        assert [(each["status"], each["ending"], each["fault"]) for each in log["served"]] == [
            (200, "whole", None), (None, "cut", "reset-before-head")]  # fmt: skip
        assert KEY not in str(log)
        assert self.ask("log", "DELETE") == {"keys": {}, "served": []}

    def test_connections(self) -> None:
        """The vendor's connections and answers are counted, the office's own are not."""
        assert self.ask("connections") == {"open": 1, "answering": 0, "accepted": 1}
        self.stage.ask("fault/silent")
        assert self.ask("connections")["answering"] == 1
        self.stage.leave()
        assert self.ask("connections") == {"open": 0, "answering": 0, "accepted": 1}

    def test_unknown(self) -> None:
        """What is not there says what is."""
        assert "catalogue" in self.ask("nonsense")["error"]
