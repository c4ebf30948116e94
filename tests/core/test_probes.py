"""Which keys are asked how they are, and what that may cost."""

from __future__ import annotations

import pytest

from targon_gw.core.attempts import Abandoned
from targon_gw.core.config import Duration, KeySettings, ProbePlan
from targon_gw.core.health import Barred, Cooling, Disabled, Health, Ready, Spent, Suspect, Trial
from targon_gw.core.keys import UpstreamKey, Want
from targon_gw.core.pool import KeyPool
from targon_gw.core.probes import COST, CREDIT_EVERY, DAY, MOST, PER_ROUND, Allowance, due
from tests import fakes

EVERY = 60.0
PLAN = ProbePlan(Duration(EVERY))


def pool(keys: int | list[KeySettings] = 1) -> KeyPool:
    """A vendor's keys, each of which has served."""
    made = fakes.pool(keys, probe=PLAN)
    for key in made.keys.values():
        key.served_at = 0.0
    return made


def numbers(pool: KeyPool, now: float) -> list[int]:
    """Who is due, by number."""
    keys = list(pool.keys.values())
    return [keys.index(key) for key in due(pool, now)]


def probe(pool: KeyPool, key: UpstreamKey, now: float) -> None:
    """A probe that came to nothing."""
    pool.give_back(pool.lease_for_probe(key, Want(fakes.MODEL), now), Abandoned(), now)


class DueTests:
    """Cheapest evidence first."""

    @pytest.mark.parametrize("health", [Ready(), Trial(1, 1), Barred(), Disabled(), Disabled(5.0), Cooling(200.0, 1)])
    def test_not_asked(self, health: Health) -> None:
        """A key that is well, in trial, at rest or out by hand or for good is not asked."""
        made = pool()
        fakes.the(made, 0).standing.move(health)
        assert numbers(made, 100.0) == []

    def test_suspect(self) -> None:
        """A suspect is asked in every round: its next state hangs on it."""
        made = pool()
        fakes.the(made, 0).standing.move(Suspect())
        probe(made, fakes.the(made, 0), 100.0)
        assert numbers(made, 100.1) == [0]

    @pytest.mark.parametrize("health", [Cooling(100.0, 1), Spent(100.0, 1)])
    def test_rest_that_is_over(self, health: Health) -> None:
        """A rest that has been over for `every` without a call coming by is asked about, at most once in `every`."""
        made = pool()
        fakes.the(made, 0).standing.move(health)
        assert numbers(made, 159.0) == []
        assert numbers(made, 160.0) == [0]
        probe(made, fakes.the(made, 0), 160.0)
        fakes.the(made, 0).standing.move(health)
        assert numbers(made, 219.0) == []
        assert numbers(made, 220.0) == [0]

    def test_credit(self) -> None:
        """An account out of credit is asked every five minutes during its rest, one key for all of its keys in turn."""
        made = pool([fakes.key(0, "a"), fakes.key(1, "a"), fakes.key(2, "b")])
        fakes.the(made, 0).account.standing.move(Spent(10_000.0, 1))
        assert numbers(made, 100.0) == [0]
        probe(made, fakes.the(made, 0), 100.0)
        assert numbers(made, 99.0 + CREDIT_EVERY) == []
        assert numbers(made, 100.0 + CREDIT_EVERY) == [1]
        probe(made, fakes.the(made, 1), 100.0 + CREDIT_EVERY)
        assert numbers(made, 100.0 + 2 * CREDIT_EVERY) == [0]

    @pytest.mark.parametrize("health", [Cooling(100.0, 1), Spent(100.0, 1)])
    def test_account_whose_rest_is_over(self, health: Health) -> None:
        """For an account whose rest has been over for a while, too, one key is asked."""
        made = pool([fakes.key(n, "a") for n in range(3)])
        fakes.the(made, 0).account.standing.move(health)
        assert numbers(made, 159.0) == []
        assert numbers(made, 160.0) == [0]

    def test_speaker_is_well(self) -> None:
        """A key that is out itself does not speak for its account."""
        made = pool([fakes.key(n, "a") for n in range(2)])
        fakes.the(made, 0).standing.move(Barred())
        fakes.the(made, 0).account.standing.move(Spent(1000.0, 1))
        assert numbers(made, 1.0) == [1]

    def test_never_served(self) -> None:
        """A key that has never served is asked once; not where a call is on its way with it."""
        made = fakes.pool(3, probe=PLAN)
        probe(made, fakes.the(made, 0), 0.0)
        fakes.lease_of(made, 1, 0.0)
        assert numbers(made, 1000.0) == [2]

    def test_order_and_number(self) -> None:
        """The most pressing come first, and no more than a few in one round."""
        made = fakes.pool(20, probe=PLAN)
        fakes.the(made, 11).standing.move(Suspect())
        fakes.the(made, 7).standing.move(Cooling(10.0, 1))
        found = numbers(made, 100.0)
        assert found == [11, 7, 0, 1, 2, 3, 4, 5]
        assert len(found) == PER_ROUND

    def test_vendor_at_rest(self) -> None:
        """D-46: a vendor that rests is asked nothing; one whose rest is over is asked once, and not beside a call."""
        made = fakes.pool(4, probe=PLAN)
        made.standing.move(Cooling(100.0, 1))
        assert numbers(made, 99.0) == []
        assert numbers(made, 100.0) == [0]
        fakes.lease_of(made, 3, 100.0)
        assert numbers(made, 100.0) == []


class AllowanceTests:
    """What probes cost."""

    def test_used_up(self) -> None:
        """No probe is allowed that the day has no tokens left for; the next day has."""
        allowance = Allowance(ProbePlan(daily_tokens=COST + 10))
        assert allowance.allows(50.0)
        allowance.spend(11)
        assert not allowance.allows(51.0)
        assert not allowance.allows(49.0 + DAY)
        assert allowance.allows(50.0 + DAY)

    def test_none(self) -> None:
        """An allowance of nothing allows nothing."""
        assert not Allowance(ProbePlan(daily_tokens=0)).allows(0.0)

    def test_at_once(self) -> None:
        """Probes that are under way count at what they are reckoned to cost."""
        allowance = Allowance(ProbePlan(daily_tokens=3 * COST))
        assert [allowance.allows(0.0) for _ in range(4)] == [True, True, True, False]
        allowance.spend(0)
        assert allowance.allows(0.0)

    def test_insisted(self) -> None:
        """What an operator asks for is sent all the same, and counts: the gateway's own probes stand back for it."""
        allowance = Allowance(ProbePlan(daily_tokens=2 * COST))
        allowance.insist(0.0)
        assert [allowance.allows(0.0) for _ in range(2)] == [True, False]
        allowance.spend(None)
        allowance.spend(None)
        allowance.insist(1.0)
        allowance.spend(3)
        assert allowance.spent == 2 * COST + 3
        allowance.insist(DAY)
        assert allowance.spent == 0

    @pytest.mark.parametrize(("told", "spent"), [(None, COST), (7, 7), (-5, 0), (10**12, MOST)])
    def test_what_the_vendor_says(self, told: int | None, spent: int) -> None:
        """What a vendor says is believed within reason; where it says nothing, a probe has its reckoned cost."""
        allowance = Allowance(ProbePlan())
        allowance.allows(0.0)
        allowance.spend(told)
        assert allowance.spent == spent

    def test_under_way_over_midnight(self) -> None:
        """A probe begun on one day counts on the day on which it ends."""
        allowance = Allowance(ProbePlan(daily_tokens=3 * COST))
        allowance.allows(0.0)
        allowance.allows(DAY)
        allowance.spend(5)
        allowance.spend(6)
        assert allowance.spent == 11
