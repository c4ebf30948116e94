"""Performs the Steps that a Call asks for: sends its attempts, turns what comes back into outcomes, waits, passes on.

It decides nothing: what an answer means is `core.attempts`, where to go on is `core.call`. What is passed on goes to a
`Sink`, who is the client's side. However it ends, the call is settled once: by the sink, which has it on file before
the client's last byte, or here, where there was nothing to pass. No stream outlives its call.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from attrs import define, evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from targon_gw.core.attempts import CallerFault
from targon_gw.core.call import Attempt, Call, Pass, Refuse, Try, Wait
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Closing, Gateway
from targon_gw.core.keys import Change
from targon_gw.core.ledger import Ending, Entry, Kind

from .sending import Brought, Sending, WholeAnswer
from .stream import Stream

log = Logger()

Settle = Callable[[Closing], None]
"""Ends the call, once, and has that on file when it returns; raises `Refusal` where it can't be: nothing was used."""
Record = Callable[[Entry], None]
"""Has an Entry on file when it returns; raises `Refusal` where it can't be."""


class Sink(Protocol):
    """The client's side of one call."""

    def pass_whole(self, attempt: Attempt, brought: WholeAnswer, settle: Settle) -> None:
        """Settle, then answer."""

    def pass_stream(self, attempt: Attempt, stream: Stream, settle: Settle) -> Deferred[None]:
        """Read the stream, settle, answer; fires when all that is done."""

    def refuse(self, refusal: Refusal, attempts: int) -> None:
        """Answer with that."""

    def status_of(self, refusal: Refusal) -> int:
        """The HTTP status that a refusal is answered with."""

    @property
    def broken_off(self) -> int | None:
        """The status that the client is sent, where the gateway itself ends the call before anybody has served it."""


@define(eq=False)
class Carrier:
    """Carries calls. `now` is monotonic seconds."""

    gateway: Gateway
    sending: Sending
    clock: IReactorTime
    now: Callable[[], float]
    record: Record

    async def carry(self, call: Call, sink: Sink) -> None:
        """Perform the steps that `call` asks for, until it asks for no more."""

        def settle(closing: Closing) -> None:
            self._settle(call, closing)

        ending = Ending.ABANDONED
        brought: Brought | None = None
        try:
            step = call.begin(self.now())
            while True:
                if isinstance(step, Try):
                    outcome, brought = await self.sending.send(call.ask, call.request_id, step.attempt)
                    step = call.judge(outcome, self.now())
                    self.tell()
                elif isinstance(step, Wait):
                    await self._sleep(step.until - self.now())
                    step = call.resume(self.now())
                elif isinstance(step, Pass):
                    if isinstance(brought, Stream):
                        await sink.pass_stream(step.attempt, brought, settle)
                    elif brought is not None:
                        sink.pass_whole(step.attempt, brought, settle)
                    return
                elif isinstance(step, Refuse):
                    self._refuse(call, step.refusal, sink)
                    return
        except BaseException as fault:  # the client has left, or a bug of ours: whoever waits is told
            if not isinstance(fault, CancelledError) or sink.broken_off is not None:
                ending = Ending.FAILED
            if isinstance(brought, Stream):
                brought.drop()
            raise
        finally:
            if call in self.gateway.calls:
                with suppress(Refusal):  # nobody is left to be told; the call is settled all the same
                    settle(Closing(ending, None, sink.broken_off))

    def _refuse(self, call: Call, refusal: Refusal, sink: Sink) -> None:
        """Nobody served: settle, then say so."""
        try:
            self._settle(call, Closing(_ending_of(call), None, sink.status_of(refusal)))
        except Refusal as unrecorded:
            refusal = unrecorded
        sink.refuse(refusal, len(call.attempts))

    def _settle(self, call: Call, closing: Closing) -> None:
        """Have what `call` comes to on file, then make it so; at nothing, where it can't be on file."""
        now = self.now()
        entries = self.gateway.entries_of(call, closing, now)
        own = entries[-1]
        try:
            for entry in entries:
                self.record(entry)
        except Refusal:
            own = evolve(own, usage=None, cost=0)  # how it ended stays true: it tells who is to blame
            raise
        finally:
            self.gateway.settle(call, own, now)
            self.tell()

    def tell(self) -> None:
        """Log what has changed in the health of keys, and have it on file where that can be."""
        for upstream, change in self.gateway.changes():
            now = self.now()
            with suppress(Refusal):
                self.record(_entry_of(upstream, change, self.gateway.wall))
            log.info(
                "{what} of {upstream}: {before} -> {after}, {reason}",
                upstream=upstream,
                what=change.what,
                before=change.before,
                after=change.after,
                reason=change.reason,
                status=change.status,
                request_id=change.request_id,
                rest_s=None if change.until is None else round(change.until - now, 1),
            )

    def _sleep(self, seconds: float) -> Deferred[None]:
        done: Deferred[None] = Deferred(lambda _: timer.cancel())
        timer = self.clock.callLater(max(0.0, seconds), done.callback, None)
        return done


def _ending_of(call: Call) -> Ending:
    """A call that nobody served: refused where it was the caller's fault or nobody was asked, failed otherwise."""
    last = call.attempts[-1].outcome if call.attempts else None
    return Ending.REFUSED if last is None or isinstance(last, CallerFault) else Ending.FAILED


def _entry_of(upstream: str, change: Change, wall: float) -> Entry:
    """A change of health as the ledger has it."""
    note = f"{change.before} -> {change.after}, {change.reason}"
    at = change.at + wall
    return Entry(
        Kind.KEY, at, change.what, upstream=upstream, status=change.status, reference=change.request_id, note=note
    )
