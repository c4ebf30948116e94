"""The breakers themselves; what opens them is tested with `core.blame` and `core.charges`."""

from __future__ import annotations

from targon_gw.core.attempts import VendorFault
from targon_gw.core.breakers import FAULTS_TO_OPEN, Breakers, is_broken
from targon_gw.core.health import Cooling, Ready, Trial
from targon_gw.core.keys import Route, Want
from targon_gw.core.subjects import Cause, Moves
from targon_gw.core.witness import Alike
from tests.fakes import lease, pool

CAUSE = Cause(VendorFault("500", 500), "req_1", 3.0)


class OpenTests:
    """Opening."""

    def test_by_an_attempt_of_before(self) -> None:
        """An attempt that was begun before the breaker opened does not open it once more."""
        keys = pool(2)
        old, new = lease(keys, 0.0, Want("m")), lease(keys, 0.0, Want("m"))
        keys._breakers.open(new, Cooling(4.0, 1), CAUSE)
        keys._breakers.open(old, Cooling(9.0, 2), CAUSE)
        assert keys.route("m").standing.health == Cooling(4.0, 1)

    def test_the_vendors_with_the_second_model(self) -> None:
        """Two models that fail at once open it; the second of two that fail long after the first does not."""
        keys = pool(2)
        for model in ("m", "n"):
            held = lease(keys, 0.0, Want(model))
            held.route.faults = FAULTS_TO_OPEN
            assert type(keys.standing.health) is Ready
            keys._breakers.open(held, Cooling(4.0, 1), CAUSE)
        assert keys.standing.health == Cooling(4.0, 1)

    def test_trial_in_vain(self) -> None:
        """A vendor on trial rests anew, by a fault of an attempt of that trial alone."""
        moves = Moves()
        breakers = Breakers("acme", {}, moves)
        held = lease(pool(1), 0.0)
        breakers.tried_in_vain(held, CAUSE)
        assert type(breakers.standing.health) is Ready
        breakers.standing.health = Trial(1, 2)
        breakers.tried_in_vain(held, CAUSE)
        assert breakers.standing.health == Cooling(7.0, 3)
        assert [change.what for change in moves.changes] == ["upstream acme"]


class BrokenTests:
    """Whether an open breaker says something about the vendor as a whole."""

    def test_is_broken(self) -> None:
        """By faults, by cuts, by a verdict; a model that is not served is not."""
        assert not is_broken(Route("m"))
        assert is_broken(Route("m", faults=FAULTS_TO_OPEN))
        assert is_broken(Route("m", cuts=FAULTS_TO_OPEN))
        assert not is_broken(Route("m", alike={VendorFault: Alike()}))
        assert is_broken(Route("m", alike={VendorFault: Alike(verdict=True)}))
