"""A vendor's event stream: whole events out of bytes, the first of them announced, silence and lateness noticed.

Until somebody is attached it keeps what has come and asks for no more. It knows nothing of what events mean but this:
a comment is not an event, the first event is the first with data, and what begins with `{`, `[` or `<` is no stream.
How the bytes were cut on their way never shows.
"""

from __future__ import annotations

import codecs
import enum
from collections.abc import Callable
from typing import Protocol as Shape

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss

from targon_gw.core.answers import loads
from targon_gw.core.sse import EventTooLarge, Splitter, payload

TAIL = 1.0
"""Seconds that a stream may go on after its end was told, so that its connection can be used again."""
TAIL_BYTES = 65536
PLAIN = 65536
"""Bytes that are read of what is no stream: enough for what it says (faults catalogue, D-39)."""
OPENING = codecs.BOM_UTF8 + b" \t\r\n"
"""What says nothing yet of whether it is one."""


class StreamEnd(enum.Enum):
    """How the bytes of a stream ended."""

    CLEAN = "clean"
    BROKEN = "broken"
    STALLED = "stalled"
    LATE = "late"
    TOO_LARGE = "too large"


_CLEAN, _BROKEN = StreamEnd.CLEAN, StreamEnd.BROKEN


class Reader(Shape):
    """Who reads a stream; both are called from within the reading, so both are short."""

    def events_came(self, events: list[bytes]) -> None:
        """Whole events, in order, each with its blank line."""

    def stream_ended(self, how: StreamEnd) -> None:
        """No more will come. Called once."""


class Pulse(Shape):
    """Looks at deadlines; see `targon_gw.pulse`."""

    def enter(self, beating: Stream) -> None: ...

    def leave(self, beating: Stream) -> None: ...


class Stream(msgspec.Struct, eq=False):
    """The body of a streamed answer, and its protocol. `idle` is how long it may say nothing, `until` when it must have
    ended."""

    pulse: Pulse
    now: Callable[[], float]
    idle: float
    until: float
    begun: bool = False
    """The first event has come, or none will."""
    events: list[bytes] = []
    """What came before anybody was attached."""
    said: bytes = b""
    """The data of the first event, if that is among them."""
    ended: StreamEnd | None = None
    _transport: IPushProducer | None = None
    _first: Deferred[None] | None = None
    _splitter: Splitter = msgspec.field(default_factory=Splitter)
    _reader: Reader | None = None
    _heard: float = 0.0
    _paused: bool = False
    _tail: float | None = None
    _tail_bytes: int = 0
    _plain: bytes | None = None
    """What came instead of a stream, from its first telling byte on."""
    _telling: bool = False
    """Its first telling byte has come."""

    @property
    def other(self) -> bytes:
        """What came instead of events: the body of something that is no stream, or a last piece without an end."""
        return self._plain if self._plain is not None else self._splitter.rest()

    # the body of a response

    def makeConnection(self, transport: IPushProducer) -> None:
        self._transport = transport
        self._heard = self.now()

    def dataReceived(self, data: bytes) -> None:
        if self._tail is not None:
            self._tail_bytes += len(data)
            if self._tail_bytes > TAIL_BYTES:
                self.drop()
            return
        if self.ended is not None:
            return
        if not self._telling:
            start = data.lstrip(OPENING)
            self._telling = start != b""
            if start[:1] in (b"{", b"[", b"<"):
                self._plain, data = b"", start
        if self._plain is not None:
            self._plain += data
            if len(self._plain) > PLAIN:
                self._plain = self._plain[:PLAIN]
                self._break_off(StreamEnd.TOO_LARGE)
            return
        try:
            events = self._splitter.feed(data)
        except EventTooLarge:
            self._break_off(StreamEnd.TOO_LARGE)
            return
        if not events:
            return
        self._heard = self.now()
        if self._reader is not None:
            self._reader.events_came(events)
        else:
            self._keep(events)

    def _keep(self, events: list[bytes]) -> None:
        """Hold what nobody reads yet; what has no data is no event (WHATWG HTML, 9.2.6), so the first one has some."""
        if not self.events:
            while events and not (said := payload(events[0])):
                del events[0]
            self.said = said
        self.events += events
        if self.events:
            self._announce()

    def connectionLost(self, reason: Failure) -> None:
        clean = reason.type is ResponseDone or reason.type is PotentialDataLoss  # check() costs 4 µs
        if clean and self.ended is None and self._plain is None:
            self._last_words()
        self.pulse.leave(self)
        self._end(_CLEAN if clean else _BROKEN)

    def _last_words(self) -> None:
        """A clean end stands for the blank line that the last event lacks; half an event it does not mend (D-14)."""
        rest = self._splitter.rest()
        if not rest:
            return
        said = payload(rest + b"\n\n")
        if said == b"[DONE]" or loads(said) is not None:
            self.dataReceived(b"\n\n")

    def _end(self, how: StreamEnd) -> None:
        if self.ended is not None:
            return
        self.ended = how
        if self._reader is not None:
            self._reader.stream_ended(how)
        else:
            self._announce()

    def _announce(self) -> None:
        if self.begun:
            return
        self.begun = True
        first, self._first = self._first, None
        if first is not None:
            first.callback(None)
        if self._reader is None and self.ended is None and self._transport is not None:
            self._transport.pauseProducing()

    # its reader

    def beginning(self) -> Deferred[None]:
        """Fires once, when it has `begun`; for one that has not. Cancelling it drops the stream."""
        first = self._first = Deferred(lambda _: self.drop())
        return first

    def attach(self, reader: Reader) -> None:
        """Give `reader` what has come and all that will."""
        self._reader = reader
        self._heard = self.now()
        events, self.events = self.events, []
        if events:
            reader.events_came(events)
        if self._reader is not reader:  # that was all it wanted
            return
        if self.ended is not None:
            reader.stream_ended(self.ended)
            return
        self.pulse.enter(self)
        if not self._paused and self._transport is not None:
            self._transport.resumeProducing()

    def pause(self) -> None:
        """The reader's own client is slow: read no more; its silence is not the vendor's."""
        self._paused = True
        if self._transport is not None:
            self._transport.pauseProducing()

    def resume(self) -> None:
        """Read on."""
        self._paused = False
        self._heard = self.now()
        if self._transport is not None:
            self._transport.resumeProducing()

    def let_end(self) -> None:
        """The reader has all that it wants: the bytes may end by themselves within `TAIL`, and the connection lives."""
        self._reader = None
        if self.ended is None:
            self._tail = self.now() + TAIL
            self.ended = StreamEnd.CLEAN
            self.pulse.enter(self)
            if self._transport is not None:
                self._transport.resumeProducing()

    def drop(self) -> None:
        """End it here and now: the connection is dropped."""
        self._reader = None
        self.pulse.leave(self)
        if self.ended is None:
            self.ended = StreamEnd.BROKEN
        self.begun = True
        first, self._first = self._first, None
        if self._transport is not None:
            self._transport.stopProducing()
        if first is not None:
            first.errback(Failure(CancelledError()))

    def beat(self, now: float) -> None:
        """Look at the deadlines."""
        if self._tail is not None:
            if now >= self._tail:
                self.drop()
        elif now >= self.until:
            self._break_off(StreamEnd.LATE)
        elif not self._paused and now - self._heard >= self.idle:
            self._break_off(StreamEnd.STALLED)

    def _break_off(self, how: StreamEnd) -> None:
        try:
            self._end(how)
        finally:  # a bug in the reader must not keep the connection
            self.drop()
