"""A vendor's stream: what its reader is given."""

from __future__ import annotations

import codecs
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from twisted.web.http import PotentialDataLoss

from targon_gw.core.sse import LIMIT
from targon_gw.outbound.stream import PLAIN, StreamEnd

from .flow import Flow, Reader
from .stage import DONE, chunk, end

A, B, C = chunk("a"), chunk("b"), chunk("c", "stop")


def cuts(data: bytes) -> st.SearchStrategy[list[bytes]]:
    """`data` in pieces, cut anywhere."""

    def pieces(at: set[int]) -> list[bytes]:
        marks = [0, *sorted(at), len(data)]
        return [data[a:b] for a, b in pairwise(marks)]

    return st.sets(st.integers(1, max(1, len(data) - 1)), max_size=6).map(pieces)


WRITTEN = [A, B, DONE, b": note\n\n", b"\n", b"\r\n", b"event: ping\n\n", b'data: {"x":1}\r\n\r\n', b'data: {"half']
STREAMS = st.lists(st.sampled_from(WRITTEN), max_size=6).map(b"".join)
BLANKS = st.sampled_from([b"", b"\xef\xbb\xbf", b"\n\n", b" "])
OPENINGS = st.builds(bytes.__add__, BLANKS, st.sampled_from([b"", b'{"error": 1}\n\n', b"<html>\n\n"]))


class BeginningTests:
    """Up to the first event."""

    def test_first_event(self) -> None:
        """The first event is announced and kept, and no more is read until somebody is attached."""
        flow = Flow()
        flow.say(A[:10])
        assert flow.began == []
        flow.say(A[10:] + B)
        assert flow.began == [None]
        assert flow.stream.events == [A, B]
        assert flow.pipe.paused
        reader = flow.read()
        assert reader.events == [A, B]
        assert not flow.pipe.paused
        flow.stream.drop()
        flow.rest()

    def test_attached_in_the_announcement(self) -> None:
        """Who is attached as soon as the first event is announced misses nothing, and reading is not stopped."""
        flow = Flow()
        reader = Reader()
        flow.first.addCallback(lambda _: flow.stream.attach(reader))
        flow.say(A, B)
        assert reader.events == [A, B]
        assert not flow.pipe.paused
        flow.stream.drop()
        flow.rest()

    @pytest.mark.parametrize(
        "before", [b": working\n\n", b"event: ping\n\n", b"retry: 100\n\n", b"\n\n", b"id: 1\r\n\r\n"]
    )
    def test_what_is_no_event(self, before: bytes) -> None:
        """D-27: neither comments nor blocks without data are a first event, and none of them is passed on before it."""
        flow = Flow()
        flow.say(before, before)
        assert flow.began == []
        flow.say(before + A)
        assert flow.stream.events == [A]
        assert flow.began == [None]

    @pytest.mark.parametrize("said", [b'{"error":{"code":429}}', b"<html></html>", b"[]", b"\xef\xbb\xbf{}"])
    @pytest.mark.parametrize("blank", [b"", b"\n", b"\r\n\r\n", b"  "])
    def test_no_stream(self, blank: bytes, said: bytes) -> None:
        """D-18, D-19: what is JSON or HTML is kept for what it says, blank lines before it and within it or not."""
        flow = Flow()
        flow.say(blank, said + b"\n\nmore")
        end(flow.stream)
        assert flow.began == [None]
        assert flow.stream.events == []
        assert flow.stream.other == said.removeprefix(codecs.BOM_UTF8) + b"\n\nmore"
        assert flow.stream.ended is StreamEnd.CLEAN

    def test_endless_page(self) -> None:
        """D-39: of a page in a stream's place at most 64 KiB are read, then the connection is dropped."""
        flow = Flow()
        flow.say(b"<html>", b"x" * PLAIN)
        assert len(flow.stream.other) == PLAIN
        assert flow.stream.ended is StreamEnd.TOO_LARGE
        assert flow.pipe.stopped
        assert flow.began == [None]

    @pytest.mark.parametrize(("clean", "how"), [(True, StreamEnd.CLEAN), (False, StreamEnd.BROKEN)])
    def test_nothing(self, clean: bool, how: StreamEnd) -> None:
        """D-18: a stream that ends before its first event is announced all the same, with how it ended."""
        flow = Flow()
        end(flow.stream, clean)
        assert flow.began == [None]
        assert (flow.stream.events, flow.stream.other, flow.stream.ended) == ([], b"", how)

    def test_cancelled(self) -> None:
        """Who no longer waits for the first event drops the connection; what comes after it is let go."""
        flow = Flow()
        flow.first.cancel()
        flow.say(A)
        end(flow.stream, clean=False)
        (failure,) = flow.began
        assert failure.check(CancelledError)
        assert flow.pipe.stopped
        assert flow.stream.events == []
        flow.rest()

    def test_cancelled_too_late(self) -> None:
        """Cancelling an announcement that has been made changes nothing."""
        flow = Flow()
        flow.say(A)
        flow.first.cancel()
        assert not flow.pipe.stopped
        assert flow.stream.ended is None


class ReadingTests:
    """Events, on their way to a reader."""

    @given(st.data(), OPENINGS, STREAMS, st.booleans())
    def test_any_cut(self, data: st.DataObject, opening: bytes, stream: bytes, clean: bool) -> None:
        """D-27: the reader is given the same events and the same end however the bytes were cut."""
        sent = opening + stream

        def told(pieces: list[bytes], early: bool) -> tuple[list[bytes], list[StreamEnd], bytes]:
            flow = Flow()
            reader = Reader()
            if early:
                flow.first.addCallback(lambda _: flow.stream.attach(reader))
            flow.say(*pieces)
            end(flow.stream, clean)
            if not early:
                flow.stream.attach(reader)
            flow.rest()
            return reader.events, reader.ends, flow.stream.other

        whole = told([sent], early=False)
        assert told(data.draw(cuts(sent)), early=data.draw(st.booleans())) == whole
        assert whole[1] == [StreamEnd.CLEAN if clean else StreamEnd.BROKEN]

    @pytest.mark.parametrize("last", [C[:-1], C[:-2], b": note\n" + C[:-2], C[:-2] + b"\r\n", DONE[:-2]])
    @pytest.mark.parametrize("attached", [True, False])
    def test_last_event_without_its_blank_line(self, last: bytes, attached: bool) -> None:
        """D-14, D-22: a clean end stands for the blank line that the last event lacks; comments stay behind."""
        flow = Flow()
        flow.say(A)
        reader = Reader()
        if attached:
            flow.stream.attach(reader)
        flow.say(last)
        flow.stream.connectionLost(Failure(PotentialDataLoss()))
        if not attached:
            flow.stream.attach(reader)
        assert len(reader.events) == 2
        assert reader.events[1].startswith(b"data: ") and reader.events[1].endswith(b"\n\n")
        assert reader.ends == [StreamEnd.CLEAN]
        flow.rest()

    @pytest.mark.parametrize(("last", "clean"), [(C[:30], True), (C[:-1], False), (b"data:", True), (b": no", True)])
    def test_half_an_event(self, last: bytes, clean: bool) -> None:
        """D-11, D-14: half an event is not passed on, nor a whole one whose connection broke."""
        flow = Flow()
        reader = flow.read()
        flow.say(A, last)
        end(flow.stream, clean)
        assert reader.events == [A]

    def test_event_too_large(self) -> None:
        """D-29: a line without end is an end of its own, told once, and the connection is dropped."""
        flow = Flow()
        reader = flow.read()
        flow.say(A, b"data: " + b"x" * LIMIT, A)
        end(flow.stream, clean=False)
        assert reader.events == [A]
        assert reader.ends == [StreamEnd.TOO_LARGE]
        assert flow.pipe.stopped
        flow.rest()

    def test_first_event_too_large(self) -> None:
        """D-29: such a line at the beginning ends the waiting."""
        flow = Flow()
        flow.say(b"data: " + b"x" * LIMIT)
        assert flow.began == [None]
        assert flow.stream.ended is StreamEnd.TOO_LARGE

    def test_attached_after_the_end(self) -> None:
        """Who is attached after the end is given all of it, and the end once."""
        flow = Flow()
        flow.say(A + B, C)
        end(flow.stream)
        reader = flow.read()
        end(flow.stream)
        assert reader.events == [A, B, C]
        assert reader.ends == [StreamEnd.CLEAN]
        flow.rest()

    def test_pressure(self) -> None:
        """A slow reader pauses the connection, also while it is given what was kept."""
        flow = Flow()
        flow.say(A)
        flow.read(then=flow.stream.pause)
        assert flow.pipe.paused
        flow.stream.resume()
        assert not flow.pipe.paused
        flow.stream.drop()
        flow.rest()
