"""How many second tries all calls together may make: an outage is not to be tripled."""

from __future__ import annotations

from attrs import define

FLOOR_PER_MINUTE = 10.0
"""So many a minute are allowed however few calls there are."""
HEADROOM = 20.0
"""What may be saved up, in tries: a burst of failures after a quiet hour is not an outage yet."""


@define(eq=False)
class RetryBudget:
    """A bucket that each call fills by `share` of a try."""

    share: float
    left: float = HEADROOM
    _seen: float | None = None

    def called(self, now: float) -> None:
        """A call begins."""
        if self._seen is None:
            self._seen = now
        left, most = self.left + self.share, HEADROOM + 100.0 * self.share
        self.left = left if left < most else most

    def spend(self, now: float) -> bool:
        """Take one try out; whether there was one."""
        self._drip(now)
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True

    def _drip(self, now: float) -> None:
        if self._seen is not None and now > self._seen:
            self.left = max(self.left, min(FLOOR_PER_MINUTE, self.left + (now - self._seen) * FLOOR_PER_MINUTE / 60.0))
        self._seen = now
