"""Buckets, and both kinds of them and what is under way as one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.config import RateLimits
from targon_gw.core.errors import Refusal
from targon_gw.core.limits import Limits, Rate, Shown


class RateTests:
    """A bucket of a minute's worth."""

    def test_is_full_at_first(self) -> None:
        """A minute's worth may be taken at once, and not one more."""
        rate = Rate(3)
        for _ in range(3):
            assert rate.wait(1, 1000.0) == 0.0
            rate.take(1, 1000.0)

        assert rate.wait(1, 1000.0) == pytest.approx(20.0)
        assert rate.shelf(1000.0) == (3, 0, pytest.approx(60.0))

    @given(st.integers(1, 10**9), st.lists(st.tuples(st.integers(0, 10**9), st.floats(0, 100)), max_size=20))
    def test_its_wait_is_true(self, per_minute: int, steps: list[tuple[int, float]]) -> None:
        """After the wait that it names the amount may be taken; well before that it may not."""
        rate, now = Rate(per_minute), 50.0
        for amount, pause in steps:
            now += pause
            wait = rate.wait(amount, now)
            if wait > 0.1:
                assert rate.wait(amount, now + wait * 0.99) > 0.0
            now += wait
            assert rate.wait(amount, now) == 0.0
            rate.take(amount, now)

    @given(st.integers(1, 600), st.lists(st.floats(0, 5), min_size=2, max_size=200))
    def test_no_more_than_it_holds_and_gets(self, per_minute: int, pauses: list[float]) -> None:
        """What passed in any time is at most a minute's worth and what came in since."""
        rate, now, passed = Rate(per_minute), 0.0, 0
        for pause in pauses:
            now += pause
            while rate.wait(1, now) == 0.0:
                rate.take(1, now)
                passed += 1
            assert passed <= per_minute + now * per_minute / 60 + 0.001
            assert passed >= int(now * per_minute / 60 - 0.001)

    def test_more_than_a_minutes_worth(self) -> None:
        """It passes when the bucket is full, and takes what there is."""
        rate = Rate(60)

        assert rate.wait(1000, 5.0) == 0.0
        assert rate.take(1000, 5.0) == 60
        assert rate.wait(1000, 5.0) == pytest.approx(60.0)

    def test_gives_back_what_was_not_used(self) -> None:
        """Never beyond what it holds; what was used beyond what was taken makes it wait longer."""
        rate = Rate(60)
        rate.take(60, 5.0)
        rate.give_back(50, 5.0)
        assert rate.shelf(5.0)[1] == 50
        rate.give_back(50, 5.0)
        assert rate.shelf(5.0)[1] == 60
        rate.give_back(-90, 5.0)
        assert rate.shelf(5.0)[1] == 0
        assert rate.wait(1, 5.0) == pytest.approx(31.0)

    @pytest.mark.parametrize(("per_minute", "left"), [(600, 550), (60, 10), (40, 0)])
    def test_resized(self, per_minute: int, left: int) -> None:
        """What is used stays used; a limit set below that is waited for (faults catalogue, C-15)."""
        rate = Rate(60)
        rate.take(50, 5.0)

        assert rate.resized(per_minute, 5.0).shelf(5.0)[1] == left
        assert rate.resized(per_minute, 5.0).shelf(5.0 + 60 * 60)[1] == per_minute

    def test_outlives_a_restart(self) -> None:
        """It goes on where it was, filled by the time between; a clock set back does not empty it."""
        rate = Rate(60)
        rate.take(60, 1000.0)
        state = json.loads(json.dumps(rate.to_state(wall=5000.0)))
        later, earlier = Rate(60), Rate(60)
        later.restore(state, now=20.0, wall=6000.0)
        earlier.restore(state, now=20.0, wall=5.0)

        assert later.shelf(20.0)[1] == 20
        assert (earlier.shelf(20.0)[1], earlier.shelf(50.0)[1]) == (0, 30)


class AtOnceTests:
    """So many at once."""

    def test_no_more_than_there_are(self) -> None:
        """One may begin when one is over."""
        limits = Limits.of(RateLimits(concurrent=2))
        taken = [limits.take(5, 1.0), limits.take(5, 1.0)]
        assert "2 at once, and 2" in refused(limits, 5, 1.0).message
        limits.settle(taken[0], 5, 1.0)

        assert limits.take(5, 1.0) == 0

    def test_without_a_limit(self) -> None:
        """All are let in, and counted."""
        limits = Limits.of(RateLimits())
        for _ in range(100):
            limits.take(5, 1.0)
        assert limits.under_way == 100

    def test_over_once(self) -> None:
        """More than were let in raises."""
        with pytest.raises(RuntimeError):
            Limits.of(RateLimits()).settle(0, 5, 1.0)


class WrittenOutTests:
    """`Limits.take` has `wait` and `take` of both rates written out."""

    @given(
        st.integers(1, 1000),
        st.integers(1, 100_000),
        st.lists(st.tuples(st.integers(0, 100_000), st.floats(0, 30)), max_size=30),
    )
    def test_they_agree(self, requests: int, tokens: int, steps: list[tuple[int, float]]) -> None:
        """What the rates by themselves let pass it lets pass, and nothing else; both stand alike afterwards."""
        limits = Limits.of(RateLimits(requests_per_minute=requests, tokens_per_minute=tokens))
        one, other, now = Rate(requests), Rate(tokens), 100.0
        for amount, pause in steps:
            now += pause
            if one.wait(1, now) or other.wait(amount, now):
                refused(limits, amount, now)
            else:
                one.take(1, now)
                assert limits.take(amount, now) == other.take(amount, now)
            assert limits.shown(now) == Shown(one.shelf(now), other.shelf(now))


def refused(limits: Limits, tokens: int, now: float) -> Refusal:
    """Why a call is turned away."""
    before = (limits.shown(now), limits.under_way)
    with pytest.raises(Refusal) as caught:
        limits.take(tokens, now)
    assert caught.value.code == "rate_limit_exceeded"
    assert (limits.shown(now), limits.under_way) == before
    return caught.value


class LimitsTests:
    """All of a client's (faults catalogue, C-08, C-09)."""

    def test_none(self) -> None:
        """Without limits all pass, and no header tells anything."""
        limits = Limits.of(RateLimits())
        for _ in range(100):
            limits.take(10**9, 1.0)

        assert limits.shown(1.0) == Shown()

    def test_requests(self) -> None:
        """The refusal says which limit, how much, and when; then it passes."""
        limits = Limits.of(RateLimits(requests_per_minute=2))
        limits.take(5, 1.0)
        limits.take(5, 1.0)
        refusal = refused(limits, 5, 1.0)

        assert refusal.wait == pytest.approx(30.0)
        assert "2 requests a minute" in refusal.message
        assert "30 s" in refusal.message
        limits.take(5, 31.0)  # passes

    def test_tokens(self) -> None:
        """The refusal says what is left and what was claimed."""
        limits = Limits.of(RateLimits(tokens_per_minute=6000))
        limits.take(5000, 1.0)
        refusal = refused(limits, 2000, 1.0)

        assert refusal.wait == pytest.approx(10.0)
        for told in ("6,000 tokens a minute", "1,000 of them", "2,000", "10 s"):
            assert told in refusal.message
        limits.take(1000, 1.0)  # passes

    def test_at_once(self) -> None:
        """A second is what the next try may wait."""
        limits = Limits.of(RateLimits(concurrent=1))
        taken = limits.take(5, 1.0)
        refusal = refused(limits, 5, 1.0)

        assert refusal.wait == 1.0
        assert "1 at once" in refusal.message
        limits.settle(taken, 5, 2.0)
        limits.take(5, 2.0)  # passes

    def test_the_longest_wait_is_told(self) -> None:
        """Of several limits in the way, the one that is in the way for longest."""
        limits = Limits.of(RateLimits(60, 60, 1))
        limits.take(30, 1.0)

        assert refused(limits, 60, 1.0).wait == pytest.approx(30.0)
        assert "tokens" in refused(limits, 60, 1.0).message
        assert "at once" in refused(limits, 30, 1.0).message

    @pytest.mark.parametrize(("used", "left"), [(0, 1000), (300, 700), (800, 200), (1500, 0)])
    def test_tokens_settle(self, used: int, left: int) -> None:
        """The rate gets back what was not used and gives what was used beyond; a request stays one."""
        limits = Limits.of(RateLimits(10, 1000))
        limits.settle(limits.take(500, 1.0), used, 1.0)
        shown = limits.shown(1.0)

        assert shown.requests == (10, 9, pytest.approx(6.0))
        assert shown.tokens is not None
        assert shown.tokens[:2] == (1000, left)

    def test_a_claim_beyond_a_minutes_worth_is_settled_by_what_was_taken(self) -> None:
        """What could not be taken is not given back."""
        limits = Limits.of(RateLimits(tokens_per_minute=1000))
        taken = limits.take(50_000, 1.0)
        limits.settle(taken, 400, 1.0)

        assert taken == 1000
        assert limits.shown(1.0).tokens == (1000, 600, pytest.approx(24.0))

    def test_resize(self) -> None:
        """Use stays, calls under way stay, and limits come and go."""
        limits = Limits.of(RateLimits(10, None, 4))
        taken = [limits.take(5, 1.0), limits.take(5, 1.0)]
        limits.resize(RateLimits(20, 1000, 1), 1.0)

        assert limits.shown(1.0).requests == (20, 18, pytest.approx(6.0))
        assert "1 at once, and 2" in refused(limits, 5, 1.0).message
        for one in taken:
            limits.settle(one, 100, 1.0)
        assert limits.shown(1.0).tokens == (1000, 800, pytest.approx(12.0))
        limits.resize(RateLimits(), 1.0)
        assert limits.shown(1.0) == Shown()
        assert limits.under_way == 0

    def test_state(self) -> None:
        """Rates outlive a restart, under the limits of the settings then; what was under way does not."""
        limits = Limits.of(RateLimits(10, 1000, 1))
        limits.take(600, 100.0)
        state = json.loads(json.dumps(limits.to_state(1000.0)))
        again = Limits.of(RateLimits(None, 2000, 1))
        again.restore(state, 5.0, 1095.0)

        assert again.shown(5.0) == Shown(None, (2000, 1400, pytest.approx(18.0)))
        assert again.under_way == 0
