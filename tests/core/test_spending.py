"""What one client has used, by the calendar's windows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.config import Per, Unit
from targon_gw.core.meter import Source, Usage
from targon_gw.core.quota import window_of
from targon_gw.core.spending import Spending, week_of

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
"""A Saturday."""
USED = Usage(20, 8, source=Source.UPSTREAM)


class WeekTests:
    """Weeks begin on Monday."""

    @given(st.integers(0, 4_000_000_000))
    def test_as_the_calendar_has_them(self, at: int) -> None:
        """Midnight, UTC, of the Monday before."""
        day = datetime.fromtimestamp(at, UTC).replace(hour=0, minute=0, second=0)

        assert week_of(at) == (day - timedelta(days=day.weekday())).timestamp()


class SpendingTests:
    """Counts."""

    def test_counts(self) -> None:
        """Calls, those that used something, tokens of both kinds, those that are estimates, and money."""
        mine = Spending()
        mine.charge(USED, 37, NOON)
        mine.charge(Usage(5, 1, source=Source.COUNTED), 3, NOON)
        mine.charge(None, 0, NOON)

        counts = (mine.calls, mine.requests, mine.prompt, mine.completion, mine.estimated, mine.cost)
        assert counts == (3, 2, 25, 9, 6, 40)

    @pytest.mark.parametrize(
        ("later", "hour", "day", "week", "month"),
        [
            (timedelta(minutes=59), 37, 37, 37, 37),
            (timedelta(hours=1), 0, 37, 37, 37),
            (timedelta(hours=12), 0, 0, 37, 37),
            (timedelta(days=2), 0, 0, 0, 37),
            (timedelta(days=10), 0, 0, 0, 0),
        ],
    )
    def test_windows_end(self, later: timedelta, hour: int, day: int, week: int, month: int) -> None:
        """Of what was used at noon on a Saturday, the 21st."""
        mine = Spending()
        mine.charge(USED, 37, NOON)
        now = NOON + later.total_seconds()

        assert [mine.of(Unit.USD, per, now) for per in (Per.HOUR, Per.DAY, Per.MONTH)] == [hour, day, month]
        assert mine.cost_this_week(now) == week
        assert mine.of(Unit.USD, Per.TOTAL, now) == 37

    @given(
        st.lists(st.tuples(st.integers(0, 4_000_000), st.integers(0, 100_000), st.integers(0, 99)), max_size=30),
        st.booleans(),
    )
    def test_windows_are_sums(self, steps: list[tuple[int, int, int]], restarts: bool) -> None:
        """Of the calls that were admitted in them, however late they were settled, and through restarts."""
        mine, now, calls = Spending(), NOON, []
        for pause, took, tokens in steps:
            now += pause
            calls.append((now - took, tokens))
            mine.charge(Usage(tokens, 0), 2 * tokens, now - took)
            for per in (Per.DAY, Per.MONTH, Per.TOTAL):
                began = window_of(per, now)
                mine_in = [used for at, used in calls if at >= began]
                assert mine.of(Unit.TOKENS, per, now) == sum(mine_in)
                assert mine.of(Unit.USD, per, now) == 2 * sum(mine_in)
                assert mine.of(Unit.REQUESTS, per, now) == len(mine_in)
            assert mine.cost_this_week(now) == sum(2 * used for at, used in calls if at >= week_of(now))
            if restarts:
                state = json.loads(json.dumps(mine.to_state()))
                mine = Spending()
                mine.restore(state, now)

    def test_a_clock_set_back(self) -> None:
        """The totals go on; windows that have not begun yet are not gone on with (faults catalogue, E-16)."""
        mine, again = Spending(), Spending()
        mine.charge(USED, 37, NOON)
        again.restore(mine.to_state(), NOON - 40 * 86_400)

        assert (again.calls, again.cost) == (1, 37)
        assert again.of(Unit.USD, Per.MONTH, NOON - 40 * 86_400) == 0
