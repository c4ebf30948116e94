"""How many second tries there may be."""

from __future__ import annotations

import pytest

from targon_gw.core.budget import HEADROOM, RetryBudget


def spent(budget: RetryBudget, now: float, most: int = 10_000) -> int:
    """How many tries can be taken out at once."""
    return next((n for n in range(most) if not budget.spend(now)), most)


class RetryBudgetTests:
    """A bucket that calls fill."""

    def test_share_of_all_calls(self) -> None:
        """After a thousand failing calls a fifth of them were tried again, and the headroom once (D-47, P14)."""
        budget, tries = RetryBudget(0.2), 0
        for _ in range(1000):
            budget.called(0.0)
            tries += budget.spend(0.0) + budget.spend(0.0)

        assert tries == pytest.approx(200 + HEADROOM, abs=1)

    def test_floor(self) -> None:
        """However few calls there are, ten a minute may be tried again, and no more than ten are saved up."""
        budget = RetryBudget(0.2, left=0.0)
        assert not budget.spend(0.0)

        assert spent(budget, 60.0) == 10
        assert spent(budget, 66.0) == 1
        assert spent(budget, 3600.0) == 10

    def test_floor_does_not_lower(self) -> None:
        """Time takes nothing away from what calls have earned."""
        budget = RetryBudget(0.2)
        budget.called(0.0)

        assert spent(budget, 600.0) == HEADROOM

    def test_saved_up_at_most(self) -> None:
        """Ten thousand good calls do not pay for an outage."""
        budget = RetryBudget(0.2)
        for _ in range(10_000):
            budget.called(0.0)

        assert spent(budget, 0.0) <= HEADROOM + 20

    def test_time_that_stands_still(self) -> None:
        """Nothing drips where no time has passed, or where it is told backwards."""
        budget = RetryBudget(0.2, left=0.0)

        assert [budget.spend(now) for now in (5.0, 5.0, 1.0)] == [False] * 3
