"""Performs the Steps that a Call asks for: sends its attempts, turns what comes back into outcomes, waits, passes on.

It decides nothing: what an answer means is `core.attempts`, where to go on is `core.call`. What is passed on goes to a
`Sink`, who is the client's side. However it ends, the call is settled once: by the sink, which has it on file before
the client's last byte, or here, where there was nothing to pass. No stream outlives its call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import define
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from targon_gw.core.attempts import CallerFault
from targon_gw.core.call import Attempt, Call, Pass, Refuse, Try, Wait
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Gateway
from targon_gw.core.ledger import Ending, Entry
from targon_gw.core.meter import Usage

from .sending import Brought, Sending, WholeAnswer
from .stream import Stream

log = Logger()

Settle = Callable[[Ending, Usage | None], Entry]


class Sink(Protocol):
    """The client's side of one call."""

    def pass_whole(self, attempt: Attempt, brought: WholeAnswer, settle: Settle) -> None:
        """Settle, then answer."""

    def pass_stream(self, attempt: Attempt, stream: Stream, settle: Settle) -> Deferred[None]:
        """Read the stream, settle, answer; fires when all that is done."""

    def refuse(self, refusal: Refusal, attempts: int) -> None:
        """Answer with that."""


@define(eq=False)
class Carrier:
    """Carries calls. `now` is monotonic seconds; `settled` hears of each call's Entry."""

    gateway: Gateway
    sending: Sending
    clock: IReactorTime
    now: Callable[[], float]
    settled: Callable[[Entry], None]

    async def carry(self, call: Call, sink: Sink) -> None:
        """Perform the steps that `call` asks for, until it asks for no more."""

        def settle(ending: Ending, usage: Usage | None) -> Entry:
            return self._settle(call, ending, usage)

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
                    settle(_ending_of(call), None)
                    sink.refuse(step.refusal, len(call.attempts))
                    return
        except BaseException as fault:  # the client has left, or a bug of ours: whoever waits is told
            if not isinstance(fault, CancelledError):
                ending = Ending.FAILED
            if isinstance(brought, Stream):
                brought.drop()
            raise
        finally:
            if call in self.gateway.calls:
                settle(ending, None)

    def _settle(self, call: Call, ending: Ending, usage: Usage | None) -> Entry:
        entry = self.gateway.settle(call, ending, usage, self.now())
        self.settled(entry)
        self.tell()
        return entry

    def tell(self) -> None:
        """Log what has changed in the health of keys."""
        for upstream, change in self.gateway.changes():
            now = self.now()
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
