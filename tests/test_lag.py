"""How late the reactor is, by a clock that is turned by hand."""

from __future__ import annotations

import pytest
from attrs import define, field
from twisted.internet.task import Clock

from targon_gw.lag import EVERY, HALF, Lag


@define(eq=False)
class Loop:
    """A reactor that can be held; its timers run by `clock`, its time is that and what it was held for."""

    clock: Clock = field(factory=Clock)
    held: float = 0.0
    lag: Lag = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.lag = Lag(self.clock, lambda: self.clock.seconds() + self.held)
        self.lag.start()

    def turns(self, seconds: float) -> None:
        """Let time pass, with nothing in the way."""
        self.clock.pump([EVERY] * round(seconds / EVERY))

    def is_held(self, seconds: float) -> None:
        """Something takes that long in one turn; then the next timer is called."""
        self.held += seconds
        self.turns(EVERY)


class LagTests:
    """`Lag`."""

    def test_in_time(self) -> None:
        """A reactor that nothing holds is not late."""
        loop = Loop()
        loop.turns(5)

        assert loop.lag.worst == pytest.approx(0.0, abs=1e-9)
        loop.lag.stop()
        assert not loop.clock.getDelayedCalls()

    def test_worst(self) -> None:
        """Of several delays the longest is told, and asking does not take it away."""
        loop = Loop()
        for seconds in (0.02, 0.5, 0.1):
            loop.is_held(seconds)

        assert loop.lag.worst == pytest.approx(0.5)
        assert loop.lag.worst == pytest.approx(0.5)

    def test_forgotten_after_a_minute(self) -> None:
        """A delay is told for half a minute at least, and for a minute at most."""
        loop = Loop()
        loop.turns(HALF - 1)
        loop.is_held(0.5)
        loop.turns(HALF)
        assert loop.lag.worst == pytest.approx(0.5)
        loop.turns(HALF + 1)

        assert loop.lag.worst == pytest.approx(0.0, abs=1e-9)

    def test_begun_anew(self) -> None:
        """What was late before it was stopped is not told after it began again; to stop twice does no harm."""
        loop = Loop()
        loop.is_held(0.5)
        loop.lag.stop()
        loop.lag.stop()
        loop.lag.start()

        assert loop.lag.worst == 0.0
        loop.lag.stop()
        assert not loop.clock.getDelayedCalls()

    def test_tells(self) -> None:
        """Whoever is to be told is told of each look, in time or late."""
        loop = Loop()
        told: list[float] = []
        loop.lag.told = told.append
        loop.turns(2 * EVERY)
        loop.is_held(0.5)

        assert told == pytest.approx([0.0, 0.0, 0.5])
