"""The four draws: whom they choose, how fairly, and how little they look at."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from targon_gw.core.config import Draw, Secret
from targon_gw.core.draws import POLICIES, May, Roster, fastest, least_busy, round_robin, weighted
from targon_gw.core.keys import Account, UpstreamKey
from tests.fakes import no_roll, rolls


def keys(*weights: int) -> list[UpstreamKey]:
    """Keys of these weights, named by their place."""
    return [UpstreamKey(str(n), Secret(str(n)), Account(str(n)), weight) for n, weight in enumerate(weights)]


def roster(found: list[UpstreamKey], roll: object = no_roll) -> Roster:
    """All of them idle."""
    filled = Roster(roll)  # type: ignore[arg-type]
    filled.fill(found)
    for key in found:
        filled.set(key, True)
    return filled


def take(filled: Roster, key: UpstreamKey) -> None:
    """What a pool does for a lease."""
    key.in_flight += 1
    key.turn = 1 + max(k.turn for k in filled.members)
    filled.moved(key)


def give_back(filled: Roster, key: UpstreamKey) -> None:
    """What it does for one that comes back."""
    key.in_flight -= 1
    filled.moved(key)


def everyone(_: UpstreamKey) -> bool:
    """All may serve."""
    return True


class EveryDrawTests:
    """What holds for all four."""

    @pytest.mark.parametrize("draw", list(Draw))
    def test_only_those_who_may(self, draw: Draw) -> None:
        """Whoever may not serve is not drawn, idle or busy, and where nobody may, nobody is."""
        found = keys(1, 5, 1)
        filled = roster(found, Random(1).random)
        take(filled, found[0])

        for only in found:
            assert all(POLICIES[draw](filled, lambda k, only=only: k is only) is only for _ in range(20))  # type: ignore[misc]
        assert POLICIES[draw](filled, lambda _: False) is None

    @pytest.mark.parametrize("draw", list(Draw))
    def test_does_not_grow_with_the_pool(self, draw: Draw) -> None:
        """Among 10,000 idle keys no more are looked at than among ten."""
        looked: dict[int, int] = {}
        for size in (10, 10_000):
            filled = roster(keys(*[1] * size), Random(2).random)
            seen: list[UpstreamKey] = []

            def may(key: UpstreamKey, seen: list[UpstreamKey] = seen) -> bool:
                seen.append(key)
                return True

            for _ in range(50):
                drawn = POLICIES[draw](filled, may)
                assert drawn is not None
            looked[size] = len(seen)

        assert looked[10_000] <= looked[10] <= 100

    @pytest.mark.parametrize("draw", [Draw.LEAST_BUSY, Draw.ROUND_ROBIN])
    def test_resting_keys_are_not_looked_at_by_every_draw(self, draw: Draw) -> None:
        """With half of a big pool at rest, draws cost about two looks each, not half of the pool."""
        found = keys(*[1] * 1000)
        filled, resting, looks = roster(found), set(found[:500]), 0

        def may(key: UpstreamKey) -> bool:
            nonlocal looks
            looks += 1
            return key not in resting

        for _ in range(1000):
            drawn = POLICIES[draw](filled, may)
            assert drawn is not None
            filled.idle.move_to_end(drawn)

        assert looks <= 2500


class LeastBusyTests:
    """The default."""

    def test_idle_longest_first(self) -> None:
        """Keys take turns: who came back last goes last."""
        found = keys(1, 1, 1)
        filled = roster(found)
        for expected in (0, 1, 2):
            drawn = least_busy(filled, everyone)
            assert drawn is found[expected]
            take(filled, drawn)
        for number in (1, 0, 2):
            give_back(filled, found[number])

        assert least_busy(filled, everyone) is found[1]

    def test_idle_before_busy(self) -> None:
        """A key without a lease goes before one of any weight that has one."""
        found = keys(100, 1)
        filled = roster(found)
        take(filled, found[0])

        assert least_busy(filled, everyone) is found[1]

    def test_busy_by_weight(self) -> None:
        """Where all are busy, leases spread by weight: 1 to 3."""
        found = keys(1, 3)
        filled = roster(found)
        for _ in range(40):
            drawn = least_busy(filled, everyone)
            assert drawn is not None
            take(filled, drawn)

        assert [key.in_flight for key in found] == [10, 30]

    def test_new_ones_go_first(self) -> None:
        """In their order, before all that have been used; one that comes back is not new."""
        found = keys(1, 1, 1, 1)
        filled = roster(found)
        found[3].turn = 9
        filled.put_first(found[1:])

        assert list(filled.idle) == [found[1], found[2], found[0], found[3]]

    def test_who_has_left_is_not_drawn(self) -> None:
        """Idle or busy: it goes, comes back, and is filed by the leases that it has then."""
        found = keys(1, 1, 1)
        filled = roster(found)
        take(filled, found[0])
        for key in found[:2]:
            filled.set(key, False)
        assert [least_busy(filled, everyone), round_robin(filled, everyone)] == [found[2]] * 2
        give_back(filled, found[0])
        filled.set(found[0], True)

        assert list(filled.idle) == [found[2], found[0]] and not filled.busy

    def test_by_load_and_then_in_turn(self) -> None:
        """Of equally busy ones the one that has been as busy for longest."""
        found = keys(1, 1, 2)
        filled = roster(found)
        for number in (2, 0, 1):
            take(filled, found[number])

        assert least_busy(filled, everyone) is found[2]
        take(filled, found[2])
        assert least_busy(filled, everyone) is found[0]
        assert least_busy(filled, lambda key: key is not found[0]) is found[1]

    def test_without_some(self) -> None:
        """A roster of the others, with whoever is busy among them as busy as it is."""
        found = keys(1, 1, 1)
        filled = roster(found)
        take(filled, found[0])
        apart = filled.without({found[1]})

        assert list(apart.idle) == [found[2]] and apart.busy.keys() == {1.0} and set(apart.members) == {*found[::2]}

    def test_who_is_busy_is_not_idle(self) -> None:
        """A roster filled while leases are out counts them."""
        found = keys(1, 1)
        found[0].in_flight = 1

        assert list(roster(found).idle) == [found[1]]


class RoundRobinTests:
    """In turn."""

    def test_order(self) -> None:
        """The file's order, round and round."""
        found = keys(1, 1, 1)
        filled = roster(found)

        assert [round_robin(filled, everyone) for _ in range(5)] == [*found, *found[:2]]

    def test_goes_on_behind_whoever_may_not(self) -> None:
        """One who may not is passed over, and the round goes on from there."""
        found = keys(1, 1, 1)
        filled = roster(found)
        may: May = lambda key: key is not found[1]  # noqa: E731

        assert [round_robin(filled, may) for _ in range(4)] == [found[0], found[2], found[0], found[2]]

    def test_a_pool_that_has_shrunk(self) -> None:
        """The round goes on where there are fewer keys than before."""
        found = keys(1, 1, 1)
        filled = roster(found)
        for _ in range(2):
            round_robin(filled, everyone)
        for key in found[1:]:
            filled.drop(key)

        assert round_robin(filled, everyone) is found[0]


class WeightedTests:
    """At random, by weight."""

    def test_fair_by_weight(self) -> None:
        """Over many draws each key has its share."""
        found = keys(1, 2, 7)
        filled = roster(found, Random(3).random)
        drawn = Counter(weighted(filled, everyone) for _ in range(5000))

        for key in found:
            assert abs(drawn[key] / 5000 - key.weight / 10) < 0.02

    def test_the_ends_of_the_dice(self) -> None:
        """The least and the greatest number the dice can show meet the first and the last key."""
        found = keys(1, 2, 7)

        assert weighted(roster(found, rolls(0.0)), everyone) is found[0]
        assert weighted(roster(found, rolls(1.0 - 2.0**-53)), everyone) is found[2]

    def test_the_dice_may_go_on_missing(self) -> None:
        """Where random picks meet nobody who may serve, whoever may is found all the same."""
        found = keys(1000, 1)

        assert weighted(roster(found, rolls(0.0)), lambda key: key is found[1]) is found[1]


class FastestTests:
    """Of two at random, the faster."""

    def test_shorter_first_token(self) -> None:
        """Of the two that the dice show, the one with the shorter time is drawn, whichever came first."""
        found = keys(1, 1)
        found[0].first_token, found[1].first_token = 2.0, 1.0

        for dice in (rolls(0.0, 0.9), rolls(0.9, 0.0)):
            assert fastest(roster(found, dice), everyone) is found[1]

    def test_untried_goes_first(self) -> None:
        """A key of which nothing is known is tried."""
        found = keys(1, 1)
        found[0].first_token = 0.001

        assert fastest(roster(found, rolls(0.0, 0.9)), everyone) is found[1]

    def test_slow_ones_are_still_measured(self) -> None:
        """Two choices at random: the slowest of many is drawn only where both choices are it, but it is."""
        found = keys(1, 1, 1)
        for key, seconds in zip(found, (1.0, 2.0, 3.0), strict=True):
            key.first_token = seconds
        drawn = Counter(fastest(roster(found, Random(n).random), everyone) for n in range(900))

        assert drawn[found[0]] > drawn[found[1]] > drawn[found[2]] > 0
