"""One timer for all deadlines."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import define, field
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs

from targon_gw.pulse import PERIOD, Pulse


@define(eq=False)
class Beaten:
    """Notes when it was looked at, and does then what it is told."""

    act: Callable[[Beaten], None] = lambda _: None
    at: list[float] = field(factory=list)

    def beat(self, now: float) -> None:
        self.at.append(now)
        self.act(self)


@pytest.fixture
def clock() -> Clock:
    """A clock at 0."""
    return Clock()


@pytest.fixture
def pulse(clock: Clock) -> Pulse:
    """A pulse on that clock."""
    return Pulse(clock, clock.seconds)


class PulseTests:
    """The sweep."""

    def test_looks_four_times_a_second(self, clock: Clock, pulse: Pulse) -> None:
        """Whoever is entered is looked at once each period, however many are entered, with one timer for all."""
        beaten = [Beaten() for _ in range(100)]
        for one in beaten:
            pulse.enter(one)
            pulse.enter(one)

        assert len(clock.getDelayedCalls()) == 1
        clock.pump([PERIOD] * 4)
        assert all(one.at == [0.25, 0.5, 0.75, 1.0] for one in beaten)
        assert len(clock.getDelayedCalls()) == 1

    def test_nothing_ticks_for_nobody(self, clock: Clock, pulse: Pulse) -> None:
        """When all have left, the timer ends; it begins again with the next one."""
        one = Beaten(pulse.leave)
        assert clock.getDelayedCalls() == []
        pulse.enter(one)
        clock.advance(PERIOD)
        assert clock.getDelayedCalls() == []

        pulse.enter(one)
        clock.advance(PERIOD)
        assert one.at == [0.25, 0.5]
        assert clock.getDelayedCalls() == []

    def test_leaving_before_the_sweep(self, clock: Clock, pulse: Pulse) -> None:
        """Whoever has left is not looked at; to leave twice, or without having entered, is harmless."""
        one = Beaten()
        pulse.leave(one)
        pulse.enter(one)
        pulse.leave(one)
        pulse.leave(one)
        clock.advance(PERIOD)

        assert one.at == []
        assert clock.getDelayedCalls() == []

    def test_leaving_during_the_sweep(self, clock: Clock, pulse: Pulse) -> None:
        """Of two that take each other out, only one is looked at, whichever comes first."""
        pair: list[Beaten] = []
        pair += [Beaten(lambda _: pulse.leave(pair[1])), Beaten(lambda _: pulse.leave(pair[0]))]
        for one in pair:
            pulse.enter(one)
        clock.advance(PERIOD)

        assert sorted(len(one.at) for one in pair) == [0, 1]

    def test_entering_during_the_sweep(self, clock: Clock, pulse: Pulse) -> None:
        """Whoever is entered by another's beat is looked at in the next sweep, not twice, not never."""
        late = Beaten(pulse.leave)
        pulse.enter(Beaten(lambda me: (pulse.leave(me), pulse.enter(late))[0]))
        clock.advance(PERIOD)
        assert late.at == []
        assert len(clock.getDelayedCalls()) == 1
        clock.advance(PERIOD)

        assert late.at == [0.5]
        assert clock.getDelayedCalls() == []

    def test_one_bug_does_not_stop_the_others(self, clock: Clock, pulse: Pulse) -> None:
        """Who raises is logged and not looked at again; the others' deadlines go on."""

        def bug(_: Beaten) -> None:
            raise ValueError("a bug")

        bad, good = Beaten(bug), Beaten()
        for one in (bad, good):
            pulse.enter(one)
        with capturedLogs() as logs:
            clock.pump([PERIOD] * 3)

        assert len(bad.at) == 1
        assert len(good.at) == 3
        assert [event["log_level"] for event in logs] == [LogLevel.critical]
        pulse.leave(good)
        clock.advance(PERIOD)
        assert clock.getDelayedCalls() == []
