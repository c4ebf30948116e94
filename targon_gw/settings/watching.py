"""Notices that the operator has saved a settings file, whatever the editor does to save it.

It says that something has changed, once, when nothing has moved for a moment and nobody is writing; what has changed,
and whether it is any good, is for whoever reads the files to find out. It never reads them itself. A file that somebody
holds open after writing to it is not finished, for `PATIENCE` seconds at most. Where the system gives no notice
(no inotify, no watches left) the files are looked at every second; everywhere, every ten seconds: notices get lost.
"""

# mypy: disallow-untyped-calls=False
# Twisted is not typed throughout.

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.filepath import FilePath

from .trails import Mark, Names, marks_of, places_of

log = Logger()

PATIENCE: Final = 10.0
"""Seconds for which a file that was written to and not closed counts as half written."""
LOOK_EVERY: Final = 1.0
"""Seconds between two looks where there are no notices."""
LOOK_ANYWAY: Final = 10.0
"""Seconds between two looks where there are: a queue overflows, a folder far up is renamed, a disk is a network's."""


@define(eq=False)
class Watching:
    """Watches `files` and the folders beside them; calls `changed` when what they look like has changed.

    `reactor` tells the time and reads descriptors. `settle` is for how many seconds nothing may have moved.
    """

    reactor: Any
    files: Sequence[str]
    changed: Callable[[], None]
    settle: float = 0.2
    _told: Mapping[str, Mark] = field(factory=dict)
    """What the files looked like when `changed` was last called, or when watching began."""
    _seen: Mapping[str, Mark] | None = None
    """What they looked like at the last look, where a look and no notice said that they move."""
    _places: dict[str, Names] = field(factory=dict)
    _notices: Any = None
    _blind: bool = True
    """No notice may be relied upon."""
    _written: dict[str, float] = field(factory=dict)
    """Files that were written to and not yet closed, and when last."""
    _settling: IDelayedCall | None = None
    _looking: IDelayedCall | None = None

    @property
    def moving(self) -> bool:
        """Whether a change is under way: `changed` is about to be called, or somebody is writing."""
        return self._settling is not None

    @property
    def begun(self) -> bool:
        """Whether it watches: it was started, and not stopped since."""
        return self._looking is not None

    def start(self, known: Mapping[str, Mark] | None = None) -> None:
        """Begin. `known` is what the files looked like when they were read; without it, what is there now is known."""
        self._arm()
        marks = marks_of(self.files)
        self._told = marks if known is None else known
        self._look_later()
        if marks != self._told:
            self._moved()

    def stop(self) -> None:
        """End; nothing is left ticking."""
        for call in (self._settling, self._looking):
            if call is not None and call.active():
                call.cancel()
        self._settling = self._looking = None
        self._disarm()

    def refresh(self, files: Sequence[str], known: Mapping[str, Mark] | None = None) -> None:
        """Watch these from now on. A change of one that was watched already, not yet told, is still told.

        `known` is what they looked like when they were read, as of `start`.
        """
        self.files = files
        self._arm()
        marks = marks_of(files)
        known = marks if known is None else known
        self._told = {path: self._told.get(path, known.get(path)) for path in marks}
        if marks != self._told:
            self._moved()

    # notices

    def _arm(self, anew: bool = False) -> None:
        """Have the system give notice of changes in the folders that matter."""
        places = places_of(self.files)
        if not anew and self._notices is not None and places.keys() == self._places.keys():
            self._places = places
            return
        # The new one first: the old one may be telling us something now, and goes on to its own number afterwards.
        old, was_blind = self._notices, self._blind
        self._places = places
        self._notices, self._blind = _notices(self.reactor, list(places), self._noticed)
        if old is not None:
            old.loseConnection()
        if self._looking is not None and self._blind is not was_blind:
            self._look_later()

    def _disarm(self) -> None:
        notices, self._notices = self._notices, None
        if notices is not None:
            notices.loseConnection()

    def _noticed(self, _: object, path: FilePath[bytes], mask: int) -> None:
        """Something has happened in a folder that is watched."""
        from twisted.internet import inotify

        if mask & (inotify.IN_DELETE_SELF | inotify.IN_MOVE_SELF | inotify.IN_UNMOUNT):
            self._arm(anew=True)
            self._moved()
            return
        at = os.fsdecode(path.path)
        folder, name = os.path.split(at)
        names = self._places.get(folder)
        if names is None or not names.matter(name):
            return
        if mask & inotify.IN_MODIFY or (mask & inotify.IN_CREATE and _is_begun(at)):
            self._written[at] = self.reactor.seconds()
        elif mask & (inotify.IN_CLOSE_WRITE | inotify.IN_MOVED | inotify.IN_DELETE | inotify.IN_CREATE):
            self._written.pop(at, None)
        if mask & (inotify.IN_CREATE | inotify.IN_MOVED | inotify.IN_DELETE):
            self._arm()  # it may have been a link, or a folder
        self._moved()

    # looks

    def _look_later(self) -> None:
        if self._looking is not None and self._looking.active():
            self._looking.cancel()
        self._looking = self.reactor.callLater(LOOK_EVERY if self._blind else LOOK_ANYWAY, self._look)

    def _look(self) -> None:
        self._look_later()
        if self._settling is None:
            marks = marks_of(self.files)
            if marks != self._told:
                self._arm(anew=True)
                self._moved()
                self._seen = marks

    # settling

    def _moved(self) -> None:
        """Wait until nothing has moved for a moment."""
        self._seen = None
        if self._settling is not None:
            self._settling.reset(self.settle)
        else:
            self._settling = self.reactor.callLater(self.settle, self._settled)

    def _settled(self) -> None:
        self._settling = None
        now = self.reactor.seconds()
        self._written = {path: at for path, at in self._written.items() if 0 <= now - at < PATIENCE}
        marks = marks_of(self.files)
        if self._written or (self._blind and marks != self._seen):
            self._moved()
            self._seen = marks
        elif marks != self._told:
            self._told = marks
            self.changed()


def _is_begun(path: str) -> bool:
    """Whether a file that has just appeared is yet to be written: a link or a folder is complete at once."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_size == 0


def _notices(reactor: Any, folders: Sequence[str], noticed: Callable[..., None]) -> tuple[Any, bool]:
    """A reader of notices about `folders`, if there can be one, already reading; and whether it is blind to any."""
    try:
        from twisted.internet import inotify
    except ImportError:  # not Linux
        return None, True

    class Notices(inotify.INotify):
        """Twisted's closes itself when a folder goes, twice when two of them go, and uses its number even then.

        The number may be somebody else's by that time.
        """

        def connectionLost(self, reason: Failure) -> None:
            super().connectionLost(reason)
            self._fd = -1

    mask = inotify.IN_CHANGED | inotify.IN_CLOSE_WRITE | inotify.IN_CREATE | inotify.IN_DELETE
    mask |= inotify.IN_MOVED | inotify.IN_MOVE_SELF | inotify.IN_DELETE_SELF
    try:
        notices = Notices(reactor)
    except (inotify.INotifyError, OSError) as error:
        log.warn("no notice of saved settings: {reason}; they are looked at every second", reason=str(error))
        return None, True
    blind = False
    for folder in folders:
        try:
            notices.watch(FilePath(os.fsencode(folder)), mask, callbacks=[noticed])
        except (inotify.INotifyError, OSError) as error:
            log.warn("no notice of changes in {folder}: {reason}", folder=folder, reason=str(error))
            blind = True
    notices.startReading()
    return notices, blind
