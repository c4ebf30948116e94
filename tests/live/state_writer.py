"""A small daemon of nothing but its state: it recovers, appends, syncs and flushes, and keeps a record of it all.

`python -m tests.live.state_writer FOLDER RECORD` does the same system calls in the same order every time, so that a
test can have the k-th of them fail or kill it. The record is memory mapped: what is in it took no system call and
outlives the kill. It holds one byte a call: 1 where `append` has returned for it.

Exit 0: all was done. 1: the journal said that it is the end. 75, 78: as the gateway's.
"""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.task import Clock, LoopingCall
from twisted.python.failure import Failure

from targon_gw.core.ledger import Ending, Entry, Kind, Ledger
from targon_gw.store.folder import Damaged, StateFolder, Unusable
from targon_gw.store.journal import Journal, JournalFull
from targon_gw.store.recovery import Recovered, recover
from targon_gw.store.snapshot import Snapshot

NOON, DAY = 1_763_726_400.0, 86400.0
CALLS = 9
"""How many one run makes."""
FLUSHED_AT = (CALLS // 3, CALLS)
"""After how many of them the state is written."""
MARK = "here-we-go"
RECORDED = 4096


def folded(found: Recovered) -> tuple[Ledger, list[str]]:
    """The ledger that was recovered, and the ids of all calls in it, in order."""
    ledger, ids = Ledger(), []
    if found.state is not None:
        ledger.restore(found.state["ledger"])
        ids = list(found.state["open"])
    for n, entry in found.lines:
        ledger.fold(n, entry)
        ids.append(entry.id)
    return ledger, ids


def at_once(f: Callable[..., Any], *args: Any) -> Deferred[Any]:
    """In this very thread: the order of the system calls must not vary."""
    return maybeDeferred(f, *args)


def fatal(reason: str) -> None:
    """What the gateway does: it ends, and says nothing more to anybody."""
    os._exit(1)


@define(eq=False)
class Writer:
    """One run."""

    record: mmap.mmap
    clock: Clock
    journal: Journal
    snapshot: Snapshot
    ledger: Ledger
    ids: list[str]

    def call(self, at: float) -> None:
        """Settle one call; where there is no room, try again when a second has passed, as long as that may help."""
        number = len(self.ids)
        entry = Entry(at, f"req_{number}", Kind.CALL, client="ann", ending=Ending.SERVED)
        for _ in range(5):
            try:
                n, _ = self.journal.append(entry)
            except JournalFull:
                self.clock.advance(1.0)
                continue
            self.record[number] = 1
            self.ledger.fold(n, entry)
            self.ids.append(entry.id)
            return

    def flush(self) -> None:
        """Sync the ledger and write the state; a state that can't be written is tried again by the next flush."""
        self.journal.sync().addErrback(lambda _: None)
        state = {"ledger": self.ledger.to_state(), "open": list(self.ids)}
        self.snapshot.write(state, self.ledger.n).addErrback(_pass_over)

    def run(self) -> None:
        """Calls and a flush, calls and a new day before their sync, a flush and the end."""
        for _ in range(CALLS // 3):
            self.call(NOON)
        self.clock.advance(1.0)
        self.flush()
        for at in (NOON, NOON + DAY):
            for _ in range(CALLS // 3):
                self.call(at)
        self.clock.advance(1.0)
        self.flush()
        ensureDeferred(self.journal.close())
        self.snapshot.folder.close()


def _pass_over(failure: Failure) -> None:
    failure.trap(Exception)


def main(path: str, record: str) -> int:
    """One run in the folder at `path`; answers with the exit status."""
    with open(record, "r+b") as file:
        mapped = mmap.mmap(file.fileno(), RECORDED)
    LoopingCall(str)  # it imports the reactor, with all that this opens
    Path(path, MARK).exists()  # seen by strace: what comes before it is the interpreter's own
    folder = StateFolder(path)
    try:
        folder.open()
        found = recover(folder)
        ledger, ids = folded(found)
    except (Damaged, Unusable) as error:
        print(error, file=sys.stderr)
        return 78
    clock = Clock()
    journal = Journal(folder, clock, at_once, fatal)
    journal.open(ledger.n)
    Writer(mapped, clock, journal, Snapshot(folder, at_once, found.seen), ledger, ids).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
