"""Responses on the wire."""

from __future__ import annotations

from unittest import TestCase

from targon_gw.rehearsal.framing import chunk, head, http_date, length, reason


class FramingTests(TestCase):
    """Bytes of heads and chunks."""

    def test_head(self) -> None:
        """A status line, lines, an empty line."""
        assert head(200, (("A", "b"),)) == b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
        assert head(529, (), "1.0") == b"HTTP/1.0 529 Site is overloaded\r\n\r\n"
        assert reason(599) == "Unknown"

    def test_chunk(self) -> None:
        """Sizes are hexadecimal."""
        assert chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"

    def test_length_and_date(self) -> None:
        """Lengths are of bytes; dates are HTTP's."""
        assert length("七".encode()) == (("Content-Length", "3"),)
        assert http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"
