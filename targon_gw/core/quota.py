"""How much: what one client may use in a window of the calendar, in UTC.

What a call may use at most is set aside when it begins (held) and settled by what it did use, in the window in which
it began, though that be over by then (faults catalogue, C-13). A window is thus granted once. Whether there is room is
asked and the amount set aside in one turn; amounts are whole numbers of the plan's unit: tokens, requests or
micro-dollars. What is used is never more than the limit and what running calls used beyond what was set aside for them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from attrs import define, field

from .config import Per, QuotaPlan, Unit
from .errors import Refusal
from .prices import usd

HOUR, DAY = 3_600, 86_400
KEPT_WINDOWS = 3
"""Windows kept beside those in which calls are under way: a clock that is set back finds the last ones as they were."""


def window_of(per: Per, unix: float) -> int:
    """When the window that `unix` lies in began, in Unix seconds; 0 for the one that never ends."""
    match per:
        case Per.HOUR:
            return int(unix // HOUR) * HOUR
        case Per.DAY:
            return int(unix // DAY) * DAY
        case Per.MONTH:
            return _month_of(int(unix // DAY))
        case Per.TOTAL:
            return 0


@lru_cache(maxsize=512)
def _month_of(day: int) -> int:
    """When the month of that day, counted from 1970, began: a start asks of a year's days for each client."""
    moment = datetime.fromtimestamp(day * DAY, UTC)
    return int(moment.replace(day=1).timestamp())


def resets_at(per: Per, unix: float) -> float | None:
    """When the window that `unix` lies in ends, in Unix seconds; `None` for the one that never does."""
    match per:
        case Per.HOUR:
            return float(window_of(per, unix) + HOUR)
        case Per.DAY:
            return float(window_of(per, unix) + DAY)
        case Per.MONTH:  # 31 days on from its first day, any month's next one has begun and the one after has not
            return float(window_of(per, window_of(per, unix) + 31 * DAY))
        case Per.TOTAL:
            return None


@define(eq=False)
class Window:
    """What is used and held of a plan from `begins` on, Unix seconds."""

    begins: int
    used: int = 0
    held: int = 0
    open: int = 0
    """Holds that are not settled; one may be of nothing."""

    def hold(self, amount: int) -> None:
        """Set `amount` aside; `Quota.room` has let it pass."""
        self.held += amount
        self.open += 1


@define(eq=False)
class Quota:
    """One plan, and what of it is used and held, by window. `unix` is Unix seconds."""

    plan: QuotaPlan
    _windows: dict[int, Window] = field(factory=dict)
    _now: Window = field(init=False, factory=lambda: Window(0))
    """That of the last look, which lasts until `_ends`."""
    _ends: float = -math.inf

    def _current(self, unix: float) -> Window:
        if not self._now.begins <= unix < self._ends:
            end = resets_at(self.plan.per, unix)
            self._ends = math.inf if end is None else end
            self._now = self._window(window_of(self.plan.per, unix))
            self._forget()
        return self._now

    def _window(self, begins: int) -> Window:
        found = self._windows.get(begins)
        if found is None:
            found = self._windows[begins] = Window(begins)
        return found

    def _forget(self) -> None:
        now = self._now
        idle = [begins for begins, window in self._windows.items() if not window.open and window is not now]
        for begins in sorted(idle)[: max(0, len(idle) - KEPT_WINDOWS + 1)]:
            del self._windows[begins]

    def wait(self, amount: int, unix: float) -> float | None:
        """0.0 where `amount` may be held now, else the seconds until the reset; `None` where no reset helps."""
        window = self._current(unix)
        limit = self.plan.amount
        if window.used + window.held + amount <= limit:
            return 0.0
        return None if amount > limit or self._ends == math.inf else self._ends - unix

    def room(self, amount: int, unix: float) -> Window:
        """The window in which `amount` may be held now; raises `Refusal` where there is no room."""
        window = self._current(unix)
        if window.used + window.held + amount <= self.plan.amount:
            return window
        raise Refusal("insufficient_quota", self._told(amount, unix), wait=self.wait(amount, unix))

    def _told(self, amount: int, unix: float) -> str:
        window, limit = self._current(unix), self.plan.amount
        whole = f"{_amount(self.plan.unit, limit)}{_PER[self.plan.per]}"
        if amount > limit:
            told = f"This call may use up to {_amount(self.plan.unit, amount)}, more than the whole quota of {whole}"
            return f"{told}; ask for less, with a lower max_tokens."
        told = f"The quota is used up: {_amount(self.plan.unit, window.used)} of {whole} are used"
        if window.held:
            told += f" and {_amount(self.plan.unit, window.held)} set aside for calls under way"
        if self._ends == math.inf:
            return f"{told}; it does not reset."
        return f"{told}; it resets at {datetime.fromtimestamp(self._ends, UTC):%Y-%m-%d %H:%M} UTC."

    def hold(self, amount: int, unix: float) -> Window:
        """Set `amount` aside; the window that it belongs to. `wait` has let it pass."""
        window = self._current(unix)
        window.hold(amount)
        return window

    def settle(self, window: Window, held: int, used: int) -> None:
        """Charge `window` with `used` and release what was held of it."""
        window.held -= held
        window.used += used
        window.open -= 1

    def charge(self, used: int, unix: float) -> None:
        """Count what was used at `unix` without a hold: the record of an earlier run says so."""
        self._window(window_of(self.plan.per, unix)).used += used

    def used(self, unix: float) -> int:
        """What is used of the present window."""
        return self._current(unix).used

    def held(self, unix: float) -> int:
        """What is set aside of the present window."""
        return self._current(unix).held

    def remaining(self, unix: float) -> int:
        """What may still be held of the present window; never negative."""
        window = self._current(unix)
        return max(0, self.plan.amount - window.used - window.held)

    def to_state(self) -> dict[str, Any]:
        """The plan's unit and period, and `[began, used]` of each window. What is held is no state."""
        used = [[begins, window.used] for begins, window in self._windows.items() if window.used]
        return {"unit": self.plan.unit.value, "per": self.plan.per.value, "used": used}

    def restore(self, state: Mapping[str, Any], unix: float) -> bool:
        """Take up what `to_state` said, but for windows that are over; `False` where it was of another plan."""
        if state["unit"] != self.plan.unit.value or state["per"] != self.plan.per.value:
            return False
        for begins, used in state["used"]:
            end = resets_at(self.plan.per, begins)
            if end is None or end > unix:
                self._window(begins).used = used
        return True


_PER = {Per.HOUR: " an hour", Per.DAY: " a day", Per.MONTH: " a month", Per.TOTAL: " in all"}


def _amount(unit: Unit, amount: int) -> str:
    if unit is Unit.USD:
        return f"{usd(amount):,.6f}".rstrip("0").rstrip(".") + " USD"
    return f"{amount:,} {unit.value}"
