"""`GET /v1/key`: what a client is told of its own key."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve

from targon_gw.core.config import (
    Anonymous,
    ClientSettings,
    Config,
    ModelSettings,
    Per,
    Price,
    QuotaPlan,
    RateLimits,
    Secret,
    Unit,
)
from tests import fakes

from .house import ANSWER, BEARER, CHAT, JSON, House, codes, says

PRICED = (ModelSettings(fakes.MODEL, price=Price(1000.0, 2000.0)),)
"""1 mUSD a token of a prompt, 2 of an answer: `ANSWER` costs 7 mUSD."""


def settings(quota: QuotaPlan | None = None, **limits: Any) -> Config:
    """One client with that quota and those limits; a model that costs."""
    found = fakes.config(models=PRICED)
    return evolve(found, clients=(evolve(found.clients[0], quota=quota, limits=RateLimits(**limits)),))


def told(house: House, lines: str = BEARER, target: str = "/v1/key") -> Any:
    """What stands there now."""
    answer = house.get(target, lines)
    assert answer.status == 200
    assert answer.headers[b"cache-control"] == b"no-store"
    assert answer.headers[b"content-type"] == b"application/json; charset=utf-8"
    assert answer.headers[b"access-control-allow-origin"] == b"*"
    return json.loads(answer.body)["data"]


class OwnKeyTests:
    """The address."""

    def test_unused(self) -> None:
        """A key without limits that was never used: zeros, and null for what there is none of."""
        assert told(House(settings())) == {
            "label": "ann",
            "usage": 0.0,
            "usage_daily": 0.0,
            "usage_weekly": 0.0,
            "usage_monthly": 0.0,
            "limit": None,
            "limit_remaining": None,
            "limit_reset": None,
            "is_free_tier": False,
            "rate_limit": None,
            "requests": 0,
            "tokens": {"prompt": 0, "completion": 0, "total": 0, "estimated": 0},
            "in_flight": 0,
            "quota": None,
        }

    def test_used(self) -> None:
        """What was used stands there as soon as it was answered, in tokens and in USD."""
        house = House(settings(QuotaPlan(Unit.TOKENS, 1000, Per.DAY), requests_per_minute=20))
        house.call(max_tokens=100)
        house.vendor.answers(ANSWER)
        seen = told(house)

        assert (seen["usage"], seen["usage_daily"], seen["requests"]) == (0.007, 0.007, 1)
        assert seen["tokens"] == {"prompt": 5, "completion": 1, "total": 6, "estimated": 0}
        assert seen["rate_limit"] == {"requests": 20, "interval": "60s"}
        assert seen["limit"] is None
        midnight = datetime(2023, 11, 15, tzinfo=UTC)
        assert seen["quota"] == {
            "unit": "tokens",
            "per": "day",
            "limit": 1000,
            "used": 6,
            "held": 0,
            "remaining": 994,
            "resets_at": midnight.isoformat(),
        }
        assert datetime.fromisoformat(seen["quota"]["resets_at"]) == midnight

    def test_held(self) -> None:
        """What a call under way may still use is held, and neither used nor left."""
        house = House(settings(QuotaPlan(Unit.TOKENS, 1000, Per.MONTH)))
        other = House(settings())
        house.call(stream=True, max_tokens=100)
        house.vendor.begins(says("x"))
        other.gateway.bank = house.gateway.bank  # the same client's second connection
        seen = told(other)

        assert (seen["in_flight"], seen["requests"]) == (1, 0)
        quota = seen["quota"]
        assert quota["used"] == 0
        assert quota["held"] >= 100
        assert quota["used"] + quota["held"] + quota["remaining"] == 1000
        house.talk.leave()
        assert told(other)["quota"]["held"] == 0

    def test_money(self) -> None:
        """A quota of USD is told in the fields that OpenRouter has for it, too."""
        house = House(settings(QuotaPlan(Unit.USD, 2_500_000, Per.MONTH)))
        house.call(max_tokens=10)
        house.vendor.answers(ANSWER)
        seen = told(house)

        assert (seen["limit"], seen["limit_remaining"], seen["limit_reset"]) == (2.5, 2.493, "month")
        assert (seen["quota"]["limit"], seen["quota"]["used"]) == (2.5, 0.007)

    def test_total(self) -> None:
        """A quota for good is never reset."""
        house = House(settings(QuotaPlan(Unit.REQUESTS, 5, Per.TOTAL)))

        assert told(house)["quota"]["resets_at"] is None

    @pytest.mark.parametrize("lines", ["", "Authorization: Bearer sk-tg-nobodys\r\n"])
    def test_nobody(self, lines: str) -> None:
        """C-01: a key that is nobody's is told nothing."""
        answer = House().get("/v1/key", lines)

        assert (answer.status, codes([answer])) == (401, ["invalid_api_key"])

    def test_without_a_key(self) -> None:
        """Callers without a key are told what their own address may and has used."""
        anonymous = Anonymous(enabled=True, models=(fakes.MODEL,), limits=RateLimits(requests_per_minute=9))
        house = House(evolve(settings(), anonymous=anonymous))
        house.talk.channel.client_host = "192.0.2.7"
        house.call(CHAT, JSON)
        house.vendor.answers(ANSWER)
        seen = told(house, "")
        assert (seen["label"], seen["requests"], seen["rate_limit"]["requests"]) == ("anonymous", 1, 9)

        house.talk.channel.client_host = "192.0.2.8"
        assert told(house, "")["requests"] == 0

    def test_of_another(self) -> None:
        """C-16: a client is told of its own key alone, and a client's key opens nothing that is the operator's."""
        bob = ClientSettings("bob", Secret("sk-tg-the-key-of-bob").digest)
        house = House(evolve(settings(), clients=(*settings().clients, bob)))
        house.call()
        house.vendor.answers(ANSWER)
        bobs = told(house, "Authorization: Bearer sk-tg-the-key-of-bob\r\n")

        assert (bobs["label"], bobs["requests"], bobs["tokens"]["total"]) == ("bob", 0, 0)
        for target in ("/v1/key?client=bob", "/v1/key?name=bob", "/v1/key?id=bob"):
            assert told(house, BEARER, target)["label"] == "ann"
        for target in (
            "/v1/key/bob",
            "/status",
            "/keys",
            "/clients",
            "/usage?by=client",
            "/ledger",
            "/reload",
            "/drain",
        ):
            for method in ("GET", "DELETE"):
                assert house.get(target, BEARER, method).status == 404, target

    def test_another_method(self) -> None:
        """It can only be read."""
        answer = House().get("/v1/key", method="DELETE")

        assert (answer.status, answer.headers[b"allow"]) == (405, b"GET, HEAD, OPTIONS")
