"""Wrong keys, by the address that they come from: whoever tries many is told to slow down, whatever it tries next.

It counts what has failed and is asked nothing by those whose key is right: behind one address there may be many
clients, and each with a key of ours is served as ever (faults catalogue, C-06). An address that is told to slow down
costs what any wrong key costs and is told the same, whatever the key looks like. What is remembered is bounded: of the
addresses, whoever has failed least recently is forgotten.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final

from attrs import define, field

from .errors import Refusal

A_MINUTE: Final = 20
"""Wrong keys of one address that are told to be wrong: more than a person mistypes, or a few programs that were given
an old key do before somebody looks."""
KEPT: Final = 10_000
"""Addresses that are remembered, some 200 bytes each."""
EACH: Final = 60.0 / A_MINUTE


@define(eq=False)
class Failures:
    """A bucket for each address that has failed. `now` is monotonic seconds."""

    _full_at: OrderedDict[str, float] = field(factory=OrderedDict)
    """When the bucket of each is full again: each failure puts that off by `EACH`."""

    def judged(self, refusal: Refusal, address: str, now: float) -> Refusal:
        """What to tell `address`, which bore a key that is none: `refusal`, or to slow down; and count it."""
        full_at = max(now, self._full_at.get(address, now))
        wait = full_at + EACH - now - 60.0
        if wait > 1e-6:
            seconds = math.ceil(wait)
            told = f"Too many requests with an invalid API key came from your address. Try again in {seconds} s."
            return Refusal("rate_limit_exceeded", told, wait=wait)
        self._full_at[address] = full_at + EACH
        self._full_at.move_to_end(address)
        if len(self._full_at) > KEPT:
            self._full_at.popitem(last=False)
        return refusal
