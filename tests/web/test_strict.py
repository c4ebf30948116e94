"""The rules of a head, on their own; the corpus of whole requests is with the channel's tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.errors import Refusal
from targon_gw.web.strict import Head, HttpLimits, Reader, check_begun, read

LIMITS = HttpLimits(head=2048, target=512)


def head(*lines: str) -> bytes:
    """The bytes of a POST's head with these lines."""
    return "\r\n".join(("POST /v1 HTTP/1.1", "Host: gw", *lines, "", "")).encode("latin-1")


class ReadTests:
    """A whole head."""

    def test_fields(self) -> None:
        """Names are lower-cased, values stripped, equal names joined."""
        found = read(head("X-A:  b \t", "x-a: c", "Cookie: d=e", "Cookie: f=g", "Empty:"), LIMITS)

        assert (found.method, found.target, found.version) == (b"POST", b"/v1", b"HTTP/1.1")
        assert found.fields == {b"host": b"gw", b"x-a": b"b, c", b"cookie": b"d=e; f=g", b"empty": b""}

    @pytest.mark.parametrize(
        ("lines", "length"), [([], 0), (["Content-Length: 007"], 7), (["Transfer-Encoding: Chunked"], None)]
    )
    def test_length(self, lines: list[str], length: int | None) -> None:
        """The body's length is what the framing says; a chunked one's is not known."""
        assert read(head(*lines), LIMITS).length == length

    @pytest.mark.parametrize(
        ("connection", "persistent"),
        [("keep-alive", True), ("Keep-Alive, x", True), ("close", False), ("x ,\tCLOSE", False), ("closed", True)],
    )
    def test_persistence(self, connection: str, persistent: bool) -> None:
        """`close` among the tokens of Connection ends the connection, in any case and place."""
        assert read(head(f"Connection: {connection}"), LIMITS).persistent is persistent

    def test_exact_limits(self) -> None:
        """The largest number of lines and the longest target are taken; one more is not."""
        limits = HttpLimits(lines=3, target=3)
        read(head("A: b", "C: d"), limits)

        with pytest.raises(Refusal) as lines:
            read(head("A: b", "C: d", "C: e"), limits)
        with pytest.raises(Refusal) as target:
            read(head().replace(b"/v1", b"/v12"), limits)

        assert (lines.value.code, target.value.code) == ("head_too_large", "uri_too_long")

    def test_messages_quote_nothing(self) -> None:
        """A refusal holds nothing of the request: it may be logged."""
        with pytest.raises(Refusal) as caught:
            read(head("Authorization: Bearer secret\x07"), LIMITS)

        assert "secret" not in caught.value.message


def meaning(reading: Callable[[bytes], Head], raw: bytes) -> object:
    """All that a head or its refusal says."""
    try:
        found = reading(raw)
    except Refusal as refusal:
        return refusal.code, refusal.message
    return {name: getattr(found, name) for name in Head.__slots__ if name != "lines"}


LENGTHS = st.sampled_from(["", "0", "5", "007", "12", "1000", "1001", "+1", "1 1", "1\r\nX: y", "1" * 12, "9" * 5000])
LINES = st.sampled_from(
    [
        "Host: gw",
        "content-length: {}",
        "Content-Length: \t{} \t",
        "Expect: 100-continue",
        "Content-Encoding: gzip",
        "Connection: close",
        "X-A: Content-Length: 5",
        "X-Content-Length: {}",
        "Transfer-Encoding: chunked",
    ]
)


class ReaderTests:
    """The heads of one connection."""

    @given(
        heads=st.lists(st.tuples(st.lists(LINES, max_size=4), LENGTHS), min_size=1, max_size=3),
        order=st.lists(st.integers(0, 2), min_size=2, max_size=6),
    )
    def test_agrees_with_reading_each_by_itself(self, heads: list[tuple[list[str], str]], order: list[int]) -> None:
        """A-20: whatever heads came before it, a head means what it means alone."""
        limits = HttpLimits(head=8192, body=1000)
        reader = Reader(limits)
        raws = [head(*(line.format(length) for line in lines)) for lines, length in heads]

        for at in order:
            raw = raws[at % len(raws)]
            assert meaning(reader.read, raw) == meaning(lambda each: read(each, limits), raw)

    @given(before=LENGTHS, after=LENGTHS, lines=st.lists(LINES, max_size=2))
    def test_agrees_where_only_the_length_differs(self, before: str, after: str, lines: list[str]) -> None:
        """A-20: a head that is like the last but for its length is read as strictly as the last."""
        limits = HttpLimits(head=8192, body=1000)
        reader = Reader(limits)

        for length in (before, after, before):
            raw = head("Content-Length: " + length, *lines)
            assert meaning(reader.read, raw) == meaning(lambda each: read(each, limits), raw)

    def test_a_head_that_comes_again_is_not_read_again(self) -> None:
        """Only the length is looked at; what was handed out before keeps its fields."""
        reader = Reader(LIMITS)
        first = reader.read(head("Content-Length: 5"))
        fields = first.fields
        second = reader.read(head("Content-Length: 17"))

        assert second is first
        assert (second.length, second.fields[b"content-length"]) == (17, b"17")
        assert fields[b"content-length"] == b"5"

    def test_an_empty_body_is_no_shorter_one(self) -> None:
        """Whether there is a body decides what is expected and what may be encoded: such a head is read again."""
        reader = Reader(LIMITS)
        asking = reader.read(head("Expect: 100-continue", "Content-Length: 5"))
        assert asking.expects

        assert not reader.read(head("Expect: 100-continue", "Content-Length: 0")).expects


class CheckBegunTests:
    """A head that is still coming."""

    @given(
        first=st.sampled_from([b"GET / HTTP/1.1", b"OPTIONS * HTTP/1.1", b"POST http://gw/ HTTP/1.0"]),
        fields=st.lists(st.from_regex(rb"[A-Za-z]{1,9}:[ -~\x80-\xff]{0,30}", fullmatch=True), max_size=5),
        cut=st.integers(0, 400),
    )
    def test_passes_what_may_become_a_head(self, first: bytes, fields: list[bytes], cut: int) -> None:
        """No beginning of a well-formed head is refused."""
        check_begun(b"\r\n".join((first, *fields, b"", b""))[:cut], LIMITS)

    @given(raw=st.binary(min_size=1, max_size=80))
    def test_agrees_with_the_whole(self, raw: bytes) -> None:
        """A-29: what is refused in its beginning is refused as a whole, too."""
        whole = raw.replace(b"\r\n\r\n", b"") + b"\r\n\r\n"
        try:
            check_begun(whole[:-2], LIMITS)
        except Refusal:
            with pytest.raises(Refusal):
                read(whole, LIMITS)
