"""The first by a number that changes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from targon_gw.core.config import Secret
from targon_gw.core.keys import Account, UpstreamKey
from targon_gw.core.ordered import Ordered

KEYS = [UpstreamKey(str(n), Secret(str(n)), Account(str(n))) for n in range(5)]
PUTS = st.lists(st.tuples(st.sampled_from(KEYS), st.none() | st.integers(0, 9).map(float)), max_size=40)


class OrderedTests:
    @given(PUTS, st.sets(st.sampled_from(KEYS)), st.integers(0, 10).map(float))
    @settings(max_examples=100, deadline=None)
    def test_the_first_that_fits(
        self, puts: list[tuple[UpstreamKey, float | None]], fit: set[UpstreamKey], below: float
    ) -> None:
        """Whatever was put before: it is what a look at all of them would find."""
        ordered = Ordered[UpstreamKey]()
        known: dict[UpstreamKey, float] = {}
        for key, number in puts:
            ordered.put(key, number)
            known.pop(key, None)
            if number is not None:
                known[key] = number

        assert ordered.numbers == known and ordered.least == min(known.values(), default=None)
        found = ordered.first(fit.__contains__, below)
        fitting = [number for key, number in known.items() if key in fit and number < below]
        assert (None if found is None else known[found]) == min(fitting, default=None)
        assert found is None or found in fit

    @given(PUTS, st.integers(0, 9).map(float))
    @settings(max_examples=50, deadline=None)
    def test_until(self, puts: list[tuple[UpstreamKey, float | None]], most: float) -> None:
        """All that are due come out, each once, in order; the rest stays."""
        ordered = Ordered[UpstreamKey]()
        for key, number in puts:
            ordered.put(key, number)
        known = dict(ordered.numbers)
        out = []
        while (key := ordered.until(most)) is not None:
            out.append(known[key])

        assert out == sorted(number for number in known.values() if number <= most)
        assert ordered.numbers == {key: number for key, number in known.items() if number > most}

    def test_does_not_grow(self) -> None:
        """What is no longer so is thrown out, however often a number changes, and little is looked at for the first."""
        ordered = Ordered[UpstreamKey]()
        for number in range(10_000):
            ordered.put(KEYS[number % 5], 20_000.0 - number)
        looked: list[UpstreamKey] = []

        assert ordered.first(lambda key: looked.append(key) is None) is KEYS[4]
        assert len(ordered._heap) < 100 and len(looked) == 1
