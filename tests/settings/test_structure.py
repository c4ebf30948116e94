"""Tests of targon_gw/settings/structure.py: values made of values."""

from __future__ import annotations

import pytest

from targon_gw.core.config import Bounds, QuotaPlan, RateLimits, Unit
from targon_gw.settings.marks import parse
from targon_gw.settings.problems import Source
from targon_gw.settings.structure import structured


def structure(text: str, shape: type) -> object:
    """`text`, as YAML, as a `shape`; the messages where it is none."""
    document = parse(Source("a.yaml", text=text))
    value, problems = structured(document, document.plain, shape, ())
    return value if not problems else [problem.message for problem in problems]


class StructuredTests:
    """Values made of values."""

    def test_rate_limits(self) -> None:
        """A mapping becomes its class; an empty one means the defaults."""
        assert structure("{requests_per_minute: 5}", RateLimits) == RateLimits(requests_per_minute=5)
        assert structure("", RateLimits) == RateLimits()

    def test_zero(self) -> None:
        """Counts begin at 1; pauses may be nothing at all."""
        assert structure("{concurrent: 0}", RateLimits) == ["expected 1 or more, got 0"]
        assert structure("{waiting: 0, waiting_time: 0s}", Bounds) == Bounds(waiting=0, waiting_time=0.0)

    @pytest.mark.parametrize(
        ("text", "unit", "amount"),
        [("{tokens: 7}", Unit.TOKENS, 7), ("{requests: 7}", Unit.REQUESTS, 7), ("{usd: 0.25}", Unit.USD, 250_000)],
    )
    def test_quota(self, text: str, unit: Unit, amount: int) -> None:
        """A quota is of one unit; dollars are counted in millionths."""
        assert structure(text, QuotaPlan) == QuotaPlan(unit, amount)

    @pytest.mark.parametrize("text", ["{}", "{per: day}", "{tokens: 1, usd: 1}"])
    def test_quota_of_one_unit(self, text: str) -> None:
        """A quota of none or two units is refused."""
        assert structure(text, QuotaPlan) == ["expected one of tokens, requests and usd in a quota"]

    def test_everything_at_once(self) -> None:
        """All that is wrong in a mapping is told, each about its own value."""
        assert structure("{requests_per_minute: no, concurent: 1, tokens_per_minute: 1.5}", RateLimits) == [
            "expected a whole number, got 'no', which YAML reads as true or false",
            "expected a whole number, got 1.5",
            "unknown setting 'concurent'; did you mean 'concurrent'?",
        ]

    @pytest.mark.parametrize("text", ["5", "[a]", "text"])
    def test_not_a_mapping(self, text: str) -> None:
        """What should be a mapping and is not is told, with the names that it may have."""
        (message,) = structure(text, RateLimits)  # type: ignore[misc]

        assert message.startswith("expected a mapping of settings, got ")
        assert "known here: requests_per_minute, tokens_per_minute, concurrent" in message
