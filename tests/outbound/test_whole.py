"""An answer taken whole."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from twisted.web.http import PotentialDataLoss

from targon_gw.outbound.errors import BrokenBody
from targon_gw.outbound.whole import TooLong, Whole

from .stage import end, play


def outcome(body: Whole) -> list[Any]:
    """What `done` fires with, as it comes: bytes, or the kind of an exception."""
    seen: list[Any] = []
    body.done.addCallbacks(seen.append, lambda failure: seen.append(type(failure.value)))
    return seen


class WholeTests:
    """Limits and ends."""

    @given(st.lists(st.binary(max_size=20), max_size=8))
    def test_all_of_it(self, pieces: list[bytes]) -> None:
        """However it is cut, the answer is its bytes."""
        body = Whole(200)
        play(body, *pieces)
        assert outcome(body) == [b"".join(pieces)]

    @given(st.lists(st.binary(min_size=1, max_size=20), max_size=8), st.booleans())
    def test_cut_at_its_limit(self, pieces: list[bytes], clean: bool) -> None:
        """D-39: of a failed answer no more is kept than the limit, in one read or many, whatever its end."""
        body = Whole(30, cut=True)
        pipe = play(body, *pieces, clean=clean)
        sent = b"".join(pieces)
        assert outcome(body) == [sent[:30]]
        assert (pipe.stopped > 0) == (len(sent) > 30)

    def test_limit_is_allowed(self) -> None:
        """An answer of just the limit passes."""
        body = Whole(4)
        pipe = play(body, b"ab", b"cd")
        assert outcome(body) == [b"abcd"]
        assert not pipe.stopped

    def test_too_long(self) -> None:
        """Beyond the limit an answer fails, its connection is dropped, and what comes after is let go."""
        body = Whole(4)
        pipe = play(body, b"abcde", clean=None)
        assert outcome(body) == [TooLong]
        assert pipe.stopped == 1
        body.dataReceived(b"more")
        end(body, clean=False)
        assert pipe.stopped == 1

    def test_closed_in_order(self) -> None:
        """D-14: an orderly close is an end; whether the answer is whole is seen by its shape."""
        body = Whole(9)
        play(body, b"{}", clean=None)
        body.connectionLost(Failure(PotentialDataLoss()))
        assert outcome(body) == [b"{}"]

    @pytest.mark.parametrize("error", [BrokenBody("framing"), ConnectionResetError()])
    def test_broken(self, error: Exception) -> None:
        """D-12: an answer that did not come whole is a broken body, whatever it was that broke it."""
        body = Whole(9)
        play(body, b"{", clean=None)
        body.connectionLost(Failure(error))
        assert outcome(body) == [BrokenBody]

    def test_cancelled(self) -> None:
        """Who cancels it drops the connection; what comes afterwards is let go, and nothing fires twice."""
        body = Whole(9)
        pipe = play(body, b"{", clean=None)
        seen = outcome(body)
        body.done.cancel()
        body.dataReceived(b"more than nine bytes")
        end(body, clean=False)
        body.done.cancel()
        assert seen == [CancelledError]
        assert pipe.stopped == 1

    def test_cancelled_before_its_connection(self) -> None:
        """It can be cancelled before it has been given to a response."""
        body = Whole(9)
        seen = outcome(body)
        body.done.cancel()
        assert seen == [CancelledError]
