"""How keys are, kept count of; that it comes to what a look at each says, the walks over pools hold against it."""

from __future__ import annotations

import pytest

from targon_gw.core import muster
from targon_gw.core.attempts import Abandoned, Exhausted
from targon_gw.core.census import census, state_of
from targon_gw.core.config import Draw
from targon_gw.core.health import Cooling
from targon_gw.core.keys import UpstreamKey, Want
from targon_gw.core.muster import KEPT_APART, SCARCE
from targon_gw.core.pool import KeyPool
from tests.fakes import lease, pool, the

MANY = 4 * SCARCE


def tired(keys: KeyPool, model: str, number: int, wait: float = 100.0) -> None:
    """The accounts of the first so many keys have no leave for `model`."""
    for key in list(keys.keys.values())[:number]:
        key.account.leave_for(model).move(Cooling(wait, 1))


class LooksTests:
    """How much is looked at."""

    def test_nothing_where_nothing_moves(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who asks again, of whatever model, is answered without a look; a key that moves is looked at alone."""
        looked: list[UpstreamKey] = []

        def look(key: UpstreamKey, now: float, model: str | None = None) -> object:
            looked.append(key)
            return original(key, now, model)

        original = muster.look_at
        monkeypatch.setattr(muster, "look_at", look)
        keys = pool(MANY)
        tired(keys, "m", MANY)
        for _ in range(9):
            assert keys.vacancy("m", 1.0).back == 100.0 and keys.census(1.0) == {"usable": MANY}
            assert keys.draw(Want("m"), 1.0) is None and keys.draw(Want("n"), 1.0, again=True)
        assert len(looked) == MANY

        the(keys, 3).standing.move(Cooling(9.0, 1))
        assert keys.census(2.0) == {"usable": MANY - 1, "cooling": 1}
        assert set(looked[MANY:]) == {the(keys, 3)}
        assert keys.census(9.0) == {"usable": MANY}


class ApartTests:
    """Models that few keys may serve."""

    @pytest.mark.parametrize("draw", list(Draw))
    def test_the_one_of_many(self, draw: Draw) -> None:
        """It is drawn as long as it may serve, with few looks; who comes back is drawn, too."""
        keys = pool(MANY, lambda: 0.0, draw=draw)
        tired(keys, "m", MANY - 1)
        last = the(keys, MANY - 1)
        drawn = [lease(keys, 1.0, Want("m")) for _ in range(5)]

        assert {held.key for held in drawn} == {last}
        assert list(keys._muster.roster_for("m").members) == [last]
        last.standing.move(Cooling(50.0, 1))
        assert keys.draw(Want("m"), 2.0) is None
        assert lease(keys, 50.0, Want("m")).key is last
        assert lease(keys, 100.0, Want("m")) and keys._muster.roster_for("m") is keys._muster.roster

    def test_so_many_models(self) -> None:
        """Those asked for last are kept apart, and the others are served all the same."""
        keys = pool(MANY)
        for number in range(40):
            tired(keys, f"m{number}", MANY - 1)
        for number in range(40):
            held = lease(keys, 1.0, Want(f"m{number}"))
            assert held.key is the(keys, MANY - 1)
            keys.give_back(held, Abandoned(), 1.0)

        assert len(keys._muster._apart) == KEPT_APART


class ShortTests:
    """Accounts with some credit left."""

    def test_small_calls_go_on(self) -> None:
        """Whose credit was too small for a call serves smaller ones where nobody else may; the best off first."""
        keys = pool(3)
        for number, tokens in enumerate((100, 500, 300)):
            held = keys.lease_for_probe(the(keys, number), Want("m", tokens), 0.0)
            keys.give_back(held, Exhausted(sized=True), 0.0)

        assert keys.census(1.0) == {"exhausted": 3}
        assert keys.draw(Want("m", 500), 1.0) is None and keys.draw(Want("m"), 1.0) is None
        assert lease(keys, 1.0, Want("m", 499)).key is the(keys, 1)
        again = keys.lease_for_probe(the(keys, 1), Want("m", 40), 1.0)
        keys.give_back(again, Exhausted(sized=True), 1.0)
        assert lease(keys, 1.0, Want("m", 99)).key is the(keys, 2)
        assert all(state_of(key, 1.0) == "exhausted" for key in keys.keys.values())
        assert census(keys.keys.values(), 1.0) == keys.census(1.0)
