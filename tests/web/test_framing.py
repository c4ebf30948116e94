"""The chunked transfer coding, as answers are written in it."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from targon_gw.web.framing import chunks

some = st.one_of(st.binary(max_size=40), st.integers(2040, 2060).map(bytes), st.just(b"a" * 70_000))


class ChunksTests:
    """The framing of parts."""

    @given(st.lists(some, max_size=40))
    @example([b"a"])
    @example([b""])
    @example([b"", b""])
    @example([b"", b"a", b"", b"b", b""])
    def test_as_one_by_one(self, parts: list[bytes]) -> None:
        """Many parts are framed as each would be alone: its size in hexadecimal, itself, a line's end to each.

        What is empty is left out: an empty chunk would end the answer, and the client would take it for whole.
        """
        assert chunks(parts) == b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part)
