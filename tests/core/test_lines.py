"""Lines read many at once: what one by one would say, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from targon_gw.core.ledger import BadLine, Entry, Kind, entry_of, line_of, read_line
from targon_gw.core.lines import read_row, read_rows
from tests.core.test_folding import ENTRY


class ReadRowsTests:
    @given(st.lists(ENTRY, min_size=1, max_size=8))
    @settings(max_examples=50, deadline=None)
    def test_says_what_the_lines_say(self, entries: list[Entry]) -> None:
        """Each line is what `read_line` makes of it."""
        lines = [line_of(entry, n) for n, entry in enumerate(entries, 1)]
        rows = read_rows(b"".join(lines))

        assert rows is not None
        assert [(row.n, entry_of(row)) for row in rows] == [read_line(line) for line in lines]
        assert [read_row(line) for line in lines] == rows

    @given(st.lists(ENTRY, min_size=1, max_size=3), st.data())
    @settings(max_examples=200, deadline=None)
    def test_a_flipped_bit_is_seen(self, entries: list[Entry], data: st.DataObject) -> None:
        """Wherever it is (faults catalogue, E-03): there is no answer, and each line is looked at."""
        block = bytearray(b"".join(line_of(entry, n) for n, entry in enumerate(entries, 1)))
        at = data.draw(st.integers(0, len(block) - 1))
        block[at] ^= 1 << data.draw(st.integers(0, 7))

        assert read_rows(bytes(block)) is None

    def test_the_mark_of_a_line_is_looked_at(self) -> None:
        """E-04: `, ` in the place of `- `, a bit away, would still be JSON in the middle of many lines."""
        block = b"".join(line_of(Entry(5.0, "req_1", Kind.CALL), n) for n in (1, 2, 3))

        assert read_rows(block) is not None
        assert read_rows(block.replace(b"\n- ", b"\n, ", 1)) is None

    @pytest.mark.parametrize("numbers", [(2, 1), (1, 1)])
    def test_numbers_grow(self, numbers: tuple[int, ...]) -> None:
        """Lines out of order are for whoever looks at each."""
        entry = Entry(5.0, "req_1", Kind.CALL)
        assert read_rows(b"".join(line_of(entry, number) for number in numbers)) is None

    def test_half_of_a_line(self) -> None:
        """What has no end is none."""
        with pytest.raises(BadLine):
            read_line(b'- {"n":1')
        assert read_rows(b'- {"n":1') is None and read_rows(b"\n") is None and read_rows(b"") is None
