"""Which keys are worth asking how they are, and how much that may cost.

Cheapest evidence first: real traffic, then a trial with a real call, then a probe. So only these are probed: a suspect
(its next state hangs on it), an account out of credit (its rest is long), a rest that has been over for a while without
a call coming by, and a key that has never served. A barred key is not: it comes back by hand. What is an account's is
asked of one of its keys; a vendor that rests is asked nothing, one that comes back is asked once.
"""

from __future__ import annotations

from attrs import define

from .config import ProbePlan
from .health import Cooling, Ready, Spent, Suspect, until_of
from .keys import Account, UpstreamKey
from .pool import KeyPool

PER_ROUND = 8
"""Probes of one vendor in one round: ten thousand new keys are not asked all at once."""
CREDIT_EVERY = 300.0
"""Seconds between two questions whether there is credit again."""
COST = 16
"""Tokens that a probe is reckoned at where the answer does not say."""
MOST = 1000
"""Tokens that a probe may be said to have cost: a vendor that says a billion does not end the day's probes alone."""
DAY = 86400.0


def due(pool: KeyPool, now: float) -> list[UpstreamKey]:
    """The keys to probe in this round, the most pressing first."""
    if not pool.standing.may_serve(now):
        return []
    every = pool.settings.probe.every
    urgent: list[UpstreamKey] = []
    rested: list[UpstreamKey] = []
    unknown: list[UpstreamKey] = []
    speakers: dict[Account, UpstreamKey] = {}
    for key in pool.keys.values():
        since = _since(key, now)
        match key.standing.health, key.account.standing.health:
            case Suspect(), _:
                urgent.append(key)
            case Ready(), Cooling() | Spent():
                speaker = speakers.setdefault(key.account, key)
                if since > _since(speaker, now):
                    speakers[key.account] = key
            case ((Cooling(until) | Spent(until)), _) if now >= until + every and since >= every:
                rested.append(key)
            case Ready(), Ready() if key.served_at is None and key.probed_at is None and not key.in_flight:
                unknown.append(key)
            case _:
                pass
    rested += [key for key in speakers.values() if _worth_asking(key, every, now)]
    return [*urgent, *rested, *unknown][: PER_ROUND if isinstance(pool.standing.health, Ready) else 1]


def _since(key: UpstreamKey, now: float) -> float:
    """Seconds since the key was probed."""
    return float("inf") if key.probed_at is None else now - key.probed_at


def _worth_asking(key: UpstreamKey, every: float, now: float) -> bool:
    """Whether to ask this key, the one of its account that was asked longest ago, how the account is."""
    health, since = key.account.standing.health, _since(key, now)
    if isinstance(health, Spent) and now < health.until:
        return since >= max(every, CREDIT_EVERY)
    return now >= until_of(health) + every and since >= every


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
