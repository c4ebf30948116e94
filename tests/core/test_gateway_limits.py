"""Limits and quotas where a call is let in, and what is set aside for it."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from targon_gw.core.allowance import Claim
from targon_gw.core.attempts import Exhausted
from targon_gw.core.bank import Tally
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import Anonymous, ModelSettings, Price, QuotaPlan, RateLimits, Unit
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Asking, claim_of
from targon_gw.core.ledger import Ending
from targon_gw.core.meter import Usage
from targon_gw.core.openai import Ask, Endpoint
from tests.fakes import ADDRESS, MODEL, WALL, ask, call, client, closing, config, gateway, limited, memory, settled


class LimitTests:
    """Limits and quotas, where a call is let in."""

    @pytest.mark.parametrize(
        ("limits", "admitted", "wait"),
        [
            (RateLimits(requests_per_minute=10), 10, 6.0),
            (RateLimits(concurrent=10), 10, 1.0),
            (RateLimits(tokens_per_minute=1000), 10, 6.0),
        ],
    )
    def test_of_many_at_once(self, limits: RateLimits, admitted: int, wait: float) -> None:
        """C-08, C-09: as many as the limit allows, none more; the rest are told when, and hold nothing."""
        desk = gateway(limited(limits))
        asked = ask(max_tokens=100 - ask().prompt_estimate)
        codes, waits = set(), []
        for _ in range(50):
            try:
                call(desk, asked=asked)
            except Refusal as refusal:
                codes.add(refusal.code)
                waits.append(refusal.wait)

        assert len(desk.calls) == admitted
        assert (codes, waits) == ({"rate_limit_exceeded"}, [pytest.approx(wait)] * 40)
        assert memory(desk).tally("ann") == Tally(in_flight=admitted)

    def test_headers(self) -> None:
        """What is left of the limits is told for a call, from its admission on."""
        desk = gateway(limited(RateLimits(60, 6000)))
        asked = ask(max_tokens=500 - ask().prompt_estimate)
        shown = desk.limits_of(call(desk, asked=asked), 0.0)

        assert shown.requests == (60, 59, pytest.approx(1.0))
        assert shown.tokens == (6000, 5500, pytest.approx(5.0))

    @pytest.mark.parametrize("unit", list(Unit))
    @pytest.mark.parametrize("seed", range(10))
    def test_a_quota_for_ten(self, unit: Unit, seed: int) -> None:
        """C-11, P6: of 200 calls at once ten are let in, whatever the unit; what they use is never beyond the quota."""
        dice, price = Random(seed), Price(1.0, 2.0)
        asked = ask(max_tokens=80)
        claim = claim_of(asked, gateway(limited(price=price)).catalog.resolve(MODEL))
        plan = QuotaPlan(unit, claim.of_unit(unit) * 11 - 1 if unit is not Unit.REQUESTS else 10)
        desk = gateway(limited(quota=plan, price=price))
        calls, codes = [], set()
        for _ in range(200):
            try:
                calls.append(call(desk, asked=asked))
            except Refusal as refusal:
                codes.add(refusal.code)
        assert (len(calls), codes) == (10, {"insufficient_quota"})

        dice.shuffle(calls)
        for one in calls:
            used = dice.choice([None, Usage(dice.randint(0, asked.prompt_estimate), dice.randint(0, 80))])
            settled(desk, one, closing(Ending.SERVED, used), 1.0)
            quota = desk.bank.overview(client(desk), 1.0).quota
            assert quota is not None and quota.used + quota.held <= plan.amount
        quota = desk.bank.overview(client(desk), 1.0).quota
        assert quota is not None and quota.held == 0

    def test_used_up(self) -> None:
        """C-10: once the quota is used up nobody is let in before its window ends, and that is told."""
        desk = gateway(limited(quota=QuotaPlan(Unit.REQUESTS, 1)))
        settled(desk, call(desk), closing(Ending.SERVED, Usage(1, 1)), 1.0)
        midnight = 86_400 - WALL % 86_400
        with pytest.raises(Refusal) as refused:
            call(desk, 2.0)

        assert (refused.value.code, refused.value.wait) == ("insufficient_quota", pytest.approx(midnight - 2.0))
        assert call(desk, midnight) in desk.calls

    def test_what_was_refused_gives_its_quota_back(self) -> None:
        """A call that nobody served has used nothing."""
        desk = gateway(limited(quota=QuotaPlan(Unit.REQUESTS, 1)))
        one = call(desk)
        one.begin(0.0)
        one.judge(Exhausted(), 0.5)
        settled(desk, one, closing(Ending.FAILED), 1.0)

        assert call(desk, 2.0) in desk.calls

    def test_by_address(self) -> None:
        """Callers without a key are limited each by its own address."""
        desk = gateway(config(anonymous=Anonymous(True, ("*",), RateLimits(concurrent=1), None)))
        nobody = desk.identify(None, ADDRESS, 0.0)
        assert isinstance(nobody, ClientKey)
        desk.admit(Asking(nobody, ADDRESS, "req_1"), ask(), 0.0)
        desk.admit(Asking(nobody, "198.51.100.7", "req_2"), ask(), 0.0)

        with pytest.raises(Refusal, match="1 at once"):
            desk.admit(Asking(nobody, ADDRESS, "req_3"), ask(), 0.0)


class ClaimTests:
    """The most that a call may use."""

    SMALL = ModelSettings(MODEL, price=Price(1.0, 2.0))

    def claim(self, asked: Ask, *models: ModelSettings) -> Claim:
        """What is set aside for it."""
        return claim_of(asked, gateway(config(models=models or (self.SMALL,))).catalog.resolve(asked.model))

    @pytest.mark.parametrize(
        ("model", "fields", "most"),
        [
            (SMALL, {"max_tokens": 50}, 50),
            (SMALL, {"max_completion_tokens": 50}, 50),
            (SMALL, {"max_tokens": 50, "n": 3}, 150),
            (SMALL, {}, 4096),
            (ModelSettings(MODEL, max_tokens=100, price=Price(1.0, 2.0)), {}, 100),
            (ModelSettings(MODEL, max_tokens=100, price=Price(1.0, 2.0)), {"n": 2}, 200),
        ],
    )
    def test_bounds(self, model: ModelSettings, fields: dict[str, Any], most: int) -> None:
        """The client's own bound, else the catalog's, else what is usual; as often as it is to be made."""
        asked = ask(**fields)
        prompt = asked.prompt_estimate

        claim = self.claim(asked, model)
        assert (claim.tokens, claim.cost) == (prompt + most, prompt + 2 * most)

    def test_each_prompt_is_answered(self) -> None:
        """Two prompts, three choices each, of which the vendor makes five."""
        asked = ask(endpoint=Endpoint.COMPLETIONS, prompt=["a", "b"], n=3, best_of=5, max_tokens=7)

        assert self.claim(asked).tokens == asked.prompt_estimate + 2 * 5 * 7

    def test_embeddings_write_nothing(self) -> None:
        """Only what they read is set aside."""
        asked = ask(endpoint=Endpoint.EMBEDDINGS)

        claim = self.claim(asked)
        assert (claim.tokens, claim.cost) == (asked.prompt_estimate, asked.prompt_estimate)

    def test_without_a_price(self) -> None:
        """It costs nothing."""
        assert self.claim(ask(), ModelSettings(MODEL)).cost == 0

    def test_a_model_that_stands_in(self) -> None:
        """P6: where a dearer model may stand in, or one that writes more, that is set aside; also in a circle."""
        asked = ask()
        models = (
            ModelSettings(MODEL, max_tokens=10, price=Price(1.0, 1.0), fallback="long"),
            ModelSettings("long", max_tokens=1000, fallback="dear"),
            ModelSettings("dear", max_tokens=100, price=Price(50.0, 50.0), fallback=MODEL),
        )

        prompt = asked.prompt_estimate
        claim = self.claim(asked, *models)
        assert (claim.tokens, claim.cost) == (prompt + 1000, (prompt + 100) * 50)
