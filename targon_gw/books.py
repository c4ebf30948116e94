"""Keeps the books: every Entry on file before anybody relies on it, the state written now and then, both read at start.

It joins the core's Ledger to the store's Journal and Snapshot, and the log's line to both. Where an Entry can't be on
file nothing is admitted until it can; where the disk has failed the process ends: the next start
reads what there is.
"""

# mypy: disallow-untyped-calls=False
# Twisted is not typed throughout.

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from math import inf
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, DeferredLock, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from targon_gw.calllog import CallLog
from targon_gw.core.cut import SLICE, Slices
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Gateway
from targon_gw.core.ledger import Entry, Kind, changed
from targon_gw.core.measures import Measures
from targon_gw.core.people import Change
from targon_gw.drift import Drift
from targon_gw.store.archive import Archive, Tidied
from targon_gw.store.folder import StateFolder
from targon_gw.store.journal import Journal, Unwritten
from targon_gw.store.recovery import recover
from targon_gw.store.snapshot import Snapshot, SnapshotFailed
from targon_gw.store.vault import Vault

log = Logger()

TIDY_EVERY = 3600.0
"""Seconds: a day's work is there once a day, but a daemon that is started anew each day must come to it, too."""
LOOK_EVERY = 1.0
_CALL = Kind.CALL
UNSHOWN = "The keys of users can't be shown: they were issued with another secret.key. They work, and can be rotated."
NO_ROOM = "Usage can't be recorded at present, so no call is taken; try again in a moment."


@define(eq=False)
class Books:
    """The books of one gateway. `now` is monotonic seconds; `fatal(reason)` ends the process."""

    gateway: Gateway
    calls: CallLog
    folder: StateFolder
    clock: IReactorTime
    now: Callable[[], float]
    in_thread: Callable[..., Deferred[Any]]
    fatal: Callable[[str], object]
    drift: Drift
    journal: Journal = field(init=False)
    snapshot: Snapshot = field(init=False)
    measures: Measures = field(init=False)
    vault: Vault = field(init=False)
    written_at: float | None = None
    """When the state was last written, in the seconds of `now`."""
    _written_n: int = -1
    _loops: list[LoopingCall] = field(factory=list)
    _turn: DeferredLock = field(factory=DeferredLock)
    """One state is written at a time."""
    _flushing: LoopingCall | None = None
    _tidying: Deferred[Any] | None = None
    _shadowed: Sequence[str] = ()

    def __attrs_post_init__(self) -> None:
        self.journal = Journal(self.folder, self.clock, self.in_thread, self.fatal)
        self.snapshot = Snapshot(self.folder, self.in_thread)
        self.measures = Measures(self.gateway)
        self.vault = Vault(self.folder)

    def open(self, insist: bool = False) -> None:
        """Lock the folder and go on from what it holds; `insist` sets aside what is damaged.

        Raises `Locked`, `Unusable` or `Damaged` of the store.
        """
        self.folder.open()
        try:
            notes = self.vault.open()
            found = recover(self.folder, insist)
            if found.state is not None:
                self.gateway.restore(found.state, self.now())
            self.gateway.ledger.n = found.n
            self.gateway.replay_all(found.runs, self.now())
            self.gateway.history.begins(self.now() + self.gateway.wall)
        except BaseException:
            self.folder.close()
            raise
        if not self._can_show():
            notes.append(UNSHOWN)
        for note in (*notes, *found.notes):
            log.warn("{note}", note=note)
        self._tell_shadowed()
        self.snapshot.seen = found.seen
        self.journal.open(self.gateway.ledger.n)
        for orphan in self.gateway.orphans(self.now()):
            self.record(orphan)

    def _can_show(self) -> bool:
        """Whether the newest of the keys that were issued can be shown, if there is any."""
        issued = [(user.key.at, user.key.sealed, name) for name, user in self.gateway.people.users if user.key.sealed]
        if not issued:
            return True
        _, sealed, name = max(issued)
        return self.vault.unseal(sealed or "", name) is not None

    def _tell_shadowed(self) -> None:
        """Say whose issued key is out, where that has changed."""
        shadowed = self.gateway.bank.shadowed()
        if shadowed and shadowed != self._shadowed:
            names = ", ".join(shadowed[:20])
            log.warn("users whose key is out, because clients.yaml has their name: {names}", names=names)
        self._shadowed = shadowed

    def start(self) -> None:
        """Write the state now and then, tidy the ledger's folder, see whether there is room."""
        self._flushing = self._every(self.gateway.config.flush, self._flush)
        self._every(TIDY_EVERY, self._tidy)
        self._every(LOOK_EVERY, self._look)

    def follow(self) -> None:
        """Go by what the settings say from now on."""
        self._tell_shadowed()
        loop, every = self._flushing, self.gateway.config.flush
        if loop is not None and loop.interval != every:
            loop.stop()
            self._loops.remove(loop)
            self._flushing = self._every(every, self._flush)

    def _every(self, seconds: float, work: Callable[[], object]) -> LoopingCall:
        loop = LoopingCall(work)
        loop.clock = self.clock
        loop.start(seconds, now=False).addErrback(lambda f: log.failure("the books' timer has ended", failure=f))
        self._loops.append(loop)
        return loop

    def record(self, entry: Entry) -> None:
        """Have `entry` on file and counted; raises `Refusal` where it can't be on file, and then it is not counted."""
        try:
            n, line = self.journal.append(entry)
        except Unwritten:
            self.gateway.shut = NO_ROOM
            raise Refusal("overloaded", NO_ROOM, wait=5.0) from None
        self.gateway.ledger.fold(n, entry)
        if entry.kind is _CALL:
            self.calls.settled(entry.at, line)
        elif entry.kind is Kind.KEY:
            self.measures.changed(entry)
        elif entry.change is not None:
            self.gateway.take(entry.change, self.now())

    async def keep(self, id: str, change: Change) -> None:
        """Have a change of users, sessions or invites on file, done, and on the disk; `id` is whom it is about.

        Raises `Refusal` where it can't be on file. It is done before this first waits: who works a change out and
        hands it over in one turn has nobody come in between. It goes on to its end, and so does whoever waits for it,
        where the browser that asked has left: a sync that is broken off would look like a disk that has failed (E-07).
        """
        self.record(changed(Kind.CLIENT, self.now() + self.gateway.wall, id, change))
        try:
            await _to_its_end(self.journal.sync())
        except Unwritten:
            raise Refusal("overloaded", NO_ROOM, wait=5.0) from None

    def _look(self) -> None:
        """Whether there is room again, or none any more (the journal has logged it); and how the clocks stand."""
        self.drift.look()
        self.gateway.shut = NO_ROOM if self.journal.full else None

    def flush(self) -> Deferred[None]:
        """Write the state, if there is anything new to write; a failure is logged, and tried again the next time."""
        return ensureDeferred(self._flushed())

    def _flush(self) -> Deferred[None]:
        """One beat: a bug in it must not stop the beats, or no state would be written any more."""
        return self.flush().addErrback(lambda f: log.failure("the state could not be written", failure=f))

    async def _flushed(self) -> None:
        await self._turn.acquire()
        try:
            await self._write_state()
        finally:
            self._turn.release()

    async def _write_state(self) -> None:
        n = self.gateway.ledger.n
        if n == self._written_n and not self.gateway.calls and not self.gateway.people.sessions.touched:
            return
        began = self.now()
        state = await self._in_slices(self.gateway.slices(began))
        try:
            await self.journal.sync()  # the state is never ahead of the ledger on the disk
            await self.snapshot.write(state, n)
        except (SnapshotFailed, Unwritten) as error:
            log.error("the state could not be written: {reason}", reason=str(error))
            self.measures.flushed(self.now() - began, written=False)
            return
        self._written_n, self.written_at = n, self.now()
        self.measures.flushed(self.written_at - began, written=True)

    async def _in_slices(self, slices: Slices) -> dict[str, Any]:
        """What they come to; calls go on between them, though not where all is no more than one slice."""
        done = 0
        with closing(slices):
            while True:
                try:
                    done += next(slices)
                except StopIteration as end:
                    state: dict[str, Any] = end.value
                    return state
                if done >= SLICE:
                    done = 0
                    await deferLater(self.clock, 0.0)

    def _tidy(self) -> Deferred[Any]:
        keep = self.gateway.config.keep if self.drift.agrees else inf  # by a wrong clock nothing is too old
        done = Archive(self.folder, self.in_thread).tidy(self.now() + self.gateway.wall, keep)
        done.addCallbacks(_tell_tidied, lambda f: log.failure("the ledger's folder could not be tidied", failure=f))
        self._tidying = done
        return done

    async def close(self) -> None:
        """The last flush; then let another daemon in, once nothing of ours is at work in the folder."""
        loops, self._loops, self._flushing = self._loops, [], None
        for loop in loops:
            if loop.running:
                loop.stop()
        try:
            await self._flush()
            if self._tidying is not None:
                await self._tidying
            await self.journal.close()
        finally:
            self.folder.close()
            self.calls.flush()

    def abandon(self) -> None:
        """Undo `open`, where the daemon can't start after all; nothing has been written since."""
        ensureDeferred(self.journal.close())
        self.folder.close()


async def _to_its_end(work: Deferred[None]) -> None:
    """What `work` comes to. Nobody breaks it off: who is told meanwhile to end waits on."""
    outcome: list[object] = []
    waiting: Deferred[None] = Deferred()

    def ended(result: object) -> None:
        outcome.append(result)
        if not waiting.called:
            waiting.callback(None)

    work.addBoth(ended)
    while not outcome:
        waiting = Deferred()
        with suppress(CancelledError):
            await waiting
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()


def _tell_tidied(tidied: Tidied) -> None:
    for done, names in (("packed", tidied.packed), ("removed", tidied.removed)):
        if names:
            log.info("files of the ledger {done}: {names}", done=done, names=", ".join(names))
    for problem in tidied.problems:
        log.error("the ledger's folder could not be tidied: {problem}", problem=problem)
