"""Which keys are worth asking how they are, and how much that may cost.

Cheapest evidence first: real traffic, then a trial with a real call, then a probe. So only these are probed: a suspect
(its next state hangs on it), an account out of credit (its rest is long), a rest that has been over for a while without
a call coming by, and a key that has never served. A barred key is not: it comes back by hand. What is an account's is
asked of one of its keys; a vendor or a model that rests is asked nothing, one that comes back is asked once.
"""

from __future__ import annotations

from attrs import define

from .config import ProbePlan
from .health import Cooling, Ready, Spent, Suspect
from .keys import Account, UpstreamKey
from .pool import KeyPool
from .watch import FIRST, Watched, speaker

PER_ROUND = 8
"""Probes of one vendor in one round: ten thousand new keys are not asked all at once."""
CREDIT_EVERY = 300.0
"""Seconds between two questions whether there is credit again."""
COST = 16
"""Tokens that a probe is reckoned at where the answer does not say."""
MOST = 1000
"""Tokens that a probe may be said to have cost: a vendor that says a billion does not end the day's probes alone."""
DAY = 86400.0


def due(pool: KeyPool, now: float, model: str | None = None) -> list[UpstreamKey]:
    """The keys to probe in this round, the most pressing first; `model` is what they are to be asked for.

    Who is named here and not probed all the same is named again after `every`, a suspect in the next round.
    """
    gates = [pool.standing] if model is None else [pool.standing, pool.route(model).standing]
    if not all(gate.may_serve(now) for gate in gates):
        return []
    most = PER_ROUND if all(isinstance(gate.health, Ready) for gate in gates) else 1
    every, watch = pool.settings.probe.every, pool.watch(now)
    found: list[UpstreamKey] = []
    again: list[tuple[Watched, float]] = []
    while len(found) < most and (one := watch.asks.until(now - every)) is not None:
        at = _worth_asking_at(one, every, now)
        if at is None:
            continue  # it is on trial: calls tell how it is
        key = one if isinstance(one, UpstreamKey) else speaker(pool.keys_of(one))
        if at <= now and key is not None:
            found.append(key)
            at = now + _pause(one, every, now)
        again.append((one, max(at, now) - every if at > FIRST else at))
    for one, after in again:
        watch.asks.put(one, after)
    return [*found, *watch.new(most - len(found))]


def _worth_asking_at(one: Watched, every: float, now: float) -> float | None:
    """From when on to ask how a key is, or an account."""
    match one.standing.health:
        case Suspect():
            return FIRST
        case Cooling(until) | Spent(until):
            asked = FIRST if one.probed_at is None else one.probed_at
            return asked + _pause(one, every, now) if _has_no_credit(one, now) else max(until, asked) + every
        case _:
            return None


def _pause(one: Watched, every: float, now: float) -> float:
    """Seconds between two questions about the same thing."""
    if isinstance(one.standing.health, Suspect):
        return FIRST
    return max(every, CREDIT_EVERY) if _has_no_credit(one, now) else every


def _has_no_credit(one: Watched, now: float) -> bool:
    """Whether it is an account whose rest a probe may end before its time."""
    health = one.standing.health
    return isinstance(one, Account) and isinstance(health, Spent) and now < health.until


@define(eq=False)
class Allowance:
    """What the probes of one vendor may still cost today, in tokens; a day is 24 hours from the first."""

    plan: ProbePlan
    spent: int = 0
    _under_way: int = 0
    _began: float | None = None

    def allows(self, now: float) -> bool:
        """Whether one more probe may be sent; if so, `COST` is set aside for it until `spend`."""
        self._look(now)
        allowed = self.spent + COST * (self._under_way + 1) <= self.plan.daily_tokens
        self._under_way += allowed
        return allowed

    def insist(self, now: float) -> None:
        """One more probe is sent, allowed or not: an operator asks for it. `COST` is set aside until `spend`."""
        self._look(now)
        self._under_way += 1

    def _look(self, now: float) -> None:
        if self._began is None or now - self._began >= DAY:
            self._began, self.spent = now, 0

    def spend(self, tokens: int | None) -> None:
        """A probe that was set aside for has cost that many; `None` where nobody says. To be called once for each."""
        self._under_way -= 1
        self.spent += COST if tokens is None else max(0, min(tokens, MOST))
