"""Putting a backup in the place of a state folder: laid out within it, read through, and only then put in its place.

Decides what a backup may hold, and when anything is touched. What was there is moved aside, never removed. Before the
first file is moved a mark is on the disk, and it goes when the last one is in its place: whoever opens the folder while
it is there is refused (`StateFolder.open`), lest a daemon begin from zero, or from a half. To restore again mends it.
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from attrs import frozen

from .folder import ASIDE, OURS_TO_READ, StateFolder, sync_folder, write_whole
from .recovery import verify

FIRST: Final = ("secret.key", "state.yaml", "state.yaml.1", "audit.yaml", "audit.yaml.1")
"""What is copied before the ledger: a line that comes in between is then in the ledger, not missing from it."""
LEDGER: Final = "ledger"
HELD: Final = re.compile(
    rf"{LEDGER}/[0-9]{{4,}}-[0-9]{{2}}-[0-9]{{2}}\.yaml(?:\.gz)?(?:\.bad(?:-[0-9]{{8}}T[0-9]{{6}}Z(?:-[0-9]+)?)?)?"
)
"""Days, plain or packed, and what a recovery has set aside: lines of one, or a packed one as a whole."""
LAID_OUT: Final = "restored-"


@frozen
class NotWhole(Exception):
    """The backup can't be gone on from; nothing was changed. A line for each thing that is wrong with it."""

    faults: tuple[str, ...]


def restore(archive: str, folder: StateFolder) -> str | None:
    """Lay out, read, swap; where the old files are, if there were any. `folder` is open.

    Raises `NotWhole`, `tarfile.TarError`, `EOFError`, `zlib.error` or `OSError`; where `folder.unfinished()` says
    nothing then, nothing was changed.
    """
    with _laid_out(archive, folder) as fresh:
        kept = _place_aside(folder)
        _mark(folder, kept)
        _set_aside(folder, kept)
        for name in (LEDGER, *FIRST):
            if os.path.exists(os.path.join(fresh, name)):
                os.rename(os.path.join(fresh, name), os.path.join(folder.path, name))
        sync_folder(folder.path)
        os.unlink(folder.restoring)
        sync_folder(folder.path)
    return kept


@contextmanager
def _laid_out(archive: str, folder: StateFolder) -> Iterator[str]:
    """The files of the backup, whole and on the disk, in a folder of their own within.

    They go with the end, and so do those of an earlier try; not while the mark is there, which they may be the best
    part of.
    """
    fresh = tempfile.mkdtemp(prefix=LAID_OUT, dir=folder.path)
    try:
        os.mkdir(os.path.join(fresh, LEDGER), 0o700)
        _unpack(archive, fresh)
        faults = verify(StateFolder(fresh))
        if faults:
            raise NotWhole(tuple(faults))
        sync_folder(os.path.join(fresh, LEDGER))
        sync_folder(fresh)
        yield fresh
    finally:
        if folder.unfinished() is None:
            for name in os.listdir(folder.path):
                if name.startswith(LAID_OUT):
                    shutil.rmtree(os.path.join(folder.path, name))


def _unpack(archive: str, folder: str) -> None:
    """Only files that a backup has, by their names; a link, a device or a path that leads elsewhere is none."""
    with tarfile.open(archive, "r:gz") as tar:
        for entry in tar:
            if not entry.isreg() or not (entry.name in FIRST or HELD.fullmatch(entry.name)):
                raise tarfile.TarError(f"{_shown(entry.name)} is nothing that a backup has")
            source = tar.extractfile(entry)
            target = os.path.join(folder, entry.name)
            assert source is not None
            with source, open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OURS_TO_READ), "wb") as file:
                shutil.copyfileobj(source, file)
                file.flush()
                os.fsync(file.fileno())


def _shown(name: str) -> str:
    """A name out of an archive, as text and nothing else."""
    return repr("".join(each if each.isprintable() else "�" for each in name))


def _there(folder: StateFolder) -> list[str]:
    """What of a state is in the folder: `open` has made the ledger's own, so that an empty one is none."""
    names = [name for name in FIRST if os.path.lexists(os.path.join(folder.path, name))]
    return [*names, LEDGER] if os.listdir(folder.ledger) else names


def _place_aside(folder: StateFolder) -> str | None:
    """A folder within for what is there; that of the try before, where one was not finished. None: there is nothing."""
    if folder.aside is not None:
        return folder.aside
    if not _there(folder):
        return None
    return tempfile.mkdtemp(prefix=time.strftime(f"{ASIDE}%Y%m%dT%H%M%S-"), dir=folder.path)


def _mark(folder: StateFolder, aside: str | None) -> None:
    """Have it on the disk that a restore has begun, and where the old state goes."""
    temporary = f"{folder.restoring}.next"
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, OURS_TO_READ)
    try:
        write_whole(file, b"%b\n" % os.fsencode(os.path.basename(aside or "")))
        os.fsync(file)
    finally:
        os.close(file)
    os.rename(temporary, folder.restoring)
    sync_folder(folder.path)


def _set_aside(folder: StateFolder, aside: str | None) -> None:
    """Move what is there into `aside`; what the try before has put in its place is kept in there, apart."""
    again: str | None = None
    for name in _there(folder) if aside is not None else ():
        at = os.path.join(aside or "", name)
        if os.path.lexists(at):
            again = again or tempfile.mkdtemp(prefix="unfinished-", dir=aside)
            at = os.path.join(again, name)
        os.rename(os.path.join(folder.path, name), at)
    if os.path.isdir(folder.ledger):
        os.rmdir(folder.ledger)
    if aside is not None:
        sync_folder(aside)
