"""The daemon as whoever sits at its admin socket has it: see `targon_gw.web.admin_desk.Desk`."""

# mypy: disallow-untyped-calls=False
# Twisted is not typed throughout.

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from importlib.metadata import version
from typing import Any, Final, TypeVar

from attrs import define, evolve, field
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, fail
from twisted.logger import Logger

from targon_gw.core.attempts import Outcome
from targon_gw.core.changeover import objection
from targon_gw.core.config import Secret
from targon_gw.core.diff import Diff
from targon_gw.core.gateway import Gateway
from targon_gw.core.ledger import Ledger, Sums
from targon_gw.core.pool import KeyPool
from targon_gw.reloading import Reloading, foreseen
from targon_gw.settings.loading import Loaded
from targon_gw.settings.problems import SettingsError
from targon_gw.settings.showing import show
from targon_gw.store.daybook import daybooks, lines
from targon_gw.store.folder import StateFolder
from targon_gw.web.admin_desk import Actor, InForce, Objection, Paths, Workshop
from targon_gw.web.ownkey import told_of
from targon_gw.web.registrar import Registrar
from targon_gw.wiring import Wiring

log = Logger()
MOST_PROBLEMS: Final = 50
"""Problems of the files that are shown at once."""
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
    actor: Actor = Actor()
    """Who sits at it."""
    workshop: Workshop = field(factory=Workshop)

    def acting(self, actor: Actor) -> DaemonDesk:
        """The same desk, with somebody else at it."""
        return evolve(self, actor=actor)

    @property
    def gateway(self) -> Gateway:
        """The core's face."""
        return self.wiring.gateway

    @property
    def ledger(self) -> Ledger:
        """What has been counted."""
        return self.wiring.gateway.ledger

    @property
    def registrar(self) -> Registrar:
        """Who makes and changes users."""
        return self.wiring.registrar

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

    def clock_ahead(self) -> float:
        """By how many seconds the system's clock is ahead of ours."""
        return self.wiring.books.drift.seconds

    def clock_agrees(self) -> bool:
        """Whether that is too little to speak of."""
        return self.wiring.books.drift.agrees

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
        outcome, took = await self._heard(pool, self.wiring.prober.test(pool, pool.keys[key_id]))
        name = type(outcome).__name__.lower()
        return {"outcome": name, "reason": outcome.reason, "status": outcome.status, "took": took}

    def try_key(self, upstream: str, secret: Secret) -> Deferred[tuple[Outcome, float]]:
        """Ask the vendor with a key that is no pool's."""
        pool = self.gateway.pools.get(upstream)
        if pool is None:
            return fail(Objection(409, "unknown", f"There is no upstream '{upstream}' any more."))
        return ensureDeferred(self._heard(pool, self.wiring.prober.try_out(pool, secret)))

    async def _heard(
        self, pool: KeyPool, asking: Coroutine[Deferred[Any], Any, tuple[Outcome, float]]
    ) -> tuple[Outcome, float]:
        try:
            return await asking
        except LookupError as error:
            raise Objection(409, "nothing_to_ask", f"{pool.name}: {error}.") from None
        except CancelledError:
            raise Objection(503, "stopping", "The gateway is stopping.") from None

    def take_evidence(self, upstream: str, key_id: str, outcome: Outcome) -> None:
        """Have the pool know how a key of its has just answered."""
        pool = self.gateway.pools.get(upstream)
        key = None if pool is None else pool.keys.get(key_id)
        if pool is not None and key is not None:
            self.wiring.prober.take(pool, key, outcome)

    def settings(self) -> Deferred[dict[str, Any]]:
        """All settings in force; ten thousand keys take a while."""
        return self.aside(show, self.gateway.config)

    def foreseen(self) -> Deferred[dict[str, Any]]:
        """What a reload would change, now."""
        return ensureDeferred(self._foreseen())

    async def _foreseen(self) -> dict[str, Any]:
        try:
            loaded = await self.aside(self.reloading.load)
        except SettingsError as error:
            shown = [str(problem) for problem in error.problems[:MOST_PROBLEMS]]
            return {"problems": shown, "more": max(0, len(error.problems) - MOST_PROBLEMS)}
        diff, refused = would_change(self.gateway, loaded, self.now())
        changes = [] if not diff else str(diff).splitlines()
        return {"problems": [], "changes": changes, "diff": diff.to_plain(), "refused": refused}

    def events(self, limit: int) -> list[dict[str, Any]]:
        """The last acts and events of security."""
        return self.wiring.audit.last(limit)

    def outside(self, work: Callable[[], T]) -> Deferred[T]:
        """Do `work` in a thread."""
        return self.aside(work)

    def acted(self, act: str, on: str) -> None:
        """Keep, and log, that the operator did this; it is written at once, so that no crash undoes it."""
        log.info("{who} {act} {on}", who=self.actor.name, act=act, on=on)
        self.wiring.audit.note(self.actor.name, act, on, self.actor.address)
        self.wiring.carrier.tell()
        self.wiring.books.flush().addErrback(lambda f: log.failure("the state could not be written", failure=f))


def would_change(gateway: Gateway, loaded: Loaded, now: float) -> tuple[Diff, str | None]:
    """What `loaded` would change about what is in force in `gateway`; and why it would not be taken, if it were not."""
    change = foreseen(gateway, loaded).change
    assert change is not None
    pools = []
    for name, turn in change.pools.items():
        known = gateway.pools.get(name)
        in_flight = {} if known is None else {id: known.keys[id].in_flight for id in turn.left if id in known.keys}
        pools.append(turn.diff(in_flight))
    diff = evolve(change.diff, pools=tuple(pool for pool in pools if pool))
    return diff, objection(change, gateway.pools, loaded.confirm_removal, now)


def sums_since(folder: StateFolder, by: str, day: str) -> Mapping[str, Sums]:
    """What the ledger's files of that day (UTC) and later come to, by one of the words of `core.ledger.BY`."""
    ledger, of = Ledger(), ""
    for book in daybooks(folder):
        if book.day >= day:
            if book.day != of:  # a day may stand there twice, packed and plain; numbers grow within a day alone
                of, ledger.n = book.day, 0
            for line in lines(book):
                ledger.fold(line[0], line[1])
    return ledger.totals[by]
