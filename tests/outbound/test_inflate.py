"""D-30: bodies that come compressed all the same."""

from __future__ import annotations

import gzip
import random
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.web.client import ResponseDone
from twisted.web.iweb import UNKNOWN_LENGTH

from targon_gw.outbound.errors import BrokenBody
from targon_gw.outbound.inflate import FREE, STEP, InflateError, Inflater

from .wire import Bench, Line, Reader, result, taken

TEXT = b"".join(b'data: {"n":%d}\n\n' % n for n in range(2000))


def raw(data: bytes) -> bytes:
    """Deflate without zlib's wrapping, as some servers mean it."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def drain(inflater: Inflater, *pieces: bytes) -> bytes:
    """Everything behind `pieces`."""
    out = b""
    for piece in pieces:
        inflater.feed(piece)
        while step := inflater.step():
            assert len(step) <= STEP
            out += step
    return out


def answered(body: bytes, encoding: bytes = b"gzip") -> tuple[Bench, Line, Any]:
    """A bench whose vendor has said the head and `body`."""
    bench = Bench()
    asked = bench.ask()
    line = bench.vendor.lines[0]
    line.say(b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (encoding, len(body)) + body)
    return bench, line, asked


class InflaterTests:
    """Compressed bytes in, bytes out."""

    @pytest.mark.parametrize(
        ("encoding", "packed"),
        [
            (b"gzip", gzip.compress(TEXT)),
            (b"x-gzip", gzip.compress(TEXT)),
            (b"gzip", gzip.compress(TEXT[:5000]) + gzip.compress(TEXT[5000:])),
            (b"deflate", zlib.compress(TEXT)),
            (b"deflate", raw(TEXT)),
        ],
    )
    def test_kinds(self, encoding: bytes, packed: bytes) -> None:
        """gzip, in several members too, and both things that deflate has come to mean."""
        inflater = Inflater(encoding)
        assert drain(inflater, packed) == TEXT
        assert inflater.whole

    @given(cuts=st.lists(st.integers(0, len(gzip.compress(TEXT))), max_size=8))
    def test_any_split(self, cuts: list[int]) -> None:
        """Where the bytes are cut makes no difference."""
        packed = gzip.compress(TEXT)
        edges = [0, *sorted(cuts), len(packed)]
        inflater = Inflater(b"gzip")
        assert drain(inflater, *[packed[edges[i] : edges[i + 1]] for i in range(len(edges) - 1)]) == TEXT
        assert inflater.whole

    def test_bomb(self) -> None:
        """What inflates beyond all measure is given up soon after the first MiB."""
        inflater = Inflater(b"gzip")
        inflater.feed(gzip.compress(b"\0" * (64 << 20))[:4096])
        out = 0
        with pytest.raises(InflateError):
            while step := inflater.step():
                out += len(step)
        assert out <= FREE + STEP

    def test_repetitive_but_honest(self) -> None:
        """Random text of 4 MiB, and a small body of one letter, pass."""
        text = random.Random(1).randbytes(2 << 20).hex().encode()
        assert drain(Inflater(b"gzip"), gzip.compress(text)) == text
        assert drain(Inflater(b"gzip"), gzip.compress(b"a" * 500_000)) == b"a" * 500_000

    def test_junk(self) -> None:
        """What is not compressed is an error, and so is what follows the end."""
        for packed in (b"data: plain\n\n", gzip.compress(b"x") + b"junk"):
            with pytest.raises(InflateError):
                drain(Inflater(b"gzip"), packed)


class InflatingTests:
    """Between a response and its reader."""

    def test_body(self) -> None:
        """The reader sees the text; the response does not claim a length."""
        bench, _, asked = answered(gzip.compress(TEXT))
        assert result(asked).length == UNKNOWN_LENGTH
        reader = taken(asked)
        assert (reader.body, reader.end) == (TEXT, ResponseDone)
        bench.ask()
        assert len(bench.vendor.lines) == 1

    def test_identity(self) -> None:
        """`identity` is no encoding."""
        _, _, asked = answered(b"hi", b"Identity")
        assert (result(asked).length, taken(asked).body) == (2, b"hi")

    def test_cut_short(self) -> None:
        """Whole by its framing but not by its compression is broken."""
        _, _, asked = answered(gzip.compress(TEXT)[:-4])
        assert taken(asked).end is BrokenBody

    def test_junk_drops_the_connection(self) -> None:
        """A body that is not what it says ends broken, and with it the connection."""
        bench = Bench()
        asked = bench.ask()
        line = bench.vendor.lines[0]
        line.say(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 100\r\n\r\nnot gzip")
        reader = taken(asked)
        assert (reader.parts, reader.end) == ([], BrokenBody)
        assert line.aborted
        line.hang_up()
        assert len(reader.ends) == 1

    def test_pressure(self) -> None:
        """A reader that pauses gets one piece of at most 64 KiB for each time it resumes, then the end."""
        text = random.Random(1).randbytes(100_000).hex().encode()
        _, _, asked = answered(gzip.compress(text))
        reader = Reader()

        def take_and_pause(data: bytes) -> None:
            reader.parts.append(data)
            reader.transport.pauseProducing()

        reader.dataReceived = take_and_pause  # type: ignore[method-assign]
        result(asked).deliverBody(reader)
        while not reader.ends:
            before = len(reader.parts)
            reader.transport.resumeProducing()
            assert len(reader.parts) <= before + 1
        assert max(map(len, reader.parts)) <= STEP
        assert (reader.body, reader.end) == (text, ResponseDone)
        assert len(reader.parts) >= 4

    def test_stop(self) -> None:
        """stopProducing reaches the connection."""
        bench = Bench()
        asked = bench.ask()
        line = bench.vendor.lines[0]
        line.say(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 100\r\n\r\n")
        taken(asked).transport.stopProducing()
        assert line.aborted
