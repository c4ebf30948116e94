"""Rings: against a plain dict of all points, whatever the clock does; and quantiles out of buckets."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.rings import BOUNDS, GROWTH, Ring, add, buckets, quantile

STEP, SIZE = 10, 6
MOMENTS = st.floats(min_value=0.0, max_value=4000.0)


def ring() -> Ring[dict[str, int]]:
    """Six points of ten seconds."""
    return Ring(STEP, SIZE, dict[str, int])


def told(one: Ring[dict[str, int]], unix: float) -> dict[int, int]:
    """What each point of the ring has counted that has one."""
    return {number: point["seen"] for number, point in one.kept(unix)}


class RingTests:
    """`Ring`."""

    @given(st.lists(MOMENTS, max_size=60))
    def test_against_all_points(self, moments: list[float]) -> None:
        """While time goes on, a ring tells what a dict of all points would, of those that it is long enough for."""
        one, every = ring(), dict[int, int]()
        for unix in sorted(moments):
            point = one.to_write(unix)
            assert point is not None
            add(point, {"seen": 1})
            number = int(unix // STEP)
            every[number] = every.get(number, 0) + 1

            newest = {n: seen for n, seen in every.items() if n > number - SIZE}
            assert told(one, unix) == newest

    @given(st.lists(st.tuples(MOMENTS, st.booleans()), max_size=60), MOMENTS)
    def test_whatever_the_clock_does(self, moments: list[tuple[float, bool]], end: float) -> None:
        """E-16: after leaps to and fro a point holds what came in its time since it was last forgotten, or less, and
        never what came in another's; what lies in the future of whoever forgot is not told."""
        one, every = ring(), dict[int, int]()
        for unix, forgets in moments:
            number = int(unix // STEP)
            if forgets:
                one.forget(unix)
                every = {n: seen for n, seen in every.items() if n <= number}
            point = one.to_write(unix)
            if point is not None:
                add(point, {"seen": 1})
            every[number] = every.get(number, 0) + 1

        assert all(seen <= every.get(number, 0) for number, seen in told(one, end).items())

    def test_late_ones_are_dropped(self) -> None:
        """What is older than the ring gives way to what is newer; within it, it still counts."""
        one = ring()
        for unix in (1000.0, 999.0, 1000.0 - STEP * SIZE):
            point = one.to_write(unix)
            if point is not None:
                add(point, {"seen": 1})

        assert told(one, 1000.0) == {99: 1, 100: 1}

    def test_last(self) -> None:
        """Gaps are gaps, and come in their place."""
        one = ring()
        for unix in (70.0, 90.0):
            point = one.to_write(unix)
            assert point is not None
            point["seen"] = 1

        assert [(number, point is None) for number, point in one.last(90.0, 3)] == [(7, False), (8, True), (9, False)]
        assert len(list(one.last(90.0))) == SIZE

    def test_forgotten(self) -> None:
        """Only what lies behind the moment is dropped, and its place is free again."""
        one = ring()
        for unix in (1000.0, 1010.0, 1020.0):
            assert one.to_write(unix) is not None
        one.forget(1015.0)

        assert [number for number, _ in one.kept(1020.0)] == [100, 101]
        assert one.to_write(1020.0 - STEP * SIZE) is not None


class QuantileTests:
    """`buckets` and `quantile`."""

    def test_of_nothing(self) -> None:
        """Nothing has no quantile."""
        assert quantile({}, 0.5) is None

    @given(st.lists(st.floats(min_value=0.0, max_value=2000.0), min_size=1), st.sampled_from((0.5, 0.95, 1.0)))
    def test_close(self, durations: list[float], share: float) -> None:
        """It lies in the bucket of the value that it stands for."""
        exact = sorted(durations)[max(0, math.ceil(share * len(durations)) - 1)]
        found = quantile(buckets(durations), share)
        assert found is not None
        if exact < BOUNDS[0]:
            assert 0.0 <= found <= BOUNDS[0]
        else:
            assert min(exact, BOUNDS[-1]) / GROWTH - 1e-3 <= found <= min(exact, BOUNDS[-1]) * GROWTH + 1e-3

    @pytest.mark.parametrize(("duration", "bucket"), [(0.0, 0), (0.00999, 0), (0.01, 1), (1e9, len(BOUNDS))])
    def test_edges(self, duration: float, bucket: int) -> None:
        """A bound belongs to what is above it; what is beyond all of them is counted, too."""
        assert buckets([duration]) == {bucket: 1}

    @given(st.dictionaries(st.integers(0, len(BOUNDS)), st.integers(1, 1000), min_size=1))
    def test_grows_with_the_share(self, counts: dict[int, int]) -> None:
        """A greater share takes no less time."""
        found = [quantile(counts, share) for share in (0.1, 0.5, 0.9, 0.95, 1.0)]
        assert found == sorted(found, key=lambda one: one or 0.0)
