"""The life of one client request, from admission to settlement, as a table.

| in | on | goes to |
|---|---|---|
| ADMITTED | begin: a key is free / one soon will be / none | TRYING / QUEUED / REFUSED |
| TRYING | judge, served | PASSING |
| TRYING | judge, anything else: keys, time and budget left / left after a pause / not | TRYING / WAITING / REFUSED |
| WAITING | resume: a key is free / none is | TRYING / REFUSED |
| TRYING, WAITING | a key may be had soon | QUEUED |
| QUEUED | called up: a key is free / turned away: its time is up | TRYING / REFUSED |
| PASSING | cut: somebody may go on with it / after a pause / nobody | TRYING / WAITING / UNFINISHED |
| any of the seven above | settle | SETTLED |
| SETTLED | anything | raises |

A Call answers with the next Step and performs none. Once it was cut, what leads to REFUSED leads to UNFINISHED, and it
is never queued: `core.rescue` says who may go on with it, and by what means.

Where to go on, in this order: another key of a route, the next route; the same key once more after a pause, where the
vendor failed but was not silent; the model's fallback; the only account's rest, where the deadline has room for it.
`core.detours` says when a route is left though it has other keys. A request that the vendor fails at itself
(`core.poison`) is not sent to it again.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from attrs import field as attr
from attrs import frozen
from msgspec import Struct, field

from .allowance import Hold
from .attempts import Abandoned, Barred, CallerFault, Exhausted, Outcome, Served, Throttled, VendorFault
from .budget import RetryBudget
from .catalog import Leg, Model
from .clients import ClientKey
from .config import Retries, UpstreamSettings
from .detours import Left, come_back, is_left
from .dialects import asked_tokens, edits
from .errors import Refusal
from .keys import Lease, Want
from .meter import Usage
from .openai import Ask, write
from .poison import Poison
from .rescue import Broken, Means, Rescue, Sequel, sequel_for
from .unserved import refusal_after, unserved
from .waiting import Waiting, Wish, outlook

SAME_KEY_PAUSE = 0.25
"""Seconds at most before the same key is asked once more; full jitter: what failed together is not to meet again."""


class State(enum.Enum):
    """Where a Call is in its life."""

    ADMITTED = "admitted"
    TRYING = "trying"
    WAITING = "waiting"
    QUEUED = "queued"
    PASSING = "passing"
    REFUSED = "refused"
    UNFINISHED = "unfinished"
    SETTLED = "settled"


_ADMITTED, _TRYING, _WAITING, _QUEUED, _PASSING, _REFUSED, _UNFINISHED, _SETTLED = State


class Attempt(Struct, eq=False):
    """One sending of a Call, under a Lease. `outcome` is `None` until it is judged."""

    lease: Lease
    leg: Leg
    model: Model
    first_token: float
    """Seconds from its sending to the first event, or to the whole of an answer that is not streamed."""
    began: float
    upstream: UpstreamSettings
    """The vendor that it is sent to, as the settings had it when it began."""
    sequel: Sequel | None = None
    """How it goes on with what another began."""
    hurried: bool = False
    """The call's deadline ends it before the vendor's time is over: nobody is to blame for that."""
    outcome: Outcome | None = None
    ended: float | None = None
    usage: Usage | None = None
    """What it took, where it was cut."""

    def body(self, ask: Ask) -> bytes:
        """The body that the vendor is sent."""
        dialect, most, sequel = self.upstream.dialect, self.model.settings.max_tokens, self.sequel
        changed = edits(dialect, ask, self.leg.upstream_id, most)
        return write(ask, changed if sequel is None else sequel.edits(changed, ask, asked_tokens(dialect, ask, most)))


class Try(Struct, frozen=True, gc=False):
    """Send this attempt, then `judge` its outcome."""

    attempt: Attempt


class Wait(Struct, frozen=True, gc=False):
    """Wait until then, then `resume`."""

    until: float


class Queue(Struct, frozen=True, gc=False):
    """Stay where the call waits: `core.waiting` says what follows, and when."""


class Pass(Struct, frozen=True, gc=False):
    """Pass on what this attempt brought, then `settle`."""

    attempt: Attempt


class Refuse(Struct, frozen=True, gc=False):
    """Tell the client this, then `settle`."""

    refusal: Refusal


class Unfinished(Struct, frozen=True, gc=False):
    """Nobody goes on with what was cut: end it visibly unfinished, then `settle`."""


Step = Try | Wait | Queue | Pass | Refuse | Unfinished


@frozen
class Rules:
    """What all calls go by."""

    retries: Retries
    budget: RetryBudget
    roll: Callable[[], float]
    """A number from 0 up to, not with, 1."""
    waiting: Waiting = attr(factory=Waiting)
    poison: Poison = attr(factory=lambda: Poison(b""))


class Call(Struct, eq=False):
    """One client request."""

    request_id: str
    client: ClientKey
    ask: Ask
    model: Model
    hold: Hold
    rules: Rules
    admitted: float
    deadline: float
    thread: int | None = None
    reference: str | None = None
    """What the client itself calls this request."""
    state: State = _ADMITTED
    attempts: list[Attempt] = field(default_factory=list)
    serving: Attempt | None = None
    """The attempt that is being passed on, or was."""
    queued_at: float | None = None
    """When it last began to wait for its turn; `None` where it never did."""
    waited: float = 0.0
    """Seconds that it waited for its turn, until it got one or was turned away."""
    rescue: Rescue | None = None
    """What has come of it since its stream was cut, if it was."""
    _standing_in: Model | None = None
    """The fallback that is asked now in place of `model`."""
    _wants: dict[Leg, Want] = field(default_factory=dict)
    _shut: set[Leg] = field(default_factory=set)
    """Legs that this call does not ask again: silent, or without the model, or failing at this very request."""
    _detours: Left = field(default_factory=dict)
    _repeated: bool = False

    @property
    def shown_model(self) -> str:
        """What the client is told that the model is: its own word for it, or the fallback that stood in."""
        return self.ask.model if self._standing_in is None else self._standing_in.id

    @property
    def _model(self) -> Model:
        return self._standing_in or self.model

    def begin(self, now: float) -> Step:
        """The first step."""
        if self.state is not _ADMITTED:
            self._expect(_ADMITTED)
        return self._go_on(now, None)

    def resume(self, now: float) -> Step:
        """The step that follows a Wait."""
        self._expect(_WAITING)
        for want in self._wants.values():
            want.tired_accounts.clear()
        return self._go_on(now, self.attempts[-1].outcome, again=True)

    def judge(self, outcome: Outcome, now: float) -> Step:
        """The step that follows an attempt that ended, or began to be served, with `outcome`."""
        if self.state is not _TRYING:
            self._expect(_TRYING)
        attempt = self.attempts[-1]
        pool, attempt.outcome, attempt.ended = attempt.leg.pool, outcome, now
        if type(outcome) is Served:
            if self.ask.stream:  # an answer that is not streamed says nothing about its first token
                attempt.lease.key.noted_first_token(now - attempt.began)
            pool.proved(attempt.lease, now)
            if self.rules.poison.sizes and self.ask.size in self.rules.poison.sizes:
                self.rules.poison.served(self.client.name, self.ask, attempt.lease)
            self.state, self.serving = _PASSING, attempt
            if self.rescue is not None and attempt.sequel is not None:
                self.rescue.begins(attempt.sequel)
            return Pass(attempt)
        if type(outcome) is VendorFault and attempt.sequel is None:
            found = self.rules.poison.failed(self.client.name, self.ask, attempt.lease, outcome, now)
            if found is not None:
                attempt.outcome = found.outcome
                pool.give_back(attempt.lease, found.outcome, now)
                pool.undo(found.charged, now)
                self._shut.add(attempt.leg)
                return self._go_on(now, found.outcome)
        pool.give_back(attempt.lease, outcome, now)
        if isinstance(outcome, CallerFault):
            if attempt.sequel is not None:
                return self._turned_down(attempt, attempt.sequel, outcome, now)
            fallback = self._stand_in(self._model)
            if outcome.refusal.code != "context_length_exceeded" or fallback is None:
                return self._refuse(outcome.refusal)
            self._standing_in = fallback
        if is_left(self._detours, self.attempts, self.rules.retries.attempts):
            self._shut.add(attempt.leg)
        return self._go_on(now, outcome)

    def cut(self, broken: Broken, now: float) -> Step:
        """The step that follows where what is passed on breaks off: a second TRYING, or the end."""
        self._expect(_PASSING)
        attempt = self.attempts[-1]
        if self.rescue is None:
            self.rescue = Rescue(attempt.ended, attempt, broken.usage)
        self.rescue.broke(attempt, broken)
        attempt.outcome, attempt.ended, attempt.usage = broken.outcome, now, broken.usage
        attempt.leg.pool.give_back(attempt.lease, broken.outcome, now)
        self.serving = self.rescue.server
        if isinstance(broken.outcome, CallerFault) or not self._left():
            return self._give_up(broken.outcome, now)
        innocent = isinstance(broken.outcome, Abandoned) and self.rules.budget.spend(now)  # the same key may go on
        return self._go_on(now, broken.outcome, again=innocent)

    def _turned_down(self, attempt: Attempt, sequel: Sequel, outcome: CallerFault, now: float) -> Step:
        """A vendor can't go on from what it is given: it is not asked again. A replay malformed for one is for all."""
        if sequel.means is Means.PREFILL:
            attempt.lease.route.turned_down = sequel.prefill
            if self._left():
                return self._go_on(now, outcome, again=self.rules.budget.spend(now))
        return self._give_up(outcome, now)

    def _left(self) -> tuple[Leg, ...]:
        """Who may still be asked, whether or not somebody is free there."""
        legs, ask, cut = (leg for leg in self._model.legs if leg not in self._shut), self.ask, self.rescue
        return tuple(leg for leg in legs if cut is None or sequel_for(ask, cut, leg) is not None)

    def settled(self) -> None:
        """The call is over; whoever calls this has given everything back."""
        if self.state is _SETTLED:
            raise RuntimeError("a call is settled once")
        self.state = _SETTLED

    def _expect(self, state: State) -> None:
        if self.state is not state:
            raise RuntimeError(f"a call that is {self.state.value} was taken for one that is {state.value}")

    def _go_on(self, now: float, last: Outcome | None, again: bool = False) -> Step:
        """Try somewhere, wait, or give up; `last` is how the attempt before ended."""
        if last is not None and (
            len(self.attempts) >= self.rules.retries.attempts
            or now >= self.deadline
            or not (again or self.rules.budget.spend(now))
        ):
            return self._give_up(last, now)
        attempt = self._draw(self._model, now)
        if attempt is None and again:
            attempt = self._draw(self._model, now, again=True)
        if attempt is None:
            once_more = isinstance(last, VendorFault) and not (last.silent or self._repeated or again)
            if self._detours or not once_more:
                attempt = self._draw_stand_in(now)
                if attempt is None and come_back(self._detours, self._model.legs, self._shut):
                    attempt = self._draw(self._model, now)
            if attempt is None and once_more:
                self._repeated = True
                return self._wait(now + self.rules.roll() * SAME_KEY_PAUSE)
        if attempt is not None:
            self.attempts.append(attempt)
            self.state = _TRYING
            return Try(attempt)
        if self.rescue is not None:
            back = outlook(self._left(), now).back if isinstance(last, Throttled) else None
            return self._give_up(last, now) if back is None or not now < back < self.deadline else self._wait(back)
        if last is None or isinstance(last, Throttled | Exhausted | Barred):
            return self._queue(last, now)
        return self._give_up(last, now)

    # waiting for a key

    def _queue(self, last: Outcome | None, now: float) -> Step:
        """Wait for a key, where one is back in time: who was told to wait, for `waiting_time` behind that rest."""
        waiting, legs = self.rules.waiting, self._left()
        back = outlook(legs, now).back
        if back is None:
            return self._give_up(last, now)
        told = isinstance(last, Throttled)
        until = min((max(now, back) if told else now) + waiting.bounds.waiting_time, self.deadline)
        if until <= back:
            return self._give_up(last, now)
        wish = Wish(legs, self.hold.name, self.client.priority, self.ask.size, until)
        longer = waiting.enter(self, wish, now)
        if longer is not None:
            return self._give_up(last, now, longer)
        self.state, self.queued_at = _QUEUED, now
        return Queue()

    def called_up(self, now: float) -> Try | None:
        """It is its turn: the attempt, or `None` where no key may serve it yet."""
        self._expect(_QUEUED)
        attempt = self._draw(self._model, now)
        if attempt is None and self.attempts:
            for want in self._wants.values():
                want.tired_accounts.clear()
            attempt = self._draw(self._model, now, again=True)
        if attempt is None:
            return None
        self._waits_no_more(now)
        self.attempts.append(attempt)
        self.state = _TRYING
        return Try(attempt)

    def turned_away(self, now: float) -> Refuse:
        """Nobody was free in time, or will be."""
        self._expect(_QUEUED)
        self._waits_no_more(now)
        return self._refuse_after(self.attempts[-1].outcome if self.attempts else None, now)

    def _waits_no_more(self, now: float) -> None:
        assert self.queued_at is not None, "it is queued"
        self.waited += now - self.queued_at

    def _draw_stand_in(self, now: float) -> Attempt | None:
        model = self._stand_in(self._model) if self.rescue is None else None
        while model is not None:
            attempt = self._draw(model, now)
            if attempt is not None:
                self._standing_in = model
                return attempt
            model = self._stand_in(model)
        return None

    def _draw(self, model: Model, now: float, again: bool = False) -> Attempt | None:
        for leg in model.legs:
            if leg in self._shut:
                continue
            sequel = None
            if self.rescue is not None and (sequel := sequel_for(self.ask, self.rescue, leg)) is None:
                continue
            want = self._wants.get(leg)
            if want is None:
                asked = asked_tokens(leg.pool.settings.dialect, self.ask, model.settings.max_tokens)
                want = self._wants[leg] = Want(leg.upstream_id, asked, self.thread, self.request_id)
            pool = leg.pool
            if pool.awaited is not None and self.state is _ADMITTED and pool.awaited.is_before(leg.upstream_id):
                continue  # a first try stands behind those who wait; a second one has been served before
            lease = pool.draw(want, now, again)
            if lease is not None:
                most, left = leg.patience(model.settings, self.ask), self.deadline - now
                wait = most if most < left else left
                return Attempt(lease, leg, model, wait, now, pool.settings, sequel, left < most)
        return None

    def _stand_in(self, model: Model) -> Model | None:
        """The model that stands in for `model`; not the one that was asked for, so that there is no circle."""
        return None if model.fallback is self.model else model.fallback

    def _wait(self, until: float) -> Wait:
        self.state = _WAITING
        return Wait(until)

    def _refuse(self, refusal: Refusal) -> Refuse:
        self.state = _REFUSED
        return Refuse(refusal)

    def _give_up(self, last: Outcome | None, now: float, longer: float = 0.0) -> Refuse | Unfinished:
        """Nobody answers: the client is told why, where it has not begun to be told something else."""
        if self.rescue is None:
            return self._refuse_after(last, now, longer)
        self.state = _UNFINISHED
        return Unfinished()

    def _refuse_after(self, last: Outcome | None, now: float, longer: float = 0.0) -> Refuse:
        """The refusal that tells the truth about why nobody answered; `longer`: others wait for so many seconds."""
        refusal = refusal_after(last, self.ask.model)
        return self._refuse(refusal or unserved(self.ask.model, self.model.legs, len(self.attempts), now, longer))
