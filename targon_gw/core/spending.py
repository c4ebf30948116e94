"""What one client has used, whatever its limits: this hour, today, this week, this month and in all.

A call counts where it began, as with a quota: what is settled later than its hour counts for the day, week or month
that it began in as long as that lasts. All figures are whole numbers. A call is counted in one place: what this hour
has is what the totals have grown by since it began, and a longer window is the sum of its hours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from attrs import define, field
from msgspec import Struct

from .config import Per, Unit
from .meter import Source, Usage
from .quota import DAY, HOUR, KEPT_WINDOWS, window_of

WEEK = 7 * DAY
_UPSTREAM = Source.UPSTREAM
_FIRST_MONDAY = 4 * DAY
"""5 January 1970."""


def week_of(unix: float) -> int:
    """When the week that `unix` lies in began: its Monday, in Unix seconds, UTC."""
    return int((unix - _FIRST_MONDAY) // WEEK) * WEEK + _FIRST_MONDAY


@define(eq=False)
class Spent:
    """What was used in one window: tokens, calls that used any, micro-dollars."""

    begins: int = 0
    tokens: int = 0
    requests: int = 0
    cost: int = 0

    def add(self, tokens: int, requests: int, cost: int) -> None:
        """Count so much more."""
        self.tokens += tokens
        self.requests += requests
        self.cost += cost

    def of(self, unit: Unit) -> int:
        """The figure that a quota of that unit goes by."""
        return {Unit.TOKENS: self.tokens, Unit.REQUESTS: self.requests, Unit.USD: self.cost}[unit]


class Used(Struct, frozen=True, gc=False):
    """What calls of one hour, or of one stretch, used together."""

    calls: int
    requests: int
    """Those that used something."""
    prompt: int
    completion: int
    estimated: int
    cost: int


@define(eq=False)
class Spending:
    """The counts of one client. `unix` is Unix seconds; a call's is the moment of its admission."""

    calls: int = 0
    """Settled ones, those too that used nothing."""
    requests: int = 0
    """Those that used something."""
    prompt: int = 0
    completion: int = 0
    estimated: int = 0
    """Tokens whose figures are not the vendor's own; a part of the rest."""
    cost: int = 0
    _before: Spent = field(factory=Spent)
    """The totals as this hour began."""
    _day: Spent = field(factory=Spent)
    """Of today, the hours before this one; so with the week and the month."""
    _week: Spent = field(factory=Spent)
    _month: Spent = field(factory=Spent)
    _begins: int = 0
    """This hour."""
    _ends: float = -math.inf

    def charge(self, usage: Usage | None, cost: int, unix: float) -> None:
        """Count a call that was admitted at `unix`; `None`: it used nothing."""
        self.calls += 1
        if usage is None:
            return
        if unix >= self._ends:
            self._roll(unix)
        prompt, completion = usage.prompt, usage.completion
        if unix < self._begins:
            self._charge_late(prompt + completion, 1, cost, unix)
        self.requests += 1
        self.prompt += prompt
        self.completion += completion
        self.cost += cost
        if usage.source is not _UPSTREAM:
            self.estimated += prompt + completion

    def charge_all(self, used: Used, unix: float) -> None:
        """As `charge` of each call that was admitted in the stretch that begins at `unix`."""
        self.calls += used.calls
        if not used.requests:
            return
        if unix >= self._ends:
            self._roll(unix)
        if unix < self._begins:
            self._charge_late(used.prompt + used.completion, used.requests, used.cost, unix)
        self.requests += used.requests
        self.prompt += used.prompt
        self.completion += used.completion
        self.estimated += used.estimated
        self.cost += used.cost

    def _charge_late(self, tokens: int, requests: int, cost: int, unix: float) -> None:
        """What is counted next is of an hour that is over."""
        self._before.add(tokens, requests, cost)
        for window in (self._day, self._week, self._month):
            if unix >= window.begins:
                window.add(tokens, requests, cost)

    def _hour(self) -> Spent:
        """What this hour has."""
        before = self._before
        tokens = self.prompt + self.completion - before.tokens
        return Spent(self._begins, tokens, self.requests - before.requests, self.cost - before.cost)

    def _roll(self, unix: float) -> None:
        """Begin the hour that `unix` lies in; the last one goes into those windows that it still belongs to."""
        hour = self._hour()
        begins, ends, day, week, month = _windows_of(int(unix // HOUR))
        self._day = _continued(self._day, day, hour)
        self._week = _continued(self._week, week, hour)
        self._month = _continued(self._month, month, hour)
        self._begin(begins, ends, Spent(begins))

    def _begin(self, begins: int, ends: float, hour: Spent) -> None:
        """Go on with this hour, which has that much already."""
        self._begins, self._ends = begins, ends
        tokens = self.prompt + self.completion - hour.tokens
        self._before = Spent(0, tokens, self.requests - hour.requests, self.cost - hour.cost)

    def of(self, unit: Unit, per: Per, unix: float) -> int:
        """What counts for a quota of that unit and period at `unix`."""
        if per is Per.TOTAL:
            return {Unit.TOKENS: self.prompt + self.completion, Unit.REQUESTS: self.requests, Unit.USD: self.cost}[unit]
        if unix >= self._ends:
            self._roll(unix)
        before = {Per.DAY: self._day, Per.MONTH: self._month}.get(per)
        return self._hour().of(unit) + (before.of(unit) if before is not None else 0)

    def cost_this_week(self, unix: float) -> int:
        """Micro-dollars since Monday, UTC."""
        if unix >= self._ends:
            self._roll(unix)
        return self._hour().cost + self._week.cost

    def to_state(self) -> dict[str, Any]:
        """All counts; a window is `[began, tokens, requests, cost]`."""
        windows = (("hour", self._hour()), ("day", self._day), ("week", self._week), ("month", self._month))
        return {
            **{name: getattr(self, name) for name in _TOTALS},
            **{name: [one.begins, one.tokens, one.requests, one.cost] for name, one in windows},
        }

    def restore(self, state: Mapping[str, Any], unix: float) -> None:
        """Take up what `to_state` said at an earlier time, but for windows that are over.

        Where the clock has been set back behind the last hour counted, only the totals can be gone on with.
        """
        for name in _TOTALS:
            setattr(self, name, state[name])
        hour = Spent(*state["hour"])
        if hour.begins > unix:
            return
        self._day, self._week, self._month = (Spent(*state[name]) for name in ("day", "week", "month"))
        self._begin(hour.begins, float(hour.begins + HOUR), hour)
        if unix >= self._ends:
            self._roll(unix)


_TOTALS = ("calls", "requests", "prompt", "completion", "estimated", "cost")


def stretch_of(hour: int, newest: int) -> tuple[Per, int, bool]:
    """Hours for which that is the same are counted as one when a long time is counted again: they lie in the same
    windows, as far as those are kept for whoever looks in the hour `newest`. Its first member is the least of the
    periods whose windows do not part them. Both are hours counted from 1970.
    """
    begins, _, day, week, month = _windows_of(hour)
    _, _, today, this_week, _ = _windows_of(newest)
    if newest - hour <= KEPT_WINDOWS:
        return Per.HOUR, begins, True
    if today - day <= KEPT_WINDOWS * DAY:
        return Per.DAY, day, True
    return Per.MONTH, month, week == this_week


@lru_cache(maxsize=64)
def _windows_of(hour: int) -> tuple[int, float, int, int, int]:
    """When the hour of that number begins and ends, and its day, week and month began: all clients roll into one."""
    unix = hour * HOUR
    return unix, float(unix + HOUR), window_of(Per.DAY, unix), week_of(unix), window_of(Per.MONTH, unix)


def _continued(window: Spent, begins: int, hour: Spent) -> Spent:
    """The window that began at `begins`, with what `hour`, now over, adds to it."""
    if window.begins != begins:
        window = Spent(begins)
    if hour.begins >= begins:
        window.add(hour.tokens, hour.requests, hour.cost)
    return window
