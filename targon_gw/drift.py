"""Whether the clock that the daemon goes by still agrees with the one on the wall.

What is a day, when a quota begins anew, when a key expires: all of it is told by one clock, which was set by the one on
the wall at the start and has run evenly since, so that no leap reaches a call. Where the wall's was wrong at the start
and is right by now (or was set since, or the machine slept), only a restart helps; this notices and says so. It never
corrects anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import define
from twisted.logger import Logger

log = Logger()

MOST: Final = 60.0
"""Seconds that nobody is told of: a clock that is slewed, or a leap second, comes to less."""


@define(eq=False)
class Drift:
    """Compares the two clocks, both in Unix seconds, whenever it is asked to `look`."""

    ours: Callable[[], float]
    wall: Callable[[], float]
    seconds: float = 0.0
    """By how much the wall's was ahead at the last look; less than nothing where it was behind."""
    _told: float = 0.0

    @property
    def agrees(self) -> bool:
        """Whether days are what people think that they are."""
        return abs(self.seconds) <= MOST

    def look(self) -> None:
        """Compare, and log what has changed since that was last done."""
        self.seconds = self.wall() - self.ours()
        if self.agrees and self._told:
            self._told = 0.0
            log.warn("the system's clock agrees with the daemon's again")
        elif abs(self.seconds - self._told) > MOST and not self.agrees:
            self._told = self.seconds
            log.warn(
                "the system's clock is {seconds} s ahead of the one that the daemon goes by: restart it",
                seconds=round(self.seconds),
            )
