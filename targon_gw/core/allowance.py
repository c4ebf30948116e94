"""One client's limits, quota and counts as one: what it may use, has under way and has used.

A call is let in by all of them or by none, in one turn. Settings change under running calls: what is used stays used,
and what is under way is held against a new quota too, in the window in which it was admitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from .config import Per, Price, QuotaPlan, RateLimits, Unit
from .limits import Limits, Shown
from .meter import Usage
from .prices import price_of, usd
from .quota import Quota, resets_at
from .spending import Spending


@frozen
class Claim:
    """What a call may use at most: tokens, and their price in micro-dollars."""

    tokens: int
    cost: int = 0

    @classmethod
    def of(cls, prompt: int, completion: int, price: Price | None) -> Claim:
        """The claim of a call that may read and write so many tokens, all of its generations together."""
        return cls(prompt + completion, price_of(prompt, completion, price))

    def of_unit(self, unit: Unit) -> int:
        """How much of a quota of that unit it takes."""
        return self.tokens if unit is Unit.TOKENS else self.cost if unit is Unit.USD else 1


@define(eq=False)
class Taken:
    """What one call has taken of an Allowance and not yet settled."""

    claim: Claim
    admitted: float
    """Unix seconds."""
    rate: int
    """What was taken of the tokens' rate: a minute's worth at most."""
    window: int | None
    """When the quota's window began in which it is held; `None` where there is no quota."""


@frozen
class QuotaShown:
    """A quota as its owner sees it: tokens, requests or micro-dollars; `resets_at` in Unix seconds."""

    unit: Unit
    per: Per
    limit: int
    used: int
    held: int
    remaining: int
    resets_at: float | None


@frozen
class Overview:
    """What a client is told of itself. Money is in USD; windows are those of the calendar, UTC, weeks from Monday."""

    label: str
    usage: float
    usage_daily: float
    usage_weekly: float
    usage_monthly: float
    requests: int
    """Calls that used something."""
    prompt: int
    completion: int
    estimated: int
    """Tokens whose figures are not the vendor's own; a part of the two."""
    in_flight: int
    limits: RateLimits
    shown: Shown
    quota: QuotaShown | None


@define(eq=False)
class Allowance:
    """What one client may use, has under way and has used. Times: `now` is monotonic seconds, `unix` Unix seconds."""

    limits: Limits
    quota: Quota | None
    spending: Spending = field(factory=Spending)
    open: set[Taken] = field(factory=set)
    gone: bool = False
    """The settings name it no more: nothing new is let in; what it has used is kept, should it come back."""
    _kept: dict[str, Any] | None = None
    """The last `to_state`, as long as nothing has changed."""

    @classmethod
    def of(cls, limits: RateLimits, plan: QuotaPlan | None) -> Allowance:
        """One of which nothing is used."""
        return cls(Limits.of(limits), None if plan is None else Quota(plan))

    def take(self, claim: Claim, now: float, unix: float) -> Taken:
        """Let a call in, whole; raises `Refusal` and takes nothing where any limit is in the way."""
        quota, window = self.quota, None
        # A quota's refusal is told before a limit's: with it, a minute's wait mends nothing.
        if quota is not None:
            amount = claim.of_unit(quota.plan.unit)
            if refusal := quota.refusal(amount, unix):
                raise refusal
        if refusal := self.limits.refusal(claim.tokens, now):
            raise refusal
        if quota is not None:
            window = quota.hold(amount, unix)
        taken = Taken(claim, unix, self.limits.take(claim.tokens, now), window)
        self.open.add(taken)
        self._kept = None
        return taken

    def settle(self, taken: Taken, usage: Usage | None, cost: int, now: float) -> None:
        """A call that was let in is over and has used this, at this cost; raises where it was settled before."""
        if taken not in self.open:
            raise RuntimeError("what was taken is settled once")
        self.open.discard(taken)
        tokens = 0 if usage is None else usage.prompt + usage.completion
        self.limits.settle(taken.rate, tokens, now)
        if self.quota is not None and taken.window is not None:
            unit = self.quota.plan.unit
            self.quota.settle(taken.window, taken.claim.of_unit(unit), _used(unit, usage, tokens, cost))
        self.spending.charge(usage, cost, taken.admitted)
        self._kept = None

    def replay(self, usage: Usage | None, cost: int, admitted: float) -> None:
        """Count a call that an earlier run let in at `admitted`, Unix seconds, and settled."""
        if self.quota is not None and usage is not None:
            tokens = usage.prompt + usage.completion
            self.quota.charge(_used(self.quota.plan.unit, usage, tokens, cost), admitted)
        self.spending.charge(usage, cost, admitted)
        self._kept = None

    def change(self, limits: RateLimits, plan: QuotaPlan | None, now: float, unix: float) -> None:
        """Go by other settings. A quota of another unit or period begins with what counts for it already."""
        self.gone = False
        if limits == self.limits.settings and plan == (None if self.quota is None else self.quota.plan):
            return
        self._kept = None
        self.limits.resize(limits, now)
        if plan is None:
            self.quota = None
            for taken in self.open:
                taken.window = None
        elif self.quota is not None and (plan.unit, plan.per) == (self.quota.plan.unit, self.quota.plan.per):
            self.quota.plan = plan
        else:
            self.quota = Quota(plan)
            self.quota.charge(self.spending.of(plan.unit, plan.per, unix), unix)
            for taken in self.open:
                taken.window = self.quota.hold(taken.claim.of_unit(plan.unit), taken.admitted)

    def overview(self, label: str, now: float, unix: float) -> Overview:
        """What its owner is told."""
        spending = self.spending
        day, month = (spending.of(Unit.USD, per, unix) for per in (Per.DAY, Per.MONTH))
        return Overview(
            label,
            usd(spending.cost),
            usd(day),
            usd(spending.cost_this_week(unix)),
            usd(month),
            spending.requests,
            spending.prompt,
            spending.completion,
            spending.estimated,
            len(self.open),
            self.limits.settings,
            self.limits.shown(now),
            None if self.quota is None else _shown(self.quota, unix),
        )

    def to_state(self, wall: float) -> dict[str, Any]:
        """All that must outlive this process; not to be altered: it is handed out again while nothing changes."""
        if self._kept is None:
            self._kept = {"rates": self.limits.to_state(wall), "spending": self.spending.to_state()}
            if self.quota is not None:
                self._kept["quota"] = self.quota.to_state()
        return self._kept

    def restore(self, state: Mapping[str, Any], now: float, unix: float) -> None:
        """Take up what `to_state` said in an earlier run, under the settings of this one."""
        self.limits.restore(state["rates"], now, unix - now)
        self.spending.restore(state["spending"], unix)
        quota = self.quota
        if quota is not None and not ("quota" in state and quota.restore(state["quota"], unix)):
            quota.charge(self.spending.of(quota.plan.unit, quota.plan.per, unix), unix)
            self._kept = None
        else:
            self._kept = dict(state)  # it says the same until something changes


def _used(unit: Unit, usage: Usage | None, tokens: int, cost: int) -> int:
    if usage is None:
        return 0
    return tokens if unit is Unit.TOKENS else cost if unit is Unit.USD else 1


def _shown(quota: Quota, unix: float) -> QuotaShown:
    plan = quota.plan
    used, held, left = quota.used(unix), quota.held(unix), quota.remaining(unix)
    return QuotaShown(plan.unit, plan.per, plan.amount, used, held, left, resets_at(plan.per, unix))
