"""What tokens cost, in micro-dollars.

A price is USD per million tokens, which is micro-dollars per token. The sum is exact, in whole numbers, and rounded
once, at its end, a half upwards: a price is taken for the decimal number that the operator wrote, never for the binary
fraction next to it. More tokens never cost less, so a claim for the most that may be used bounds what is charged.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import lcm

from .config import Price

MICRO = 1_000_000
"""Micro-dollars in a dollar."""


def price_of(prompt: int, completion: int, price: Price | None) -> int:
    """Micro-dollars for so many tokens read and written, cached and reasoning ones among them; 0 where the model has no
    price."""
    if price is None:
        return 0
    for_prompt, for_completion, parts = _whole(price.prompt, price.completion)
    return (2 * (prompt * for_prompt + completion * for_completion) + parts) // (2 * parts)


def usd(cost: int) -> float:
    """Micro-dollars as US dollars, for showing; nothing is reckoned with it."""
    return cost / MICRO


@lru_cache(maxsize=1024)
def _whole(prompt: float, completion: float) -> tuple[int, int, int]:
    """Both prices in whole parts of a micro-dollar, and how many parts that has."""
    one, other = Fraction(repr(float(prompt))), Fraction(repr(float(completion)))
    parts = lcm(one.denominator, other.denominator)
    return int(one * parts), int(other * parts), parts
