"""Raw requests to the gateway itself that it must turn away, however they arrive (faults catalogue, A to C; P13)."""

from __future__ import annotations

import json

import pytest

from tests.web.conversation import Answer
from tests.web.corpus.asking import CASES, CHAT, GOOD, JSON, KEY, MINE, Asked, post
from tests.web.house import House

NEXT = b"GET /health/live HTTP/1.1\r\nHost: gw\r\n\r\n"
IDS = [case.name for case in CASES]
PIECES = 2000


def turned_away(case: Asked, pieces: int) -> tuple[House, Answer]:
    """Say it in so many reads at most, with a good request behind it; what was answered first."""
    house = House()
    raw = case.raw + NEXT
    house.talk.say(raw, max(1, len(raw) // pieces))
    answers = house.talk.heard()
    closes = answers[0].headers.get(b"connection") == b"close"

    assert len(answers) == (1 if closes else 2), [answer.status for answer in answers]
    assert closes or (answers[1].status, answers[1].body) == (200, alive())
    return house, answers[0]


def alive() -> bytes:
    """What the request behind is answered."""
    house = House()
    house.talk.say(NEXT)
    return house.heard.body


class TurnedAwayTests:
    """Refused, with the code for it, and whatever is behind is kept apart."""

    @pytest.mark.parametrize("pieces", [1, PIECES], ids=["whole", "bytes"])
    @pytest.mark.parametrize("case", CASES, ids=IDS)
    def test_refused(self, case: Asked, pieces: int) -> None:
        """The status and the code are right, no vendor is asked, nothing is counted, and no secret is told."""
        house, answer = turned_away(case, pieces)
        error = json.loads(answer.body)["error"]

        assert answer.status == case.status
        assert not case.code or error["code"] == case.code
        assert len(answer.body) <= 2048 and KEY not in answer.body
        assert answer.headers[b"content-type"] == b"application/json; charset=utf-8"
        assert answer.headers[b"x-should-retry"] == b"false"
        assert (b"allow" in answer.headers) == (case.status == 405)
        assert b"HTTP/1.1 100" not in house.talk.wire.value() or b"expect" not in case.raw.lower()
        assert house.vendor.asked == [] and house.entries == []
        assert house.quiet()

    def test_one_401(self) -> None:
        """C-01, C-02: whatever is wrong with the key, the body of the 401 is the same."""
        bodies = {turned_away(case, 1)[1].body for case in CASES if case.status == 401}

        assert len(bodies) == 1

    def test_the_good_one_is_not(self) -> None:
        """The call that the cases are made from is not turned away, nor under the other header."""
        for line in (MINE, b"X-Api-Key: " + KEY, b"authorization: bearer " + KEY):
            house = House()
            house.talk.say(post(line, JSON, body=GOOD, to=CHAT))
            assert len(house.vendor.asked) == 1, line
