"""Requests out of bytes at any split."""

from __future__ import annotations

import itertools
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from targon_gw.rehearsal.reading import Arrival, HeadCame, Request, RequestReader, TooLarge, Unreadable, WholeCame

from .stage import KEY, get, post

CHUNKED = (
    b"POST /v1/chat/completions?x=1 HTTP/1.1\r\nHost: v\r\nTransfer-Encoding: chunked\r\n"
    b"Authorization: Bearer  k \r\n\r\n"
    b"3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nAuthorization: Bearer trailer\r\n\r\n"
)
STREAM = post("/v1/a", {"x": "y"}) + CHUNKED + get("/v1/models") + post("/v1/b", b"", None)


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    """`data` in pieces."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


def read(parts: list[bytes], max_body: int = 1 << 20) -> list[Arrival]:
    """All that arrives with `parts`."""
    reader = RequestReader(max_body)
    return [arrival for part in parts for arrival in reader.feed(part)]


class RequestReaderTests(TestCase):
    """What the reader makes of bytes."""

    @given(st.lists(st.integers(0, len(STREAM)), max_size=30))
    def test_any_split(self, cuts: list[int]) -> None:
        """However the bytes fall, the same requests come, each first as a head and then whole."""
        assert read(split(STREAM, cuts)) == read([STREAM])

    def test_byte_by_byte(self) -> None:
        """A byte at a time too."""
        assert read([STREAM[place : place + 1] for place in range(len(STREAM))]) == read([STREAM])

    def test_what_comes(self) -> None:
        """Heads come before bodies; bodies are whole, chunked or not; a trailer is no header."""
        arrivals = read([STREAM])
        assert [type(each) for each in arrivals] == [HeadCame, WholeCame] * 4
        wholes = [each.request for each in arrivals if isinstance(each, WholeCame)]
        assert [each.path for each in wholes] == ["/v1/a", "/v1/chat/completions", "/v1/models", "/v1/b"]
        assert [each.body for each in wholes] == [b'{"x": "y"}', b"abcdefg", b"", b""]
        assert [each.key for each in wholes] == [KEY, "k", None, None]

    def test_head_comes_before_its_body(self) -> None:
        """A head is told as soon as it is there."""
        head, _, body = post("/v1/a", b"12345").partition(b"\r\n\r\n")
        reader = RequestReader(100)
        (arrival,) = reader.feed(head + b"\r\n\r\n")
        assert isinstance(arrival, HeadCame)
        (arrival,) = reader.feed(body)
        assert isinstance(arrival, WholeCame)

    def test_body_over_the_bound(self) -> None:
        """A body over the bound is told of once, and never whole."""
        assert [type(each) for each in read(split(post("/v1/a", b"x" * 50), [*range(120, 170)]), 20)] == [
            HeadCame,
            TooLarge,
        ]

    def test_keep_alive(self) -> None:
        """The reader knows who wants to stay."""
        for data, stays in (
            (b"GET / HTTP/1.1\r\nHost: v\r\n\r\n", True),
            (b"GET / HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n", False),
            (b"GET / HTTP/1.0\r\n\r\n", False),
        ):
            assert read([data])[0].request.keep_alive is stays

    def test_unreadable(self) -> None:
        """What is no HTTP is said to be none, an upgrade included."""
        for data in (
            b"\x16\x03\x01\x00\xa5",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: v\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        ):
            with self.subTest(data=data):
                assert read([data, get("/")])[-1] == Unreadable()

    def test_what_came_before_stands(self) -> None:
        """Requests that were in order are told, though nonsense follows in the same bytes."""
        arrivals = read([get("/") + b"\x00\x01\x02\r\n"])
        assert [type(each) for each in arrivals] == [HeadCame, WholeCame, Unreadable]


class RequestTests(TestCase):
    """What a request says."""

    def test_key(self) -> None:
        """Only a bearer with something in it is a key."""
        for value, key in (("Bearer k", "k"), ("bearer k", "k"), ("Basic k", None), ("Bearer ", None), ("k", None)):
            assert Request("GET", "/", {"authorization": value}).key == key

    def test_no_secret_shows(self) -> None:
        """A request's repr has neither headers nor body."""
        assert "hidden" not in repr(Request("GET", "/", {"authorization": "Bearer hidden"}, True, b"hidden"))
