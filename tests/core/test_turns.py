"""Whose turn it is: shares by weight, no matter who comes and goes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from targon_gw.core.turns import Turns


def taken(turns: Turns[str], count: int) -> Counter[str]:
    """Who has how many of the next turns."""
    had: Counter[str] = Counter()
    for _ in range(count):
        member = turns.next()
        assert member is not None
        turns.took(member)
        had[member] += 1
    return had


class TurnsTests:
    @given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 9), min_size=1), st.integers(1, 200))
    @settings(max_examples=100, deadline=None)
    def test_shares(self, weights: dict[str, int], count: int) -> None:
        """Whenever it is looked at, nobody is more than a turn ahead of another, by weight."""
        turns = Turns[str]()
        for member, weight in weights.items():
            turns.enter(member, weight)
        had = taken(turns, count)

        for one, of_one in weights.items():
            for other, of_other in weights.items():
                assert had[one] / of_one - had[other] / of_other <= 1 / of_one + 1e-9

    def test_whoever_comes_waits_for_a_turn_and_no_more(self) -> None:
        """After a thousand turns of one, a new one is next or behind one turn of it."""
        turns = Turns[str]()
        turns.enter("old", 1)
        taken(turns, 1000)
        turns.enter("new", 1)

        assert taken(turns, 2) == {"old": 1, "new": 1}

    def test_coming_again_gains_nothing(self) -> None:
        """Who leaves after each turn and comes back at once has no more turns than whoever stays."""
        turns = Turns[str]()
        turns.enter("stays", 1)
        turns.enter("leaves", 1)
        had: Counter[str] = Counter()
        for _ in range(100):
            had += taken(turns, 1)
            if "leaves" in turns.weights:
                turns.leave("leaves")
            turns.enter("leaves", 1)

        assert abs(had["stays"] - had["leaves"]) <= 1

    def test_leaving_without_a_turn_costs_none(self) -> None:
        """Who came and left a hundred times has lost nothing by it."""
        turns = Turns[str]()
        turns.enter("stays", 1)
        taken(turns, 3)
        for _ in range(100):
            turns.enter("comes", 1)
            turns.leave("comes")
        turns.enter("comes", 1)

        assert taken(turns, 4)["comes"] == 2

    def test_another_weight(self) -> None:
        """Who is in it already changes its share, not its place."""
        turns = Turns[str]()
        turns.enter("a", 1)
        turns.enter("b", 1)
        taken(turns, 10)
        turns.enter("b", 3)

        assert taken(turns, 40)["b"] in (29, 30, 31)

    def test_only_those_that_fit(self) -> None:
        """Who does not fit keeps the place."""
        turns = Turns[str]()
        for member in "abc":
            turns.enter(member, 1)

        assert turns.next(lambda member: member != "a") == "b"
        assert turns.next(lambda member: False) is None
        assert turns.next() == "a"

    def test_nobody(self) -> None:
        """Where all have left, nothing is kept of them."""
        turns = Turns[str]()
        turns.enter("a", 1)
        taken(turns, 5)
        turns.leave("a")

        assert turns.next() is None
        assert not turns and not turns._ends.numbers
