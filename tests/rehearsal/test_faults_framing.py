"""Faults of HTTP itself, as they stand on the wire."""

from __future__ import annotations

import gzip
import zlib
from unittest import TestCase

from .stage import Stage, chat, dechunked, response, stage


class FramingFaultTests(TestCase):
    """Heads that contradict themselves, bodies without their end."""

    def setUp(self) -> None:
        self.stage: Stage = stage()
        self.right = response(self.stage.ask())
        self.unary = response(self.stage.ask(stream=False))

    def parted(self, model: str, **more: object) -> tuple[bytes, bytes]:
        """Head and rest of what comes."""
        head, _, rest = self.stage.ask(model, **more).partition(b"\r\n\r\n")
        return head.lower(), rest

    def test_fin_in_chunk(self) -> None:
        """D-11: a chunk is announced and half of it sent."""
        _, rest = self.parted("fault/fin-in-chunk:2")
        body, left, whole = dechunked(rest)
        size = int(left.partition(b"\r\n")[0], 16)
        assert body.count(b"data: ") == 2
        assert not whole
        assert 0 < len(left.partition(b"\r\n")[2]) < size
        assert self.stage.line.ended == "fin"

    def test_no_last_chunk(self) -> None:
        """D-11: all is told, `[DONE]` too, but the last chunk."""
        _, rest = self.parted("fault/no-last-chunk")
        body, left, whole = dechunked(rest)
        assert (body.endswith(b"data: [DONE]\n\n"), left, whole) == (True, b"", False)
        assert self.stage.line.ended == "fin"

    def test_length_too_long(self) -> None:
        """D-12: fewer bytes come than were declared."""
        got = response(self.stage.ask("fault/length-too-long:7", stream=False))
        assert int(got.headers["content-length"]) - len(got.body) == 7
        assert self.stage.line.ended == "fin"

    def test_length_too_short(self) -> None:
        """D-13: more bytes come than were declared, and the connection stays."""
        got = response(self.stage.ask("fault/length-too-short:7", stream=False))
        assert len(got.rest) == 7
        assert (got.body + got.rest)[-1:] == b"}"
        assert self.stage.line.ended is None

    def test_close_delimited(self) -> None:
        """D-14: no length of any kind; FIN is the end."""
        head, rest = self.parted("fault/close-delimited")
        assert b"content-length" not in head
        assert b"transfer-encoding" not in head
        assert rest.endswith(b"data: [DONE]\n\n")
        assert self.stage.line.ended == "fin"

    def test_http_1_0(self) -> None:
        """D-14: the version is 1.0, and FIN is the end."""
        head, rest = self.parted("fault/http-1.0", stream=False)
        assert head.startswith(b"http/1.0 200")
        assert b"content-length" not in head
        assert rest.endswith(b"}")
        assert self.stage.line.ended == "fin"

    def test_length_and_chunked(self) -> None:
        """D-15: both are declared, chunks are sent."""
        head, rest = self.parted("fault/length-and-chunked")
        assert b"content-length: 5" in head
        assert b"transfer-encoding: chunked" in head
        assert dechunked(rest)[2]

    def test_two_lengths(self) -> None:
        """D-16: two lengths that differ."""
        head, _ = self.parted("fault/two-lengths", stream=False)
        assert len({line for line in head.split(b"\r\n") if line.startswith(b"content-length")}) == 2

    def test_gzip_chunked(self) -> None:
        """D-16: the transfer coding is gzip and then chunked, and the body is that."""
        head, rest = self.parted("fault/gzip-chunked")
        assert b"transfer-encoding: gzip, chunked" in head
        assert gzip.decompress(dechunked(rest)[0]).endswith(b"[DONE]\n\n")

    def test_garbage(self) -> None:
        """D-16: what comes is no HTTP."""
        data = self.stage.ask("fault/garbage")
        assert data.startswith(b"SSH-2.0")
        assert self.stage.line.ended == "fin"

    def test_bad_chunk_size(self) -> None:
        """D-16: two events come, then a size that is none."""
        _, rest = self.parted("fault/bad-chunk-size:2")
        with self.assertRaises(ValueError):
            dechunked(rest)
        assert rest.partition(b"0xzz")[0].count(b"data: ") == 2
        assert self.stage.line.ended == "fin"

    def test_long_header(self) -> None:
        """D-17: one header line is longer than 64 KiB."""
        head, rest = self.parted("fault/long-header")
        assert max(map(len, head.split(b"\r\n"))) > 64 << 10
        assert dechunked(rest)[2]

    def test_many_headers(self) -> None:
        """D-17: so many header lines, then a good body."""
        head, rest = self.parted("fault/many-headers:3000")
        assert head.count(b"\r\nx-") == 3000
        assert dechunked(rest)[2]

    def test_endless_1xx(self) -> None:
        """D-17: interim heads for as long as one listens."""
        self.stage.ask("fault/endless-1xx:1")
        for _ in range(50):
            self.stage.wait(1)
        data = self.stage.line.take()
        assert data.count(b"HTTP/1.1 103 ") == 50
        assert b"HTTP/1.1 200" not in data
        assert self.stage.vendor.log[-1].status is None

    def test_gzip(self) -> None:
        """D-30: the content is compressed; each event can be inflated as it comes."""
        got = response(self.stage.ask("fault/gzip"))
        assert got.headers["content-encoding"] == "gzip"
        assert got.whole
        assert gzip.decompress(got.body).count(b"data: ") == len(self.right.payloads)

    def test_gzip_length(self) -> None:
        """D-30, D-42: the length is that of the compressed body."""
        for stream in (True, False):
            got = response(self.stage.ask("fault/gzip-length", stream=stream))
            assert int(got.headers["content-length"]) == len(got.body)
            assert gzip.decompress(got.body).startswith(b"data: " if stream else b"{")

    def test_gzip_bomb(self) -> None:
        """D-30: it inflates to so many MiB, from less than a hundredth."""
        got = response(self.stage.ask("fault/gzip-bomb:3"))
        inflated = zlib.decompressobj(wbits=31).decompress(got.body)
        assert len(inflated) == 3 << 20
        assert len(got.body) < len(inflated) // 100

    def test_hostile_headers(self) -> None:
        """D-42: headers that must not pass stand on a good answer."""
        got = response(self.stage.ask("fault/hostile-headers"))
        assert {"set-cookie", "server", "via", "location", "openai-organization"} <= set(got.headers)
        assert got.text == self.right.text

    def test_upgrade(self) -> None:
        """D-16: another protocol is offered, and nothing follows."""
        assert self.stage.ask("fault/upgrade").startswith(b"HTTP/1.1 101 ")
        self.stage.wait(100)
        assert (self.stage.line.take(), self.stage.line.ended) == (b"", None)

    def test_unary_answers_stay_json(self) -> None:
        """Faults of the framing leave the JSON of a unary answer whole."""
        for name in ("length-and-chunked", "hostile-headers", "long-header:70"):
            got = response(self.stage.ask(f"fault/{name}", stream=False))
            assert got.text == self.unary.text

    def test_no_bytes_are_held_back(self) -> None:
        """D-17: a head of very many lines is made as it is read, not before."""
        self.stage.connect(room=1 << 10)
        self.stage.say(chat("fault/many-headers:100000"))
        assert len(self.stage.line.value()) < 16 << 10
