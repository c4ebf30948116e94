"""Performs the Steps that a Call asks for: sends its attempts, turns what comes back into outcomes, waits, passes on.

It decides nothing: what an answer means is `core.attempts`, where to go on is `core.call`. What is passed on goes to a
`Sink`, who is the client's side. However it ends, the call is settled once: by the sink, which has it on file before
the client's last byte, or here, where there was nothing to pass. No stream outlives its call.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

import msgspec
from attrs import define, field
from msgspec.structs import replace
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from targon_gw.core.attempts import CallerFault, Outcome
from targon_gw.core.call import Attempt, Call, Pass, Queue, Refuse, State, Step, Try, Unfinished, Wait
from targon_gw.core.entries import Closing
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Gateway
from targon_gw.core.ledger import Ending, Entry, figures_of
from targon_gw.core.rescue import Broken, results
from targon_gw.core.standings import entry_of

from .anteroom import Anteroom
from .sending import Brought, Sending, WholeAnswer
from .stream import Stream

log = Logger()

_SETTLED = State.SETTLED

Settle = Callable[[Closing], None]
"""Ends the call, once, and has that on file when it returns; raises `Refusal` where it can't be: nothing was used."""
Cut = Callable[[Broken], Deferred[None] | None]
"""Has somebody else go on with a stream that broke off: the sink is given another one to pass, or told to give up, at
once or later. What is waited for; cancelling it gives up whatever is under way."""
Record = Callable[[Entry], None]
"""Has an Entry on file when it returns; raises `Refusal` where it can't be."""


class Sink(Protocol):
    """The client's side of one call."""

    def pass_whole(self, attempt: Attempt, brought: WholeAnswer, settle: Settle) -> None:
        """Settle, then answer."""

    def pass_stream(self, attempt: Attempt, stream: Stream, settle: Settle, cut: Cut) -> Deferred[None] | None:
        """Read the stream, settle, answer; fires when all that is done, None where it is already.

        Asked again with another stream after `cut`: what it answers then is not waited for.
        """

    def give_up(self) -> None:
        """Nobody goes on with what was cut: settle, and end it visibly unfinished."""

    def refuse(self, refusal: Refusal, attempts: int) -> None:
        """Answer with that."""

    def status_of(self, refusal: Refusal) -> int:
        """The HTTP status that a refusal is answered with."""

    def fail(self, fault: Failure) -> None:
        """A bug of ours has ended the call; it is settled."""

    def over(self) -> None:
        """The call has ended otherwise than by any of these; it is settled."""

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
    settled: Callable[[Call, Entry], None] = lambda call, entry: None
    """Told of each call that is settled, and of what it came to."""
    rescued: Callable[[str, str], None] = lambda means, result: None
    """Told of each attempt that went on with a cut stream: by what means, and `served` or `failed`."""
    anteroom: Anteroom = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.anteroom = Anteroom(self.gateway.waiting, self.clock, self.now)

    def carry(self, call: Call, sink: Sink) -> Deferred[None]:
        """Perform the steps that `call` asks for, until it asks for no more; fires then, and never fails.

        Cancelling it gives up whatever is under way: the client has left.
        """
        carrying = Carrying(self, call, sink)
        try:
            waits = carrying.perform(call.begin(self.now()))
        except Exception:  # a bug of ours: whoever waits is told, as of one that shows later
            waits = fail()
        return (waits or succeed(None)).addBoth(carrying.over)

    def drop(self, call: Call, ending: Ending, status: int | None = None) -> None:
        """Settle a call that was not begun, at nothing."""
        with suppress(Refusal):  # whom it could be told knows more already; it is settled all the same
            self.settle(call, Closing(ending, None, status))

    def settle(self, call: Call, closing: Closing) -> None:
        """Have what `call` comes to on file, then make it so; at nothing, where it can't be on file."""
        now = self.now()
        entries = self.gateway.entries_of(call, closing, now)
        own, usage = entries[-1], closing.usage
        try:
            for entry in entries:
                self.record(entry)
        except Refusal:
            # How it ended stays true: it tells who is to blame.
            own, usage = replace(own, **figures_of(None), cost=0), None
            raise
        finally:
            self.gateway.settle(call, own, usage, now)
            self.settled(call, own)
            if call.rescue is not None:
                for means, result in results(call, own.ending):
                    self.rescued(means, result)
            self.tell()

    def tell(self) -> None:
        """Log what has changed in the health of keys, and have it on file where that can be."""
        for upstream, change in self.gateway.changes():
            now = self.now()
            with suppress(Refusal):
                self.record(entry_of(upstream, change, self.gateway.wall))
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


class Carrying(msgspec.Struct, eq=False):
    """One call on its way. Each step is performed from within whatever brought it about."""

    carrier: Carrier
    call: Call
    sink: Sink
    brought: Brought | None = None

    def perform(self, step: Step) -> Deferred[None] | None:
        """Do what `step` says, and then what follows from it; what is waited for, or None where all is done."""
        carrier, call = self.carrier, self.call
        if type(step) is Try:  # not isinstance: of a Struct, that takes 0.1 us to say no
            return carrier.sending.send(call.ask, call.request_id, step.attempt, self.judge)
        if type(step) is Pass:
            brought, settle = self.brought, partial(carrier.settle, call)
            if type(brought) is Stream:
                return self.sink.pass_stream(step.attempt, brought, settle, self.cut)
            if type(brought) is WholeAnswer:
                self.sink.pass_whole(step.attempt, brought, settle)
        elif isinstance(step, Wait):
            return self._sleep(step.until - carrier.now()).addCallback(self.resume)
        elif isinstance(step, Queue):
            return carrier.anteroom.enter(call).addCallback(self.perform)
        elif isinstance(step, Unfinished):
            self.sink.give_up()
        else:
            assert isinstance(step, Refuse)
            self._refuse(step.refusal)
        return None

    def judge(self, outcome: Outcome, brought: Brought | None) -> Deferred[None] | None:
        """An attempt has come out like that."""
        call, carrier, self.brought = self.call, self.carrier, brought
        waits = self.perform(call.judge(outcome, carrier.now()))
        if call.state is not _SETTLED:  # whoever settles tells, too
            carrier.tell()
        return waits

    def cut(self, broken: Broken) -> Deferred[None] | None:
        """What was being passed on has broken off like that."""
        step = self.call.cut(broken, self.carrier.now())
        self.carrier.tell()
        return self.perform(step)

    def resume(self, _: None) -> Deferred[None] | None:
        """The wait is over."""
        return self.perform(self.call.resume(self.carrier.now()))

    def over(self, result: object) -> None:
        """However it has ended, the call is settled: by whoever passed something on, or here. No stream outlives it."""
        fault = None
        if isinstance(result, Failure):
            if isinstance(self.brought, Stream):
                self.brought.drop()
            if not result.check(CancelledError):  # which says that the client has left
                fault = result
        if self.call in self.carrier.gateway.calls:
            fault = self._come_to_nothing(fault)
        if isinstance(result, Failure):
            self.sink.over()
        if fault is not None:
            self.sink.fail(fault)

    def _come_to_nothing(self, fault: Failure | None) -> Failure | None:
        """Settle what nobody has settled; the fault, or the one that shows as that is done."""
        broken_off = self.sink.broken_off
        ending = Ending.ABANDONED if fault is None and broken_off is None else Ending.FAILED
        try:
            self.carrier.settle(self.call, Closing(ending, None, broken_off))
        except Refusal:
            pass  # nobody is left to be told; the call is settled all the same
        except Exception:  # a bug of ours: whoever waits is told
            return fault or Failure()
        return fault

    def _refuse(self, refusal: Refusal) -> None:
        """Nobody served: settle, then say so."""
        call, sink = self.call, self.sink
        try:
            self.carrier.settle(call, Closing(_ending_of(call), None, sink.status_of(refusal)))
        except Refusal as unrecorded:
            refusal = unrecorded
        sink.refuse(refusal, len(call.attempts))

    def _sleep(self, seconds: float) -> Deferred[None]:
        done: Deferred[None] = Deferred(lambda _: timer.cancel())
        timer = self.carrier.clock.callLater(max(0.0, seconds), done.callback, None)
        return done


def _ending_of(call: Call) -> Ending:
    """A call that nobody served: refused where it was the caller's fault or nobody was asked, failed otherwise."""
    last = call.attempts[-1].outcome if call.attempts else None
    return Ending.REFUSED if last is None or isinstance(last, CallerFault) else Ending.FAILED
