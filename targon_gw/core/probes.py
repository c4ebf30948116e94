"""Which keys are worth asking how they are, and how much that may cost.

Cheapest evidence first: real traffic, then a trial with a real call, then a probe. So only these are probed: a suspect
(its next state hangs on it), an account out of credit (its rest is long), a rest that has been over for a while without
a call coming by, and a key that has never served. A barred key is not: it comes back by hand.
"""

from __future__ import annotations

from attrs import define

from .config import ProbePlan
from .health import Cooling, Ready, Spent, Suspect
from .keys import UpstreamKey
from .pool import KeyPool

PER_ROUND = 8
"""Probes of one vendor in one round: ten thousand new keys are not asked all at once."""
CREDIT_EVERY = 300.0
"""Seconds between two questions whether there is credit again."""
COST = 16
"""Tokens that a probe is reckoned at where the answer does not say."""
DAY = 86400.0


def due(pool: KeyPool, now: float) -> list[UpstreamKey]:
    """The keys to probe in this round, the most pressing first."""
    every = pool.settings.probe.every
    urgent: list[UpstreamKey] = []
    rested: list[UpstreamKey] = []
    unknown: list[UpstreamKey] = []
    for key in pool.keys.values():
        since = float("inf") if key.probed_at is None else now - key.probed_at
        match key.standing.health, key.account.standing.health:
            case Suspect(), _:
                urgent.append(key)
            case Ready(), Spent(until) if now < until:
                if since >= max(every, CREDIT_EVERY) and key is _speaker(pool, key):
                    rested.append(key)
            case (Cooling(until) | Spent(until), _) | (Ready(), Cooling(until) | Spent(until)):
                if now >= until + every and since >= every:
                    rested.append(key)
            case Ready(), Ready() if key.served_at is None and key.probed_at is None:
                unknown.append(key)
            case _:
                pass
    return [*urgent, *rested, *unknown][:PER_ROUND]


def _speaker(pool: KeyPool, key: UpstreamKey) -> UpstreamKey:
    """The one key that is asked for its whole account: the one asked longest ago."""
    keys = [k for k in pool.keys.values() if k.account is key.account and isinstance(k.standing.health, Ready)]
    return min(keys, key=lambda k: k.probed_at or 0.0)


@define(eq=False)
class Allowance:
    """What the probes of one vendor may still cost today, in tokens; a day is 24 hours from the first."""

    plan: ProbePlan
    spent: int = 0
    _began: float | None = None

    def allows(self, now: float) -> bool:
        """Whether one more probe may be sent."""
        if self._began is None or now - self._began >= DAY:
            self._began, self.spent = now, 0
        return self.spent + COST <= self.plan.daily_tokens

    def spend(self, tokens: int | None) -> None:
        """A probe has cost that many; `None` where the answer does not say."""
        self.spent += COST if tokens is None else max(0, min(tokens, 1000))
