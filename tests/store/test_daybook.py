"""The ledger's files as they are read: their ends, their numbers, and where lines begin."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from targon_gw.store.daybook import Daybook, Extent, daybooks, extent, line_after, lines, start_behind
from targon_gw.store.folder import Damaged
from tests.store.stage import TODAY, opened, text_of

SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


def book(tmp_path: Path, content: bytes) -> Daybook:
    """A file of the ledger with that content."""
    path = tmp_path / f"{TODAY}.yaml"
    path.write_bytes(content)
    return Daybook(str(path), TODAY, False)


class DaybooksTests:
    def test_are_found_by_day_and_nothing_else_is(self, tmp_path: Path) -> None:
        """What was set aside, half packed or put there by somebody is no part of the ledger."""
        folder = opened(tmp_path)
        for name in (
            "2025-11-22.yaml",
            "2025-11-21.yaml",
            "2025-11-21.yaml.gz",
            ".room",
            "2025-11-21.yaml.bad",
            "x.yaml",
        ):
            (Path(folder.ledger) / name).touch()

        assert [(found.day, found.packed) for found in daybooks(folder)] == [
            ("2025-11-21", True),
            ("2025-11-21", False),
            ("2025-11-22", False),
        ]


class ExtentTests:
    def test_tells_first_and_last(self, tmp_path: Path) -> None:
        """Numbers at both ends, and that nothing follows the last line."""
        content = text_of(range(5, 900))

        assert extent(book(tmp_path, content)) == Extent(5, 899, len(content), len(content), True)
        assert extent(book(tmp_path, b"")) == Extent(None, None, 0, 0, True)

    @SAME_FOLDER
    @given(count=st.integers(0, 5), cut=st.integers(1, 60))
    def test_a_torn_line_is_told_wherever_it_is_cut(self, tmp_path: Path, count: int, cut: int) -> None:
        """The whole lines before it stand (faults catalogue, E-03)."""
        whole = text_of(range(1, count + 1))
        torn = text_of([count + 1])[:cut]

        held = extent(book(tmp_path, whole + torn))

        assert held == Extent(1 if count else None, count or None, len(whole), len(whole) + cut, True)

    def test_a_bad_last_line_is_told(self, tmp_path: Path) -> None:
        """It has its line end, and yet is not what was written."""
        whole, bad = text_of([1, 2]), text_of([3]).replace(b"ann", b"anm")

        assert extent(book(tmp_path, whole + bad)) == Extent(1, 2, len(whole), len(whole + bad), False)

    def test_zeros_at_the_end_are_a_torn_line(self, tmp_path: Path) -> None:
        """A loss of power leaves a file longer than what was written, and NULs in it."""
        whole = text_of([1])

        assert extent(book(tmp_path, whole + bytes(70_000))).end == len(whole)

    @pytest.mark.parametrize("tail", [b"- {", text_of([4]).replace(b"ann", b"anm")])
    def test_two_bad_things_at_the_end_are_damage(self, tmp_path: Path, tail: bytes) -> None:
        """A crash leaves one."""
        content = text_of([1, 2]) + text_of([3]).replace(b"ann", b"anm") + tail

        with pytest.raises(Damaged, match=f"{TODAY}.yaml:3: "):
            extent(book(tmp_path, content))

    def test_a_bad_first_line_is_damage(self, tmp_path: Path) -> None:
        """It is named by file, line and byte (faults catalogue, E-04)."""
        with pytest.raises(Damaged, match=rf"{TODAY}.yaml:1: .*checksum.* \(byte 0\)"):
            extent(book(tmp_path, text_of([1]).replace(b"ann", b"anm") + text_of([2])))


class LinesTests:
    def test_are_read_between_two_bytes(self, tmp_path: Path) -> None:
        """From a line's beginning to another's."""
        first, second = text_of([1, 2]), text_of([3])
        found = lines(book(tmp_path, first + second + text_of([4])), len(first), len(first + second))

        assert [number for number, _ in found] == [3]

    def test_a_bad_line_is_named_behind_any_start(self, tmp_path: Path) -> None:
        """Its place is counted from the file's beginning (faults catalogue, E-04)."""
        before = text_of(range(1, 700))
        content = before + text_of([700]).replace(b"ann", b"anm") + text_of([701])

        with pytest.raises(Damaged) as caught:
            list(lines(book(tmp_path, content), len(text_of([1, 2]))))
        assert (caught.value.line, f"byte {len(before)}" in caught.value.why) == (700, True)

    def test_numbers_only_grow(self, tmp_path: Path) -> None:
        """A line that is there twice is damage."""
        with pytest.raises(Damaged, match=":3: its number is 2, and that of the line before it is 2"):
            list(lines(book(tmp_path, text_of([1, 2, 2]))))

    def test_a_packed_file_is_read_as_it_was(self, tmp_path: Path) -> None:
        """Packed in one go or in two."""
        path = tmp_path / f"{TODAY}.yaml.gz"
        path.write_bytes(gzip.compress(text_of([1, 2])) + gzip.compress(text_of([3])))
        packed = Daybook(str(path), TODAY, True)

        assert [number for number, _ in lines(packed)] == [1, 2, 3]
        assert (extent(packed).first, extent(packed).last) == (1, 3)

    @pytest.mark.parametrize("content", [b"nothing packed", gzip.compress(text_of([1, 2]))[:-9]])
    def test_a_broken_packed_file_is_damage(self, tmp_path: Path, content: bytes) -> None:
        """Cut off, or never packed at all."""
        path = tmp_path / f"{TODAY}.yaml.gz"
        path.write_bytes(content)
        with pytest.raises(Damaged, match="cannot be read"):
            list(lines(Daybook(str(path), TODAY, True)))


class StartTests:
    @SAME_FOLDER
    @given(numbers=st.sets(st.integers(1, 5000), min_size=1, max_size=3000), n=st.integers(0, 5001))
    def test_no_line_behind_the_number_is_missed(self, tmp_path: Path, numbers: set[int], n: int) -> None:
        """Whatever gaps a leaping clock has left, all lines behind `n` follow the start, and few others do."""
        found = book(tmp_path, text_of(sorted(numbers)))
        read = [number for number, _ in lines(found, start_behind(found, extent(found), n))]

        assert [number for number in read if number > n] == sorted(number for number in numbers if number > n)
        assert len(read) - len([number for number in read if number > n]) < 1500

    def test_a_line_begins_behind_the_next_line_end(self, tmp_path: Path) -> None:
        """Counted in bytes."""
        found = book(tmp_path, b"abc\ndef\n")
        with open(found.path, "rb") as file:
            assert [line_after(file, at) for at in (0, 3, 4, 7)] == [4, 4, 8, 8]
