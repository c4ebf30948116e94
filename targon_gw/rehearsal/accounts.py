"""The vendor's customers: who holds which keys, how fast they may ask, what they have left.

Limits and credits are an account's, never a key's: that is what Targon does. A minute here is the last sixty seconds.
"""

from __future__ import annotations

from collections import deque

from attrs import define, field, frozen

from .refusals import Window

MINUTE = 60.0
SIX_HOURS = 6 * 3600.0
"""The window in which Targon once counted an account's cancelled requests."""


@frozen
class Account:
    """A customer. `None` is no limit; `credits` are tokens; `cancellations` may be made in six hours."""

    name: str
    keys: tuple[str, ...] = field(repr=False)
    requests_per_minute: int | None = None
    credits: int | None = None
    cancellations: int | None = None


@define(eq=False)
class Standing:
    """What an account has done so far."""

    account: Account
    spent: int = 0
    _asked: deque[float] = field(factory=deque)
    _cancelled: deque[float] = field(factory=deque)

    def ask(self, now: float) -> bool:
        """Count a request; whether the account may make it. One that is refused is not counted."""
        _forget(self._asked, now - MINUTE)
        limit = self.account.requests_per_minute
        if limit is not None and len(self._asked) >= limit:
            return False
        self._asked.append(now)
        return True

    def window(self, now: float) -> Window | None:
        """How the account's minute stands; `None` where it has no limit."""
        limit = self.account.requests_per_minute
        if limit is None:
            return None
        _forget(self._asked, now - MINUTE)
        reset = self._asked[0] + MINUTE - now if self._asked else 0.0
        return Window(limit, limit - len(self._asked), reset)

    def affords(self, tokens: int) -> bool:
        """Whether the credits left cover `tokens`."""
        return self.account.credits is None or self.account.credits - self.spent >= tokens

    def cancel(self, now: float) -> None:
        """Count an answer that was not waited for."""
        self._cancelled.append(now)

    def cancels_too_much(self, now: float) -> bool:
        """Whether more answers were left than the account may leave."""
        _forget(self._cancelled, now - SIX_HOURS)
        most = self.account.cancellations
        return most is not None and len(self._cancelled) >= most


def _forget(times: deque[float], before: float) -> None:
    while times and times[0] <= before:
        times.popleft()
