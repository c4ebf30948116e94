"""One client's limits, quota and counts as one: what it may use, has under way and has used.

A call is let in by all of them or by none, in one turn. Settings change under running calls: what is used stays used,
and what is under way is held against a new quota too, in the window in which it was admitted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from attrs import define, field, frozen
from msgspec import Struct

from .clients import ClientKey
from .config import Per, Price, QuotaPlan, RateLimits, Unit
from .limits import Limits, Shown
from .meter import Usage
from .prices import price_of, usd
from .quota import Quota, Window, resets_at
from .spending import Spending, Used

_TOKENS, _USD = Unit.TOKENS, Unit.USD


class Claim(Struct, frozen=True, gc=False):
    """What a call may use at most: tokens, and by whom they may be written: each time so many read, so many written,
    and the price of that."""

    tokens: int
    bills: tuple[tuple[int, int, Price | None], ...] = ()

    @property
    def cost(self) -> int:
        """The highest of the bills, in micro-dollars; reckoned only where a quota is one of money."""
        return max((price_of(*bill) for bill in self.bills), default=0)

    def of_unit(self, unit: Unit) -> int:
        """How much of a quota of that unit it takes."""
        return self.tokens if unit is _TOKENS else self.cost if unit is _USD else 1


class Hold(Struct, eq=False):
    """What one call of `client` has taken of an Allowance; settled exactly once."""

    client: ClientKey
    name: str
    """Whose it is: the client's name, or `anonymous@ADDRESS`, which is for no log and no ledger."""
    claim: Claim
    """What the call may use at most."""
    admitted: float
    """Unix seconds."""
    allowance: Allowance
    rate: int
    """What was taken of the tokens' rate: a minute's worth at most."""
    window: Window | None
    """The quota's window in which it is held; `None` where there is no quota."""
    amount: int
    """What is held there, in the quota's unit."""


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
    _open: set[Hold] | None = None
    """None while nothing is under way: an empty set takes 216 bytes, of each of many clients."""
    gone: bool = False
    """The settings name it no more: nothing new is let in; what it has used is kept, should it come back."""

    @classmethod
    def of(cls, limits: RateLimits, plan: QuotaPlan | None) -> Allowance:
        """One of which nothing is used."""
        return cls(Limits.of(limits), None if plan is None else Quota(plan))

    @property
    def open(self) -> Collection[Hold]:
        """What is under way."""
        return self._open or ()

    def take(self, client: ClientKey, name: str, claim: Claim, now: float, unix: float) -> Hold:
        """Let a call in, whole; raises `Refusal` and takes nothing where any limit is in the way."""
        quota, window, amount = self.quota, None, 0
        # A quota's refusal is told before a limit's: with it, a minute's wait mends nothing.
        if quota is not None:
            amount = claim.of_unit(quota.plan.unit)
            window = quota.room(amount, unix)
        rate = self.limits.take(claim.tokens, now)
        if window is not None:
            window.hold(amount)
        hold = Hold(client, name, claim, unix, self, rate, window, amount)
        if self._open is None:
            self._open = {hold}
        else:
            self._open.add(hold)
        return hold

    def settle(self, hold: Hold, usage: Usage | None, cost: int, now: float) -> None:
        """A call that was let in is over and has used this, at this cost; raises where it was settled before."""
        holds = self._open
        if holds is None or hold not in holds:
            raise RuntimeError("a hold is settled once")
        holds.remove(hold)
        if not holds:
            self._open = None
        tokens = 0 if usage is None else usage.prompt + usage.completion
        self.limits.settle(hold.rate, tokens, now)
        quota, window = self.quota, hold.window
        if quota is not None and window is not None:
            quota.settle(window, hold.amount, _used(quota.plan.unit, usage, tokens, cost))
        self.spending.charge(usage, cost, hold.admitted)

    def replay(self, usage: Usage | None, cost: int, admitted: float) -> None:
        """Count a call that an earlier run let in at `admitted`, Unix seconds, and settled."""
        if self.quota is not None and usage is not None:
            tokens = usage.prompt + usage.completion
            self.quota.charge(_used(self.quota.plan.unit, usage, tokens, cost), admitted)
        self.spending.charge(usage, cost, admitted)

    def replay_all(self, used: Used, admitted: float, per: Per) -> None:
        """Count calls that an earlier run let in from `admitted` on, Unix seconds, in one window of `per`, and settled.

        A quota by a shorter period is not told: its windows of that time are kept no longer.
        """
        if self.quota is not None and used.requests and not per.is_longer_than(self.quota.plan.per):
            unit, tokens = self.quota.plan.unit, used.prompt + used.completion
            amount = tokens if unit is _TOKENS else used.cost if unit is _USD else used.requests
            self.quota.charge(amount, admitted)
        self.spending.charge_all(used, admitted)

    def change(self, limits: RateLimits, plan: QuotaPlan | None, now: float, unix: float) -> None:
        """Go by other settings. A quota of another unit or period begins with what counts for it already."""
        self.gone = False
        if limits == self.limits.settings and plan == (None if self.quota is None else self.quota.plan):
            return
        self.limits.resize(limits, now)
        if plan is None:
            self.quota = None
            for hold in self.open:
                hold.window = None
        elif self.quota is not None and (plan.unit, plan.per) == (self.quota.plan.unit, self.quota.plan.per):
            self.quota.plan = plan
        else:
            self.quota = Quota(plan)
            self.quota.charge(self.spending.of(plan.unit, plan.per, unix), unix)
            for hold in self.open:
                hold.amount = hold.claim.of_unit(plan.unit)
                hold.window = self.quota.hold(hold.amount, hold.admitted)

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
        """All that must outlive this process."""
        state = {"rates": self.limits.to_state(wall), "spending": self.spending.to_state()}
        if self.quota is not None:
            state["quota"] = self.quota.to_state()
        return state

    def restore(self, state: Mapping[str, Any], now: float, unix: float) -> bool:
        """Take up what `to_state` said in an earlier run, under the settings of this one; whether it still says so."""
        self.limits.restore(state["rates"], now, unix - now)
        self.spending.restore(state["spending"], unix)
        quota = self.quota
        if quota is None or ("quota" in state and quota.restore(state["quota"], unix)):
            return True
        quota.charge(self.spending.of(quota.plan.unit, quota.plan.per, unix), unix)
        return False


def _used(unit: Unit, usage: Usage | None, tokens: int, cost: int) -> int:
    if usage is None:
        return 0
    return tokens if unit is _TOKENS else cost if unit is _USD else 1


def _shown(quota: Quota, unix: float) -> QuotaShown:
    plan = quota.plan
    used, held, left = quota.used(unix), quota.held(unix), quota.remaining(unix)
    return QuotaShown(plan.unit, plan.per, plan.amount, used, held, left, resets_at(plan.per, unix))
