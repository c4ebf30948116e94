"""The one timer of a connection."""

from __future__ import annotations

from math import inf

from twisted.internet.task import Clock

from targon_gw.web.alarm import Alarm


class AlarmTests:
    """Deadlines that are moved by noting a time."""

    def alarm(self, due: float) -> tuple[Clock, list[float], Alarm]:
        """A started alarm with a tick of 10 s that notes when it was overdue."""
        clock = Clock()
        late: list[float] = []
        alarm = Alarm(clock, 10.0, late.append, due)
        alarm.start()
        return clock, late, alarm

    def test_on_time(self) -> None:
        """It tells at the time that is due, not at the next tick, though the time was moved on in between."""
        clock, late, alarm = self.alarm(due=5.0)
        clock.advance(3)
        alarm.due = 33.5
        clock.pump([0.5] * 60)
        assert late == []

        clock.advance(0.5)

        assert late == [33.5]

    def test_moved_nearer(self) -> None:
        """A time a tick away or more may be noted whenever; it is not missed."""
        clock, late, alarm = self.alarm(due=75.0)
        clock.advance(71)
        alarm.due = clock.seconds() + 10

        clock.pump([1] * 10)

        assert late[0] == 81

    def test_hurry(self) -> None:
        """A nearer time than a tick is kept as well."""
        clock, late, alarm = self.alarm(due=inf)
        clock.advance(1)

        alarm.hurry(1.0)
        clock.advance(1)

        assert late[0] == 2.0

    def test_stop(self) -> None:
        """Once stopped, also from within, nothing stays in the reactor."""
        clock, _, alarm = self.alarm(due=5.0)
        alarm.overdue = lambda now: alarm.stop()

        clock.advance(5)

        assert clock.getDelayedCalls() == []
        alarm.hurry(1.0)
        assert clock.getDelayedCalls() == []
