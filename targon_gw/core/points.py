"""What a ring's points count, and how that is written down: as short lists, since a state has a thousand of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, field

from .faults import CLASSES
from .rings import Ring, T, add

Row = list[Any]


@define(eq=False)
class Point:
    """A point of a chart."""

    calls: int = 0
    tokens: int = 0
    errors: dict[str, int] = field(factory=dict)
    """By the words of `faults.CLASSES`."""
    first: dict[int, int] = field(factory=dict)
    """Times to the first token, of streams, by bucket."""
    _row: Row | None = None
    """As it was last written down, as long as nothing has changed."""

    def add(self, more: Point) -> None:
        """Add what another one counts."""
        self._row = None
        self.calls += more.calls
        self.tokens += more.tokens
        if more.errors:
            add(self.errors, more.errors)
        if more.first:
            add(self.first, more.first)

    def row(self, number: int) -> Row:
        """`[number, calls, tokens, errors by class, [bucket, how many, …]]`; not to be altered."""
        if self._row is None:
            errors = [self.errors.get(kind, 0) for kind in CLASSES] if self.errors else []
            self._row = [number, self.calls, self.tokens, errors, flat(self.first)]
        return self._row


def read_point(row: Row) -> Point:
    """The point that `row` wrote down."""
    _, calls, tokens, errors, first = row
    named = {kind: count for kind, count in zip(CLASSES, errors, strict=False) if count}
    return Point(calls, tokens, named, unflat(first))


@define(eq=False)
class Cell:
    """Calls but for those that failed by the caller's own fault, and how many failed of them; see `core.faults`."""

    calls: int = 0
    failed: int = 0
    why: dict[str, int] = field(factory=dict)
    """The failed ones by the words of `faults.word_for`."""

    def add(self, more: Cell) -> None:
        """Add what another one counts."""
        self.calls += more.calls
        self.failed += more.failed
        if more.why:
            add(self.why, more.why)

    def row(self, number: int) -> Row:
        """`[number, calls]`, `[number, calls, failed]` or `[number, calls, failed, by status]`."""
        row: Row = [number, self.calls]
        if self.failed:
            row += [self.failed, dict(self.why)] if self.why else [self.failed]
        return row


def read_cell(row: Row) -> Cell:
    """The cell that `row` wrote down."""
    return Cell(row[1], row[2] if len(row) > 2 else 0, dict(row[3]) if len(row) > 3 else {})


def flat(counts: Mapping[int, int]) -> list[int]:
    """Counts by number, as a list of both in turn."""
    return [figure for pair in sorted(counts.items()) for figure in pair]


def unflat(listed: list[int]) -> dict[int, int]:
    """The counts that `flat` wrote down."""
    return dict(zip(listed[::2], listed[1::2], strict=True))


def room(ring: Ring[T], number: int, unix: float) -> T | None:
    """Where a point of an earlier run goes; `None` where it lies in the future: the clock has been set back."""
    return None if number > ring.number(unix) else ring.to_write(float(number * ring.step))


def take_up(ring: Ring[Cell], rows: Iterable[Row], unix: float) -> None:
    """Take up the cells that were written down of a ring."""
    for row in rows:
        there = room(ring, row[0], unix)
        if there is not None:
            there.add(read_cell(row))
