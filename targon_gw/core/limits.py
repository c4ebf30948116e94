"""How fast, and how many at once: the limits of one client.

A Rate is a bucket that holds a minute's worth, is full at first and fills evenly; Slots count what is under way. Both
only count: whoever takes has asked before, in the same turn, so that nothing is checked in one turn and taken in
another. A refusal says which limit it was, how much it is, and a wait after which the same call would pass.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from .config import RateLimits
from .errors import Refusal

SLOT_WAIT = 1.0
"""Seconds to wait for a call under way to end: nobody knows how long that takes, and trying is cheap."""
_GRAIN = 1e-6
"""What a level may be short of and still do: far less than a token, far more than the rounding of floats."""


@define(eq=False)
class Rate:
    """So many a minute. Amounts are requests or tokens; times are monotonic seconds."""

    per_minute: int
    _level: float = field(init=False)
    """What was left at `_at`; below zero where more was used than had been claimed."""
    _at: float = field(init=False, default=0.0)

    @_level.default
    def _full(self) -> float:
        return float(self.per_minute)

    def _filled(self, now: float) -> float:
        """What is left now."""
        if now > self._at:
            level = self._level + (now - self._at) * self.per_minute / 60.0
            self._level = level if level < self.per_minute else float(self.per_minute)
            self._at = now
        return self._level

    def wait(self, amount: float, now: float) -> float:
        """Seconds until `amount` may be taken, 0.0 where it may be now; more than a minute's worth counts as that."""
        short = (amount if amount < self.per_minute else self.per_minute) - self._filled(now)
        return short * 60.0 / self.per_minute if short > _GRAIN else 0.0

    def take(self, amount: int, now: float) -> int:
        """Take `amount`, a minute's worth at most; what was taken. Whoever takes has asked `wait` before."""
        taken = amount if amount < self.per_minute else self.per_minute
        self._level = self._filled(now) - taken
        return taken

    def give_back(self, amount: int, now: float) -> None:
        """Put back `amount` that was taken and not used; a negative amount was used beyond what was taken."""
        level = self._filled(now) + amount
        self._level = level if level < self.per_minute else float(self.per_minute)

    def remaining(self, now: float) -> int:
        """What may be taken now; never negative."""
        return max(0, math.floor(self._filled(now) + _GRAIN))

    def reset(self, now: float) -> float:
        """Seconds until it is full."""
        return (self.per_minute - self._filled(now)) * 60.0 / self.per_minute

    def resized(self, per_minute: int, now: float) -> Rate:
        """A Rate of another size, of which as much is used as of this one."""
        rate = Rate(per_minute)
        rate._level, rate._at = per_minute - (self.per_minute - self._filled(now)), now
        return rate

    def to_state(self, wall: float) -> list[float]:
        """What was used, and when that was so, in Unix seconds."""
        return [self.per_minute - self._level, self._at + wall]

    def restore(self, state: list[float], now: float, wall: float) -> None:
        """Take up the use of an earlier run; the time since then has filled it. A clock set back does not empty it."""
        used, at = state
        self._level, self._at = self.per_minute - used, min(at - wall, now)


@define(eq=False)
class Slots:
    """So many at once; `limit` `None` counts and refuses nobody."""

    limit: int | None = None
    used: int = 0

    @property
    def free(self) -> bool:
        """Whether one more may begin; a limit set below what is under way lets that finish."""
        return self.limit is None or self.used < self.limit

    def take(self) -> bool:
        """Take one, if one is free; whether it was."""
        if self.limit is not None and self.used >= self.limit:
            return False
        self.used += 1
        return True

    def give_back(self) -> None:
        """One is over."""
        if not self.used:
            raise RuntimeError("a slot is given back once")
        self.used -= 1


Shelf = tuple[int, int, float]
"""A limit by the minute, what remains of it, and the seconds until it is whole again."""


@frozen
class Shown:
    """What the headers tell of a client's limits; `None` where it has no such limit."""

    requests: Shelf | None = None
    tokens: Shelf | None = None


@define(eq=False)
class Limits:
    """All limits of one client, checked together and taken together."""

    settings: RateLimits
    requests: Rate | None
    tokens: Rate | None
    slots: Slots

    @classmethod
    def of(cls, settings: RateLimits) -> Limits:
        """The limits that the settings describe, nothing used yet."""
        requests, tokens = settings.requests_per_minute, settings.tokens_per_minute
        return cls(
            settings,
            None if requests is None else Rate(requests),
            None if tokens is None else Rate(tokens),
            Slots(settings.concurrent),
        )

    def refusal(self, tokens: int, now: float) -> Refusal | None:
        """Why a call that may use `tokens` must not begin; `None` where it may."""
        wait = self.requests.wait(1, now) if self.requests is not None else 0.0
        longer = self.tokens.wait(tokens, now) if self.tokens is not None else 0.0
        if wait == 0.0 == longer and self.slots.free:
            return None
        if not self.slots.free and max(wait, longer) <= SLOT_WAIT:
            at_once = f"{self.slots.limit} at once, and {self.slots.used} are under way"
            told = f"Too many calls: the limit is {at_once}. Try again when one of them has ended."
            return _refused(told, SLOT_WAIT)
        if longer > wait and self.tokens is not None:
            left = f"{self.tokens.remaining(now):,} of them are left, and this call may use {tokens:,}"
            told = f"The limit of {self.tokens.per_minute:,} tokens a minute is reached: {left}."
            return _refused(f"{told} Try again in {math.ceil(longer)} s, or with a lower max_tokens.", longer)
        told = f"The limit of {self.settings.requests_per_minute:,} requests a minute is reached."
        return _refused(f"{told} Try again in {math.ceil(wait)} s.", wait)

    def take(self, tokens: int, now: float) -> int:
        """Begin a call that may use `tokens`; what was taken of the tokens' rate. `refusal` has let it pass."""
        if self.requests is not None:
            self.requests.take(1, now)
        self.slots.used += 1
        return 0 if self.tokens is None else self.tokens.take(tokens, now)

    def settle(self, taken: int, used: int, now: float) -> None:
        """End a call: the tokens' rate gets back what was taken and not used, or gives what was used beyond it."""
        self.slots.give_back()
        if self.tokens is not None and taken != used:
            self.tokens.give_back(taken - used, now)

    def resize(self, settings: RateLimits, now: float) -> None:
        """Go by other settings; what is used stays used, what is under way stays under way."""
        self.settings = settings
        self.requests = _resized(self.requests, settings.requests_per_minute, now)
        self.tokens = _resized(self.tokens, settings.tokens_per_minute, now)
        self.slots.limit = settings.concurrent

    def shown(self, now: float) -> Shown:
        """What the headers tell."""
        return Shown(_shelf(self.requests, now), _shelf(self.tokens, now))

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


def _shelf(rate: Rate | None, now: float) -> Shelf | None:
    return None if rate is None else (rate.per_minute, rate.remaining(now), rate.reset(now))
