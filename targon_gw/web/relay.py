"""The client's side of one call: what the vendor brought on its way to the client, and the pressure back.

It shows every event to the Meter and passes the bytes untouched, but for the model's name. It decides one thing only,
by what the Meter saw: whether the end was a true one. A call is settled before the client's last byte leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

from msgspec import Struct
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from targon_gw.core.answers import error_event, read_error, rename
from targon_gw.core.attempts import presentable
from targon_gw.core.call import Attempt, Call
from targon_gw.core.entries import Closing
from targon_gw.core.errors import Code, Refusal
from targon_gw.core.ledger import Ending
from targon_gw.core.meter import usage_of
from targon_gw.core.passage import Passage, ceiling_of, passage_of
from targon_gw.core.rescue import Broken

from .brought import Brought, End, Source
from .heads import CORS_LINES, JSON, STREAM, Limits, head_lines
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
_SERVED, _ABANDONED = Ending.SERVED, Ending.ABANDONED

Settle = Callable[[Closing], None]
Cut = Callable[[Broken], Deferred[None] | None]
"""Has somebody go on with what broke off: `pass_stream` or `give_up` follows, at once or later; see the carrier."""


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
    limits: Limits | None = None
    broken_off: int | None = None
    """The status that the client is sent, where the call was broken off before anybody had served it."""
    _source: Source | None = None
    _settle: Settle | None = None
    _passage: Passage | None = None
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
    _cut: Cut | None = None
    _rescuing: Deferred[None] | None = None
    """What is under way to find one."""
    _code: Code = "upstream_truncated"
    """How it broke off, for the client."""
    _words: str | None = None

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
        self._leave()
        if self._open:
            self.request.end_unfinished([_event_of(refusal)])
        else:
            self.request.refuse(refusal, self._lines())

    def break_off(self, refusal: Refusal) -> None:
        """End the call here and now, whatever it has come to: the gateway itself is about to end."""
        if self._over:
            return
        source, settle, passage, request = self._source, self._settle, self._passage, self.request
        self._leave()
        if source is not None:
            source.drop()
        if settle is not None and passage is not None:
            with suppress(Refusal):
                settle(Closing(Ending.TRUNCATED, passage.delivered(), 200))
        else:
            self.broken_off = self.status_of(refusal)
        self._fire()
        gone, request.on_gone = request.on_gone, None
        if gone is not None:
            gone()  # what is still being tried for it comes to nothing, and that is settled before it is told
        if self._open:
            request.end_unfinished([_event_of(refusal)])
        else:
            request.refuse(refusal, self._lines())

    def fail(self, fault: Failure) -> None:
        """A bug of ours has ended the call: logged whole, answered "internal error"."""
        self.request.processingFailed(fault)

    def over(self) -> None:
        """The call has come to nothing, by the client's leaving or by a bug: nobody else says so."""
        if not self._over:
            self._leave()

    def status_of(self, refusal: Refusal) -> int:
        """The status that the client is sent: where the head has left, it was 200."""
        return 200 if self._open else status_of(refusal)

    def pass_whole(self, attempt: Attempt, brought: Brought, settle: Settle) -> None:
        """Settle, then answer with the body as it came, but for the model's name."""
        ask, answer, shown = self.call.ask, brought.answer, self.call.shown_model
        body = brought.body if answer.model is None or answer.model == shown else rename(brought.body, shown)
        usage, _ = usage_of(answer, ask.prompt_estimate, ceiling_of(ask, attempt))
        self._leave()
        gone = self.request.gone
        try:
            settle(Closing(_ABANDONED if gone else _SERVED, usage, None if gone else 200))
        except Refusal as refusal:
            self.request.refuse(refusal, self._lines())
            return
        request = self.request
        request.phases.answer((partial(self._answer, attempt, body), request))

    def _answer(self, attempt: Attempt, body: bytes) -> None:
        lines = head_lines(self.call, self.limits, self.now(), attempt)
        self.request.answer(200, JSON + lines, body)

    def pass_stream(self, attempt: Attempt, stream: Source, settle: Settle, cut: Cut) -> Deferred[None] | None:
        """Read `stream`, settle, answer; fires when all that is done, `None` where it is. Cancelling abandons it. Asked
        again, it goes on where the last stream was cut."""
        call, request = self.call, self.request
        self._source, self._settle, self._cut = stream, settle, cut
        self._passage = passage_of(call, attempt, self._passage)
        if request.gone:
            self.abandon()
            return None
        if not self._open:
            self._open = True
            lines = head_lines(call, self.limits, self.now(), attempt)
            request.open_stream(200, STREAM + lines)
        if request.producer is None and stream.ended is None:  # what has come whole can't be asked for less: 2 us
            request.registerProducer(self, True)
        if call.rescue is None:
            stream.attach(self)
            return self._done if self._over else self._unfinished()
        self._rescuing = None
        if self._paused_at is not None:
            stream.pause()
        stream.attach(self)
        return None

    def _unfinished(self) -> Deferred[None]:
        """What fires when all is done."""
        done = self._done
        if done is None:
            done = self._done = Deferred(lambda _: self.abandon())
        return done

    # the vendor's side

    def events_came(self, events: list[bytes]) -> None:
        """Pass them on; the end of the call, where one of them is its end."""
        passage = self._passage
        if passage is None or self._over:
            return
        passed, meter = passage.show(events), passage.meter
        if meter.finished and (meter.done or meter.error is not None):  # whole, whatever follows (decision 5)
            self._complete(passed)
            return
        if passed or passage.catchup is None:
            self._wrote = self.now()
        if passed:
            self.request.send_parts(passed)
        if meter.error is not None:
            self._code, self._words = "upstream_truncated", presentable(_words(meter.error))
            self._broke("an error event")
        elif meter.done or (passage.catchup is not None and passage.astray):
            self._broke("an end without a finish_reason")
        elif self._finished_at is None and meter.finished:
            self._finished_at = self.now()

    def stream_ended(self, how: End) -> None:
        """The vendor's bytes have ended: truly, if every choice had its finish_reason."""
        passage = self._passage
        if passage is None or self._over:
            return
        if passage.meter.finished:
            self._complete(())
        else:
            self._code = "upstream_timeout" if how.value in ("stalled", "late") else "upstream_truncated"
            self._broke(how.value)

    def _complete(self, parts: Sequence[bytes]) -> None:
        source, settle, passage = self._source, self._settle, self._passage
        assert source is not None and settle is not None and passage is not None
        if passage.catchup is None:
            usage = passage.meter.usage()
        elif not passage.astray:
            usage = passage.delivered()
        else:
            self.request.send_parts(parts)
            self._broke("")
            return
        self._leave()
        source.let_end()
        try:
            settle(Closing(_SERVED, usage, 200))
        except Refusal as refusal:  # what is not on file is not seen whole
            self.request.end_unfinished([*parts, _event_of(refusal)])
        except Exception:  # a bug of ours: whoever waits for the call is told, not whoever brought the last bytes
            self._unfinished().errback(Failure())
            return
        else:
            request = self.request
            request.phases.answer((partial(request.end_stream, [*parts, DONE]), request))
        if self._done is not None:
            self._fire()

    def _broke(self, how: str) -> None:
        """Have somebody else go on with it; meanwhile the client is kept company. Where nobody does: `give_up`."""
        source, passage, cut = self._source, self._passage, self._cut
        assert source is not None and passage is not None and cut is not None
        source.drop()
        self._source = self._finished_at = None
        done = self._unfinished()
        try:
            waits = cut(passage.broken(how))
        except Exception:  # a bug of ours: whoever waits for the call is told, not whoever brought the last bytes
            waits = fail()
        if waits is not None and not done.called:
            self._rescuing = waits
            waits.addErrback(self._failed)

    def _failed(self, fault: Failure) -> None:
        """The rescue has ended with the call, or by a bug."""
        if not self._over:
            self._leave()
            self._unfinished().errback(fault)

    def give_up(self) -> None:
        """Nobody goes on with what broke off: settle, and end visibly unfinished."""
        settle, passage = self._settle, self._passage
        assert settle is not None and passage is not None
        self._leave()
        with suppress(Refusal):
            settle(Closing(Ending.TRUNCATED, passage.delivered(), 200))
        kind = "timeout_error" if self._code == "upstream_timeout" else "upstream_error"
        message = self._words or "The vendor's answer broke off; what has come so far is not complete."
        self.request.end_unfinished([error_event(message, kind, self._code)])
        self._fire()

    # the client's side

    def abandon(self) -> None:
        """The client has left, or is taken to have."""
        if self._over:
            return
        source, settle, passage = self._source, self._settle, self._passage
        self._leave()
        if source is not None:
            source.drop()
        if settle is not None and passage is not None:
            with suppress(Refusal):
                settle(Closing(Ending.ABANDONED, passage.delivered(), 200 if self._open else None))
        self._fire()

    def pauseProducing(self) -> None:
        if self._paused_at is None and not self._over:
            self._paused_at, self._unread = self.now(), self.request.unread
            if self._source is not None:
                self._source.pause()

    def resumeProducing(self) -> None:
        if self._paused_at is not None and not self._over:
            self._paused_at = None
            if self._finished_at is not None:  # what is still to come waited for the client, not for the vendor
                self._finished_at = self.now()
            if self._source is not None:
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
                lines = b"" if self.limits is None else limit_lines(self.limits(self.call, now))
                self.request.open_stream(200, STREAM + lines)
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
        self._over, self._cut = True, None  # who carries the call holds the relay: a ring is the collector's, 30 us
        if self.call.ask.stream:
            self.pulse.leave(self)
        if self._running is not None:
            self._running.discard(self)
        if self._rescuing is not None:
            self._rescuing.cancel()

    def _lines(self) -> bytes:
        """The head's lines of a refusal."""
        return CORS_LINES + head_lines(self.call, self.limits, self.now())

    def _fire(self) -> None:
        done, self._done = self._done, None
        if done is not None and not done.called:
            done.callback(None)


def _event_of(refusal: Refusal) -> bytes:
    """The closing event of a stream that a refusal ends."""
    return error_event(refusal.message, RANKS[refusal.code].type, refusal.code)


def _words(error: bytes) -> str:
    found = read_error(error)
    return found.message if found else ""
