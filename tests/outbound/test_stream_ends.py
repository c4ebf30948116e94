"""A vendor's stream: a reader that leaves, and a vendor that is late."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from targon_gw.outbound.stream import TAIL, TAIL_BYTES, Stream, StreamEnd
from targon_gw.pulse import PERIOD

from .flow import Flow, Reader
from .stage import DONE, bug, chunk, end

A, B, C = chunk("a"), chunk("b"), chunk("c", "stop")


class LeavingTests:
    """A reader that has enough."""

    @pytest.mark.parametrize("leave", [Stream.drop, Stream.let_end])
    @pytest.mark.parametrize("kept", [True, False])
    def test_while_it_is_given_events(self, leave: Callable[[Stream], None], kept: bool) -> None:
        """Who leaves while it is given events hears of no end, whether they were kept for it or have just come."""
        flow = Flow()
        if kept:
            flow.say(A)
        reader = flow.read(then=lambda: leave(flow.stream))
        if not kept:
            flow.say(A)
        flow.say(B)
        end(flow.stream)
        assert reader.events == [A]
        assert reader.ends == []
        flow.rest()

    @pytest.mark.parametrize("leave", [Stream.drop, Stream.let_end])
    def test_at_the_last_event_without_its_blank_line(self, leave: Callable[[Stream], None]) -> None:
        """Who leaves at an event that only the end made whole hears of no end, and nothing ticks on."""
        flow = Flow()
        reader = flow.read(then=lambda: leave(flow.stream))
        flow.say(DONE[:-1])
        end(flow.stream)
        assert reader.events == [DONE]
        assert reader.ends == []
        flow.rest()

    def test_dropped(self) -> None:
        """A dropped stream says no more and forgets its deadlines; dropping it twice does no harm."""
        flow = Flow()
        reader = flow.read()
        flow.stream.drop()
        flow.stream.drop()
        flow.say(A)
        flow.advance(10)
        end(flow.stream, clean=False)
        assert (reader.events, reader.ends) == ([], [])
        assert flow.pipe.stopped
        flow.rest()

    def test_left_to_end(self) -> None:
        """D-22, D-24: what comes behind the end is let go, and a connection that ends in time is not dropped."""
        flow = Flow()
        reader = flow.read()
        flow.stream.pause()
        flow.stream.let_end()
        assert not flow.pipe.paused
        flow.say(DONE, b"x" * (TAIL_BYTES - len(DONE)))
        flow.advance(TAIL - PERIOD)
        end(flow.stream)
        assert (reader.events, reader.ends) == ([], [])
        assert not flow.pipe.stopped
        flow.rest()

    def test_tail_too_long(self) -> None:
        """A stream that goes on for a second after its end is dropped."""
        flow = Flow()
        flow.read()
        flow.stream.let_end()
        flow.advance(TAIL)
        assert flow.pipe.stopped
        flow.rest()

    def test_tail_too_large(self) -> None:
        """So is one that goes on for more than 64 KiB."""
        flow = Flow()
        flow.read()
        flow.stream.let_end()
        flow.say(b"x" * TAIL_BYTES)
        assert not flow.pipe.stopped
        flow.say(b"x")
        assert flow.pipe.stopped
        flow.rest()

    def test_left_after_its_end(self) -> None:
        """A stream that has ended needs no leave to: nothing ticks, nothing is dropped."""
        flow = Flow()
        flow.read()
        end(flow.stream)
        flow.stream.let_end()
        flow.rest()
        assert not flow.pipe.stopped


class DeadlineTests:
    """Silence and lateness."""

    def test_stall(self) -> None:
        """D-09: a stream that brings no event for `idle` seconds is broken off; comments and half events are none."""
        flow = Flow(idle=5.0)
        reader = flow.read()
        flow.advance(4)
        flow.say(A)
        flow.advance(4)
        flow.say(b": still here\n\n", B[:5])
        flow.advance(0.5)
        assert reader.ends == []
        flow.advance(0.5)
        assert reader.ends == [StreamEnd.STALLED]
        assert flow.pipe.stopped
        flow.rest()

    def test_kept_waiting(self) -> None:
        """The time before a reader was attached is not the vendor's silence."""
        flow = Flow(idle=5.0)
        flow.say(A)
        flow.clock.advance(50)
        reader = flow.read()
        flow.advance(4.75)
        assert reader.ends == []
        flow.stream.drop()
        flow.rest()

    def test_slow_client(self) -> None:
        """While the reader pauses, the vendor's silence does not count; it counts anew from when it goes on."""
        flow = Flow(idle=5.0)
        reader = flow.read()
        flow.advance(4)
        flow.stream.pause()
        flow.advance(50)
        flow.stream.resume()
        flow.advance(4.75)
        assert reader.ends == []
        flow.advance(0.25)
        assert reader.ends == [StreamEnd.STALLED]
        flow.rest()

    @pytest.mark.parametrize("paused", [True, False])
    def test_total(self, paused: bool) -> None:
        """D-44: a stream that drips for ever ends at its deadline, also under a client that reads nothing."""
        flow = Flow(idle=5.0, until=20.0)
        reader = flow.read()
        if paused:
            flow.stream.pause()
        for _ in range(19):
            flow.advance(1)
            flow.say(A)
        assert reader.ends == []
        flow.advance(1)
        flow.say(A)
        assert reader.ends == [StreamEnd.LATE]
        assert len(reader.events) == 19
        assert flow.pipe.stopped
        flow.rest()

    def test_bug_in_the_reader(self) -> None:
        """A reader that fails as it is told of a stall does not keep the connection."""
        flow = Flow(idle=5.0)

        class Failing(Reader):
            def stream_ended(self, how: StreamEnd) -> None:
                raise bug()

        flow.stream.attach(Failing())
        flow.advance(5)
        assert flow.pipe.stopped
        flow.rest()
