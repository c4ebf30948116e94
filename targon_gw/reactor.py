"""Twisted's reactor for Linux, with a clock that nobody sets, an end to each turn, and a shorter way to whoever reads.

For each event Twisted enters a context that only its old log looks at, and asks what has the same answer nearly always:
430 of a call's 7,000 instructions. Here an event that is nothing but "there is something to read" goes straight to
`doRead`; any other goes Twisted's way.

A turn goes on for as long as more come while it reads: under load it has more calls then, and what all of them go
through is done for more of them at once (decision 27). Nobody is read twice in a turn, so that who sends faster than
others take is told to wait as early as ever. To look once more costs 1 us, and nobody waits longer than reading takes.
"""

# mypy: disallow-untyped-calls=False
# Twisted's reactors are not typed.

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from select import EPOLLIN
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor
from twisted.logger import Logger
from twisted.python import log as old_log

log = Logger()

GATHERED = 64
"""Descriptors behind which a turn looks for no more: a millisecond's reading, and what was read is not to wait."""


class Reactor(EPollReactor):
    """The daemon's. A turn is what is there to be read, or comes meanwhile, and the timers that are due after it."""

    seconds = staticmethod(time.monotonic)
    """A leap of the clock on the wall would stop every timer, or have them all fire (E-16)."""

    end_turn: Callable[[], bool] = staticmethod(lambda: False)
    """Done behind all that a turn brings, events or timers; whether it had anything to do. See `targon_gw.turn`."""

    ending = False

    def stop(self) -> None:
        """End. A second Ctrl-C, while that takes its time, changes nothing; Twisted would log it as an error."""
        if not self.ending:
            super().stop()
            self.ending = True

    def doPoll(self, timeout: float | None) -> None:
        """One turn; waits for `timeout` seconds at most, `None` for as long as nothing happens."""
        if self.end_turn():  # the timers', or left by the turn before: `timeout` does not reckon with what that began
            timeout = 0.0
        poll, selectables = self._poller.poll, self._selectables
        events = poll(-1 if timeout is None else timeout, len(selectables))
        looked: dict[int, int] = {}  # a dict takes the events as they are; what counts is who is in it
        while events:
            self._tell(events, selectables)
            looked.update(events)
            if len(looked) >= GATHERED:
                break
            events = [event for event in poll(0, len(selectables)) if event[0] not in looked]
        self.end_turn()

    doIteration = doPoll

    def _tell(self, events: Iterable[tuple[int, int]], selectables: Mapping[int, Any]) -> None:
        """Have whom each event concerns deal with it."""
        for fd, event in events:
            selectable = selectables.get(fd)
            if selectable is None:  # closed by what came before it
                continue
            if event == EPOLLIN:
                try:
                    why = selectable.doRead()
                except BaseException as error:  # the edge, as Twisted's own: it costs that one connection
                    log.failure("what was read could not be dealt with")
                    why = error
                if why:
                    self._disconnectSelectable(selectable, why, True)
            else:
                old_log.callWithLogger(selectable, self._doReadOrWrite, selectable, fd, event)


def install() -> None:
    """Make it this process's, where none is yet: `twistd --reactor` has the first word."""
    if "twisted.internet.reactor" not in sys.modules:
        installReactor(Reactor())
