"""Bodies as they come in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.errors import Refusal
from targon_gw.web.bodies import EXTRA_LIMIT, LINE_LIMIT, Chunks, Sized


class SizedTests:
    """A body of known length."""

    @given(body=st.binary(max_size=50), behind=st.binary(max_size=50), cut=st.integers(0, 100))
    def test_any_cut(self, body: bytes, behind: bytes, cut: int) -> None:
        """Wherever the bytes are cut, the body ends where it should, and what follows is given back."""
        raw = body + behind
        sized = Sized(len(body))

        rest = sized.feed(raw[:cut])
        rest = sized.feed(raw[cut:]) if rest is None else rest + raw[cut:]

        assert bytes(sized.body) == body
        assert rest == behind


class ChunksTests:
    """A chunked body."""

    @given(
        parts=st.lists(st.binary(min_size=1, max_size=40), max_size=5),
        extension=st.sampled_from([b"", b";a", b' ; a = "b c" ;d=e']),
        trailer=st.sampled_from([b"", b"X-A: b\r\n", b"A:\r\nB: c\xff\r\n"]),
        behind=st.binary(max_size=20),
        split=st.integers(1, 200),
    )
    def test_any_split(self, parts: list[bytes], extension: bytes, trailer: bytes, behind: bytes, split: int) -> None:
        """However it is split, the content comes out, and what follows is given back untouched."""
        raw = b"".join(b"%x%b\r\n%b\r\n" % (len(part), extension, part) for part in parts)
        raw += b"0" + extension + b"\r\n" + trailer + b"\r\n" + behind
        chunks = Chunks(1000)

        for at in range(0, len(raw), split):
            rest = chunks.feed(raw[at : at + split])
            if rest is not None:
                break

        assert bytes(chunks.body) == b"".join(parts)
        assert rest is not None
        assert rest + raw[at + split :] == behind

    @given(raw=st.binary(max_size=60), split=st.integers(1, 60))
    def test_any_bytes(self, raw: bytes, split: int) -> None:
        """Whatever comes, it is taken, waited for or refused; never anything else."""
        chunks = Chunks(20)
        try:
            for at in range(0, len(raw), split):
                if chunks.feed(raw[at : at + split]) is not None:
                    break
        except Refusal as refusal:
            assert refusal.code in ("bad_request", "request_too_large")
        assert len(chunks.body) <= 20

    @pytest.mark.parametrize(
        "raw", [b"g", b"5 x", b"12345678901234567", b"5;\x00", b"5\rx", b"1\r\nab", b"5;" + b"a" * LINE_LIMIT]
    )
    def test_hopeless_is_not_waited_for(self, raw: bytes) -> None:
        """A-08: what no further byte could mend is refused at once, without the end of its line."""
        with pytest.raises(Refusal, match="not valid"):
            Chunks(100).feed(raw)

    def test_extensions_add_up(self) -> None:
        """A-08: many small chunks with long extensions are refused, though each would be borne."""
        chunks = Chunks(1 << 20)
        chunk = b"1;" + b"a" * 200 + b"\r\nx\r\n"

        with pytest.raises(Refusal, match="too many"):
            chunks.feed(chunk * (EXTRA_LIMIT // 200 + 1))

    def test_trailers_add_up(self) -> None:
        """A-08: trailers have an end, in many lines as in one that does not end."""
        for trailers in (b"X: a\r\n" * EXTRA_LIMIT, b"X: " + b"a" * EXTRA_LIMIT):
            with pytest.raises(Refusal, match="too many"):
                Chunks(10).feed(b"0\r\n" + trailers)

    def test_size_alone_is_enough(self) -> None:
        """A-10: a chunk that would pass the limit is refused by its size."""
        with pytest.raises(Refusal) as caught:
            Chunks(100).feed(b"65\r\n")

        assert caught.value.code == "request_too_large"
