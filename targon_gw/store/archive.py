"""Old files of the ledger: packed after a month, removed when the operator's `keep` is over.

Decides by what the snapshots hold: a file is touched only when every line in it is folded into both generations, so
that recovery never needs one that is gone. Its totals by day live on in the state. A packed file is read back and
compared before the plain one goes.
"""

from __future__ import annotations

import gzip
import os
import re
import zlib
from datetime import UTC, date, datetime, timedelta
from typing import IO, Final

from attrs import define, frozen
from twisted.internet.defer import Deferred

from .daybook import Daybook, daybooks, extent
from .folder import OURS_TO_READ, Damaged, InThread, StateFolder, sync_folder

PLAIN_DAYS: Final = 31
"""A month in which the usual tools read the files as they are."""
_BLOCK: Final = 1 << 18
_CENTURY: Final = 36500 * 86400
_HEAD: Final = re.compile(rb'# targon-gw state[^\n]*\n\{"version":\d+,"n":(\d+),\n')


@frozen
class Tidied:
    """The names of the files that were packed and removed, and what went wrong, one line each."""

    packed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@define(eq=False)
class Archive:
    """Tidies the ledger's folder, in a thread."""

    folder: StateFolder
    in_thread: InThread

    def tidy(self, unix: float, keep: float) -> Deferred[Tidied]:
        """Pack and remove what is old at `unix`, kept for `keep` seconds; once a day is enough."""
        return self.in_thread(tidy, self.folder, unix, keep)


def tidy(folder: StateFolder, unix: float, keep: float) -> Tidied:
    """What `Archive.tidy` does, here and now."""
    today = datetime.fromtimestamp(unix, UTC).date()
    pack_before, keep_from = today - timedelta(days=PLAIN_DAYS), today - timedelta(seconds=min(keep, _CENTURY))
    folded = folded_into(folder)
    packed, removed, problems = [], [], []
    for book in daybooks(folder):
        day = _day_of(book)
        if day is None or day >= max(pack_before, keep_from):
            continue
        try:
            if not book.packed and not _is_folded(book, folded):
                continue
            if day < keep_from:
                os.unlink(book.path)
                removed.append(os.path.basename(book.path))
            elif not book.packed and day < pack_before:
                _pack(book.path)
                packed.append(os.path.basename(book.path))
        except (OSError, EOFError, zlib.error, Damaged) as error:
            problems.append(f"{book.path}: {error}")
    if removed:
        sync_folder(folder.ledger)
    return Tidied(tuple(packed), tuple(removed), tuple(problems))


def folded_into(folder: StateFolder) -> int:
    """The last line that both snapshots have folded in; 0 where one is missing or not whole."""
    return min(_folded(folder.state), _folded(folder.state_before))


def _folded(path: str) -> int:
    """The `n` of a snapshot whose checksum is right. The state itself is not parsed: that would stall the reactor."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return 0
    head = _HEAD.match(content)
    is_whole = content.endswith(b'"crc":"%08x"}\n' % zlib.crc32(memoryview(content)[:-18]))
    return int(head[1]) if head is not None and is_whole else 0


def _is_folded(book: Daybook, folded: int) -> bool:
    held = extent(book)
    return held.end == held.size and (held.last or 0) <= folded


def _day_of(book: Daybook) -> date | None:
    try:
        return date.fromisoformat(book.day)
    except ValueError:
        return None


def _pack(path: str) -> None:
    """Pack the file at `path` behind what is packed of its day already; a crash leaves it packed, plain, or both."""
    packed, temporary = f"{path}.gz", f"{path}.gz.next"
    size, crc = _sums(path)
    if os.path.exists(packed) and _trailer(packed) == (crc, size):  # a crash came between the two last steps
        os.unlink(path)
        return
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, OURS_TO_READ), "wb") as out:
            if os.path.exists(packed):
                _copy(packed, out)
            with gzip.GzipFile("", "wb", 6, out, mtime=0) as member:
                _copy(path, member)
            out.flush()
            os.fsync(out.fileno())
        with gzip.open(temporary, "rb") as back:
            while back.read(_BLOCK):  # each member's checksum is compared on the way
                pass
        if _trailer(temporary) != (crc, size):
            raise OSError("what was packed is not what was read")
        os.rename(temporary, packed)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    sync_folder(os.path.dirname(path))
    os.unlink(path)


def _copy(path: str, out: IO[bytes] | gzip.GzipFile) -> None:
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            out.write(block)


def _sums(path: str) -> tuple[int, int]:
    """Size and CRC-32 of a file, the size as gzip writes it (RFC 1952, 2.3.1)."""
    size = crc = 0
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            size, crc = size + len(block), zlib.crc32(block, crc)
    return size & 0xFFFFFFFF, crc


def _trailer(path: str) -> tuple[int, int]:
    """CRC-32 and size of what the last member of a packed file holds."""
    with open(path, "rb") as file:
        file.seek(-8, os.SEEK_END)
        trailer = file.read(8)
    return int.from_bytes(trailer[:4], "little"), int.from_bytes(trailer[4:], "little")
