"""The body, on its way to whoever reads it."""

from __future__ import annotations

import gc
import gzip
import weakref

import pytest
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss

from targon_gw.outbound.errors import BrokenBody

from .wire import CHUNKED, OK, Bench, Reader, result, taken

OPEN = b"HTTP/1.1 200 OK\r\n\r\n"


class CorkTests:
    """One read, one delivery."""

    def test_chunks_of_a_read_come_as_one(self) -> None:
        """Three chunks in one read are one dataReceived, the end in the same turn."""
        bench = Bench()
        asked = bench.ask()
        bench.vendor.lines[0].say(CHUNKED)
        reader = taken(asked)
        bench.vendor.lines[0].say(b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n")
        assert reader.parts == [b"abc"]
        bench.vendor.lines[0].say(b"1\r\nd\r\n1\r\ne\r\n0\r\n\r\n")
        assert reader.parts == [b"abc", b"de"]
        assert reader.end is ResponseDone

    def test_all_with_the_head(self) -> None:
        """A whole answer in one read is delivered whole, once the body is asked for."""
        reader = Bench().exchange(OK)
        assert reader.parts == [b"hi"]
        assert reader.end is ResponseDone

    def test_framing_alone_delivers_nothing(self) -> None:
        """A read that brings only chunk sizes is no dataReceived."""
        bench = Bench()
        asked = bench.ask()
        bench.vendor.lines[0].say(CHUNKED)
        reader = taken(asked)
        bench.vendor.lines[0].say(b"5\r\n")
        assert reader.parts == []


class WholeTests:
    """The body without a protocol, where all of it came with its head."""

    def test_taken_whole(self) -> None:
        """What `deliverBody` would deliver, once."""
        bench = Bench()
        asked = bench.ask()
        bench.vendor.lines[0].say(CHUNKED + b"1\r\nh\r\n1\r\ni\r\n0\r\n\r\n" + OK)
        response = result(asked)
        assert response.take_whole(1000) == b"hi"
        assert response.take_whole(1000) is None
        with pytest.raises(RuntimeError):
            response.deliverBody(Reader())

    @pytest.mark.parametrize(
        ("answer", "most", "end"),
        [
            (OK, len(OK) - 1, ResponseDone),
            (OK[:-1], 1000, BrokenBody),
            (OPEN + b"hi", 1000, PotentialDataLoss),
            (CHUNKED + b"2\r\nhi\r\nz", 1000, BrokenBody),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 22\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"hi"),
                1000,
                ResponseDone,
            ),
        ],
    )
    def test_not_so(self, answer: bytes, most: int, end: type[Exception]) -> None:
        """Too long, unfinished, without framing, broken or compressed: it is not taken, and `deliverBody` has it."""
        bench = Bench()
        asked = bench.ask()
        bench.vendor.lines[0].say(answer)
        assert result(asked).take_whole(most) is None
        reader = taken(asked)
        bench.vendor.lines[0].hang_up()
        assert b"hi".startswith(reader.body) and reader.body
        assert reader.end is end


class PressureTests:
    """Reading no faster than is read."""

    def test_untaken_body_is_not_read(self) -> None:
        """Where nobody takes the body, reading stops behind the head, and goes on when it is taken."""
        bench = Bench()
        asked = bench.ask()
        line = bench.vendor.lines[0]
        line.say(CHUNKED + b"2\r\nhi\r\n")
        assert line.paused
        line.say(b"2\r\nho\r\n")
        reader = taken(asked)
        assert reader.parts == [b"hiho"]
        assert not line.paused

    def test_taken_at_once_is_not_paused(self) -> None:
        """A body taken in the callback of its head never stops the reading."""
        bench, reader = Bench(), Reader()
        bench.ask().addCallback(lambda response: response.deliverBody(reader))
        bench.vendor.lines[0].say(CHUNKED + b"2\r\nhi\r\n")
        assert reader.parts == [b"hi"]
        assert not bench.vendor.lines[0].paused

    def test_pause_reaches_the_socket(self) -> None:
        """pauseProducing and resumeProducing are the connection's."""
        bench = Bench()
        asked = bench.ask()
        line = bench.vendor.lines[0]
        line.say(CHUNKED)
        reader = taken(asked)
        reader.transport.pauseProducing()
        assert line.paused
        reader.transport.resumeProducing()
        assert not line.paused

    def test_pause_while_kept_bytes_come(self) -> None:
        """A reader that pauses on the first bytes stays paused."""
        bench, reader = Bench(), Reader()
        reader.dataReceived = lambda data: reader.transport.pauseProducing()  # type: ignore[method-assign]
        asked = bench.ask()
        bench.vendor.lines[0].say(CHUNKED + b"2\r\nhi\r\n")
        result(asked).deliverBody(reader)
        assert bench.vendor.lines[0].paused

    def test_free_connection_reads(self) -> None:
        """A connection that was paused as its answer ended reads again before it is kept, to hear of its end."""
        bench = Bench()
        asked = bench.ask()
        line = bench.vendor.lines[0]
        line.say(CHUNKED)
        reader = taken(asked)
        reader.transport.pauseProducing()
        line.say(b"0\r\n\r\n")
        assert not line.paused
        reader.transport.pauseProducing()
        assert not line.paused
        reader.transport.stopProducing()
        assert not line.aborted


class EndTests:
    """What the end is called."""

    @pytest.mark.parametrize(("rudely", "end"), [(False, PotentialDataLoss), (True, BrokenBody)])
    def test_close_delimited(self, rudely: bool, end: type[Exception]) -> None:
        """D-14: an orderly close may be the end of a body without framing; a reset is not."""
        bench = Bench()
        asked = bench.ask()
        bench.vendor.lines[0].say(OPEN + b"hi")
        reader = taken(asked)
        bench.vendor.lines[0].say(b"ho")
        bench.vendor.lines[0].hang_up(rudely)
        assert reader.parts == [b"hi", b"ho"]
        assert reader.end is end

    def test_dropped_is_not_whole(self) -> None:
        """A close-delimited body that its reader dropped does not look complete."""
        bench = Bench()
        asked = bench.ask()
        bench.vendor.lines[0].say(OPEN + b"hi")
        reader = taken(asked)
        reader.transport.stopProducing()
        bench.vendor.lines[0].hang_up()
        assert reader.end is BrokenBody

    def test_ended_before_it_was_taken(self) -> None:
        """Bytes and end are kept for whoever comes late."""
        bench = Bench()
        asked = bench.ask()
        bench.vendor.lines[0].say(CHUNKED + b"2\r\nhi\r\n")
        bench.vendor.lines[0].hang_up()
        reader = taken(asked)
        assert (reader.parts, reader.end) == ([b"hi"], BrokenBody)

    def test_taken_twice(self) -> None:
        """A body is delivered once."""
        bench = Bench()
        asked = bench.ask()
        bench.vendor.lines[0].say(OK)
        response = result(asked)
        response.deliverBody(Reader())
        with pytest.raises(RuntimeError):
            response.deliverBody(Reader())

    def test_faulty_reader_still_hears_the_end(self) -> None:
        """A reader that raises on the last bytes is told that there are no more."""
        bench, reader = Bench(), Reader()

        def fail(data: bytes) -> None:
            raise ZeroDivisionError

        reader.dataReceived = fail  # type: ignore[method-assign]
        asked = bench.ask()
        bench.vendor.lines[0].say(CHUNKED)
        result(asked).deliverBody(reader)
        with pytest.raises(ZeroDivisionError):
            bench.vendor.lines[0].say(b"2\r\nhi\r\n0\r\n\r\n")
        assert reader.end is ResponseDone


class MemoryTests:
    """What an answer leaves behind."""

    def test_no_ring_is_left(self) -> None:
        """A finished exchange goes without the garbage collector: the hot path makes no rings."""
        bench = Bench()
        bench.exchange(OK)
        gc.collect()
        gc.disable()
        try:
            asked = bench.ask()
            bench.vendor.lines[0].say(CHUNKED + b"2\r\nhi\r\n")
            reader = taken(asked)
            seen = weakref.ref(reader)
            bench.vendor.lines[0].say(b"0\r\n\r\n")
            del asked, reader
            assert seen() is None
        finally:
            gc.enable()
        bench.agent.close()


class HeaderTests:
    """Both ways to the fields."""

    def test_get_and_headers(self) -> None:
        """`get` gives the first value by lower-case name; `headers` has them all (D-42: who passes them on chooses)."""
        bench = Bench()
        asked = bench.ask()
        bench.vendor.lines[0].say(b"HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nset-cookie: b\r\nContent-Length: 0\r\n\r\n")
        response = result(asked)
        assert response.get(b"set-cookie") == b"a"
        assert response.get(b"server") is None
        assert response.headers.getRawHeaders(b"Set-Cookie") == [b"a", b"b"]
        assert response.headers is response.headers
