"""Which settings are too dangerous to be taken on a save alone."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from attrs import evolve

from targon_gw.core.config import Config
from targon_gw.core.reload import judge_removal, taken_away
from tests.fakes import config, key, upstream

TEN = range(10)


def keys(*numbers: int, off: tuple[int, ...] = ()) -> Config:
    """Settings with these keys, and with those switched off."""
    return config(upstream([*(key(n) for n in numbers), *(key(n, enabled=False) for n in off)]))


def judged(before: Config, after: Config, well: Collection[int] = TEN, confirmed: int | None = None) -> str | None:
    """What is said where the keys with these numbers are well, at whatever vendor."""
    names = {key(number).secret.fingerprint for number in well}
    removed = taken_away(before, after)
    usable = sum(entry.secret.fingerprint in names for each in before.upstreams for entry in each.keys)
    return judge_removal(len(removed), sum(id in names for _, id in removed), usable, confirmed)


class JudgeRemovalTests:
    """More than half of the usable keys are not taken away by mistake (faults catalogue, E-11)."""

    @pytest.mark.parametrize(("left", "refused"), [(10, False), (5, False), (4, True), (0, True)])
    def test_more_than_half(self, left: int, refused: bool) -> None:
        """Half of ten may go, six may not, nor may all of an emptied file."""
        said = judged(keys(*TEN), keys(*range(left)))

        assert (said is not None) is refused

    def test_says_what_to_write(self) -> None:
        """Who means it is told the number to write; with it the change is taken, with another it is not."""
        before, after = keys(*TEN), keys(0, 1)

        said = judged(before, after)

        assert said is not None and "8 of 10 usable keys" in said and "confirm_removal: 8" in said
        assert judged(before, after, confirmed=8) is None
        assert "not 7" in str(judged(before, after, confirmed=7))

    def test_of_the_usable(self) -> None:
        """Five of ten that are all of the usable are too many; nine that are out anyway are not."""
        assert judged(keys(*TEN), keys(*range(5, 10)), range(5)) is not None
        assert judged(keys(*TEN), keys(0), [0]) is None
        assert judged(keys(*TEN), keys(), []) is None

    def test_number_does_not_hang_on_health(self) -> None:
        """The number is that of the keys taken away, however many of them are well at the moment."""
        said = judged(keys(*TEN), keys(0), range(6))

        assert said is not None and "5 of 6" in said and "confirm_removal: 9" in said


class TakenAwayTests:
    """Which keys may be drawn no more."""

    def test_switching_off_is_taking_away(self) -> None:
        """A key that stays in the file and is switched off is taken away; one that was off already is not."""
        assert [id for _, id in taken_away(keys(0, 1, 2), keys(0, off=(1, 2)))] == [
            key(number).secret.fingerprint for number in (1, 2)
        ]
        assert taken_away(keys(0, off=(1, 2)), keys(0)) == ()

    def test_same_key_at_two_vendors(self) -> None:
        """A vendor whose keys another one has too is not given up unnoticed."""
        both = config(upstream(3, "acme"), upstream(1, "other"))

        assert {name for name, _ in taken_away(both, config(upstream(1, "other")))} == {"acme"}
        assert judged(both, config(upstream(1, "other"))) is not None

    def test_a_box_gives_way(self) -> None:
        """The first key of a real vendor takes the keys of the box in its place away, which nobody misses."""
        boxed = config(upstream([evolve(key(number), boxed=True) for number in range(4)]))

        assert taken_away(boxed, keys(7)) == ()
        assert judged(boxed, keys(7)) is None

    def test_replaced(self) -> None:
        """All keys changed for new ones at once is a removal of all: nobody knows yet that the new ones are well."""
        assert judged(keys(0, 1), keys(2, 3), [0, 1]) is not None
