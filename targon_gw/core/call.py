"""The life of one client request, from admission to settlement, as a table.

| in | on | goes to |
|---|---|---|
| ADMITTED | begin: a key is free / none is | TRYING / REFUSED |
| TRYING | judge, served | PASSING |
| TRYING | judge, anything else: keys, time and budget left / left after a pause / not | TRYING / WAITING / REFUSED |
| WAITING | resume: a key is free / none is | TRYING / REFUSED |
| any of the five above | settle | SETTLED |
| SETTLED | anything | raises |

A Call answers with the next Step and performs none. The rescue of a cut stream will be a second TRYING inside PASSING.

Where to go on, in this order: another key of a route, the next route; the same key once more after a pause, where the
vendor failed but was not silent; the model's fallback; the only account's rest, where the deadline has room for it.
"""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Callable, Mapping

from attrs import frozen
from msgspec import Struct, field

from .allowance import Hold
from .attempts import CallerFault, ModelFault, Outcome, Served, Throttled, VendorFault
from .budget import RetryBudget
from .catalog import Leg, Model
from .census import STATES
from .clients import ClientKey
from .config import Retries, UpstreamSettings
from .dialects import FALLBACK_MAX_TOKENS, asked_tokens, edits
from .errors import Refusal
from .keys import Lease, UpstreamKey, Want
from .openai import Ask, write

SAME_KEY_PAUSE = 0.25
"""Seconds at most before the same key is asked once more; full jitter: what failed together is not to meet again."""

SLOWEST_PACE = 20.0
"""Tokens a second that a model which is well writes at least."""


class State(enum.Enum):
    """Where a Call is in its life."""

    ADMITTED = "admitted"
    TRYING = "trying"
    WAITING = "waiting"
    PASSING = "passing"
    REFUSED = "refused"
    SETTLED = "settled"


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
    outcome: Outcome | None = None
    ended: float | None = None

    @property
    def key(self) -> UpstreamKey:
        """The key that it is sent with."""
        return self.lease.key

    def body(self, ask: Ask) -> bytes:
        """The body that the vendor is sent."""
        settings = self.model.settings
        return write(ask, edits(self.upstream.dialect, ask, self.leg.upstream_id, settings.max_tokens))


class Try(Struct, frozen=True, gc=False):
    """Send this attempt, then `judge` its outcome."""

    attempt: Attempt


class Wait(Struct, frozen=True, gc=False):
    """Wait until then, then `resume`."""

    until: float


class Pass(Struct, frozen=True, gc=False):
    """Pass on what this attempt brought, then `settle`."""

    attempt: Attempt


class Refuse(Struct, frozen=True, gc=False):
    """Tell the client this, then `settle`."""

    refusal: Refusal


Step = Try | Wait | Pass | Refuse


@frozen
class Rules:
    """What all calls go by."""

    retries: Retries
    budget: RetryBudget
    roll: Callable[[], float]
    """A number from 0 up to, not with, 1."""


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
    state: State = State.ADMITTED
    attempts: list[Attempt] = field(default_factory=list)
    serving: Attempt | None = None
    """The attempt that is being passed on, or was."""
    _standing_in: Model | None = None
    """The fallback that is asked now in place of `model`."""
    _wants: dict[Leg, Want] = field(default_factory=dict)
    _shut: set[Leg] = field(default_factory=set)
    """Legs that this call does not ask again: silent with two keys, or without the model."""
    _silent: set[Leg] = field(default_factory=set)
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
        self._expect(State.ADMITTED)
        return self._go_on(now, None)

    def resume(self, now: float) -> Step:
        """The step that follows a Wait."""
        self._expect(State.WAITING)
        for want in self._wants.values():
            want.tired_accounts.clear()
        return self._go_on(now, self.attempts[-1].outcome, again=True)

    def judge(self, outcome: Outcome, now: float) -> Step:
        """The step that follows an attempt that ended, or began to be served, with `outcome`."""
        if self.state is not State.TRYING:
            self._expect(State.TRYING)
        attempt = self.attempts[-1]
        attempt.outcome, attempt.ended = outcome, now
        pool = attempt.leg.pool
        if type(outcome) is Served:
            if self.ask.stream:  # an answer that is not streamed says nothing about its first token
                attempt.key.noted_first_token(now - attempt.began)
            pool.proved(attempt.lease, now)
            self.state, self.serving = State.PASSING, attempt
            return Pass(attempt)
        pool.give_back(attempt.lease, outcome, now)
        if isinstance(outcome, CallerFault):
            fallback = self._stand_in(self._model)
            if outcome.refusal.code != "context_length_exceeded" or fallback is None:
                return self._refuse(outcome.refusal)
            self._standing_in = fallback
        if isinstance(outcome, ModelFault) or self._silent_again(attempt, outcome):
            self._shut.add(attempt.leg)
        return self._go_on(now, outcome)

    def _silent_again(self, attempt: Attempt, outcome: Outcome) -> bool:
        """Whether two keys have now been silent on the same leg: the first may have been the key's own trouble."""
        if not (isinstance(outcome, VendorFault) and outcome.silent):
            return False
        before = attempt.leg in self._silent
        self._silent.add(attempt.leg)
        return before

    def settled(self) -> None:
        """The call is over; whoever calls this has given everything back."""
        if self.state is State.SETTLED:
            raise RuntimeError("a call is settled once")
        self.state = State.SETTLED

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
        if attempt is None and isinstance(last, VendorFault) and not last.silent and not self._repeated and not again:
            self._repeated = True
            return self._wait(now + self.rules.roll() * SAME_KEY_PAUSE)
        if attempt is None:
            attempt = self._draw_stand_in(now)
        if attempt is not None:
            self.attempts.append(attempt)
            self.state = State.TRYING
            return Try(attempt)
        back = self._back(now)
        if isinstance(last, Throttled) and back is not None and now < back < self.deadline:
            return self._wait(back)
        return self._give_up(last, now)

    def _draw_stand_in(self, now: float) -> Attempt | None:
        model = self._stand_in(self._model)
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
            want = self._wants.get(leg)
            if want is None:
                asked = asked_tokens(leg.pool.settings.dialect, self.ask, model.settings.max_tokens)
                want = self._wants[leg] = Want(leg.upstream_id, asked, self.thread, self.request_id)
            pool = leg.pool
            lease = pool.draw(want, now, again)
            if lease is not None:
                patience, left = self._patience(model, leg), self.deadline - now
                return Attempt(lease, leg, model, patience if patience < left else left, now, pool.settings)
        return None

    def _patience(self, model: Model, leg: Leg) -> float:
        """Seconds for the first token. An answer that is not streamed shows itself when the last one is written."""
        settings, times = model.settings, leg.pool.settings.timeouts
        first = settings.first_token or times.first_token
        if self.ask.stream:
            return first
        patience = first + (self.ask.max_tokens or settings.max_tokens or FALLBACK_MAX_TOKENS) / SLOWEST_PACE
        return patience if patience < times.total else times.total

    def _stand_in(self, model: Model) -> Model | None:
        """The model that stands in for `model`; not the one that was asked for, so that there is no circle."""
        return None if model.fallback is self.model else model.fallback

    def _wait(self, until: float) -> Wait:
        self.state = State.WAITING
        return Wait(until)

    def _refuse(self, refusal: Refusal) -> Refuse:
        self.state = State.REFUSED
        return Refuse(refusal)

    def _back(self, now: float) -> float | None:
        backs = [leg.pool.vacancy(leg.upstream_id, now).back for leg in self._model.legs if leg not in self._shut]
        return min((b for b in backs if b is not None), default=None)

    def _give_up(self, last: Outcome | None, now: float) -> Refuse:
        """The refusal that tells the truth about why nobody answered."""
        name = self.ask.model
        match last:
            case CallerFault(refusal):
                pass
            case VendorFault(silent=True):
                refusal = Refusal("upstream_timeout", f"No answer for {name} in time. Try again, or another model.")
            case VendorFault():
                told = f"The vendor failed for {name} and nobody could step in. Try again shortly."
                refusal = Refusal("upstream_failed", told)
            case ModelFault():
                refusal = Refusal("model_not_found", f"No vendor serves {name} at present.", "model")
            case _:
                refusal = self._unserved(now)
        return self._refuse(refusal)

    def _unserved(self, now: float) -> Refusal:
        """Nobody may serve: which keys are in which state, and when the first is back."""
        name = self.ask.model
        vacancies = [leg.pool.vacancy(leg.upstream_id, now) for leg in self.model.legs]
        states = sum((vacancy.states for vacancy in vacancies), Counter[str]())
        back = min((vacancy.back for vacancy in vacancies if vacancy.back is not None), default=None)
        wait = None if back is None else max(1.0, back - now)
        soon = "" if wait is None else f"{math.ceil(wait)} s"
        if not states["usable"] or back is None:
            return Refusal("no_usable_key", f"No usable key for {name}: {_counted(states, soon)}.", wait=wait)
        if back > now:
            return Refusal("no_usable_key", f"The vendor of {name} is failing; it is tried again in {soon}.", wait=wait)
        if self.attempts:
            told = f"The vendor of {name} turned down what was tried, {len(self.attempts)} in all."
            return Refusal("overloaded", f"{told} Try again in {soon}.", wait=wait)
        return Refusal("overloaded", f"Every key for {name} is as busy as it may be. Try again in {soon}.", wait=wait)


def _counted(states: Mapping[str, int], soon: str) -> str:
    """Keys by state, in words; `soon` says when the first of those that rest is back, "" where none of them will be."""
    told = [f"{states[state]} {state}" for state in STATES if states[state]]
    if not told:
        return "there are none"
    return ", ".join([f"{told[0]} (next in {soon})" if soon else told[0], *told[1:]])
