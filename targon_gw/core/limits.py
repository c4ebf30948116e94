"""How fast, and how many at once: the limits of one client.

A Rate is a bucket that holds a minute's worth, is full at first and fills evenly. It only counts: whoever takes has
asked before, in the same turn, so that nothing is checked in one turn and taken in another. A refusal says which limit
it was, how much it is, and a wait after which the same call would pass.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from attrs import define, field
from msgspec import Struct

from .config import RateLimits
from .errors import Refusal

SLOT_WAIT = 1.0
"""Seconds to wait for a call under way to end: nobody knows how long that takes, and trying is cheap."""
WINDOW = 60.0
"""Seconds in which a rate gives what it holds."""
_GRAIN = 1e-8
"""Seconds that a take may be early by: far less than a token's worth, far more than the rounding of floats."""
_WHOLE = WINDOW + _GRAIN

Shelf = tuple[int, int, float]
"""A limit by the minute, what remains of it, and the seconds until it is whole again."""


@lru_cache(maxsize=512)
def _each(per_minute: int) -> float:
    """Seconds in which one flows in; rates of one size share it, as they do in the processor's caches."""
    return WINDOW / per_minute


@define(eq=False)
class Rate:
    """So many a minute. Amounts are requests or tokens; times are monotonic seconds.

    The bucket is kept as the moment when it will be full, which a take moves on and time need not (the generic cell
    rate algorithm of ITU-T I.371): what is not touched costs nothing.
    """

    per_minute: int
    each: float = field(init=False)
    """Seconds in which one flows in."""
    full_at: float = field(init=False, default=0.0)
    _at: float = field(init=False, default=0.0)
    """When something was last taken or given back."""

    @each.default
    def _pace(self) -> float:
        return _each(self.per_minute)

    def wait(self, amount: float, now: float) -> float:
        """Seconds until `amount` may be taken, 0.0 where it may be now; more than a minute's worth counts as that."""
        wanted = (amount if amount < self.per_minute else self.per_minute) * self.each
        short = self.full_at - now + wanted - WINDOW
        return short if short > _GRAIN else 0.0

    def take(self, amount: int, now: float) -> int:
        """Take `amount`, a minute's worth at most; what was taken. Whoever takes has asked `wait` before."""
        taken = amount if amount < self.per_minute else self.per_minute
        self.full_at = (self.full_at if self.full_at > now else now) + taken * self.each
        self._at = now
        return taken

    def give_back(self, amount: int, now: float) -> None:
        """Put back `amount` that was taken and not used; a negative amount was used beyond what was taken."""
        full_at = self.full_at
        if amount < 0 and full_at < now:  # what has overflowed is not there to be used
            full_at = now
        self.full_at = full_at - amount * self.each
        self._at = now

    def shelf(self, now: float) -> Shelf:
        """How it stands: its size, what may be taken now (never negative), seconds until it is full."""
        empty, full = self.full_at - now, self.per_minute
        if empty <= 0.0:
            return full, full, 0.0
        left = int(full - (empty - _GRAIN) / self.each)
        return full, left if left > 0 else 0, empty

    def resized(self, per_minute: int, now: float) -> Rate:
        """A Rate of another size, of which as much is used as of this one."""
        rate = Rate(per_minute)
        rate.full_at, rate._at = now + self._used(now) * rate.each, now
        return rate

    def _used(self, now: float) -> float:
        return max(0.0, self.full_at - now) / self.each

    def to_state(self, wall: float) -> list[float]:
        """What was used, and when that was so, in Unix seconds."""
        return [self._used(self._at), self._at + wall]

    def restore(self, state: list[float], now: float, wall: float) -> None:
        """Take up the use of an earlier run; the time since then has filled it. A clock set back does not empty it."""
        used, at = state
        self._at = min(at - wall, now)
        self.full_at = self._at + used * self.each


class Shown(Struct, frozen=True, gc=False):
    """What the headers tell of a client's limits; `None` where it has no such limit."""

    requests: Shelf | None = None
    tokens: Shelf | None = None


@define(eq=False)
class Limits:
    """All limits of one client, checked together and taken together."""

    settings: RateLimits
    requests: Rate | None
    tokens: Rate | None
    under_way: int = 0
    """A limit set below it lets what is under way finish."""

    @classmethod
    def of(cls, settings: RateLimits) -> Limits:
        """The limits that the settings describe, nothing used yet."""
        requests, tokens = settings.requests_per_minute, settings.tokens_per_minute
        return cls(
            settings,
            None if requests is None else Rate(requests),
            None if tokens is None else Rate(tokens),
        )

    def take(self, tokens: int, now: float) -> int:
        """Begin a call that may use `tokens`; what was taken of the tokens' rate.

        Raises `Refusal`, and takes nothing, where any of the limits is in the way.
        """
        requests, rate, most = self.requests, self.tokens, self.settings.concurrent
        # `wait` and `take` of both rates, written out: a call of each would double what the limits cost, 1.5 us.
        taken, full, full_too, latest = 0, now, now, now + _WHOLE
        free = most is None or self.under_way < most
        if free and requests is not None:
            full = (requests.full_at if requests.full_at > now else now) + requests.each
            free = full <= latest
        if free and rate is not None:
            taken = tokens if tokens < rate.per_minute else rate.per_minute
            full_too = (rate.full_at if rate.full_at > now else now) + taken * rate.each
            free = full_too <= latest
        if not free:
            raise self._refusal(tokens, now)
        self.under_way += 1
        if requests is not None:
            requests.full_at, requests._at = full, now
        if rate is not None:
            rate.full_at, rate._at = full_too, now
        return taken

    def _refusal(self, tokens: int, now: float) -> Refusal:
        wait = self.requests.wait(1, now) if self.requests is not None else 0.0
        longer = self.tokens.wait(tokens, now) if self.tokens is not None else 0.0
        most = self.settings.concurrent
        if most is not None and self.under_way >= most and max(wait, longer) <= SLOT_WAIT:
            at_once = f"{most} at once, and {self.under_way} are under way"
            told = f"Too many calls: the limit is {at_once}. Try again when one of them has ended."
            return _refused(told, SLOT_WAIT)
        if longer > wait and self.tokens is not None:
            left = f"{self.tokens.shelf(now)[1]:,} of them are left, and this call may use {tokens:,}"
            told = f"The limit of {self.tokens.per_minute:,} tokens a minute is reached: {left}."
            return _refused(f"{told} Try again in {math.ceil(longer)} s, or with a lower max_tokens.", longer)
        told = f"The limit of {self.settings.requests_per_minute:,} requests a minute is reached."
        return _refused(f"{told} Try again in {math.ceil(wait)} s.", wait)

    def settle(self, taken: int, used: int, now: float) -> None:
        """End a call: the tokens' rate gets back what was taken and not used, or gives what was used beyond it."""
        if not self.under_way:
            raise RuntimeError("a call is over once")
        self.under_way -= 1
        tokens = self.tokens
        if tokens is not None and taken != used:
            tokens.give_back(taken - used, now)

    def resize(self, settings: RateLimits, now: float) -> None:
        """Go by other settings; what is used stays used, what is under way stays under way."""
        self.settings = settings
        self.requests = _resized(self.requests, settings.requests_per_minute, now)
        self.tokens = _resized(self.tokens, settings.tokens_per_minute, now)

    def shown(self, now: float) -> Shown:
        """What the headers tell."""
        requests, tokens = self.requests, self.tokens
        return Shown(
            None if requests is None else requests.shelf(now),
            None if tokens is None else tokens.shelf(now),
        )

    def to_state(self, wall: float) -> dict[str, list[float]]:
        """What the rates have used. What is under way is no state: nothing is, after a restart."""
        rates = (("requests", self.requests), ("tokens", self.tokens))
        return {name: rate.to_state(wall) for name, rate in rates if rate is not None}

    def restore(self, state: Mapping[str, Any], now: float, wall: float) -> None:
        """Take up what `to_state` said, for the rates that there still are."""
        for name, rate in (("requests", self.requests), ("tokens", self.tokens)):
            if rate is not None and name in state:
                rate.restore(state[name], now, wall)


def _refused(message: str, wait: float) -> Refusal:
    return Refusal("rate_limit_exceeded", message, wait=wait)


def _resized(rate: Rate | None, per_minute: int | None, now: float) -> Rate | None:
    if per_minute is None:
        return None
    if rate is None:
        return Rate(per_minute)
    return rate if rate.per_minute == per_minute else rate.resized(per_minute, now)
