"""Windows of the calendar, and what is used and held in them."""

from __future__ import annotations

import calendar
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.config import Per, QuotaPlan, Unit
from targon_gw.core.errors import Refusal
from targon_gw.core.quota import KEPT_WINDOWS, Quota, resets_at, window_of

moments = st.floats(0, 4_000_000_000)


def unix(*moment: int) -> float:
    """Unix seconds of a moment, UTC."""
    return datetime(*moment, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


NOON = unix(2026, 11, 21, 12)


class WindowTests:
    """When one begins and ends."""

    @pytest.mark.parametrize(
        ("per", "at", "begins", "ends"),
        [
            (Per.HOUR, (2026, 11, 21, 12, 59, 59), (2026, 11, 21, 12), (2026, 11, 21, 13)),
            (Per.DAY, (2026, 11, 21, 23, 59, 59), (2026, 11, 21), (2026, 11, 22)),
            (Per.DAY, (2026, 11, 22), (2026, 11, 22), (2026, 11, 23)),
            (Per.MONTH, (2026, 1, 31, 23), (2026, 1, 1), (2026, 2, 1)),
            (Per.MONTH, (2024, 2, 29), (2024, 2, 1), (2024, 3, 1)),
            (Per.MONTH, (2026, 12, 31, 23, 59, 59), (2026, 12, 1), (2027, 1, 1)),
            (Per.MONTH, (1970, 1, 1), (1970, 1, 1), (1970, 2, 1)),
        ],
    )
    def test_of_the_calendar(
        self, per: Per, at: tuple[int, ...], begins: tuple[int, ...], ends: tuple[int, ...]
    ) -> None:
        """In UTC, whatever the month is long (faults catalogue, E-16)."""
        assert window_of(per, unix(*at)) == unix(*begins)
        assert resets_at(per, unix(*at)) == unix(*ends)

    def test_in_all(self) -> None:
        """The window of a quota for good never ends."""
        assert window_of(Per.TOTAL, NOON) == 0
        assert resets_at(Per.TOTAL, NOON) is None

    @given(st.sampled_from([Per.HOUR, Per.DAY, Per.MONTH]), moments)
    def test_follow_one_another(self, per: Per, at: float) -> None:
        """Each moment lies in one window; where it ends the next begins."""
        begins, ends = window_of(per, at), resets_at(per, at)

        assert ends is not None
        assert begins <= at < ends
        assert window_of(per, begins) == window_of(per, ends - 1) == begins
        assert window_of(per, ends) == ends

    @given(moments)
    def test_a_month_is_as_long_as_the_calendar_says(self, at: float) -> None:
        """Leap years too."""
        moment = datetime.fromtimestamp(at, UTC)
        ends = resets_at(Per.MONTH, at)

        assert ends is not None
        assert ends - window_of(Per.MONTH, at) == calendar.monthrange(moment.year, moment.month)[1] * 86_400


def quota(amount: int = 100, per: Per = Per.DAY, unit: Unit = Unit.TOKENS) -> Quota:
    """A small one."""
    return Quota(QuotaPlan(unit, amount, per))


def refused(quota: Quota, amount: int, at: float) -> Refusal:
    """Why a call is turned away."""
    with pytest.raises(Refusal) as caught:
        quota.room(amount, at)
    assert caught.value.code == "insufficient_quota"
    return caught.value


def told(quota: Quota, amount: int, at: float) -> str:
    """What whoever is refused is told."""
    return refused(quota, amount, at).message


class QuotaTests:
    """What is used and held (faults catalogue, C-10)."""

    def test_up_to_the_limit_and_no_further(self) -> None:
        """Used, held and claimed together may be the limit, not more."""
        mine = quota()
        mine.settle(mine.hold(50, NOON), 50, 30)
        mine.hold(40, NOON)

        assert mine.wait(30, NOON) == 0.0
        assert mine.wait(31, NOON) == 12 * 3600.0
        assert (mine.used(NOON), mine.held(NOON), mine.remaining(NOON)) == (30, 40, 30)

    def test_the_refusal_says_how_much_and_when(self) -> None:
        """Used, set aside, the limit, and the moment of the reset."""
        mine = quota(20_000)
        mine.settle(mine.hold(15_000, NOON), 15_000, 15_000)
        mine.hold(4_000, NOON)
        message = told(mine, 2_000, NOON)

        for word in ("15,000 tokens of 20,000 tokens a day", "4,000 tokens set aside", "2026-11-22 00:00 UTC"):
            assert word in message
        refusal = refused(mine, 2_000, NOON)
        assert refusal.wait == 12 * 3600.0

    def test_a_quota_for_good_does_not_reset(self) -> None:
        """No wait helps, and the message says so."""
        mine = quota(per=Per.TOTAL)
        mine.settle(mine.hold(100, NOON), 100, 100)
        refusal = refused(mine, 1, NOON)

        assert refusal.wait is None
        assert "does not reset" in refusal.message

    def test_a_claim_beyond_the_whole_limit(self) -> None:
        """It is refused on a window in which nothing is used, and told to ask for less; no wait helps."""
        refusal = refused(quota(100), 101, NOON)

        assert refusal.wait is None
        assert "101 tokens, more than the whole quota of 100 tokens a day" in refusal.message

    def test_money_is_told_in_dollars(self) -> None:
        """Micro-dollars are for reckoning."""
        mine = quota(1_500_000, Per.MONTH, Unit.USD)
        mine.settle(mine.hold(1_500_000, NOON), 1_500_000, 1_499_999)

        assert "1.499999 USD of 1.5 USD a month" in told(mine, 2, NOON)

    def test_a_window_is_charged_with_what_it_admitted(self) -> None:
        """Held before midnight and settled after it is yesterday's; the new day has all (faults catalogue, C-13)."""
        mine, morrow = quota(), NOON + 86_400
        yesterday = mine.hold(100, NOON)
        assert mine.wait(100, morrow) == 0.0
        today = mine.hold(100, morrow)
        mine.settle(yesterday, 100, 90)

        assert yesterday.begins == unix(2026, 11, 21)
        assert (mine.used(morrow), mine.held(morrow)) == (0, 100)
        mine.settle(today, 100, 10)
        assert (mine.used(morrow), mine.used(NOON)) == (10, 90)

    def test_a_clock_set_back_grants_nothing_twice(self) -> None:
        """The window that was left is found as it was (faults catalogue, E-16)."""
        mine = quota()
        mine.settle(mine.hold(100, NOON), 100, 100)
        mine.settle(mine.hold(60, NOON + 86_400), 60, 60)

        assert mine.remaining(NOON) == 0
        assert mine.remaining(NOON + 86_400) == 40

    def test_more_used_than_held(self) -> None:
        """It is charged whole; what remains is naught, never less, and nothing more is let in."""
        mine = quota()
        mine.settle(mine.hold(100, NOON), 100, 250)

        assert (mine.used(NOON), mine.remaining(NOON)) == (250, 0)
        assert mine.wait(0, NOON) != 0.0

    def test_a_limit_set_below_what_is_used(self) -> None:
        """Nobody is let in until the window resets (faults catalogue, C-15)."""
        mine = quota()
        mine.settle(mine.hold(80, NOON), 80, 80)
        mine.plan = QuotaPlan(Unit.TOKENS, 50, Per.DAY)

        assert mine.remaining(NOON) == 0
        assert mine.wait(1, NOON) == 12 * 3600.0
        assert mine.wait(50, NOON + 86_400) == 0.0

    def test_windows_are_forgotten(self) -> None:
        """After a year of days only the last ones are kept, and those in which a call is under way."""
        mine = quota()
        first = mine.hold(0, NOON)
        for day in range(1, 366):
            mine.settle(mine.hold(7, NOON + day * 86_400), 7, 7)
        mine.settle(first, 0, 5)

        windows = mine.to_state()["used"]
        assert [window for window in windows if window[0] == first.begins] == [[first.begins, 5]]
        assert len(windows) == KEPT_WINDOWS + 1

    def test_state(self) -> None:
        """What is used outlives a restart, but for windows that are over; what is held does not."""
        mine = quota()
        mine.settle(mine.hold(90, NOON - 86_400), 90, 90)
        mine.settle(mine.hold(30, NOON), 30, 30)
        mine.hold(50, NOON)
        state = json.loads(json.dumps(mine.to_state()))
        again = quota()

        assert again.restore(state, NOON + 3600)
        assert (again.used(NOON), again.held(NOON)) == (30, 0)
        assert again.used(NOON - 86_400) == 0

    @pytest.mark.parametrize("other", [quota(per=Per.HOUR), quota(unit=Unit.USD)])
    def test_state_of_another_plan(self, other: Quota) -> None:
        """Tokens are no dollars and a day is no hour: nothing is taken up, and the caller is told."""
        mine = quota()
        mine.settle(mine.hold(30, NOON), 30, 30)

        assert not other.restore(mine.to_state(), NOON)
        assert other.used(NOON) == 0

    @given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=40))
    def test_overspend_is_bounded(self, calls: list[tuple[int, int]]) -> None:
        """What is used is at most the limit and what calls used beyond what was held for them."""
        mine, open_holds, beyond = quota(), [], 0
        for claim, used in calls:
            if mine.wait(claim, NOON) == 0.0:
                open_holds.append((mine.hold(claim, NOON), claim, used))
            if len(open_holds) > 3:
                window, held, used = open_holds.pop(0)
                mine.settle(window, held, used)
                beyond += max(0, used - held)
        for window, held, used in open_holds:
            mine.settle(window, held, used)
            beyond += max(0, used - held)

        assert mine.used(NOON) <= 100 + beyond
        assert mine.held(NOON) == 0
