"""The way back: the newest good snapshot, and the lines of the ledger behind it.

Decides whether the gateway may start on what the folder holds. It never starts from zero where there was something,
never guesses, and never deletes: what it can't account for is a `Damaged`, unless the operator says `--recover`; then
the bad part is moved into a file beside and named. Two things need no such word, since a crash leaves them: a torn last
line, which nobody was told was on file, and a bad snapshot with a good one before it, whose lines the ledger still has.

Lines already folded into the snapshot aren't read again, but for the end of the newest file: what was written last is
what a failing disk breaks first, and a start must take seconds.
"""

from __future__ import annotations

import heapq
import os
import re
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Any

from attrs import field, frozen

from targon_gw.core.estate import State
from targon_gw.core.ledger import entry_of
from targon_gw.core.lines import Row

from .daybook import Daybook, Extent, Line, daybooks, extent, line_after, runs, start_behind
from .folder import Damaged, Seen, StateFolder, seen
from .quarantine import clean, keep_bytes, set_aside
from .snapshot import BadSnapshot, NewerSnapshot, Stored, read_snapshot

_BEGUN = re.compile(rb'- \{"n":(\d+),')
CHECKED = 16 << 20
"""Bytes at the end of the newest file that are read though folded in: some 50,000 lines, a fraction of a second."""


@frozen
class Torn:
    """What was cut off: `size` bytes from the byte `at` of `file`."""

    file: str
    at: int
    size: int


@frozen
class Recovered:
    """What the folder held. `state` is None where there was no snapshot; `n` is the last line folded into it."""

    state: dict[str, Any] | None
    n: int
    runs: Iterator[list[Row]]
    """The lines behind `n`, in order and without a gap, many at a time as they are read; raises `Damaged` on the way.
    """
    torn: Torn | None
    notes: list[str]
    """What was found, cut or moved, for the log; the lines may add to it."""
    seen: Seen | None
    """The snapshot's file as it was read, for `Snapshot.seen`."""

    @property
    def lines(self) -> Iterator[Line]:
        """The same one by one; whoever reads here does not read there."""
        return ((row.n, entry_of(row)) for rows in self.runs for row in rows)


@frozen
class _Reading:
    """A file, what it holds, and from where it is to be read."""

    book: Daybook
    held: Extent
    start: int = 0

    def runs(self) -> Iterator[list[Row]]:
        """Its whole lines from there on."""
        return runs(self.book, self.start, None if self.book.packed else self.held.end)


@frozen
class _Look:
    """How to go about it: whether bad parts are set aside (`insist`), and whether anything may be changed (`touch`)."""

    folder: StateFolder
    insist: bool
    touch: bool
    notes: list[str] = field(factory=list)


def recover(folder: StateFolder, recover: bool = False, touch: bool = True) -> Recovered:
    """What is to be gone on from. `folder` is open; it need not be where `touch=False`, which changes nothing.

    Raises `Damaged`. With `recover` what is damaged is set aside instead, and the notes say where it is.
    """
    look = _Look(folder, recover and touch, touch)
    stored, at = _newest(look)
    n = 0 if stored is None else stored.n
    books = daybooks(folder)
    if look.insist:
        for book in books:
            look.notes.extend(clean(book))
        books = daybooks(folder)
    readings = [_Reading(book, extent(book)) for book in books if stored is None or not book.packed]
    torn = _cut(look, readings)
    if stored is None:
        _begins_at_one(look, readings)
        n = _first(readings) - 1
    state = None if stored is None else stored.state
    return Recovered(state, n, _behind(look, _to_read(readings, n), n), torn, look.notes, at)


def verify(folder: StateFolder) -> list[str]:
    """Read everything, both snapshots and all lines, and change nothing; one line for each thing that is wrong."""
    unfinished, found = folder.unfinished(), []
    if unfinished is not None:
        return [f"{folder.path}: {unfinished}"]
    for path in (folder.state, folder.state_before):
        try:
            if os.path.lexists(path):
                read_snapshot(path, State)
        except (BadSnapshot, OSError) as error:
            found.append(f"{path}: {error}")
    for book in daybooks(folder):
        try:
            held = extent(book)
            if held.end != held.size:
                found.append(f"{book.path}: the last line is not whole (byte {held.end})")
            for _ in _Reading(book, held).runs():
                pass
        except Damaged as damaged:
            found.append(str(damaged))
    return found


def _newest(look: _Look) -> tuple[Stored | None, Seen | None]:
    """The newest good snapshot; a bad one in its way is moved aside, lest the next flush put it before the good one."""
    bad: list[str] = []
    for path in (look.folder.state, look.folder.state_before):
        at = seen(path)
        if at is None:
            continue
        try:
            stored = read_snapshot(path, State)
        except (BadSnapshot, OSError) as error:
            if not look.insist and (not isinstance(error, BadSnapshot) or isinstance(error, NewerSnapshot)):
                raise Damaged(path, None, str(error)) from None
            look.notes.append(f"{path}: {error}")
            bad.append(path)
            continue
        for other in bad:
            _put_away(look, other)
        if path != look.folder.state:
            look.notes.append(f"{path} is gone on from")
        return stored, at if path == look.folder.state else None
    if bad and not look.insist:
        raise Damaged(bad[0], None, f"{look.notes[0].removeprefix(bad[0] + ': ')}, and there is no good one before it")
    for path in bad:
        _put_away(look, path)
    return None, None


def _put_away(look: _Look, path: str) -> None:
    if look.touch:
        look.notes.append(f"{path} is kept as {set_aside(path)}")


def _cut(look: _Look, readings: list[_Reading]) -> Torn | None:
    """Cut off what follows the last whole line of all; such a thing anywhere else is damage."""
    last = max((reading.held.last or 0 for reading in readings), default=0)
    torn = None
    for reading in readings:
        held, path = reading.held, reading.book.path
        if held.end == held.size:
            continue
        if torn is not None or not _is_last(reading, readings, last):
            raise Damaged(path, None, f"ends in a line that is not whole (byte {held.end}), and others follow it")
        torn = Torn(path, held.end, held.size - held.end)
        look.notes.append(f"{path}: the last line is not whole: {torn.size} bytes cut off at byte {torn.at}")
        if look.touch:
            _cut_off(look, torn, held.torn)
    return torn


def _is_last(reading: _Reading, readings: list[_Reading], last: int) -> bool:
    """Whether what follows its whole lines was written last of all: by its place, or by the number that it begins with.

    A clock that was set back has the next line go to a day whose file is new, or ended long ago.
    """
    held = reading.held
    if held.last == last or (held.last is None and reading is readings[-1]):
        return True
    with open(reading.book.path, "rb") as file:
        file.seek(held.end)
        begun = _BEGUN.match(file.read(40))
    return begun is not None and int(begun[1]) == last + 1


def _cut_off(look: _Look, torn: Torn, has_no_end: bool) -> None:
    file = os.open(torn.file, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if not has_no_end:  # it may have been acknowledged, and then broken: it is worth a look
            aside = keep_bytes(torn.file, os.pread(file, torn.size, torn.at))
            look.notes.append(f"what was cut off is kept in {aside}")
        os.ftruncate(file, torn.at)
        os.fsync(file)
    finally:
        os.close(file)


def _first(readings: list[_Reading]) -> int:
    return min((reading.held.first for reading in readings if reading.held.first is not None), default=1)


def _begins_at_one(look: _Look, readings: list[_Reading]) -> None:
    first = _first(readings)
    if first == 1:
        return
    why = f"begins with line {first}, and there is no snapshot that has those before it"
    path = next(reading.book.path for reading in readings if reading.held.first == first)
    if not look.insist:
        raise Damaged(path, 1, why)
    look.notes.append(f"{path}:1: {why}: they are not counted")


def _to_read(readings: list[_Reading], n: int) -> list[_Reading]:
    """The files with lines behind `n`, from where those begin, and the end of the newest, in order of their numbers."""
    chosen = []
    newest = max((reading.held.last or 0 for reading in readings), default=0)
    for reading in readings:
        held = reading.held
        if held.last is None or held.last <= min(n, newest - 1):
            continue
        start = 0 if reading.book.packed else start_behind(reading.book, held, n)
        if held.last == newest and start > 0:
            start = min(start, _checked_from(reading))
        chosen.append(_Reading(reading.book, held, start))
    return sorted(chosen, key=lambda reading: reading.held.first or 0)


def _checked_from(reading: _Reading) -> int:
    if reading.held.end <= CHECKED:
        return 0
    with open(reading.book.path, "rb") as file:
        return line_after(file, reading.held.end - CHECKED)


def _behind(look: _Look, readings: list[_Reading], n: int) -> Iterator[list[Row]]:
    """The lines behind `n`, each one more than the last. A clock that leapt back has files overlap: they are merged."""
    last = n
    kept: Row | None = None
    for rows in _in_order(readings):
        if rows[0].n == last + 1 and rows[-1].n == last + len(rows):  # numbers grow, so that none is missing
            last, kept = rows[-1].n, rows[-1]
            yield rows
            continue
        new = []
        for row in rows:
            number = row.n
            if number != last + 1:
                if number <= n or row == kept:  # folded in already; or packed, and the plain file is still there
                    continue
                _gap(look, readings, last, number)
            last, kept = number, row
            new.append(row)
        if new:
            yield new


def _in_order(readings: list[_Reading]) -> Iterator[list[Row]]:
    """Rows by number: as the files have them, or one by one where files overlap."""
    if all((a.held.last or 0) < (b.held.first or 0) for a, b in pairwise(readings)):
        return chain.from_iterable(reading.runs() for reading in readings)
    streams = [chain.from_iterable(reading.runs()) for reading in readings]
    return ([row] for row in heapq.merge(*streams, key=_by_number))


def _by_number(row: Row) -> int:
    return row.n


def _gap(look: _Look, readings: list[_Reading], last: int, number: int) -> None:
    held_by = [r.book.path for r in readings if (r.held.first or 0) <= number <= (r.held.last or 0)]
    why = f"line number {number} follows number {last}: those between are missing"
    if number <= last:
        why = f"line number {number} is there twice, and differs"
    if not look.insist:
        raise Damaged(held_by[0], None, why)
    look.notes.append(f"{held_by[0]}: {why}")
