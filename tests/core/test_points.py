"""What a point counts, and that it is the same once it was written down and read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.faults import CLASSES
from targon_gw.core.points import Cell, Point, flat, read_cell, read_point, room, take_up, unflat
from targon_gw.core.rings import Ring

COUNTS = st.integers(1, 1 << 40)
POINTS = st.builds(
    Point,
    COUNTS,
    COUNTS,
    st.dictionaries(st.sampled_from(CLASSES), COUNTS),
    st.dictionaries(st.integers(0, 52), COUNTS),
)
CELLS = st.builds(Cell, COUNTS, COUNTS, st.dictionaries(st.sampled_from(("502", "503", "truncated")), COUNTS))


def of_point(point: Point) -> object:
    """All that it counts."""
    return point.calls, point.tokens, point.errors, point.first


class PointTests:
    """`Point`."""

    @given(POINTS)
    def test_round_trip(self, point: Point) -> None:
        """It is read as it was written."""
        assert of_point(read_point(point.row(7))) == of_point(point)

    @given(POINTS, POINTS)
    def test_written_anew_when_it_changes(self, one: Point, other: Point) -> None:
        """A row is handed out again as long as nothing is added, and stays as it was when something is."""
        before = one.row(7)
        assert one.row(7) is before
        kept = [*before]
        one.add(other)

        assert before == kept and one.row(7)[1] == one.calls > kept[1]


class CellTests:
    """`Cell`."""

    @given(CELLS)
    def test_round_trip(self, cell: Cell) -> None:
        """It is read as it was written."""
        again = read_cell(cell.row(7))
        assert (again.calls, again.failed, again.why) == (cell.calls, cell.failed, cell.why)

    def test_short(self) -> None:
        """What there is none of is not written."""
        assert [Cell(5).row(7), Cell(5, 1).row(7), Cell(5, 1, {"502": 1}).row(7)] == [
            [7, 5],
            [7, 5, 1],
            [7, 5, 1, {"502": 1}],
        ]

    def test_taken_up(self) -> None:
        """E-16: what lies in the future is dropped; where the ring holds something newer, that stays."""
        ring: Ring[Cell] = Ring(60, 3, Cell)
        take_up(ring, [[5, 1], [4, 1], [2, 1], [9, 1]], 5 * 60.0)

        assert [(number, cell.calls) for number, cell in ring.kept(5 * 60.0)] == [(4, 1), (5, 1)]
        assert room(ring, 6, 5 * 60.0) is None


class FlatTests:
    """`flat` and `unflat`."""

    @given(st.dictionaries(st.integers(0, 52), COUNTS))
    def test_round_trip(self, counts: dict[int, int]) -> None:
        """Counts are read as they were written, in order."""
        assert unflat(flat(counts)) == counts and flat(counts)[::2] == sorted(counts)
