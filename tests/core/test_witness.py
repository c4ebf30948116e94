"""Who failed alike: how many must, within which time, and what is remembered of it."""

from __future__ import annotations

import pytest

from targon_gw.core.attempts import Barred, Exhausted, Throttled, VendorFault
from targon_gw.core.health import Cooling, Ready, Standing, Suspect, Trial
from targon_gw.core.keys import Account
from targon_gw.core.subjects import Subject
from targon_gw.core.witness import KEPT_CHARGES, LONGEST_LIMIT, WINDOW, Alike, Charge, doubted, needed, wait_of
from tests.fakes import lease_of, pool


def one_of(standing: Standing) -> Subject:
    """It, as something that may be charged."""
    return Subject(standing, "it", Account("a").history)


class NeededTests:
    """How many accounts must fail alike."""

    @pytest.mark.parametrize(("in_use", "need"), [(0, None), (1, None), (2, None), (3, 2), (4, 2), (5, 3), (9999, 3)])
    def test_three_or_half_of_those_in_use(self, in_use: int, need: int | None) -> None:
        """Three, or half of them where that is fewer; of one or two nobody can tell."""
        assert needed(in_use) == need


class AlikeTests:
    """Failures of one kind."""

    def test_lapses(self) -> None:
        """What failed more than a minute ago is not held against anybody, and then the rest of it isn't either."""
        keys, alike = pool(3), Alike()
        for number, at in ((0, 0.0), (1, WINDOW)):
            alike.note(lease_of(keys, number, at), None, at)
        assert not alike.lapsed(WINDOW)
        assert len(alike.accounts) == 2
        assert not alike.lapsed(WINDOW + 1.0)
        assert len(alike.accounts) == 1
        assert alike.lapsed(2 * WINDOW + 1.0)

    def test_a_verdict_stands_as_long_as_somebody_fails(self) -> None:
        """All that led to it is kept until a minute has passed without another failure."""
        keys, alike = pool(3), Alike(verdict=True)
        for number, at in ((0, 0.0), (1, 50.0), (2, 100.0)):
            alike.note(lease_of(keys, number, at), None, at)
        assert not alike.lapsed(160.0)
        assert len(alike.accounts) == 3
        assert alike.lapsed(160.1)

    def test_since_is_when_the_first_was_asked(self) -> None:
        """Not when it failed; and before anything has failed, for ever."""
        keys, alike = pool(3), Alike()
        first, second = lease_of(keys, 0, 1.0), lease_of(keys, 1, 2.0)
        assert alike.since == float("-inf")
        assert not alike.note(second, None, 3.0)
        alike.note(first, None, 9.0)
        assert alike.since == 1.0
        assert alike.note(lease_of(keys, 0, 10.0), None, 10.0)
        assert alike.since == 1.0

    def test_first_before_and_last_given(self) -> None:
        """What was charged twice is put back to how it was before the first time."""
        keys, alike, standing = pool(1), Alike(), Standing()
        held = lease_of(keys, 0, 0.0)
        for health in (Cooling(5.0, 1), Cooling(9.0, 1)):
            alike.charge(one_of(standing), health, held, 0.0)
            standing.move(health)
        (charge,) = alike.charges.values()
        assert (charge.before, charge.given, charge.stands) == (Ready(), Cooling(9.0, 1), True)

    def test_no_more_than_so_many(self) -> None:
        """A vendor that fails at everything does not fill the memory: the oldest charges are forgotten."""
        keys, alike = pool(1), Alike()
        held = lease_of(keys, 0, 0.0)
        standings = [Standing() for _ in range(KEPT_CHARGES + 5)]
        for standing in standings:
            alike.charge(one_of(standing), Suspect(), held, 0.0)
        assert len(alike.charges) == KEPT_CHARGES
        assert [charge.subject.standing for charge in alike.charges.values()] == standings[5:]

    def test_soonest(self) -> None:
        """Only where every account was told to wait: until the first of them may be asked, a minute at most."""
        keys, alike = pool(2), Alike()
        alike.note(lease_of(keys, 0, 0.0), 20.0, 0.0)
        assert alike.soonest(keys._muster.in_use, 1.0) == 1.0
        alike.note(lease_of(keys, 1, 0.0), 900.0, 0.0)
        assert alike.soonest(keys._muster.in_use, 1.0) == 20.0
        alike.note(lease_of(keys, 0, 0.0), 800.0, 0.0)
        assert alike.soonest(keys._muster.in_use, 1.0) == 1.0 + LONGEST_LIMIT
        alike.note(lease_of(keys, 0, 0.0), None, 0.0)
        assert alike.soonest(keys._muster.in_use, 1.0) == 1.0


class ChargeTests:
    """A charge, and what became of it."""

    def test_stands(self) -> None:
        """As long as nothing else moved the thing; the first trial after its rest is still that charge."""
        standing = Standing(Cooling(5.0, 2))
        charge = Charge(one_of(standing), lease_of(pool(1), 0, 0.0).want, 0.0, Ready(), Cooling(5.0, 2))
        assert charge.stands
        for health, stands in ((Trial(1, 2), True), (Trial(2, 2), False), (Trial(1, 3), False), (Suspect(), False)):
            standing.health = health
            assert charge.stands is stands


class DoubtTests:
    """Accounts that went free by a verdict."""

    def test_until_it_is_served(self) -> None:
        """It is doubted from the time on that others were served, until its key is."""
        held = lease_of(pool(1), 0, 0.0)
        assert not doubted(held)
        held.account.doubted_at = 5.0
        held.key.served_at = 4.0
        assert doubted(held)
        held.key.served_at = 6.0
        assert not doubted(held)


class WaitTests:
    """What a vendor said about waiting."""

    @pytest.mark.parametrize(
        ("outcome", "wait"),
        [(Throttled(7.0), 7.0), (Throttled(), None), (Barred(), None), (Exhausted(), None), (VendorFault(), None)],
    )
    def test_wait_of(self, outcome: object, wait: float | None) -> None:
        """Only a 429 says so."""
        assert wait_of(outcome) == wait
