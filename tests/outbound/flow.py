"""A stream on a clock, with its connection and whoever reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from targon_gw.outbound.stream import Stream, StreamEnd
from targon_gw.pulse import PERIOD, Pulse

from .stage import Pipe


@define(eq=False)
class Reader:
    """Keeps what it is given; does `then` at each batch of events."""

    then: Callable[[], object] = lambda: None
    events: list[bytes] = field(factory=list)
    ends: list[StreamEnd] = field(factory=list)

    def events_came(self, events: list[bytes]) -> None:
        self.events += events
        self.then()

    def stream_ended(self, how: StreamEnd) -> None:
        self.ends.append(how)


@define(eq=False)
class Flow:
    """A stream on a clock, with its connection and somebody who waits for its first event."""

    idle: float = 5.0
    until: float = 100.0
    clock: Clock = field(factory=Clock)
    pipe: Pipe = field(factory=Pipe)
    stream: Stream = field(init=False)
    first: Deferred[None] = field(init=False)
    began: list[Any] = field(factory=list)
    """What it came to."""

    def __attrs_post_init__(self) -> None:
        now = self.clock.seconds
        self.stream = Stream(Pulse(self.clock, now), now, self.idle, self.until)
        self.first = self.stream.beginning()
        self.first.addBoth(self.began.append)
        self.stream.makeConnection(self.pipe)  # type: ignore[arg-type]

    def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.stream.dataReceived(piece)

    def read(self, then: Callable[[], object] = lambda: None) -> Reader:
        """Somebody who is attached."""
        reader = Reader(then)
        self.stream.attach(reader)
        return reader

    def advance(self, seconds: float) -> None:
        self.clock.pump([PERIOD] * round(seconds / PERIOD))

    def rest(self) -> None:
        """Assert that nothing ticks any more."""
        self.clock.advance(PERIOD)
        assert self.clock.getDelayedCalls() == []
