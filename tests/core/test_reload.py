"""Which settings are too dangerous to be taken on a save alone."""

from __future__ import annotations

import pytest

from targon_gw.core.config import Config
from targon_gw.core.reload import judge_removal, key_name, switched_on
from tests.fakes import config, key, upstream

TEN = range(10)


def keys(*numbers: int, off: tuple[int, ...] = ()) -> Config:
    """Settings with these keys, and with those switched off."""
    return config(upstream([*(key(n) for n in numbers), *(key(n, enabled=False) for n in off)]))


def names(*numbers: int) -> set[str]:
    """What these keys are called."""
    return {key_name("acme", key(n).secret.fingerprint) for n in numbers}


class JudgeRemovalTests:
    """More than half of the usable keys are not taken away by mistake (faults catalogue, E-11)."""

    @pytest.mark.parametrize(("left", "refused"), [(10, False), (5, False), (4, True), (0, True)])
    def test_more_than_half(self, left: int, refused: bool) -> None:
        """Half of ten may go, six may not, nor may all of an emptied file."""
        said = judge_removal(keys(*TEN), keys(*range(left)), names(*TEN), None)

        assert (said is not None) is refused

    def test_says_what_to_write(self) -> None:
        """Who means it is told the number to write; with it the change is taken, with another it is not."""
        before, after = keys(*TEN), keys(0, 1)

        said = judge_removal(before, after, names(*TEN), None)

        assert said is not None and "8 of 10 usable keys" in said and "confirm_removal: 8" in said
        assert judge_removal(before, after, names(*TEN), 8) is None
        assert "not 7" in str(judge_removal(before, after, names(*TEN), 7))

    def test_of_the_usable(self) -> None:
        """Five of ten that are all of the usable are too many; nine that are out anyway are not."""
        assert judge_removal(keys(*TEN), keys(*range(5, 10)), names(*range(5)), None) is not None
        assert judge_removal(keys(*TEN), keys(0), names(0), None) is None
        assert judge_removal(keys(*TEN), keys(), set(), None) is None

    def test_number_does_not_hang_on_health(self) -> None:
        """The number is that of the keys taken away, however many of them are well at the moment."""
        said = judge_removal(keys(*TEN), keys(0), names(*range(6)), None)

        assert said is not None and "5 of 6" in said and "confirm_removal: 9" in said

    def test_switching_off_is_taking_away(self) -> None:
        """A key that stays in the file and is switched off is taken away; one that was off already is not."""
        assert judge_removal(keys(0, 1, 2), keys(0, off=(1, 2)), names(0, 1, 2), None) is not None
        assert judge_removal(keys(0, off=(1, 2)), keys(0), names(0), None) is None

    def test_same_key_at_two_vendors(self) -> None:
        """A vendor whose keys another one has too is not given up unnoticed."""
        both = config(upstream(3, "acme"), upstream(1, "other"))

        assert len(switched_on(both)) == 4
        assert judge_removal(both, config(upstream(1, "other")), switched_on(both), None) is not None

    def test_replaced(self) -> None:
        """All keys changed for new ones at once is a removal of all: nobody knows yet that the new ones are well."""
        assert judge_removal(keys(0, 1), keys(2, 3), names(0, 1), None) is not None
