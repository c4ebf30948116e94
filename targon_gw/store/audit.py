"""`audit.yaml`: what admins have done, and what was noted of security; appended, never changed.

A line is one JSON object behind `- `, as in the ledger: time, who, what, on what, from which address. It bears no
secret: what looks like one is blotted out, whoever put it there. Lines are written in a thread, one after another;
where the disk takes none they wait, the newest thousand of them, and what was done is done all the same. Two files are
kept, of four MiB each: nobody fills a disk by failing to sign in.
"""

# mypy: disallow-untyped-calls=False
# Twisted is not typed throughout.

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from targon_gw.core.config import SECRET_LIKE

from .folder import OURS_TO_READ, InThread, StateFolder, sync_folder, write_whole

log = Logger()

LARGEST: Final = 4 << 20
"""Bytes of a file; then it becomes the one before."""
REMEMBERED: Final = 1000
"""Events that are told again, and that wait at most where the disk takes none."""
LONGEST: Final = 200
"""Characters of a text."""
_TAIL: Final = 512 << 10
_APPEND: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Event(msgspec.Struct, frozen=True):
    """One thing that was done or noted. `at` is Unix seconds; `address` is "" where there was none."""

    at: float
    who: str
    act: str
    on: str = ""
    address: str = ""


@define(eq=False)
class Audit:
    """The file, and the last events in memory. `unix` tells the time, in Unix seconds."""

    folder: StateFolder
    in_thread: InThread
    unix: Callable[[], float]
    _recent: deque[Event] = field(factory=lambda: deque(maxlen=REMEMBERED))
    _waiting: deque[Event] = field(factory=lambda: deque(maxlen=REMEMBERED))
    _writing: Deferred[Any] | None = None
    _ends: list[Deferred[None]] = field(factory=list)
    _failing: bool = False

    @property
    def path(self) -> str:
        """The file that is written to."""
        return os.path.join(self.folder.path, "audit.yaml")

    def open(self) -> None:
        """Remember what the file tells of; one that can't be read is no reason not to start."""
        try:
            self._recent.extend(_told(self.path))
        except OSError as error:
            log.warn("{path} cannot be read: {reason}", path=self.path, reason=error.strerror)

    def note(self, who: str, act: str, on: str = "", address: str = "") -> None:
        """Note that `who` (a user's name, `admin socket`, `admin token`, "" for nobody) did `act`."""
        event = Event(round(self.unix(), 3), *map(_plain, (who, act, on, address)))
        self._recent.append(event)
        self._waiting.append(event)
        self._write()

    def last(self, limit: int) -> list[dict[str, Any]]:
        """The last events, newest first."""
        newest = list(self._recent)[: -limit - 1 : -1]
        return [msgspec.structs.asdict(event) for event in newest]

    def close(self) -> Deferred[None]:
        """Fires when all that can be written is."""
        if self._writing is None:
            return succeed(None)
        ended: Deferred[None] = Deferred()
        self._ends.append(ended)
        return ended

    def _write(self) -> None:
        if self._writing is not None or not self._waiting:
            return
        events = list(self._waiting)
        self._writing = self.in_thread(append, self.folder, self.path, events)
        self._writing.addBoth(self._written, events)

    def _written(self, result: Any, events: list[Event]) -> None:
        self._writing = None
        if isinstance(result, Failure):
            if not self._failing:
                log.failure("the audit can't be written; its events wait", failure=result)
            self._failing = True
        else:
            self._failing = False
            done = set(map(id, events))  # the first of them may have been let go meanwhile
            while self._waiting and id(self._waiting[0]) in done:
                self._waiting.popleft()
            self._write()
        if self._writing is None:
            ends, self._ends = self._ends, []
            for ended in ends:
                ended.callback(None)


def append(folder: StateFolder, path: str, events: list[Event]) -> None:
    """Append these to the file at `path`, which is moved aside when it is full; on the disk when this returns."""
    lines = b"".join(b"- " + msgspec.json.encode(event) + b"\n" for event in events)
    file = os.open(path, _APPEND, OURS_TO_READ)
    try:
        size = os.fstat(file).st_size
        if size and size + len(lines) > LARGEST:
            os.rename(path, f"{path}.1")
            full, file, size = file, os.open(path, _APPEND, OURS_TO_READ), 0
            os.close(full)
            sync_folder(folder.path)
        if size and os.pread(file, 1, size - 1) != b"\n":  # a line that a crash has torn
            lines = b"\n" + lines
        write_whole(file, lines)
        os.fdatasync(file)
    finally:
        os.close(file)


def _plain(text: str) -> str:
    return SECRET_LIKE.sub("…", "".join(c if c.isprintable() else " " for c in text[:LONGEST]))


def _told(path: str) -> Iterator[Event]:
    """The events at the end of the file at `path`, oldest first; lines that are none are passed over."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return
    for line in lines:
        try:
            yield msgspec.json.decode(line.removeprefix(b"- "), type=Event)
        except msgspec.DecodeError:
            continue
