"""What tokens cost, to the micro-dollar."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.config import Price
from targon_gw.core.prices import price_of, usd

prices = st.decimals(0, 1000, places=4).map(float)
tokens = st.integers(0, 100_000_000)


class PriceTests:
    """Of tokens read and written."""

    def test_a_dollar_a_million_is_a_micro_dollar_a_token(self) -> None:
        """The unit of a price needs no factor."""
        assert price_of(7, 0, Price(1.0, 5.0)) == 7
        assert price_of(0, 7, Price(1.0, 5.0)) == 35

    @pytest.mark.parametrize(
        ("prompt", "completion", "price", "cost"),
        [
            (1, 0, Price(0.5, 0.0), 1),
            (1, 0, Price(0.49, 0.0), 0),
            (3, 0, Price(0.5, 0.0), 2),
            (1, 1, Price(0.3, 0.2), 1),
            (100, 0, Price(0.145, 0.0), 15),
            (20, 8, Price(0.45, 2.15), 26),
            (10, 0, Price(1e-07, 0.0), 0),
            (5_000_000, 0, Price(1e-07, 0.0), 1),
        ],
    )
    def test_a_half_is_rounded_up_once(self, prompt: int, completion: int, price: Price, cost: int) -> None:
        """Two parts of less than a half make one micro-dollar; 14.5 is a half though no float says so."""
        assert price_of(prompt, completion, price) == cost

    @given(tokens, tokens, prices, prices)
    def test_is_what_decimals_say(self, prompt: int, completion: int, one: float, other: float) -> None:
        """No float's error gets into the sum, whatever the figures."""
        exact = prompt * Decimal(repr(one)) + completion * Decimal(repr(other))

        assert price_of(prompt, completion, Price(one, other)) == int(exact.quantize(Decimal(1), ROUND_HALF_UP))

    @given(tokens, tokens, tokens, prices)
    def test_more_tokens_never_cost_less(self, prompt: int, completion: int, more: int, price: float) -> None:
        """A claim for the most that may be used is enough for what is used."""
        of = Price(price, price)

        assert price_of(prompt, completion, of) <= price_of(prompt, completion + more, of)

    def test_without_a_price(self) -> None:
        """A model that has none costs nothing."""
        assert price_of(10, 10, None) == 0

    def test_in_dollars(self) -> None:
        """For showing."""
        assert usd(1_250_000) == 1.25
