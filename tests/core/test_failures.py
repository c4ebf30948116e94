"""Wrong keys by address (faults catalogue, C-06)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core import failures
from targon_gw.core.errors import Refusal
from targon_gw.core.failures import A_MINUTE, KEPT, Failures

WRONG = Refusal("invalid_api_key", "wrong")


class FailuresTests:
    def test_twenty_a_minute(self) -> None:
        """The twenty-first in a row is told to slow down, and when to come again; then one may be wrong again."""
        seen = Failures()
        assert all(seen.judged(WRONG, "192.0.2.1", 5.0) is WRONG for _ in range(A_MINUTE))
        slower = seen.judged(WRONG, "192.0.2.1", 5.0)
        assert (slower.code, slower.wait) == ("rate_limit_exceeded", 3.0)
        assert seen.judged(WRONG, "192.0.2.1", 7.5).wait == 0.5

        assert seen.judged(WRONG, "192.0.2.1", 8.0) is WRONG
        assert seen.judged(WRONG, "192.0.2.1", 8.0) is not WRONG
        assert seen.judged(WRONG, "192.0.2.2", 8.0) is WRONG

    @given(st.lists(st.floats(0.0, 2.0), max_size=300))
    def test_in_the_long_run(self, gaps: list[float]) -> None:
        """However they come: never more than twenty, and twenty a minute, are told that they are wrong; what a bucket
        counts is bounded too, so that who has stopped for a minute begins anew."""
        seen, now, wrong = Failures(), 0.0, 0
        for gap in gaps:
            now += gap
            wrong += seen.judged(WRONG, "192.0.2.1", now) is WRONG

        assert wrong <= A_MINUTE * (1 + now / 60.0) + 1e-6
        assert all(seen.judged(WRONG, "192.0.2.1", now + 60.0) is WRONG for _ in range(A_MINUTE))

    def test_one_text(self) -> None:
        """What is told does not depend on the key: it is not even asked for; nor on how often it was told before."""
        seen = Failures()
        told = [seen.judged(WRONG, "192.0.2.1", 5.0).message for _ in range(A_MINUTE + 50)]

        assert len(set(told[A_MINUTE:])) == 1

    def test_bounded(self) -> None:
        """Ten thousand addresses are remembered; who failed least recently is forgotten first."""
        seen = Failures()
        for number in range(KEPT + 5):
            seen.judged(WRONG, str(number), 0.0)
        assert len(seen._full_at) == KEPT
        assert "4" not in seen._full_at and "5" in seen._full_at
        for _ in range(A_MINUTE):
            seen.judged(WRONG, "5", 0.0)
        for number in range(KEPT - 1):
            seen.judged(WRONG, f"other {number}", 0.0)

        assert seen.judged(WRONG, "5", 0.0) is not WRONG

    def test_sense(self) -> None:
        """The figures go together."""
        assert failures.EACH * A_MINUTE == 60.0
