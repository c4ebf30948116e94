"""The state folder: whose it is, what lies in it, and that one daemon alone is at work in it.

Decides whether the folder may be used at all. It never mends what an operator has to see first: a folder of somebody
else, or one that others may write to, is refused in one line. What is made here is 0700 and 0600.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable
from typing import Any, Final

from attrs import define, frozen
from twisted.internet.defer import Deferred

InThread = Callable[..., Deferred[Any]]
"""`in_thread(f, *args)` calls `f(*args)` away from the reactor's thread; the Deferred fires on it."""

ONLY_OURS: Final = 0o700
OURS_TO_READ: Final = 0o600
ASIDE: Final = "before-restore-"
"""How the names of folders begin that have what was here before a restore."""
_OTHERS_WRITE: Final = 0o022
_MAKE: Final = os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


@frozen
class Locked(Exception):
    """Another daemon is at work in the folder (exit 75). `pid` is what it wrote of itself, where that can be read."""

    path: str
    pid: int | None = None

    def __str__(self) -> str:
        other = f"process {self.pid}" if self.pid is not None else "another process"
        return f"{self.path} is in use by {other}"


@frozen
class Unusable(Exception):
    """The folder cannot hold the state (exit 78); one clear line."""

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


@frozen
class Damaged(Exception):
    """What lies in the folder is not what was written (exit 78). `line` counts from 1; None where it is the file."""

    file: str
    line: int | None
    why: str

    def __str__(self) -> str:
        return f"{self.file}: {self.why}" if self.line is None else f"{self.file}:{self.line}: {self.why}"


@frozen
class Seen:
    """A file as it was when we last had it in hand; any edit changes one of these."""

    inode: int
    modified: int
    size: int


@define(eq=False)
class StateFolder:
    """The folder at `path` and the paths in it. `open()` before anything is read or written."""

    path: str
    _lock: int | None = None

    @property
    def state(self) -> str:
        """The snapshot."""
        return os.path.join(self.path, "state.yaml")

    @property
    def state_before(self) -> str:
        """The snapshot before that one."""
        return os.path.join(self.path, "state.yaml.1")

    @property
    def state_next(self) -> str:
        """The snapshot that is being written."""
        return os.path.join(self.path, "state.yaml.next")

    @property
    def ledger(self) -> str:
        """The folder of the ledger's files, one a day."""
        return os.path.join(self.path, "ledger")

    @property
    def restoring(self) -> str:
        """The mark of a restore: there from before it moves anything until all is in its place."""
        return os.path.join(self.path, "restoring")

    @property
    def aside(self) -> str | None:
        """The folder within that has what was here before, by the mark; None where there was nothing."""
        try:
            with open(self.restoring, encoding="utf-8", errors="replace") as file:
                name = os.path.basename(file.read(255).strip())
        except OSError:
            return None
        path = os.path.join(self.path, name)
        return path if name.startswith(ASIDE) and os.path.isdir(path) else None

    def unfinished(self) -> str | None:
        """Why nobody may go on from what is here, where a restore has begun and not ended: half of it may be there."""
        if not os.path.lexists(self.restoring):
            return None
        why = "a restore was not finished: run 'targon-gw restore' again"
        return why if self.aside is None else f"{why}; the old state lies in {self.aside}"

    def open(self, unfinished: bool = False) -> None:
        """Make what is missing, check what is there, and lock it. Raises `Locked` or `Unusable`.

        The folder itself is made where the one above it exists; more is not, lest a disk that is not mounted be
        taken for a first start. With `unfinished` it is for a restore, to which one that was not finished is no bar.
        """
        _make(self.path)
        _check(self.path)
        lock = self._take_lock()
        try:
            if not unfinished and (why := self.unfinished()) is not None:
                raise Unusable(self.path, why)
            _make(self.ledger)
            _check(self.ledger)
        except Unusable:
            os.close(lock)
            raise
        self._lock = lock

    def close(self) -> None:
        """Let another daemon in; harmless where it was not open."""
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    def _take_lock(self) -> int:
        path = os.path.join(self.path, "lock")
        try:
            lock = os.open(path, os.O_RDWR | _MAKE, OURS_TO_READ)
        except OSError as error:
            raise Unusable(self.path, f"cannot be written to: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid = os.pread(lock, 20, 0).strip()
            os.close(lock)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise Locked(self.path, int(pid) if pid.isdigit() else None) from None
            raise Unusable(self.path, f"cannot be locked: {error.strerror}") from None
        _sign(lock)
        return lock


def _make(path: str) -> None:
    try:
        os.mkdir(path, ONLY_OURS)
    except FileExistsError:
        return
    except OSError as error:
        raise Unusable(path, f"cannot be made: {error.strerror}") from None


def _check(path: str) -> None:
    try:
        found = os.stat(path)
    except OSError as error:
        raise Unusable(path, f"cannot be used: {error.strerror}") from None
    if not stat.S_ISDIR(found.st_mode):
        raise Unusable(path, "is not a folder")
    if found.st_uid != os.geteuid():
        raise Unusable(path, f"belongs to user {found.st_uid}, and the gateway runs as user {os.geteuid()}")
    if found.st_mode & _OTHERS_WRITE:
        mode = stat.S_IMODE(found.st_mode)
        raise Unusable(path, f"may be written to by others (mode {mode:04o}): chmod 700 it")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise Unusable(path, "cannot be written to")


def _sign(lock: int) -> None:
    """Write who holds the lock; it is said to whoever comes second, and nothing depends on it."""
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, b"%d\n" % os.getpid(), 0)
    except OSError:  # a full disk: the lock holds without a name
        return


def sync_folder(path: str) -> None:
    """Put names made, changed or removed in the folder `path` on the disk."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def seen(path: str) -> Seen | None:
    """The file at `path` as it is now; None where there is none."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return Seen(found.st_ino, found.st_mtime_ns, found.st_size)


def beside(path: str, word: str, at: str) -> str:
    """A free name next to `path`: `state.yaml.conflict-20261121T101500Z`; a number follows where that is taken."""
    wanted = f"{path}.{word}-{at}"
    free, number = wanted, 2
    while os.path.lexists(free):
        free, number = f"{wanted}-{number}", number + 1
    return free


def write_whole(file: int, content: bytes) -> None:
    """Write all of `content` to the descriptor `file`, however little it takes at a time; OSError where it won't."""
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]
