"""Answers out of bytes: what is taken, what is refused, at any split."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.web.client import ResponseDone
from twisted.web.iweb import UNKNOWN_LENGTH

from targon_gw.outbound.errors import BrokenBody, BrokenResponse
from targon_gw.outbound.reading import Bounds, Reading

from .wire import CHUNKED, OK, Bench, failure, result, taken

WHOLE = (
    b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    b"HTTP/1.1 200 Very Well\r\nContent-Type: text/event-stream\r\n"
    b"X-A: 1\r\nx-a: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"9\r\ndata: 1\n\n\r\n9;ext=1\r\ndata: 2\n\n\r\n0\r\nX-Trailer: t\r\n\r\n"
)


def read(*pieces: bytes, bodiless: bool = False) -> tuple[Reading, bytes]:
    """A reading of `pieces`, and the body that came."""
    reading, body = Reading(bodiless, Bounds()), b""
    for piece in pieces:
        reading.feed(piece)
        body += reading.take()
    return reading, body


class SplitTests:
    """Where the bytes are cut makes no difference."""

    @given(cuts=st.lists(st.integers(0, len(WHOLE)), max_size=12))
    def test_any_split_gives_the_same(self, cuts: list[int]) -> None:
        """D-27: head, body and end are the same at any split, also one byte at a time."""
        edges = [0, *sorted(cuts), len(WHOLE)]
        reading, body = read(*[WHOLE[a:b] for a, b in pairwise(edges)])
        assert body == b"data: 1\n\ndata: 2\n\n"
        assert reading.complete and reading.keep
        assert (reading.status, reading.phrase) == (200, b"Very Well")
        assert reading.lines()[-1] == (b"x-a", b"2")
        assert len(reading.lines()) == 4

    @given(cuts=st.lists(st.integers(0, len(WHOLE)), max_size=12))
    def test_any_split_reaches_the_reader(self, cuts: list[int]) -> None:
        """The same, through agent, connection and response; the connection is then free."""
        bench, edges = Bench(), [0, *sorted(cuts), len(WHOLE)]
        asked = bench.ask()
        for a, b in pairwise(edges):
            if a != b:
                bench.vendor.lines[0].say(WHOLE[a:b])
        reader = taken(asked)
        assert reader.body == b"data: 1\n\ndata: 2\n\n"
        assert reader.end is ResponseDone
        bench.ask()
        assert len(bench.vendor.lines) == 1

    def test_byte_by_byte(self) -> None:
        """D-27: one byte a read."""
        reading, body = read(*[WHOLE[i : i + 1] for i in range(len(WHOLE))])
        assert reading.complete and reading.keep
        assert body == b"data: 1\n\ndata: 2\n\n"

    @given(junk=st.binary(max_size=200))
    def test_junk_never_raises(self, junk: bytes) -> None:
        """Whatever comes, it is an answer, unfinished or a fault."""
        reading, _ = read(junk)
        assert reading.fault is None or not reading.complete


class RefusalTests:
    """Answers of no use."""

    @pytest.mark.parametrize(
        ("answer", "fault"),
        [
            (b"<html>", "syntax"),
            (b"SSH-2.0-OpenSSH\r\n", "syntax"),
            (b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", "version"),
            (b"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n", "version"),
            (b"HTTP/1.1 700 X\r\nContent-Length: 0\r\n\r\n", "syntax"),
            (b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", "upgrade"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi", "syntax"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi", "syntax"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "syntax"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "framing"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "framing"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "framing"),
            (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "syntax"),
            (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "syntax"),
            (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 0\r\n\r\n", "encoding"),
        ],
    )
    def test_refused_before_it_is_an_answer(self, answer: bytes, fault: str) -> None:
        """D-16, D-30: the request fails, the connection is dropped, and no timer is left."""
        bench = Bench()
        asked = bench.ask()
        bench.vendor.lines[0].say(answer)
        error = failure(asked)
        assert isinstance(error, BrokenResponse)
        assert (error.fault, error.received) == (fault, len(answer))
        assert bench.vendor.lines[0].aborted
        assert bench.clock.getDelayedCalls() == []

    @pytest.mark.parametrize(
        "bad", [b"zz\r\n", b"0x5\r\n", b"2\r\nhiX", b"2\nhi\r\n", b"fffffffffffffffff\r\n", b"-1\r\n"]
    )
    def test_bad_chunk(self, bad: bytes) -> None:
        """D-16: what came before a bad chunk is delivered, then the body is broken; the connection is dropped."""
        bench = Bench()
        asked = bench.ask()
        bench.vendor.lines[0].say(CHUNKED + b"2\r\nok\r\n" + bad)
        reader = taken(asked)
        assert reader.body.startswith(b"ok")
        assert reader.end is BrokenBody
        assert bench.vendor.lines[0].aborted

    @pytest.mark.parametrize(
        "end",
        [b"5\r\nhi", b"2\r\nhi\r\n", b"2\r\nhi\r\n0\r\n", b"2\r\nhi\r\n0\r\nX: y\r\n"],
        ids=["mid", "no0", "0", "trailer"],
    )
    @pytest.mark.parametrize("rudely", [True, False])
    def test_cut_off(self, end: bytes, rudely: bool) -> None:
        """D-11: a chunked body that is cut anywhere is broken, however the connection ended."""
        bench = Bench()
        asked = bench.ask()
        bench.vendor.lines[0].say(CHUNKED + end)
        reader = taken(asked)
        bench.vendor.lines[0].hang_up(rudely)
        assert reader.body == b"hi"
        assert reader.end is BrokenBody

    def test_shorter_than_it_said(self) -> None:
        """D-12: fewer bytes than Content-Length is broken."""
        bench = Bench()
        asked = bench.ask()
        bench.vendor.lines[0].say(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi")
        reader = taken(asked)
        bench.vendor.lines[0].hang_up()
        assert reader.end is BrokenBody


class LimitTests:
    """D-17: heads without end."""

    def test_one_endless_line(self) -> None:
        """A header line is refused once the head has passed 64 KiB."""
        reading, _ = read(b"HTTP/1.1 200 OK\r\nX: ", *[b"y" * 1024] * 63)
        assert reading.fault is None
        reading.feed(b"y" * 2048)
        assert reading.fault == "head_too_large"

    def test_large_in_one_read(self) -> None:
        """A head beyond 64 KiB is refused also where it comes whole."""
        reading, _ = read(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + b"y" * 65536 + b"\r\n\r\n")
        assert reading.fault == "head_too_large"

    def test_large_body_in_one_read(self) -> None:
        """A small head is fine, however much body comes with it."""
        reading, body = read(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"y" * 100000)
        assert reading.complete and reading.keep
        assert len(body) == 100000

    @pytest.mark.parametrize(("lines", "fault"), [(255, None), (256, "head_too_large")])
    def test_many_lines(self, lines: int, fault: str | None) -> None:
        """256 lines are taken, 257 are not; repeated names count each time."""
        reading, _ = read(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + b"X: y\r\n" * lines + b"\r\n")
        assert reading.fault == fault

    @pytest.mark.parametrize("pieces", [1, 1000])
    @pytest.mark.parametrize("frame", [b"Content-Length: 3", b"Transfer-Encoding: chunked"])
    def test_interim_answer_with_a_body(self, frame: bytes, pieces: int) -> None:
        """D-10: what follows an interim head is the answer; one that says otherwise is refused, at any split."""
        said = b"HTTP/1.1 103 Early Hints\r\n" + frame + b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + OK
        size = -(-len(said) // pieces)
        reading, _ = read(*[said[at : at + size] for at in range(0, len(said), size)])
        assert reading.fault == "framing"

    def test_interim_answer_that_says_it_has_no_body(self) -> None:
        """It says what is so."""
        reading, _ = read(b"HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n" + OK)
        assert reading.fault is None and reading.complete

    @pytest.mark.parametrize(("interims", "fault"), [(16, None), (17, "too_many_interim")])
    def test_interim_answers(self, interims: int, fault: str | None) -> None:
        """1xx are passed over, 16 of them."""
        reading, _ = read(b"HTTP/1.1 100 Continue\r\n\r\n" * interims + OK)
        assert reading.fault == fault

    def test_endless_trailers(self) -> None:
        """Trailers end where a head would have to; so does a chunk extension."""
        for tail in (b"0\r\nX: ", b"2;"):
            reading, _ = read(CHUNKED + tail, *[b"y" * 32768] * 3)
            assert reading.fault == "syntax"


class FirstLookTests:
    """What nearly every head is spared."""

    @given(
        version=st.sampled_from([b"1.1", b"1.0"]),
        status=st.sampled_from([200, 204, 400, 700]),
        names=st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), max_size=6),
        value=st.sampled_from([b"v", b"v" * 40]),
    )
    def test_agrees_with_the_rule(self, version: bytes, status: int, names: list[bytes], value: bytes) -> None:
        """A head that passes the first look would pass `_check`; one that does not has been checked."""
        reading = Reading(False, Bounds(head=120, lines=4))
        lines = b"".join(b"%b: %b\r\n" % (name, value) for name in names)
        reading.feed(b"HTTP/%b %d X\r\nContent-Length: 0\r\n%b\r\n" % (version, status, lines))
        assert reading.headed
        found = reading.fault, reading.minor
        reading._check(f"1.{version[-1:].decode()}")
        assert (reading.fault, reading.minor) == found

    def test_fault_before_the_head(self) -> None:
        """What was wrong with the interim heads makes the head unusable too."""
        reading, _ = read(b"HTTP/1.1 100 Continue\r\n\r\n" * 17 + OK)
        assert reading.headed and reading.unusable

    def test_another_answer_behind_it(self) -> None:
        """Nothing of an answer behind it shows in the first."""
        reading, body = read(OK + b"HTTP/1.1 500 Oops\r\nA: b\r\nContent-Length: 2\r\n\r\nno")
        assert (reading.status, reading.phrase, body, reading.keep) == (200, b"OK", b"hi", False)
        assert reading.lines() == [(b"content-length", b"2")]


class FramingTests:
    """How bodies end."""

    @pytest.mark.parametrize(
        ("head", "length"),
        [
            (b"HTTP/1.1 204 No\r\n\r\n", 0),
            (b"HTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n", 0),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0),
        ],
    )
    def test_no_body(self, head: bytes, length: int) -> None:
        """D-18: 204, 304 and an empty 200 are complete with their head."""
        reading, body = read(head)
        assert reading.complete and reading.keep
        assert (reading.length, body) == (length, b"")

    def test_head(self) -> None:
        """The answer to a HEAD has no body, whatever it says; its connection is not used again."""
        bench = Bench()
        asked = bench.ask(method=b"HEAD", body=b"")
        bench.vendor.lines[0].say(OK)
        response, reader = result(asked), taken(asked)
        assert response.length == 0
        assert response.get(b"content-length") == b"2"
        assert (reader.body, reader.end) == (b"", ResponseDone)
        assert bench.vendor.lines[0].aborted

    def test_chunked_has_no_length(self) -> None:
        """A chunked body's length is unknown, beside a Content-Length too (D-15)."""
        reading, body = read(
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
        )
        assert (reading.length, body, reading.complete, reading.keep) == (UNKNOWN_LENGTH, b"hi", True, False)

    def test_no_phrase(self) -> None:
        """A status line without a reason is one."""
        reading, _ = read(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n")
        assert (reading.status, reading.phrase) == (200, b"")
