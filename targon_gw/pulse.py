"""One timer for all deadlines of open calls.

A `callLater` for each event, or even for each call, costs more than the rest of a relay. Whoever has a deadline is
entered here instead and looked at four times a second, in one sweep; where nobody is entered, nothing ticks. Deadlines
are met to within `PERIOD`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

PERIOD = 0.25

log = Logger()


class Beating(Protocol):
    """Somebody with a deadline."""

    def beat(self, now: float) -> None:
        """Look at the time; may leave the pulse, or be followed by others."""


@define(eq=False)
class Pulse:
    """The sweep. `now` is monotonic seconds."""

    clock: IReactorTime
    now: Callable[[], float]
    _entered: set[Beating] = field(factory=set)
    _armed: bool = False

    def enter(self, beating: Beating) -> None:
        """Look at `beating` from now on."""
        self._entered.add(beating)
        if not self._armed:
            self._armed = True
            self.clock.callLater(PERIOD, self._sweep)

    def leave(self, beating: Beating) -> None:
        """No longer; harmless where it was not entered."""
        self._entered.discard(beating)

    def _sweep(self) -> None:
        now = self.now()
        for beating in list(self._entered):
            if beating not in self._entered:  # another's beat has taken it out
                continue
            try:
                beating.beat(now)
            except Exception:  # a bug in one call must not stop the deadlines of all others
                log.failure("a deadline's beat failed")
                self._entered.discard(beating)
        self._armed = bool(self._entered)
        if self._armed:
            self.clock.callLater(PERIOD, self._sweep)
