"""How late the reactor is: a timer that notes by how much it was called too late.

It sees what any other timer and any byte that comes would have seen: something held the loop that long. It decides
nothing. Told is the worst of the last half to one minute and not of the time since somebody last asked, so that two who
ask do not take it from each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import define
from twisted.internet.interfaces import IDelayedCall, IReactorTime

EVERY: Final = 0.1
"""Seconds: whatever holds the loop for longer is seen; it costs 0.02 % of a processor."""
HALF: Final = 30.0
"""Seconds: the worst of this half and of the one before are kept."""


@define(eq=False)
class Lag:
    """Measures from `start` to `stop`. `now` is monotonic seconds."""

    clock: IReactorTime
    now: Callable[[], float]
    told: Callable[[float], object] = lambda late: None
    """Told of each look, and by how many seconds it was late."""
    _due: float = 0.0
    _timer: IDelayedCall | None = None
    _worst: float = 0.0
    _before: float = 0.0
    _turned: float = 0.0
    """When the half began."""

    def start(self) -> None:
        """Begin; nothing was late so far."""
        self._worst = self._before = 0.0
        self._turned = self.now()
        self._arm()

    def stop(self) -> None:
        """End."""
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    @property
    def worst(self) -> float:
        """The longest delay of the last 30 to 60 s, in seconds."""
        return max(self._worst, self._before)

    def _arm(self) -> None:
        self._due = self.now() + EVERY
        self._timer = self.clock.callLater(EVERY, self._look)

    def _look(self) -> None:
        now = self.now()
        if now - self._turned >= HALF:
            self._before, self._worst = self._worst, 0.0
            self._turned = now
        late = now - self._due
        self._worst = max(self._worst, late)
        self._arm()
        self.told(late)
