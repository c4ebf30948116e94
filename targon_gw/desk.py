"""The daemon as whoever sits at its admin socket has it: see `targon_gw.web.admin_desk.Desk`."""

# mypy: disallow-untyped-calls=False
# Twisted is not typed throughout.

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any, TypeVar

from attrs import define
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.logger import Logger

from targon_gw.core.gateway import Gateway
from targon_gw.core.ledger import Ledger, Sums
from targon_gw.reloading import Reloading
from targon_gw.store.daybook import daybooks, lines
from targon_gw.store.folder import StateFolder
from targon_gw.web.admin_desk import InForce, Objection, Paths
from targon_gw.web.ownkey import told_of
from targon_gw.wiring import Wiring

log = Logger()
T = TypeVar("T")


@define(eq=False)
class DaemonDesk:
    """The Desk of a running daemon."""

    wiring: Wiring
    reloading: Reloading
    paths: Paths
    begin_to_end: Callable[[], None]
    aside: Callable[..., Deferred[Any]]
    """Does something in a thread of its own: what an operator asks may take long, and the ledger must not wait for it.
    """

    @property
    def gateway(self) -> Gateway:
        """The core's face."""
        return self.wiring.gateway

    @property
    def ledger(self) -> Ledger:
        """What has been counted."""
        return self.wiring.gateway.ledger

    @property
    def version(self) -> str:
        """The program's."""
        return version("targon-gw")

    @property
    def started(self) -> float:
        """In the seconds of `now`."""
        return self.wiring.started

    def now(self) -> float:
        """Monotonic seconds."""
        return self.wiring.now()

    def in_force(self) -> InForce:
        """Which settings are."""
        reloading = self.reloading
        since = reloading.changed_at or self.started + self.gateway.wall
        return InForce(since, reloading.problem, reloading.since)

    def state(self) -> dict[str, Any]:
        """How the state folder stands."""
        books = self.wiring.books
        age = None if books.written_at is None else self.now() - books.written_at
        journal = books.journal
        return {"n": journal.n, "snapshot_age": age, "journal": journal.path, "full": journal.full}

    def use_of(self, client: str) -> dict[str, Any]:
        """What the client of that name has used."""
        key = self.gateway.bank.named(client)
        return {} if key is None else told_of(self.gateway.bank.overview(key, self.now()))

    def usage_since(self, by: str, day: str) -> Deferred[Mapping[str, Sums]]:
        """Sums of that day and later, out of the ledger's files, read in a thread."""
        return self.aside(sums_since, self.wiring.books.folder, by, day)

    def reload(self, reason: str) -> Deferred[dict[str, Any]]:
        """Read the settings again."""
        return ensureDeferred(self._reloaded(reason))

    async def _reloaded(self, reason: str) -> dict[str, Any]:
        outcome = await self.reloading.reload(reason)
        if outcome.problem is not None:
            return {"applied": False, "problems": outcome.problem.splitlines()}
        return {"applied": True, "changes": str(outcome.diff).splitlines()}

    def drain(self) -> None:
        """Begin to end, as SIGTERM does."""
        self.begin_to_end()

    def test_key(self, upstream: str, key_id: str) -> Deferred[dict[str, Any]]:
        """Probe the key now."""
        return ensureDeferred(self._tested(upstream, key_id))

    async def _tested(self, upstream: str, key_id: str) -> dict[str, Any]:
        pool = self.gateway.pools[upstream]
        try:
            outcome, took = await self.wiring.prober.test(pool, pool.keys[key_id])
        except LookupError as error:
            raise Objection(409, "nothing_to_ask", f"{upstream}: {error}.") from None
        except CancelledError:
            raise Objection(503, "stopping", "The gateway is stopping.") from None
        name = type(outcome).__name__.lower()
        return {"outcome": name, "reason": outcome.reason, "status": outcome.status, "took": took}

    def outside(self, work: Callable[[], T]) -> Deferred[T]:
        """Do `work` in a thread."""
        return self.aside(work)

    def acted(self, act: str, on: str) -> None:
        """Keep, and log, that the operator did this; it is written at once, so that no crash undoes it."""
        log.info("the operator {act} {on}", act=act, on=on)
        self.wiring.carrier.tell()
        self.wiring.books.flush().addErrback(lambda f: log.failure("the state could not be written", failure=f))


def sums_since(folder: StateFolder, by: str, day: str) -> Mapping[str, Sums]:
    """What the ledger's files of that day (UTC) and later come to, by one of the words of `core.ledger.BY`."""
    ledger = Ledger()
    for book in daybooks(folder):
        if book.day >= day:
            for line in lines(book):
                ledger.fold(line[0], line[1])
    return ledger.totals[by]
