"""The rules of a head, on their own; the corpus of whole requests is with the channel's tests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.errors import Refusal
from targon_gw.web.strict import HttpLimits, check_begun, read

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
