"""The ledger's files as they are read: one a day, a line an entry, packed after a while.

Decides what a file holds: where its whole lines end, which numbers they bear, and where the lines behind a number
begin. Within a file numbers only grow; that they grow by one over all files is recovery's to see. Nothing here writes.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import zlib
from collections.abc import Iterator
from typing import IO, Final

from attrs import frozen

from targon_gw.core.ledger import BadLine, Entry, entry_of, read_line
from targon_gw.core.lines import Row, read_row, read_rows

from .folder import Damaged, StateFolder

NAME: Final = re.compile(r"(\d{4,}-\d\d-\d\d)\.yaml(\.gz)?")
_BLOCK: Final = 1 << 16
_MANY: Final = 1 << 20
"""Bytes that are read at a time where all are to be read."""

Line = tuple[int, Entry]
"""A line's number, and what it says."""


@frozen
class Daybook:
    """A file of the ledger. `day` is `2026-11-21`, UTC."""

    path: str
    day: str
    packed: bool


@frozen
class Extent:
    """What a file holds: the first and the last number (None where there is no whole line) and where the last ends.

    `size` is beyond `end` where something that is no whole, good line follows; `torn` where that has no line end.
    """

    first: int | None
    last: int | None
    end: int
    size: int
    torn: bool = False


def daybooks(folder: StateFolder) -> list[Daybook]:
    """The ledger's files, by day; a packed one stands before an unpacked one of its day."""
    found = []
    for name in os.listdir(folder.ledger):
        match = NAME.fullmatch(name)
        if match is not None:
            found.append(Daybook(os.path.join(folder.ledger, name), match[1], bool(match[2])))
    return sorted(found, key=lambda book: (book.day, not book.packed))


def extent(book: Daybook) -> Extent:
    """What the file holds, from its two ends (a packed one is read through). Raises `Damaged` for the first line.

    One bad thing at the very end is told, not raised: a line that was being written when all ended.
    """
    if book.packed:
        numbers = [number for number, _ in lines(book)]
        size = os.path.getsize(book.path)
        return Extent(numbers[0], numbers[-1], size, size) if numbers else Extent(None, None, size, size)
    try:
        with open(book.path, "rb") as file:
            return _extent(book, file)
    except OSError as error:
        raise Damaged(book.path, None, f"cannot be read: {error.strerror}") from None


def _extent(book: Daybook, file: IO[bytes]) -> Extent:
    size = file.seek(0, os.SEEK_END)
    end = _line_end(file, size)
    last = None
    if end:
        begin = _line_end(file, end - 1)
        try:
            last = _number(file, begin)
        except BadLine:
            if end != size:  # a bad line, and then half of one: that is more than a crash leaves
                raise _damaged(book, begin, "cannot be read, and it is not the last") from None
            end = begin
    if last is None and end:
        begin = _line_end(file, end - 1)
        try:
            last = _number(file, begin)
        except BadLine as error:
            raise _damaged(book, begin, str(error)) from None
    file.seek(end)
    torn = b"\n" not in file.read()
    if last is None:
        return Extent(None, None, 0, size, torn)
    try:
        return Extent(_number(file, 0), last, end, size, torn)
    except BadLine as error:
        raise _damaged(book, 0, str(error)) from None


def _line_end(file: IO[bytes], before: int) -> int:
    """Where the last line that ends at or before the byte `before` ends; 0 where none does."""
    at = before
    while at > 0:
        start = max(at - _BLOCK, 0)
        file.seek(start)
        found = file.read(at - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        at = start
    return 0


def _number(file: IO[bytes], at: int) -> int:
    file.seek(at)
    return read_line(file.readline())[0]


def lines(book: Daybook, start: int = 0, end: int | None = None) -> Iterator[Line]:
    """The lines from the byte `start` up to the byte `end` (of what was packed, where it is). Raises `Damaged`."""
    for rows in runs(book, start, end):
        for row in rows:
            yield row.n, entry_of(row)


def runs(book: Daybook, start: int = 0, end: int | None = None) -> Iterator[list[Row]]:
    """The same, many lines at a time: some megabyte of them. Within a file numbers only grow."""
    at, last = start, 0
    try:
        for block in _blocks(book, start, end):
            rows = read_rows(block)
            if rows is None or rows[0].n <= last:
                rows = []
                for line in io.BytesIO(block):
                    rows.append(_row(line, last))
                    at, last = at + len(line), rows[-1].n
            else:
                at, last = at + len(block), rows[-1].n
            yield rows
    except BadLine as error:
        raise _damaged(book, at, str(error)) from None
    except (OSError, EOFError, zlib.error) as error:
        raise Damaged(book.path, None, f"cannot be read: {error}") from None


def _row(line: bytes, last: int) -> Row:
    number, _ = read_line(line)
    if number <= last:
        raise BadLine(f"its number is {number}, and that of the line before it is {last}")
    return read_row(line)


def _blocks(book: Daybook, start: int, end: int | None) -> Iterator[bytes]:
    """Whole lines; what follows the last line feed comes last, as it is."""
    with gzip.open(book.path, "rb") if book.packed else open(book.path, "rb") as file:
        if start:
            file.seek(start)
        left = None if end is None else end - start
        rest = b""
        while block := file.read(_MANY if left is None else min(_MANY, left)):
            left = None if left is None else left - len(block)
            whole, found, rest_of_it = (rest + block).rpartition(b"\n")
            rest = rest_of_it
            if found:
                yield whole + found
        if rest:
            yield rest


def _damaged(book: Daybook, at: int, why: str) -> Damaged:
    """The line that begins at the byte `at`, by its number in the file."""
    before, left = 0, at
    with gzip.open(book.path, "rb") if book.packed else open(book.path, "rb") as file:
        while left and (block := file.read(min(left, _BLOCK))):
            before += block.count(b"\n")
            left -= len(block)
    return Damaged(book.path, before + 1, f"{why} (byte {at})")


def start_behind(book: Daybook, held: Extent, n: int) -> int:
    """Where to begin so as to meet every line behind number `n`: at such a line, or a little before the first."""
    if held.first is None or held.first > n:
        return 0
    low, high = 0, held.end
    with open(book.path, "rb") as file:
        while high - low > _BLOCK:
            middle = (low + high) // 2
            at = line_after(file, middle)
            if at >= high:
                high = middle
                continue
            try:
                number = _number(file, at)
            except BadLine as error:
                raise _damaged(book, at, str(error)) from None
            if number > n:
                high = middle
            else:
                low = at
    return low


def line_after(file: IO[bytes], at: int) -> int:
    """Where the first line begins that does so behind the byte `at`."""
    file.seek(at)
    return at + len(file.readline())
