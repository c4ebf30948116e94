"""The client's side of one call: what the vendor brought on its way to the client, and the pressure back.

It shows every event to the Meter and passes the bytes untouched, but for the model's name. It decides one thing only,
by what the Meter saw: whether the end was a true one. A call is settled before the client's last byte leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Final, Protocol

from msgspec import Struct
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from targon_gw.core.answers import Answer, Renamer, error_event, read_error, rename
from targon_gw.core.attempts import presentable
from targon_gw.core.call import Attempt, Call
from targon_gw.core.entries import Closing
from targon_gw.core.errors import Refusal
from targon_gw.core.ledger import Ending
from targon_gw.core.limits import Shown
from targon_gw.core.meter import Meter, usage_of

from .ratelimits import limit_lines
from .refusals import RANKS, status_of
from .request import Request

KEEP_ALIVE = 15.0
"""Seconds without an event after which a comment is sent: proxies close ways that are silent for 30 to 60."""
STALL = 60.0
"""Seconds that a client may leave everything unread."""
TAIL = 0.75
"""Seconds that [DONE] or the usage may come late, once every choice has its finish_reason."""
DONE = b"data: [DONE]\n\n"
COMMENT = b": keep-alive\n\n"

CORS: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"*"),
)
"""Any origin may read an answer and all of its headers; the wildcards hold where a browser sends no credentials."""
_JSON = b"content-type: application/json; charset=utf-8\r\n"
_STREAM = b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n"
CORS_LINES: Final = b"".join(b"%b: %b\r\n" % pair for pair in CORS)
_TIMES = b"openai-processing-ms: %d\r\nserver-timing: gw;dur=%.1f, upstream;dur=%.1f\r\n"

Settle = Callable[[Closing], None]


class Source(Protocol):
    """A vendor's event stream."""

    def attach(self, reader: Relay) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def let_end(self) -> None: ...

    def drop(self) -> None: ...


class End(Protocol):
    """How the vendor's bytes ended; its value is one of clean, broken, stalled, late, too large."""

    @property
    def value(self) -> str: ...


class Brought(Protocol):
    """A whole answer of the shape asked for."""

    @property
    def body(self) -> bytes: ...

    @property
    def answer(self) -> Answer: ...


class Pulse(Protocol):
    """Looks at deadlines."""

    def enter(self, beating: Relay) -> None: ...

    def leave(self, beating: Relay) -> None: ...


@implementer(IPushProducer)
class Relay(Struct, eq=False):
    """Where the answer to one call goes. `now` is monotonic seconds."""

    request: Request
    call: Call
    pulse: Pulse
    now: Callable[[], float]
    head_after: float
    limits: Callable[[Call, float], Shown] | None = None
    """How the limits of a call's client stand, for the headers."""
    broken_off: int | None = None
    """The status that the client is sent, where the call was broken off before anybody had served it."""
    _source: Source | None = None
    _settle: Settle | None = None
    _meter: Meter | None = None
    _renamer: Renamer | None = None
    _named: bool = False
    _done: Deferred[None] | None = None
    """Made for a stream; it holds the relay, so a whole answer does without it and leaves no ring behind."""
    _open: bool = False
    """A head has left, or waits to."""
    _over: bool = False
    _running: set[Relay] | None = None
    _wrote: float = 0.0
    _paused_at: float | None = None
    _unread: int = 0
    """Bytes that the client had not taken when that was last looked at."""
    _finished_at: float | None = None

    def begin(self, running: set[Relay] | None = None) -> None:
        """From now on the client is kept company, where it waits for a stream; `running` holds it until it is over."""
        if running is not None:
            self._running = running
            running.add(self)
        if self.call.ask.stream:
            self._wrote = self.now()
            self.pulse.enter(self)

    # what comes of the call

    def refuse(self, refusal: Refusal, attempts: int) -> None:
        """Answer with `refusal`; where the head has left already, as the stream's visible end."""
        if self._open:
            self._leave()
            self.request.end_unfinished([_event_of(refusal)])
        else:
            self._leave()
            self.request.refuse(refusal, self._headers(None, attempts))

    def break_off(self, refusal: Refusal) -> None:
        """End the call here and now, whatever it has come to: the gateway itself is about to end."""
        if self._over:
            return
        source, settle, meter, request = self._source, self._settle, self._meter, self.request
        self._leave()
        if source is not None:
            source.drop()
        if settle is not None and meter is not None:
            with suppress(Refusal):
                settle(Closing(Ending.TRUNCATED, meter.usage(), 200))
        else:
            self.broken_off = self.status_of(refusal)
        self._fire()
        gone, request.on_gone = request.on_gone, None
        if gone is not None:
            gone()  # what is still being tried for it comes to nothing, and that is settled before it is told
        if self._open:
            request.end_unfinished([_event_of(refusal)])
        else:
            request.refuse(refusal, self._headers(None, len(self.call.attempts)))

    def fail(self, fault: Failure) -> None:
        """A bug of ours has ended the call: logged whole, answered "internal error"."""
        self.request.processingFailed(fault)

    def status_of(self, refusal: Refusal) -> int:
        """The status that the client is sent: where the head has left, it was 200."""
        return 200 if self._open else status_of(refusal)

    def pass_whole(self, attempt: Attempt, brought: Brought, settle: Settle) -> None:
        """Settle, then answer with the body as it came, but for the model's name."""
        ask, answer, shown = self.call.ask, brought.answer, self.call.shown_model
        body = brought.body if answer.model is None or answer.model == shown else rename(brought.body, shown)
        usage, _ = usage_of(answer, ask.prompt_estimate, _ceiling(attempt, self.call))
        self._leave()
        gone = self.request.gone
        try:
            settle(Closing(Ending.ABANDONED if gone else Ending.SERVED, usage, None if gone else 200))
        except Refusal as refusal:
            self.request.refuse(refusal, self._headers(None, len(self.call.attempts)))
            return
        self.request.answer(200, _JSON + self._headers(attempt, len(self.call.attempts)), body)

    def pass_stream(self, attempt: Attempt, stream: Source, settle: Settle) -> Deferred[None] | None:
        """Read `stream`, settle, answer; fires when all that is done, `None` where it is. Cancelling abandons it."""
        ask = self.call.ask
        self._source, self._settle = stream, settle
        self._meter = Meter(ask.endpoint, ask.n, not ask.wants_usage, ask.prompt_estimate, _ceiling(attempt, self.call))
        if self.request.gone:
            self.abandon()
            return None
        if not self._open:
            self._open = True
            self.request.open_stream(200, _STREAM + self._headers(attempt, len(self.call.attempts)))
        self.request.registerProducer(self, True)
        stream.attach(self)
        if self._over:
            return None
        done = self._done = Deferred(lambda _: self.abandon())
        return done

    # the vendor's side

    def events_came(self, events: list[bytes]) -> None:
        """Pass them on; the end of the call, where one of them is its end."""
        meter = self._meter
        if meter is None or self._over:
            return
        passed = meter.show(events)
        if passed:
            passed = self._renamed(passed)
        self._wrote = self.now()
        if meter.error is not None:
            self._cut("upstream_failed", presentable(_words(meter.error)), passed)
        elif meter.done and meter.finished:
            self._complete(passed)
        elif meter.done:
            self._cut("upstream_truncated", None, passed)
        else:
            if passed:
                self.request.send_parts(passed)
            if self._finished_at is None and meter.finished:
                self._finished_at = self._wrote

    def stream_ended(self, how: End) -> None:
        """The vendor's bytes have ended: truly, if every choice had its finish_reason."""
        meter = self._meter
        if meter is None or self._over:
            return
        if meter.finished:
            self._complete(())
        else:
            self._cut("upstream_timeout" if how.value in ("stalled", "late") else "upstream_truncated", None, ())

    def _renamed(self, events: list[bytes]) -> list[bytes]:
        """The events with the model called as the client called it; whether a vendor does so is looked at once."""
        if not self._named:
            self._named = True
            shown = self.call.shown_model
            if b'"model":"%b"' % shown.encode() not in events[0]:
                self._renamer = Renamer(shown)
        renamer = self._renamer
        return events if renamer is None else [renamer.rename(event) for event in events]

    def _complete(self, parts: Sequence[bytes]) -> None:
        source, settle, meter = self._source, self._settle, self._meter
        assert source is not None and settle is not None and meter is not None
        self._leave()
        source.let_end()
        try:
            settle(Closing(Ending.SERVED, meter.usage(), 200))
        except Refusal as refusal:  # what is not on file is not seen whole
            self.request.end_unfinished([*parts, _event_of(refusal)])
        else:
            self.request.end_stream([*parts, DONE])
        self._fire()

    def _cut(self, code: str, words: str | None, parts: Sequence[bytes]) -> None:
        """End visibly unfinished."""
        source, settle, meter = self._source, self._settle, self._meter
        assert source is not None and settle is not None and meter is not None
        self._leave()
        source.drop()
        with suppress(Refusal):
            settle(Closing(Ending.TRUNCATED, meter.usage(), 200))
        kind = "timeout_error" if code == "upstream_timeout" else "upstream_error"
        message = words or "The vendor's answer broke off; what has come so far is not complete."
        self.request.end_unfinished([*parts, error_event(message, kind, code)])
        self._fire()

    # the client's side

    def abandon(self) -> None:
        """The client has left, or is taken to have."""
        if self._over:
            return
        source, settle, meter = self._source, self._settle, self._meter
        self._leave()
        if source is not None:
            source.drop()
        if settle is not None and meter is not None:
            with suppress(Refusal):
                settle(Closing(Ending.ABANDONED, meter.usage(), 200 if self._open else None))
        self._fire()

    def pauseProducing(self) -> None:
        if self._paused_at is None and self._source is not None and not self._over:
            self._paused_at, self._unread = self.now(), self.request.unread
            self._source.pause()

    def resumeProducing(self) -> None:
        if self._paused_at is not None and self._source is not None and not self._over:
            self._paused_at = None
            if self._finished_at is not None:  # what is still to come waited for the client, not for the vendor
                self._finished_at = self.now()
            self._source.resume()

    def stopProducing(self) -> None:
        self.abandon()

    def beat(self, now: float) -> None:
        """Look at the deadlines: an early head, a comment, a client that reads nothing, a [DONE] that does not come."""
        if self._over or (self._source is None and self.request.ended):
            self._leave()  # ended otherwise: by the client's leaving before anything could be passed, or by a bug
        elif self._paused_at is not None:
            self._judge_reading(self._paused_at, now)
        elif self._finished_at is not None and now - self._finished_at >= TAIL:
            self._complete(())
        elif now - self._wrote >= (KEEP_ALIVE if self._open else self.head_after):
            self._wrote = now
            if not self._open:
                self._open = True
                self.request.open_stream(200, _STREAM + CORS_LINES + self._limits(now))
                self.request.flush_head()
            self.request.send_parts([COMMENT])

    def _judge_reading(self, since: float, now: float) -> None:
        """End it where the client takes nothing; one that reads slowly is waited for (faults catalogue, A-15, A-16)."""
        unread = self.request.unread
        if unread < self._unread:
            self._paused_at, self._unread = now, unread
        elif now - since >= STALL:
            self.abandon()
            self.request.end_unfinished()

    def _leave(self) -> None:
        self._over = True
        if self.call.ask.stream:
            self.pulse.leave(self)
        if self._running is not None:
            self._running.discard(self)

    def _fire(self) -> None:
        done, self._done = self._done, None
        if done is not None and not done.called:
            done.callback(None)

    def _headers(self, attempt: Attempt | None, attempts: int) -> bytes:
        """The lines of ours, beside the content's: what served, how often it was tried, how long it took."""
        now = self.now()
        took, waited = (now - self.call.admitted) * 1000.0, 0.0
        if attempt is not None and attempt.ended is not None:
            waited = (attempt.ended - attempt.began) * 1000.0
        own = took - waited
        lines = CORS_LINES + _TIMES % (took, own if own > 0.0 else 0.0, waited)
        if attempt is not None:
            lines += _served_by(attempt.model.settings.id)
        if attempts > 1:
            lines += b"x-targon-attempts: %d\r\n" % attempts
        return lines + self._limits(now)

    def _limits(self, now: float) -> bytes:
        return b"" if self.limits is None else limit_lines(self.limits(self.call, now))


@lru_cache(maxsize=1024)
def _served_by(model: str) -> bytes:
    """The header line that names the catalog's model; a name may be any text."""
    shown = "".join(c if " " < c <= "~" else "?" for c in model)
    return b"x-targon-model: %b\r\n" % shown.encode("ascii")


def _event_of(refusal: Refusal) -> bytes:
    """The closing event of a stream that a refusal ends."""
    return error_event(refusal.message, RANKS[refusal.code].type, refusal.code)


def _ceiling(attempt: Attempt, call: Call) -> int | None:
    """The most tokens that a prompt or its answers can have; `None` where the catalog does not say."""
    context = attempt.model.settings.context
    return None if context is None else context * call.ask.generations


def _words(error: bytes) -> str:
    found = read_error(error)
    return found.message if found else ""
