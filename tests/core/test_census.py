"""How keys are, in a word, and when they are back."""

from __future__ import annotations

import pytest

from targon_gw.core.census import STATES, back_at, census, state_of
from targon_gw.core.health import Barred, Cooling, Disabled, Health, Ready, Spent, Standing, Suspect, Trial
from tests.fakes import pool, the

ALL: list[tuple[Health, str, float | None]] = [
    (Ready(), "usable", 10.0),
    (Trial(1, 1), "usable", 10.0),
    (Cooling(10.0, 1), "usable", 10.0),
    (Cooling(15.0, 1), "cooling", 15.0),
    (Suspect(), "cooling", None),
    (Spent(25.0, 1), "exhausted", 25.0),
    (Barred(), "barred", None),
    (Disabled(), "disabled", None),
    (Disabled(35.0), "disabled", 35.0),
    (Disabled(5.0), "usable", 10.0),
]


class CensusTests:
    """At 10."""

    @pytest.mark.parametrize(("health", "word", "back"), ALL)
    def test_of_a_key(self, health: Health, word: str, back: float | None) -> None:
        """Every state of a key has its word and its end, if time brings one."""
        key = the(pool(1), 0)
        key.standing.health = health

        assert state_of(key, 10.0) == word
        assert back_at(key, 10.0, "m") == back

    @pytest.mark.parametrize(("mine", "word", "back"), ALL)
    @pytest.mark.parametrize(("its", "its_word", "its_back"), ALL)
    def test_a_key_is_as_well_as_the_worse(
        self, mine: Health, word: str, back: float | None, its: Health, its_word: str, its_back: float | None
    ) -> None:
        """Of it and its account, whichever is which; it is back when both are."""
        key = the(pool(1), 0)
        key.standing.health, key.account.standing.health = mine, its

        assert state_of(key, 10.0) == max(word, its_word, key=STATES.index)
        assert back_at(key, 10.0, "m") == (None if back is None or its_back is None else max(back, its_back))

    def test_for_one_model(self) -> None:
        """A key whose account cools for one model is usable for the others, and as a whole."""
        keys = pool(2)
        the(keys, 0).account.leaves["m"] = Standing(Cooling(15.0, 1))

        assert census(keys.keys.values(), 10.0, "m") == {"usable": 1, "cooling": 1}
        assert census(keys.keys.values(), 10.0, "n") == census(keys.keys.values(), 10.0) == {"usable": 2}
        assert back_at(the(keys, 0), 10.0, "m") == 15.0
        assert back_at(the(keys, 0), 10.0, "n") == 10.0
