"""What comes up in one turn of the reactor is done at its end, phase by phase, and its bytes leave last, together.

A call's way through the gateway is longer than what a processor remembers of code and data: of twenty calls done one
behind the other, each finds nothing there of the one before. So all calls of a turn go through one phase before any
goes on to the next: cohort scheduling (Larus and Parkes, "Using Cohort Scheduling to Enhance Server Performance",
USENIX 2002). A call that has the turn for itself waits for nobody. Decision 27 has the figures.

A send wakes whoever waits for it, and a processor that has gone to sleep between two sends is dear to wake: sent one by
one as they come up, a call's two sends cost a quarter of all its time. So what goes out to plain TCP is kept until the
turn is over and then sent straight to the socket, one send a connection, without a detour through epoll; what the
kernel does not take goes Twisted's way, with its pressure on whoever produces it. Nothing is kept beyond a turn, nor
added to beyond `MOST` bytes; whoever closes a connection has what is kept for it sent first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import define, field
from twisted.internet.tcp import Connection
from twisted.logger import Logger
from twisted.python.failure import Failure

log = Logger()

MOST = 1 << 16
"""Bytes that several sends may come to, for one connection."""

Work = Callable[[], object]


class Concerned(Protocol):
    """Whom a work is for."""

    def processingFailed(self, reason: Failure) -> object:
        """The work has raised that. (The name is twisted.web's.)"""


Later = Callable[[tuple[Work, Concerned]], None]
"""Has a work done in a phase of this turn, or of the next where this one has gone past it; whom it concerns is told of
what it raises. It is the phase's own `append`: a call puts four works, and a function of ours for each would cost 1 us.
"""


@define(eq=False)
class Turn:
    """Keeps what is to be done, and what is to leave, at the end of the turn."""

    admit: Later = field(init=False)
    """The phase of requests that have come: they are looked at and become calls."""
    carry: Later = field(init=False)
    """Of calls that begin: a key is drawn, and they are sent."""
    take: Later = field(init=False)
    """Of what vendors have sent: it is judged, settled or passed on."""
    answer: Later = field(init=False)
    """Of calls that are settled: the client is told."""
    _phases: tuple[list[tuple[Work, Concerned]], ...] = field(init=False)
    _kept: dict[Connection, bytes] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self._phases = ([], [], [], [])
        self.admit, self.carry, self.take, self.answer = (phase.append for phase in self._phases)

    def send(self, transport: Connection, data: bytes) -> None:
        """Have `data` leave at the end of the turn, behind what is kept already."""
        kept = self._kept
        before = kept.get(transport)
        if before is None:
            kept[transport] = data
            return
        data = kept[transport] = before + data
        if len(data) > MOST:
            self.release(transport)

    def release(self, transport: Connection) -> None:
        """Send now what is kept for `transport`, if anything is."""
        data = self._kept.pop(transport, None)
        if data is not None:
            _send({transport: data})

    def end(self) -> bool:
        """Do it all; whether there was anything. What it puts into a phase that is over is left for the next turn."""
        busy = False
        for phase in self._phases:
            if phase:
                busy = True
                for work, whom in phase:  # what is put into it while it lasts is still done
                    try:
                        work()
                    except Exception:  # the edge: the others' work is none the worse for it
                        _tell(whom, Failure())
                phase.clear()
        if self._kept:
            busy = True
            kept, self._kept = self._kept, {}
            _send(kept)
        return busy


def _tell(whom: Concerned, failure: Failure) -> None:
    try:
        whom.processingFailed(failure)
    except Exception:
        log.failure("nobody could be told of a failure", failure=failure)


def _send(kept: dict[Connection, bytes]) -> None:
    """Straight to the sockets, where nothing waits before it; the rest the usual way, which sees what is broken."""
    for transport, data in kept.items():
        if transport.connected and not transport.dataBuffer and not transport._tempDataBuffer:
            try:
                taken = transport.socket.send(data)
            except OSError:
                taken = 0
            if taken == len(data):
                continue
            data = data[taken:]
        transport.write(data)
