"""One sending: one deadline over all that it waits for, and who leaves before it."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError

from targon_gw.core.attempts import Abandoned, VendorFault

from .sent import FIRST_TOKEN, send
from .stage import Reply, chunk, event

ERROR = {"error": {"message": "slow down", "code": 429}}


class PatienceTests:
    """One deadline over all that an attempt waits for."""

    @pytest.mark.parametrize("stream", [True, False])
    def test_no_head(self, stream: bool) -> None:
        """D-07: a vendor that says nothing is given up when its time is over, and called silent."""
        sent = send(stream=stream)
        sent.stage.advance(FIRST_TOKEN - 0.25)
        assert not sent.results
        sent.stage.advance(0.25)
        assert sent.outcome == VendorFault("no first token in time", silent=True)
        assert sent.request.cancelled
        sent.over()

    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize("head", [True, False])
    def test_the_calls_own_time(self, stream: bool, head: bool) -> None:
        """C-11: where the call's deadline is what is over, the vendor is not blamed."""
        sent = send(stream=stream)
        sent.attempt.hurried = True
        if head:
            sent.request.reply()
        sent.stage.advance(FIRST_TOKEN)
        assert isinstance(sent.outcome, Abandoned)
        sent.over()

    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize("drip", [b"", b"event: ping\n\n", b": working\n\n", b'{"a":'])
    def test_no_first_event(self, stream: bool, drip: bytes) -> None:
        """D-08, D-44: the same time is over for a head that is followed by nothing, or by nothing of use."""
        sent = send(stream=stream)
        sent.stage.advance(FIRST_TOKEN - 2)
        reply = sent.request.reply()
        for _ in range(7):
            reply.say(drip)
            sent.stage.advance(0.25)
        assert not sent.results
        sent.stage.advance(0.25)
        assert isinstance(sent.outcome, VendorFault) and sent.outcome.silent
        assert reply.pipe.stopped
        sent.over()

    def test_served_in_time(self) -> None:
        """Once the first event has come, the time for it is no deadline any more."""
        sent = send(stream=True)
        sent.request.reply(200, chunk())
        sent.stage.advance(2 * FIRST_TOKEN)
        assert sent.brought.ended is None
        sent.over()

    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize("code", [200, 500])
    def test_cancelled(self, stream: bool, code: int) -> None:
        """The client's leaving, while the head or the body is awaited, is no fault of the vendor's: it is raised."""
        before, after = send(stream=stream), send(stream=stream)
        reply: Reply = after.request.reply(code, b"{")
        for sent in (before, after):
            sent.running.cancel()
            assert sent.results[0].check(CancelledError)
            sent.stage.quiet()
        assert before.request.cancelled
        assert reply.pipe.stopped

    def test_bug_drops_the_stream(self) -> None:
        """A bug of ours as a stream begins is raised, and does not keep the connection."""
        sent = send(stream=True)
        reply = sent.request.reply(200)
        reply.headers = None  # type: ignore[assignment]
        reply.say(event(ERROR))
        assert sent.results[0].check(AttributeError)
        assert reply.pipe.stopped
        sent.stage.quiet()
