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
from collections.abc import Callable

from attrs import define, field, frozen

from .attempts import CallerFault, Exhausted, ModelFault, Outcome, Served, Throttled, VendorFault
from .bank import Hold
from .budget import RetryBudget
from .catalog import Leg, Model
from .clients import ClientKey
from .config import Retries, UpstreamSettings
from .dialects import FALLBACK_MAX_TOKENS, edits
from .errors import Refusal
from .keys import Lease, UpstreamKey, Want
from .openai import Ask, write

SAME_KEY_PAUSE = 0.25
"""Seconds at most before the same key is asked once more; full jitter, so that calls that failed together do not return together."""


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


@define(eq=False)
class Attempt:
    """One sending of a Call, under a Lease. `outcome` is `None` until it is judged."""

    lease: Lease
    leg: Leg
    model: Model
    first_token: float
    """Seconds from its sending to the first event, or to the whole of an answer that is not streamed."""
    began: float
    outcome: Outcome | None = None
    ended: float | None = None

    @property
    def upstream(self) -> UpstreamSettings:
        """The vendor that it is sent to."""
        return self.leg.pool.settings

    @property
    def key(self) -> UpstreamKey:
        """The key that it is sent with."""
        return self.lease.key

    def body(self, ask: Ask) -> bytes:
        """The body that the vendor is sent."""
        settings = self.model.settings
        return write(ask, edits(self.upstream.dialect, ask, self.leg.upstream_id, settings.max_tokens))


@frozen
class Try:
    """Send this attempt, then `judge` its outcome."""

    attempt: Attempt


@frozen
class Wait:
    """Wait until then, then `resume`."""

    until: float


@frozen
class Pass:
    """Pass on what this attempt brought, then `settle`."""

    attempt: Attempt


@frozen
class Refuse:
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


@define(eq=False)
class Call:
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
    attempts: list[Attempt] = field(factory=list)
    _model: Model = field(init=False)
    _wants: dict[Leg, Want] = field(factory=dict)
    _shut: set[Leg] = field(factory=set)
    """Legs that this call does not ask again: silent, or without the model."""
    _repeated: bool = False

    def __attrs_post_init__(self) -> None:
        self._model = self.model

    @property
    def shown_model(self) -> str:
        """What the client is told that the model is: its own word for it, or the fallback that stood in."""
        return self.ask.model if self._model is self.model else self._model.id

    @property
    def serving(self) -> Attempt | None:
        """The attempt that is being passed on, or was."""
        last = self.attempts[-1] if self.attempts else None
        return last if last is not None and isinstance(last.outcome, Served) else None

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
        self._expect(State.TRYING)
        attempt = self.attempts[-1]
        attempt.outcome, attempt.ended = outcome, now
        pool = attempt.leg.pool
        if isinstance(outcome, Served):
            attempt.key.noted_first_token(now - attempt.began)
            pool.proved(attempt.lease, now)
            self.state = State.PASSING
            return Pass(attempt)
        pool.give_back(attempt.lease, outcome, now)
        if isinstance(outcome, CallerFault):
            if outcome.refusal.code == "context_length_exceeded" and self._fall_back():
                return self._go_on(now, outcome)
            return self._refuse(outcome.refusal)
        if isinstance(outcome, ModelFault) or (isinstance(outcome, VendorFault) and outcome.silent):
            self._shut.add(attempt.leg)
        return self._go_on(now, outcome)

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
        attempt = self._draw(now, again=False) or (self._draw(now, again=True) if again else None)
        if attempt is None and isinstance(last, VendorFault) and not last.silent and not self._repeated and not again:
            self._repeated = True
            pause = self.rules.roll() * SAME_KEY_PAUSE
            return self._wait(now + pause)
        while attempt is None and self._fall_back():
            attempt = self._draw(now, again=False)
        if attempt is not None:
            self.attempts.append(attempt)
            self.state = State.TRYING
            return Try(attempt)
        back = self._back(now)
        if isinstance(last, Throttled) and back is not None and now < back < self.deadline:
            return self._wait(back)
        return self._give_up(last, now)

    def _draw(self, now: float, again: bool) -> Attempt | None:
        for leg in self._model.legs:
            if leg in self._shut:
                continue
            want = self._wants.get(leg)
            if want is None:
                want = self._wants[leg] = Want(leg.upstream_id, self.ask.max_tokens, self.thread, self.request_id)
            lease = leg.pool.draw(want, now, again)
            if lease is not None:
                return Attempt(lease, leg, self._model, min(self._patience(leg), self.deadline - now), now)
        return None

    def _patience(self, leg: Leg) -> float:
        """Seconds for the first token. An answer that is not streamed shows itself when the last one is written."""
        settings, times = self._model.settings, leg.pool.settings.timeouts
        first = settings.first_token or times.first_token
        if self.ask.stream:
            return first
        tokens = self.ask.max_tokens or settings.max_tokens or FALLBACK_MAX_TOKENS
        return min(times.total, first + tokens / SLOWEST_PACE)

    def _fall_back(self) -> bool:
        """Turn to the model that stands in for this one, once."""
        fallback = self._model.fallback
        if fallback is None or fallback is self.model:
            return False
        self._model = fallback
        return True

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
            case VendorFault(silent=True):
                return self._refuse(
                    Refusal("upstream_timeout", f"No answer for {name} in time. Try again, or another model.")
                )
            case VendorFault():
                return self._refuse(
                    Refusal(
                        "upstream_failed", f"The vendor failed for {name} and nobody could step in. Try again shortly."
                    )
                )
            case ModelFault():
                return self._refuse(Refusal("model_not_found", f"No vendor serves {name} at present.", "model"))
            case _:
                return self._refuse(self._unserved(now, isinstance(last, Exhausted)))

    def _unserved(self, now: float, spent: bool) -> Refusal:
        """Nobody may serve: which keys are in which state, and when the first is back."""
        name, states = self.ask.model, {"cooling": 0, "exhausted": 0, "barred": 0, "disabled": 0}
        back: float | None = None
        for leg in self.model.legs:
            vacancy = leg.pool.vacancy(leg.upstream_id, now)
            for state, count in vacancy.states.items():
                states[state] = states.get(state, 0) + count
            if vacancy.back is not None:
                back = vacancy.back if back is None else min(back, vacancy.back)
        busy = states.pop("usable", 0)
        if back is None or (spent and not busy):
            told = ", ".join(f"{count} {state}" for state, count in states.items() if count) or "there are none"
            wait = None if back is None else back - now
            return Refusal("no_usable_key", f"No usable key for {name}: {told}.", wait=wait)
        wait = max(1.0, back - now)
        if busy and back <= now:
            return Refusal(
                "overloaded", f"Every key for {name} is as busy as it may be. Try again in {wait:.0f} s.", wait=wait
            )
        if states["cooling"]:
            rest = ", ".join(f"{states[s]} {s}" for s in ("exhausted", "barred", "disabled") if states[s])
            told = f"{states['cooling']} cooling (next in {wait:.0f} s)" + (f", {rest}" if rest else "")
            return Refusal("no_usable_key", f"No usable key for {name}: {told}.", wait=wait)
        return Refusal(
            "no_usable_key", f"The vendor of {name} is failing; it is tried again in {wait:.0f} s.", wait=wait
        )
