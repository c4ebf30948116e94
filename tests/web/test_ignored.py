"""What a client may say and what changes nothing: conditions, ranges, identities of requests, claims about usage."""

from __future__ import annotations

import json

import pytest

from tests import fakes

from .house import ANSWER, BEARER, JSON, House

CLAIMS = (
    "X-Usage-Prompt-Tokens: 0\r\nX-Usage: {}\r\nx-ratelimit-remaining-tokens: 99999999\r\nX-Request-Id: req_forged\r\n"
    "x-targon-model: other\r\nServer-Timing: gw;dur=0\r\n"
)


class IgnoredTests:
    """Headers and fields that are nobody's business here."""

    @pytest.mark.parametrize(
        "lines",
        [
            "Range: bytes=0-3\r\n",
            'If-None-Match: *\r\nIf-Match: "x"\r\nIf-Modified-Since: Sat, 01 Jan 2050 00:00:00 GMT\r\n',
            "Accept: nonsense\r\n",
            "Accept: text/html;q=0\r\nAccept-Encoding: gzip\r\nAccept-Charset: utf-16\r\n",
        ],
    )
    def test_conditions_and_ranges(self, lines: str) -> None:
        """A-33: the answer is whole, plain and with status 200, of a list as of a call."""
        plain = House().get("/v1/models")
        asked = House().get("/v1/models", lines=BEARER + lines)
        assert (asked.status, asked.body) == (200, plain.body)

        house = House()
        house.call(lines=BEARER + JSON + lines)
        house.vendor.answers(ANSWER)
        assert (house.heard.status, json.loads(house.heard.body)) == (200, ANSWER)
        assert b"content-encoding" not in house.heard.headers

    @pytest.mark.parametrize("key", ["one", "x" * 4000])
    def test_idempotency_keys(self, key: str) -> None:
        """B-21: nothing is remembered of a call: each time it is asked anew, answered with its own, and counted."""
        house = House()
        for number in (1, 2):
            house.call(lines=BEARER + JSON + f"Idempotency-Key: {key}\r\n")
            house.vendor.answers({**ANSWER, "id": f"c{number}"})
            assert json.loads(house.heard.body)["id"] == f"c{number}"

        assert len(house.vendor.asked) == len(house.entries) == 2
        assert len({entry.id for entry, _ in house.entries}) == 2

    def test_claims_about_usage(self) -> None:
        """F-28: what is counted is what the vendor says, under our own identity, whatever a client claims."""
        house = House()
        house.call(lines=BEARER + JSON + CLAIMS, usage={"prompt_tokens": 0, "completion_tokens": 0})
        house.vendor.answers(ANSWER)

        assert house.entry.usage is not None
        assert (house.entry.usage.prompt, house.entry.usage.completion) == (5, 1)
        assert house.entry.id == house.heard.headers[b"x-request-id"].decode() != "req_forged"
        assert house.entry.served == fakes.MODEL
