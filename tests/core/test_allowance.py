"""One client's limits, quota and counts as one."""

from __future__ import annotations

import gc
import json

import pytest

from targon_gw.core.allowance import Allowance, Claim, Hold
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import Per, QuotaPlan, RateLimits, Unit
from targon_gw.core.errors import Refusal
from targon_gw.core.limits import Shown
from targon_gw.core.meter import Source, Usage
from tests.core.test_quota import NOON
from tests.fakes import claim_at

DAILY = QuotaPlan(Unit.TOKENS, 1000, Per.DAY)
USED = Usage(20, 8, source=Source.UPSTREAM)
WALL = NOON
NOW = 0.0
DAY = 86_400.0
ANN = ClientKey("ann")


def allowance(limits: RateLimits = RateLimits(), plan: QuotaPlan | None = DAILY) -> Allowance:
    """One of which nothing is used."""
    return Allowance.of(limits, plan)


def take(mine: Allowance, claim: Claim, now: float, unix: float) -> Hold:
    """A call that is let in."""
    return mine.take(ANN, "ann", claim, now, unix)


def use(mine: Allowance, usage: Usage | None = USED, cost: int = 37, at: float = NOW) -> None:
    """A call, from its beginning to its end."""
    mine.settle(take(mine, claim_at(100, 100), at, at + WALL), usage, cost, at)


class ClaimTests:
    """What a call may use at most."""

    @pytest.mark.parametrize(("unit", "amount"), [(Unit.TOKENS, 28), (Unit.USD, 100), (Unit.REQUESTS, 1)])
    def test_by_unit(self, unit: Unit, amount: int) -> None:
        """A call is one request, whatever it claims."""
        assert claim_at(28, 100).of_unit(unit) == amount


class AllowanceTests:
    """What a client may use, has under way and has used."""

    def test_nothing_under_way(self) -> None:
        """Nothing is kept for calls that there are none of: clients are many."""
        mine = allowance()
        assert not mine.open
        use(mine)
        hold = take(mine, claim_at(1, 1), NOW, NOW + WALL)
        assert list(mine.open) == [hold]
        mine.settle(hold, None, 0, NOW)
        assert not any(isinstance(each, set) for each in gc.get_referents(mine))

    @pytest.mark.parametrize(
        ("limits", "plan", "code"),
        [
            (RateLimits(requests_per_minute=1), DAILY, "rate_limit_exceeded"),
            (RateLimits(tokens_per_minute=100), DAILY, "rate_limit_exceeded"),
            (RateLimits(concurrent=1), DAILY, "rate_limit_exceeded"),
            (RateLimits(9, 900, 9), QuotaPlan(Unit.TOKENS, 100), "insufficient_quota"),
            (RateLimits(9, 900, 9), QuotaPlan(Unit.REQUESTS, 1), "insufficient_quota"),
            (RateLimits(9, 900, 9), QuotaPlan(Unit.USD, 60), "insufficient_quota"),
        ],
    )
    def test_all_or_none(self, limits: RateLimits, plan: QuotaPlan, code: str) -> None:
        """Where one of them is in the way nothing is taken of any (faults catalogue, C-12)."""
        mine = allowance(limits, plan)
        take(mine, claim_at(100, 60), NOW, WALL)
        before = (mine.overview("ann", NOW, WALL), json.dumps(mine.to_state(WALL)))

        with pytest.raises(Refusal) as refused:
            take(mine, claim_at(100, 60), NOW, WALL)
        assert refused.value.code == code
        assert (mine.overview("ann", NOW, WALL), json.dumps(mine.to_state(WALL))) == before

    def test_a_quota_is_told_before_a_limit(self) -> None:
        """Who has used up both learns that a minute's wait mends nothing."""
        mine = allowance(RateLimits(requests_per_minute=1), QuotaPlan(Unit.REQUESTS, 1))
        use(mine)

        with pytest.raises(Refusal) as refused:
            use(mine)
        assert refused.value.code == "insufficient_quota"

    @pytest.mark.parametrize(("unit", "used"), [(Unit.TOKENS, 28), (Unit.USD, 37), (Unit.REQUESTS, 1)])
    def test_charges_in_the_plans_unit(self, unit: Unit, used: int) -> None:
        """Tokens read and written, micro-dollars, or one; nothing where nothing was used."""
        mine = allowance(plan=QuotaPlan(unit, 1000))
        use(mine)
        use(mine, None, 99)

        quota = mine.overview("ann", NOW, WALL).quota
        assert quota is not None
        assert (quota.unit, quota.used, quota.held, quota.remaining) == (unit, used, 0, 1000 - used)

    def test_settles_once(self) -> None:
        """A second time raises and counts nothing."""
        mine = allowance()
        taken = take(mine, Claim(100), NOW, WALL)
        mine.settle(taken, USED, 37, NOW)

        with pytest.raises(RuntimeError):
            mine.settle(taken, USED, 37, NOW)
        assert mine.overview("ann", NOW, WALL).requests == 1

    def test_overview(self) -> None:
        """Money in dollars, tokens by kind, what is under way, limits, and the quota with its reset."""
        mine = allowance(RateLimits(requests_per_minute=60))
        use(mine, cost=1_500_000)
        use(mine, Usage(5, 1), cost=250_000, at=DAY)
        take(mine, Claim(100), DAY, WALL + DAY)
        seen = mine.overview("ann", DAY, WALL + DAY)
        quota = seen.quota

        assert (seen.label, seen.usage, seen.usage_daily, seen.usage_weekly, seen.usage_monthly) == (
            "ann", 1.75, 0.25, 1.75, 1.75,
        )  # fmt: skip
        assert (seen.requests, seen.prompt, seen.completion, seen.estimated, seen.in_flight) == (2, 25, 9, 6, 1)
        assert seen.shown == Shown((60, 58, pytest.approx(2.0)))
        assert quota is not None
        assert (quota.per, quota.limit, quota.used, quota.held, quota.remaining) == (Per.DAY, 1000, 6, 100, 894)
        assert quota.resets_at == WALL + DAY + 12 * 3600

    def test_of_one_without_a_quota(self) -> None:
        """There is nothing to tell of it."""
        assert allowance(plan=None).overview("ann", NOW, WALL).quota is None


class ChangeTests:
    """Settings change under running calls."""

    @pytest.mark.parametrize(
        ("plan", "used", "held"),
        [
            (QuotaPlan(Unit.TOKENS, 50, Per.DAY), 28, 100),
            (QuotaPlan(Unit.USD, 500, Per.DAY), 37, 90),
            (QuotaPlan(Unit.REQUESTS, 500, Per.MONTH), 2, 1),
            (QuotaPlan(Unit.TOKENS, 500, Per.TOTAL), 56, 100),
            (QuotaPlan(Unit.TOKENS, 500, Per.HOUR), 28, 100),
        ],
    )
    @pytest.mark.parametrize("before", [DAILY, None])
    def test_use_and_holds_count_for_a_new_quota(
        self, before: QuotaPlan | None, plan: QuotaPlan, used: int, held: int
    ) -> None:
        """Whatever its unit and window, and also where there was none: what was used in it, and what is under way."""
        mine = allowance(plan=before)
        use(mine, at=-DAY)
        use(mine)
        taken = take(mine, claim_at(100, 90), NOW, WALL)
        mine.change(RateLimits(), plan, NOW, WALL)
        quota = mine.overview("ann", NOW, WALL).quota

        assert quota is not None
        assert (quota.limit, quota.used, quota.held) == (plan.amount, used, held)
        mine.settle(taken, None, 0, NOW)
        quota = mine.overview("ann", NOW, WALL).quota
        assert quota is not None
        assert (quota.used, quota.held) == (used, 0)

    def test_a_call_of_yesterday_is_held_yesterday(self) -> None:
        """A new quota is not charged today with what was admitted before today."""
        mine = allowance(plan=None)
        taken = take(mine, Claim(100), -DAY, WALL - DAY)
        mine.change(RateLimits(), DAILY, NOW, WALL)
        mine.settle(taken, USED, 37, NOW)

        quota = mine.overview("ann", NOW, WALL).quota
        assert quota is not None
        assert (quota.used, quota.held) == (0, 0)

    def test_a_quota_that_goes(self) -> None:
        """Calls that were held against it are settled all the same, and count should it come back."""
        mine = allowance()
        taken = take(mine, Claim(900), NOW, WALL)
        mine.change(RateLimits(), None, NOW, WALL)
        take(mine, Claim(900), NOW, WALL)
        mine.settle(taken, USED, 37, NOW)
        mine.change(RateLimits(), DAILY, NOW, WALL)

        quota = mine.overview("ann", NOW, WALL).quota
        assert quota is not None
        assert (quota.used, quota.held) == (28, 900)


class StateTests:
    """What outlives a restart."""

    def again(self, mine: Allowance, plan: QuotaPlan | None = DAILY, after: float = 3600.0) -> Allowance:
        """It, in a process whose monotonic clock began anew, so much later."""
        later = allowance(RateLimits(60, 600, 5), plan)
        later.restore(json.loads(json.dumps(mine.to_state(WALL))), 7.0, WALL + after)
        return later

    def test_use_is_kept_and_holds_are_not(self) -> None:
        """All counts, and the quota's window; a call under way is nobody's any more."""
        mine = allowance(RateLimits(60, 600, 5))
        use(mine)
        take(mine, Claim(500), NOW, WALL)
        seen = self.again(mine).overview("ann", 7.0, WALL + 3600)

        assert (seen.usage_daily, seen.prompt, seen.in_flight) == (37e-6, 20, 0)
        assert seen.shown.requests == (60, 60, 0.0)
        assert seen.quota is not None
        assert (seen.quota.used, seen.quota.held) == (28, 0)

    def test_rates_go_on(self) -> None:
        """What was taken half a minute before the restart is half filled."""
        mine = allowance(RateLimits(60, 600, 5))
        use(mine, Usage(400, 200))

        assert self.again(mine, after=30.0).limits.shown(7.0).tokens == (600, 300, pytest.approx(30.0))

    def test_what_a_running_call_took_of_a_rate(self) -> None:
        """It is in the next state, whatever the one before said."""
        mine = allowance(RateLimits(60, 600, 5))
        before = mine.to_state(WALL)
        take(mine, Claim(500), NOW, WALL)

        assert mine.to_state(WALL)["rates"]["tokens"][0] == before["rates"]["tokens"][0] + 500

    def test_a_window_that_is_over(self) -> None:
        """The next day begins with nothing used."""
        mine = allowance()
        use(mine)
        seen = self.again(mine, after=DAY).overview("ann", 7.0, WALL + DAY)

        assert seen.quota is not None
        assert (seen.quota.used, seen.usage_daily, seen.usage) == (0, 0.0, 37e-6)

    def test_another_quota_than_before(self) -> None:
        """Settings that changed while it was down: what counts for the new quota is counted."""
        mine = allowance()
        use(mine)
        seen = self.again(mine, QuotaPlan(Unit.USD, 100, Per.MONTH)).overview("ann", 7.0, WALL + 3600)

        assert seen.quota is not None
        assert seen.quota.used == 37

    def test_replay(self) -> None:
        """A call that was settled behind the state is charged to the window that admitted it."""
        mine = allowance()
        mine.replay(USED, 37, WALL - DAY)
        mine.replay(USED, 37, WALL)
        mine.replay(None, 0, WALL)
        seen = mine.overview("ann", NOW, WALL)

        assert seen.quota is not None
        assert (seen.quota.used, seen.requests, seen.usage) == (28, 2, 74e-6)

    @pytest.mark.parametrize(("plan", "same"), [(DAILY, True), (None, True), (QuotaPlan(Unit.REQUESTS, 9), False)])
    def test_says_the_same(self, plan: QuotaPlan | None, same: bool) -> None:
        """Under the same plan, or none, what was taken up need not be written anew; under another one it must."""
        mine = allowance()
        use(mine)
        later = allowance(plan=plan)

        assert later.restore(mine.to_state(WALL), NOW, WALL) is same
        told = {name: later.to_state(WALL).get(name) for name in mine.to_state(WALL)}
        assert (told == mine.to_state(WALL)) is (plan == DAILY)
