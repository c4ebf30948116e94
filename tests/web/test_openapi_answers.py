"""What is really answered is what the document says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from targon_gw.core.config import ModelSettings, Price, QuotaPlan, RateLimits, Retries, Unit
from tests import fakes

from .contract import CHAT, COMPLETIONS, EMBEDDINGS, problems, wrong
from .house import ANSWER, BEARER, DONE, JSON, House, event, finish, says


class AnswersTests:
    """Answers of a gateway in memory, held against the schemas."""

    LIMITED = fakes.config(
        clients=fakes.limited(RateLimits(requests_per_minute=9), QuotaPlan(Unit.TOKENS, 90_000)).clients,
        models=[
            ModelSettings(fakes.MODEL, features=("tools",), context=8192, price=Price(0.25, 1.0)),
            ModelSettings("acme/other", alias=fakes.MODEL),
        ],
    )

    def test_whole(self) -> None:
        """A whole answer of each kind."""
        house = House(self.LIMITED)
        house.call()
        house.vendor.answers(ANSWER)
        assert house.heard.headers[b"x-ratelimit-limit-requests"] == b"9"
        assert not wrong(house.heard, CHAT, "post")

        house = House()
        house.call(COMPLETIONS, prompt="hello")
        house.vendor.answers({**ANSWER, "choices": [{"index": 0, "text": "Hi", "finish_reason": "stop"}]})
        assert not wrong(house.heard, COMPLETIONS, "post")

        house = House()
        house.call(EMBEDDINGS, input="hello")
        house.vendor.answers({"object": "list", "data": [{"index": 0, "embedding": [0.5]}], "model": fakes.MODEL})
        assert not wrong(house.heard, EMBEDDINGS, "post")

    @pytest.mark.parametrize("whole", [True, False])
    def test_streamed(self, whole: bool) -> None:
        """Each event of a stream, and the last one of a stream that was cut."""
        house = House()
        house.call(stream=True)
        house.vendor.begins(event(choices=[{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}]))
        house.vendor.says(says("Hi"), *([finish(), DONE] if whole else []))
        house.vendor.ends(whole)
        house.talk.pass_seconds(2)
        events = [chunk.removeprefix(b"data: ").strip() for chunk in house.heard.chunks if chunk.startswith(b"data: ")]

        assert not wrong(house.heard, CHAT, "post")
        assert (events[-1] == b"[DONE]") is whole
        told_of = [json.loads(one) for one in events if one != b"[DONE]"]
        assert len(told_of) == 3
        assert not [found for one in told_of for found in problems(one, "ChatCompletionChunk")]
        assert bool(problems(told_of[-1], "BrokenOff")) is whole

    def test_catalog_and_key(self) -> None:
        """The list, one model with a slash in its name, one's own key."""
        house = House(self.LIMITED)

        assert not wrong(house.get("/v1/models"), "/v1/models", "get")
        assert not wrong(house.get(f"/v1/models/{fakes.MODEL}"), "/v1/models/{id}", "get")
        assert not wrong(house.get("/v1/key"), "/v1/key", "get")
        assert not wrong(House().get("/v1/key"), "/v1/key", "get")

    @pytest.mark.parametrize("enabled", [True, False])
    def test_health(self, enabled: bool) -> None:
        """How the gateway is, well or not."""
        house = House(fakes.config(fakes.upstream([fakes.key(0, enabled=enabled)])))

        for path in ("/health", "/health/live", "/health/ready"):
            answer = house.get(path, "")
            assert answer.status == (200 if enabled or path == "/health/live" else 503)
            assert not wrong(answer, path, "get")

    def test_metrics(self) -> None:
        """To who may not know them there are none."""
        assert not wrong(House().get("/metrics", ""), "/metrics", "get")

    @pytest.mark.parametrize(
        ("lines", "fields", "status"),
        [
            (JSON, {}, 401),
            (BEARER + JSON, {"temperature": 3}, 400),
            (BEARER + JSON, {"model": "acme/larger"}, 404),
            (BEARER, {}, 415),
        ],
    )
    def test_refusals(self, lines: str, fields: dict[str, Any], status: int) -> None:
        """The gateway's own refusals."""
        house = House()
        house.call(lines=lines, **fields)
        assert house.heard.status == status and not wrong(house.heard, CHAT, "post")

    def test_limited(self) -> None:
        """A call beyond the key's limit, with how long to wait."""
        house = House(fakes.limited(RateLimits(requests_per_minute=1)))
        house.call()
        house.vendor.answers(ANSWER)
        house.call()

        assert house.heard.status == 429 and b"retry-after" in house.heard.headers
        assert not wrong(house.heard, CHAT, "post")

    def test_failed(self) -> None:
        """A vendor that fails, and a gateway without a usable key."""
        failed = House(fakes.config(retries=Retries(attempts=1)))
        failed.call()
        failed.vendor.fails()
        empty = House(fakes.config(fakes.upstream([fakes.key(0, enabled=False)])))
        empty.call()

        assert [house.heard.status for house in (failed, empty)] == [502, 503]
        assert not wrong(failed.heard, CHAT, "post") and not wrong(empty.heard, CHAT, "post")
