"""The states of a thing that calls depend on, and how it comes back from a rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.attempts import doubling
from targon_gw.core.health import (
    Barred,
    Cooling,
    Disabled,
    Health,
    Ready,
    Spent,
    Standing,
    Suspect,
    Trial,
    name_of,
    rested,
    served,
    spent,
    strikes_of,
    until_of,
)
from tests.fakes import is_counted

REST = doubling(10.0, 600.0)


class HealthTests:
    """What follows what."""

    def test_key_sits_out_what_it_was_asked(self) -> None:
        """Told to wait 20 s at 100, it may not serve at 119 and may at 120 (D-32)."""
        standing = Standing(rested(Ready(), 100.0, 20.0, REST))

        assert not standing.may_serve(119.9)
        assert standing.may_serve(120.0)

    def test_longer_of_two_rests_wins(self) -> None:
        """A shorter wait, told later, does not end a longer one; a longer one prolongs it."""
        long = rested(Ready(), 0.0, 60.0, REST)

        assert until_of(rested(long, 1.0, 5.0, REST)) == 60.0
        assert until_of(rested(long, 1.0, 90.0, REST)) == 91.0
        assert until_of(spent(long, 1.0, lambda _: 5.0)) == 60.0

    def test_strikes_double_the_rest(self) -> None:
        """Without a word of the vendor: 10, 20, 40 s (D-34)."""
        health: Health = Ready()
        rests = []
        for _ in range(3):
            health = rested(Trial(1, strikes_of(health)), 0.0, None, REST)
            rests.append(until_of(health))

        assert rests == [10.0, 20.0, 40.0]

    def test_widths_of_a_trial(self) -> None:
        """One at a time, then 2, 4, 8, and then it is over."""
        health: Health = Trial(1, 3)
        seen = []
        while isinstance(health, Trial):
            seen.append(health.width)
            health = served(health)

        assert seen == [1, 2, 4, 8]
        assert health == Ready()

    @pytest.mark.parametrize("health", [Ready(), Cooling(9.0, 1), Spent(9.0, 1), Suspect(), Barred(), Disabled()])
    def test_serving_moves_only_a_trial(self, health: Health) -> None:
        """Nothing else is any better for a call that was served."""
        assert served(health) == health

    @pytest.mark.parametrize(
        ("health", "word"),
        [
            (Ready(), "ready"),
            (Cooling(11.0, 1), "cooling"),
            (Cooling(10.0, 1), "trial"),
            (Spent(11.0, 1), "exhausted"),
            (Spent(10.0, 1), "trial"),
            (Trial(2, 1), "trial"),
            (Suspect(), "suspect"),
            (Barred(), "barred"),
            (Disabled(), "disabled"),
            (Disabled(11.0), "disabled"),
            (Disabled(10.0), "ready"),
        ],
    )
    def test_words(self, health: Health, word: str) -> None:
        """What people are shown at 10."""
        assert name_of(health, 10.0) == word

    @pytest.mark.parametrize(
        ("health", "before", "after"),
        [
            (Ready(), True, True),
            (Cooling(10.0, 1), False, True),
            (Spent(10.0, 1), False, True),
            (Disabled(10.0), False, True),
            (Disabled(), False, False),
            (Suspect(), False, False),
            (Barred(), False, False),
        ],
    )
    def test_who_may_serve(self, health: Health, before: bool, after: bool) -> None:
        """Before 10, and from 10 on."""
        assert Standing(health).may_serve(9.9) is before
        assert Standing(health).may_serve(10.0) is after

    def test_leased_after_its_time_it_is_no_longer_disabled(self) -> None:
        """Disabled until 10 is ready at 10, and stays so."""
        standing = Standing(Disabled(10.0))
        standing.lease(10.0)

        assert standing.health == Ready()


class StandingTests:
    """Leases out, and the rest that they were begun before or after."""

    def test_one_trial_at_a_time(self) -> None:
        """When the time is up, one lease may go out; the next one only when it is back."""
        standing = Standing(Cooling(10.0, 1))
        epoch = standing.lease(10.0)

        assert standing.health == Trial(1, 1)
        assert not standing.may_serve(10.0)
        assert standing.give_back(epoch)
        assert standing.may_serve(10.0)

    def test_old_lease_is_no_trial(self) -> None:
        """A lease begun before the rest neither counts as a trial nor keeps one from going out."""
        standing = Standing()
        old = standing.lease(0.0)
        standing.move(Cooling(10.0, 1))
        trial = standing.lease(10.0)

        assert not standing.give_back(old)
        assert not standing.may_serve(10.0)
        assert standing.give_back(trial)

    def test_a_probe_during_a_rest_holds_the_trial_up(self) -> None:
        """A lease that is out when the rest ends is the one that is waited for."""
        standing = Standing(Cooling(10.0, 1))
        probe = standing.lease(5.0)

        assert not standing.may_serve(11.0)
        standing.give_back(probe)
        assert standing.may_serve(11.0)

    def test_move_says_whether_the_kind_is_another(self) -> None:
        """From cooling to cooling is none."""
        standing = Standing()

        assert standing.move(Cooling(1.0, 1))
        assert not standing.move(Cooling(2.0, 2))

    @given(st.lists(st.tuples(st.sampled_from(["lease", "old", "new", "cool", "serve", "time"]), st.integers(0, 9))))
    def test_never_more_out_than_a_trial_allows(self, steps: list[tuple[str, int]]) -> None:
        """Leases out since the last rest are counted right, and are never more than the width of a trial."""
        standing, now = Standing(), 0.0
        leases: list[int] = []
        for step, number in steps:
            if step == "lease" and standing.may_serve(now):
                leases.append(standing.lease(now))
                if isinstance(standing.health, Trial):
                    assert standing.out <= standing.health.width
            elif step in ("old", "new") and leases:
                standing.give_back(leases.pop(0 if step == "old" else -1))
            elif step == "cool":
                standing.move(rested(standing.health, now, None, REST))
            elif step == "serve":
                standing.move(served(standing.health))
            elif step == "time":
                now += number * 10.0
            assert is_counted(standing, sum(epoch == standing.epoch for epoch in leases))
