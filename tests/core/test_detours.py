"""Routes that a call leaves, and comes back to."""

from __future__ import annotations

import pytest

from targon_gw.core.attempts import Barred, ModelFault, Outcome, Served, Throttled, VendorFault
from targon_gw.core.call import Attempt
from targon_gw.core.catalog import Leg, Model
from targon_gw.core.config import ModelSettings
from targon_gw.core.detours import Left, come_back, is_left
from targon_gw.core.pool import KeyPool
from tests.fakes import MODEL, lease_of, pool

SILENCE, FAULT = VendorFault("no first token in time", silent=True), VendorFault("500", 500)


def tried(leg: Leg, number: int, at: float, outcome: Outcome) -> Attempt:
    """An attempt with the n-th key, begun then, that came out so."""
    model = Model(ModelSettings(MODEL), (leg,))
    return Attempt(lease_of(leg.pool, number, at), leg, model, 60.0, at, leg.pool.settings, outcome=outcome)


def leg_of(keys: KeyPool) -> Leg:
    """The model at that vendor."""
    return Leg(keys, MODEL)


class LeftTests:
    """Whether to go."""

    def test_model_that_is_not_served(self) -> None:
        """It is left for good."""
        leg, left = leg_of(pool(2)), Left()
        assert is_left(left, [tried(leg, 0, 0.0, ModelFault())], 3)
        assert left == {leg: True}

    @pytest.mark.parametrize("outcome", [Throttled(1.0), Barred(), FAULT])
    def test_a_key_or_a_first_fault(self, outcome: Outcome) -> None:
        """That is no reason to leave a route that has other keys."""
        leg, left = leg_of(pool(2)), Left()
        assert not is_left(left, [tried(leg, 0, 0.0, outcome)], 2)
        assert left == {}

    def test_silent(self) -> None:
        """Nobody who was asked later has been served: as far as is known it is the route (D-07)."""
        leg, left = leg_of(pool(2)), Left()
        assert is_left(left, [tried(leg, 0, 5.0, SILENCE)], 3)
        assert left == {leg: False}

    def test_another_was_served(self) -> None:
        """Somebody who was asked later has been: it was the key; a second silence is the route's all the same."""
        keys, left = pool(3), Left()
        leg = leg_of(keys)
        first = tried(leg, 0, 5.0, SILENCE)
        keys.give_back(lease_of(keys, 1, 6.0), Served(), 7.0)
        assert not is_left(left, [first], 9)
        assert is_left(left, [first, tried(leg, 2, 5.5, SILENCE)], 9)
        assert left == {leg: True}

    def test_served_before(self) -> None:
        """What was asked before this attempt says nothing about it."""
        keys = pool(2)
        keys.give_back(lease_of(keys, 1, 4.0), Served(), 4.5)
        assert is_left(Left(), [tried(leg_of(keys), 0, 5.0, SILENCE)], 3)

    def test_last_try(self) -> None:
        """Where two have failed and one try is left, that one is better spent elsewhere; not where two are left."""
        leg, left = leg_of(pool(3)), Left()
        attempts = [tried(leg, number, 0.0, FAULT) for number in (0, 1)]
        assert not is_left(left, attempts, 4)
        assert is_left(left, attempts, 3)
        assert left == {leg: False}

    def test_last_try_after_another_vendor_s_fault(self) -> None:
        """One fault each of two vendors is no reason."""
        legs = [leg_of(pool(2)) for _ in range(2)]
        assert not is_left(Left(), [tried(leg, 0, 0.0, FAULT) for leg in legs], 3)


class ComeBackTests:
    """Where nobody else can step in."""

    def test_once(self) -> None:
        """What was left for the time is asked again; what was left for good, or is shut for something else, is not."""
        legs = [leg_of(pool(1)) for _ in range(3)]
        shut = set(legs)
        left = {legs[0]: False, legs[1]: True}
        assert come_back(left, legs, shut)
        assert shut == set(legs[1:])
        assert not come_back(left, legs, shut)
