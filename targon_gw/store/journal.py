"""The ledger's files as they are written: a line for each entry, on file before its call's last byte leaves.

Decides what is acknowledged: `append` returns once the whole line is with the kernel, where it outlives this process.
Every second what was written is put on the disk, in a thread. Nothing half-written stays in a file: a line that finds
no room is taken back, and calls are refused until there is room. A sync that fails ends everything: the kernel may have
dropped what it could not write, so nothing is acknowledged after it and nothing is synced again. A folder that can't be
opened to be synced, since the process has no descriptor left, is no failed sync: it is tried again.

A line lies in the file of its UTC day. `n` grows by one a line whatever the clock does: what steps back a little (or a
call settled across midnight) stays in the file at hand, and what leaps goes to the day that it says.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredLock, fail, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from targon_gw.core.ledger import Entry, line_of

from .folder import OURS_TO_READ, InThread, StateFolder, sync_folder, write_whole

SYNC_EVERY: Final = 0.9
"""Seconds: with what the sync itself takes a loss of power costs a second at most (with 1.0 it cost 1.001, P1)."""
ROOM: Final = 16 << 10
"""Bytes that must fit before a full disk counts as free again: some 40 lines, so that it does not flap."""
DAY: Final = 86400
_WAITS: Final = frozenset(
    {
        errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES,
        errno.EPERM, errno.ENOENT,
    }
)  # fmt: skip
"""What an operator can mend while the daemon waits; anything else is a disk that fails."""
_NONE_LEFT: Final = frozenset({errno.EMFILE, errno.ENFILE})
"""No descriptor is to be had (faults catalogue, E-17)."""
_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW

log = Logger()


class Unwritten(Exception):
    """The entry is not on file; nothing of it is."""


class JournalFull(Unwritten):
    """There is no room, or the folder can't be written to for now; it goes on by itself once there is."""


class JournalFailed(Unwritten):
    """The journal takes nothing any more: the disk has failed, or it was closed."""


@define(eq=False)
class Journal:
    """Appends entries. `fatal(reason)` is called at most once, when the process must end."""

    folder: StateFolder
    clock: IReactorTime
    in_thread: InThread
    fatal: Callable[[str], object]
    n: int = field(default=0, init=False)
    """The last line's number."""
    full: bool = field(default=False, init=False)
    """There is no room: `append` raises `JournalFull` without trying."""
    _failed: str | None = field(default="the journal is not open", init=False)
    _file: int | None = field(default=None, init=False)
    _path: str = field(default="", init=False)
    _size: int = field(default=0, init=False)
    _day: int = field(default=-2, init=False)
    _named: bool = field(default=True, init=False)
    """The file's name is on the disk, too."""
    _old: list[int] = field(factory=list, init=False)
    """Descriptors of days gone by that a running sync may still hold."""
    _unsynced: float | None = field(default=None, init=False)
    """When the first line was written that no sync has begun on."""
    _syncing: float | None = field(default=None, init=False)
    """The same of the lines that the running sync is about."""
    _turn: DeferredLock = field(factory=DeferredLock, init=False)
    _looking: bool = field(default=False, init=False)
    _loop: LoopingCall | None = field(default=None, init=False)

    def open(self, n: int) -> None:
        """The next line is `n + 1`; recovery says what `n` is."""
        self.n = n
        self._failed = None
        self._loop = LoopingCall(self._tick)
        self._loop.clock = self.clock
        self._loop.start(SYNC_EVERY, now=False)

    def append(self, entry: Entry) -> tuple[int, bytes]:
        """Write `entry` as the next line; its number, and the line. Raises `JournalFull` or `JournalFailed`."""
        if self._failed is not None:
            raise JournalFailed(self._failed)
        if self.full:
            raise JournalFull("no room for the ledger")
        n = self.n + 1
        line = line_of(entry, n)
        day = int(entry.at // DAY)
        try:
            if day != self._day and day != self._day - 1:
                self._turn_to(day)
            assert self._file is not None
            written = os.write(self._file, line)
            if written != len(line):
                self._complete(line[written:])
        except OSError as error:
            raise self._refused(error) from error
        self._size += len(line)
        self.n = n
        if self._unsynced is None:
            self._unsynced = self.clock.seconds()
        return n, line

    @property
    def path(self) -> str:
        """The file that is written to; empty before the first line."""
        return self._path

    def behind(self) -> float:
        """For how many seconds the oldest line that is not yet on the disk has waited; 0.0 where all are."""
        since = self._syncing if self._syncing is not None else self._unsynced
        return 0.0 if since is None else self.clock.seconds() - since

    def sync(self) -> Deferred[None]:
        """Put all that has been written on the disk; fails with `Unwritten` where that is not so.

        Who waits may leave, and the sync goes on: one that is broken off would look like a disk that has failed.
        """
        waiting: Deferred[None] = Deferred()
        self._turn.run(self._sync_now).chainDeferred(waiting)
        return waiting

    async def close(self) -> None:
        """Sync, and take nothing more. A sync that fails has gone to `fatal`."""
        loop, self._loop = self._loop, None
        if loop is not None and loop.running:
            loop.stop()
        with suppress(Unwritten):
            await self.sync()
        if self._failed is None:
            self._failed = "the journal is closed"
        if self._file is not None:
            self._old.append(self._file)
            self._file = None
        self._close_old()

    def _turn_to(self, day: int) -> None:
        """Go on in the file of that day; the one before is whole on the disk first, or a line could outlive its elders.

        That is one sync in the reactor's thread, of at most a second's lines, at midnight.
        """
        path = os.path.join(self.folder.ledger, f"{date_of(day)}.yaml")
        file = os.open(path, _APPEND, OURS_TO_READ)
        try:
            size = os.fstat(file).st_size
            if self._file is not None and self.behind():
                self._sync_here(self._file)
        except BaseException:
            os.close(file)
            raise
        if self._file is not None:
            self._old.append(self._file)
        if self._syncing is None:
            self._close_old()
        self._file, self._path, self._size, self._day, self._named = file, path, size, day, False

    def _sync_here(self, file: int) -> None:
        try:
            os.fdatasync(file)
        except OSError as error:
            raise self._fail(f"{self._path} cannot be synced: {error.strerror}") from error
        self._unsynced = None

    def _complete(self, rest: bytes) -> None:
        """The kernel took a part of a line: write the rest, or take the part back."""
        assert self._file is not None
        try:
            write_whole(self._file, rest)
        except OSError:
            try:
                os.ftruncate(self._file, self._size)
            except OSError as error:
                raise self._fail(f"{self._path} ends in half a line: {error.strerror}") from error
            raise

    def _refused(self, error: OSError) -> Unwritten:
        """What `append` raises where the kernel said `error`."""
        if error.errno not in _WAITS:
            return self._fail(f"{self._path or self.folder.ledger} cannot be written to: {error.strerror}")
        self.full = True
        log.critical("no room for the ledger: {why}; calls are refused until there is", why=error.strerror)
        return JournalFull(f"no room for the ledger: {error.strerror}")

    def _fail(self, reason: str) -> JournalFailed:
        if self._failed is None:
            self._failed = reason
            log.critical("the journal has failed: {reason}", reason=reason)
            self.fatal(reason)
        return JournalFailed(reason)

    def _tick(self) -> None:
        try:
            if self._failed is not None:
                return
            if self.full and not self._looking:
                self._look_for_room()
            if self._unsynced is not None and not self._turn.locked:
                self.sync().addErrback(lambda failure: failure.trap(Unwritten))  # told, or tried again
        except Exception:  # a bug in one beat must not stop the beats: nothing would be synced any more
            log.failure("the journal's beat failed")

    def _sync_now(self) -> Deferred[None]:
        if self._failed is not None:
            return fail(JournalFailed(self._failed))
        if self._file is None or self._unsynced is None:
            return succeed(None)
        self._syncing, self._unsynced = self._unsynced, None
        folder = None if self._named else self.folder.ledger
        self._named = True
        done = maybeDeferred(self.in_thread, _sync, self._file, self._path, folder)
        return done.addCallbacks(self._synced, self._not_synced)

    def _synced(self, named: object) -> None:
        since, self._syncing = self._syncing, None
        self._close_old()
        if named is False:
            self._named, self._unsynced = False, since
            raise JournalFull("the ledger's folder cannot be synced for now: no descriptor is to be had")

    def _not_synced(self, failure: Failure) -> Failure:
        """Whatever went wrong, nobody knows what is on the disk: the end. The descriptors die with the process."""
        return Failure(self._fail(f"{self._path} cannot be synced: {failure.getErrorMessage()}"))

    def _close_old(self) -> None:
        old, self._old = self._old, []
        for file in old:
            os.close(file)

    def _look_for_room(self) -> None:
        looked = self.in_thread(_has_room, self.folder)
        self._looking = True
        looked.addBoth(self._looked)

    def _looked(self, room: Any) -> None:
        self._looking = False
        if room is True:
            self.full = False
            log.warn("there is room for the ledger again")


def date_of(day: int) -> str:
    """The UTC date of a day counted from 1970: `2026-11-21`."""
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).strftime("%Y-%m-%d")
    except OverflowError:
        raise ValueError(f"no calendar has day {day}") from None


def _sync(file: int, path: str, folder: str | None) -> bool:
    """In a thread; whether the file's name is on the disk, too, which takes a descriptor.

    A file that was moved away would be synced well and read by nobody: that is a failure, too.
    """
    named = True
    os.fdatasync(file)
    if folder is not None:
        try:
            sync_folder(folder)
        except OSError as error:
            if error.errno not in _NONE_LEFT:
                raise
            named = False
    ours = os.fstat(file)
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        there = None
    if there is None or (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino):
        raise OSError(errno.ENOENT, "it was moved or removed while in use")
    return named


def _has_room(folder: StateFolder) -> bool:
    """In a thread: whether a few lines would fit. The file that shows it is gone again at once."""
    path = os.path.join(folder.ledger, ".room")
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, OURS_TO_READ)
        try:
            write_whole(file, bytes(ROOM))
        finally:
            os.close(file)
            os.unlink(path)
    except OSError:
        return False
    return True
