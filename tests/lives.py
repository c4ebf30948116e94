"""Lives of a daemon over one state folder, as far as its books go."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

from targon_gw.books import Books
from targon_gw.calllog import CallLog
from targon_gw.core.config import Config, Duration, Per, QuotaPlan, Unit
from targon_gw.core.gateway import Gateway
from targon_gw.core.ledger import Ending, Entry
from targon_gw.core.meter import Source, Usage
from targon_gw.drift import Drift
from targon_gw.store.folder import StateFolder
from tests import fakes
from tests.store.stage import at_once, result

USED = Usage(3, 4, source=Source.UPSTREAM)
FLUSH = 5.0


def settings() -> Config:
    """One client with a quota."""
    found = fakes.config(flush=Duration(FLUSH))
    plan = QuotaPlan(Unit.TOKENS, 1_000_000, Per.TOTAL)
    return evolve(found, clients=(evolve(found.clients[0], quota=plan),))


@define(eq=False)
class Run:
    """One life of a daemon over the folder at `path`, as far as its books go."""

    path: Path
    in_thread: Callable[..., Deferred[Any]] = at_once
    config: Config = field(factory=settings)
    clock: Clock = field(factory=Clock)
    out: io.StringIO = field(factory=io.StringIO)
    reasons: list[str] = field(factory=list)
    ahead: float = 0.0
    """By how much the clock on the wall has been put forward since the start."""
    gateway: Gateway = field(init=False)
    books: Books = field(init=False)

    def __attrs_post_init__(self) -> None:
        now = self.clock.seconds
        self.gateway = fakes.gateway(self.config)
        calls = CallLog(self.out, False, self.clock, lambda: now() + fakes.WALL)
        folder = StateFolder(str(self.path))
        drift = Drift(lambda: now() + fakes.WALL, lambda: now() + fakes.WALL + self.ahead)
        self.books = Books(self.gateway, calls, folder, self.clock, now, self.in_thread, self.reasons.append, drift)

    def begin(self, insist: bool = False) -> Run:
        """Open and start."""
        self.books.open(insist)
        self.books.start()
        return self

    def call(self) -> Entry:
        """One call, from its admission to its settlement; raises `Refusal` where it can't be on file."""
        now = self.clock.seconds()
        call = fakes.call(self.gateway, now)
        entries = self.gateway.entries_of(call, fakes.closing(Ending.SERVED, USED), now)
        try:
            for entry in entries:
                self.books.record(entry)
        finally:
            self.gateway.settle(call, entries[-1], USED, now)
        return entries[-1]

    @property
    def used(self) -> tuple[int, int, int]:
        """Tokens of the quota, calls of the client, lines of the ledger."""
        seen = self.gateway.bank.overview(fakes.client(self.gateway), self.clock.seconds())
        assert seen.quota is not None and seen.quota.held == 0
        return seen.quota.used, seen.requests, self.gateway.ledger.n

    def state(self) -> tuple[int, int] | None:
        """Which file the state is, and of when."""
        try:
            found = os.stat(self.books.folder.state)
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns

    def close(self) -> None:
        """The end; nothing is left ticking."""
        result(ensureDeferred(self.books.close()))
        self.clock.advance(1)
        assert not self.clock.getDelayedCalls()

    def die(self) -> None:
        """As kill -9: nothing is written any more, and the lock is gone."""
        self.books.folder.close()
