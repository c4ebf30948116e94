"""The one timer of a connection.

A deadline is moved by noting a time, `due`; the reactor hears of it only when the alarm next looks. An alarm looks at
least once every `tick`, the shortest of the ordinary deadlines, so none of them is missed, and a connection that serves
ten thousand requests a second costs the reactor a few timers a minute. It decides nothing: who is overdue is told.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

from attrs import define
from twisted.internet.interfaces import IDelayedCall, IReactorTime

SOON: Final = 0.001
"""Seconds: the shortest sleep. Clocks round, and an alarm that woke a little early must not spin."""


@define(eq=False)
class Alarm:
    """Calls `overdue(now)` once `due` has passed. `due` is a time of `clock`; `inf` is never.

    `overdue` must move `due` on, or it is called again at the next look. The alarm looks from `start` to `stop`.
    """

    clock: IReactorTime
    tick: float
    overdue: Callable[[float], None]
    due: float = inf
    _call: IDelayedCall | None = None

    def start(self) -> None:
        """Begin to look."""
        self._sleep(self.due - self.clock.seconds())

    def stop(self) -> None:
        """Look no more; nothing of this stays in the reactor."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def hurry(self, delay: float) -> None:
        """Be due in `delay` seconds, which may be sooner than the next look."""
        self.due = self.clock.seconds() + delay
        if self._call is not None:
            self._call.cancel()
            self._sleep(delay)

    def _sleep(self, delay: float) -> None:
        self._call = self.clock.callLater(max(SOON, min(delay, self.tick)), self._look)

    def _look(self) -> None:
        now = self.clock.seconds()
        self._sleep(self.tick)
        if now >= self.due:
            self.overdue(now)
        if self._call is not None and self.due - now < self.tick:
            self._call.cancel()
            self._sleep(self.due - now)
