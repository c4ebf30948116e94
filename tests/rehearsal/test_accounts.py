"""Customers: their minute, their credits, their patience."""

from __future__ import annotations

from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from targon_gw.rehearsal.accounts import Account, Standing


class StandingTests(TestCase):
    """What an account may do."""

    @given(st.lists(st.floats(0, 40), max_size=60), st.integers(1, 5))
    def test_never_more_than_its_minute_allows(self, gaps: list[float], limit: int) -> None:
        """However the requests fall, no sixty seconds hold more than the limit."""
        standing, now, allowed = Standing(Account("a", (), requests_per_minute=limit)), 0.0, []
        for gap in gaps:
            now += gap
            if standing.ask(now):
                allowed.append(now)
        for place, begin in enumerate(allowed):
            assert sum(1 for each in allowed[place:] if each < begin + 60.0) <= limit

    def test_a_refused_request_is_not_counted(self) -> None:
        """Who is refused may ask again when the oldest request is a minute old."""
        standing = Standing(Account("a", (), requests_per_minute=1))
        assert [standing.ask(now) for now in (0.0, 30.0, 59.9, 60.0)] == [True, False, False, True]

    def test_window(self) -> None:
        """What is left of the minute; no limit, no window."""
        standing = Standing(Account("a", (), requests_per_minute=3))
        standing.ask(10.0)
        window = standing.window(30.0)
        assert window is not None
        assert (window.limit, window.remaining, window.reset) == (3, 2, 40.0)
        assert Standing(Account("b", ())).window(0.0) is None

    def test_credits(self) -> None:
        """What is spent is gone; without credits there is no bound."""
        standing = Standing(Account("a", (), credits=10), spent=4)
        assert standing.affords(6)
        assert not standing.affords(7)
        assert Standing(Account("b", ()), spent=10**9).affords(10**9)

    def test_cancellations(self) -> None:
        """They are counted for six hours."""
        standing = Standing(Account("a", (), cancellations=1))
        assert not standing.cancels_too_much(0.0)
        standing.cancel(0.0)
        assert standing.cancels_too_much(21599.0)
        assert not standing.cancels_too_much(21600.0)
