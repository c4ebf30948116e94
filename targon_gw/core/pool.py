"""The keys of one vendor, and the only thing that may choose among them.

A lease goes out on five standings at once: the key's, its account's, the account's leave to use the model, the model's
at this vendor (the breaker), the vendor's. Each of them may forbid it; when it comes back, `core.blame` moves the one
that is to blame. The same lease never comes back twice. New settings change who is in the pool and lose no lease: a
key that stays is the same object, one that leaves is never drawn again and lives until its last lease is back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol

from attrs import define, evolve, field

from . import census
from .attempts import Outcome, Served
from .blame import Blame
from .breakers import Breakers
from .census import Vacancy
from .charges import Charges
from .config import KeySettings, UpstreamSettings
from .dialects import HABITS
from .diff import PoolDiff
from .draws import POLICIES, Policy
from .health import Cooling, Ready, Spent, Standing, Trial, until_of
from .keys import Account, Change, Lease, Route, UpstreamKey, Want
from .muster import Muster
from .subjects import Moves
from .turnover import Turnover, turnover
from .watch import Watch

THREADS = 5_000
"""Conversations whose last key is remembered, at least; twice as many at most."""
BUSY_FOR_THREAD = 2
"""Leases that a key may have out and still be preferred by a conversation it served."""


class Awaited(Protocol):
    """Calls that wait for a key of the pool; see `core.waiting`."""

    def freed(self) -> None: ...

    def stirred(self) -> None: ...

    def is_before(self, model: str) -> bool: ...


@define(eq=False)
class KeyPool:
    """The keys of one Upstream. `roll` answers with a number from 0 up to, not with, 1."""

    settings: UpstreamSettings
    roll: Callable[[], float]
    accounts: dict[str, Account] = field(factory=dict)
    keys: dict[str, UpstreamKey] = field(factory=dict)
    routes: dict[str, Route] = field(factory=dict)
    draining: dict[str, UpstreamKey] = field(factory=dict)
    """Keys that have left the settings and have leases out."""
    awaited: Awaited | None = None
    """Who waits for a key, and is told of what they wait for; `None` where nobody does."""
    changes: list[Change] = field(init=False)
    """What has changed since `taken_changes` was last asked."""
    _breakers: Breakers = field(init=False)
    _charges: Charges = field(init=False)
    _blame: Blame = field(init=False)
    _muster: Muster = field(init=False)
    _policy: Policy = field(init=False)
    _threads: dict[int, UpstreamKey] = field(factory=dict)
    """Who served a conversation last, of those that spoke of late."""
    _earlier: dict[int, UpstreamKey] = field(factory=dict)
    """The same of as many before them. A conversation moves from there when it speaks again; to keep all in the order
    in which they spoke cost 1 us a call, where each is another one's."""
    _turn: int = 0

    def __attrs_post_init__(self) -> None:
        self._muster = Muster(self.roll)
        self._policy = POLICIES[self.settings.draw]
        moves = Moves()
        breakers = Breakers(self.settings.name, self.routes, moves)
        charges = Charges(moves, breakers, _limits_by_model(self.settings), self._muster.in_use)
        self._breakers, self._charges, self.changes = breakers, charges, moves.changes
        self._blame = Blame(moves, breakers, charges, self.keys, self.routes, self._another_may)
        self._take_in(turnover(evolve(self.settings, keys=()), self.settings), 0.0)

    @property
    def name(self) -> str:
        """The upstream's."""
        return self.settings.name

    @property
    def standing(self) -> Standing:
        """The vendor's own."""
        return self._breakers.standing

    @property
    def history(self) -> list[Change]:
        """The vendor's own changes."""
        return self._breakers.history

    def taken_changes(self) -> list[Change]:
        """What has changed since this was last asked."""
        taken = self.changes.copy()
        self.changes.clear()
        return taken

    # who is in it

    def reconfigure(self, settings: UpstreamSettings, now: float, change: Turnover | None = None) -> PoolDiff:
        """Go by these settings from now on; what that has changed. `change` is what was worked out of it beforehand.

        Keys that stay keep their health, their leases and their history. Those that leave are drawn no more, finish
        the calls that they have (`draining`), and are gone; so is an account without a key.
        """
        before = self.settings
        if change is None or change.before is not before or change.after is not settings:
            change = turnover(before, settings)
        self.settings = settings
        self._policy = POLICIES[settings.draw]
        diff = change.diff({id: self.keys[id].in_flight for id in change.left})
        self._charges.limits_by_model = _limits_by_model(settings)
        if settings.base_url != before.base_url:
            self._blame.moved_house()
        self._take_in(change, now)
        return diff

    def _take_in(self, change: Turnover, now: float) -> None:
        """Have the keys of the new settings be those of the pool."""
        gone = [self.keys.pop(id) for id in change.left]
        self._muster.leave(gone)
        came = [self._arrived(entry, now) for entry in change.came]
        for before, after in change.edited:
            self._edited(before, after, now)
        if change.order is not None:
            known = {**self.keys, **{key.id: key for key in came}}
            self.keys.clear()  # in place: it is shared with those who judge
            self.keys.update((id, known[id]) for id in change.order)
        if change.order is not None or change.edited:
            self.accounts = {key.account.id: key.account for key in self.keys.values()}
            self._muster.enter(came)
            self._muster.arrange(list(self.keys.values()))
        self._part_with(gone)

    def _arrived(self, entry: KeySettings, now: float) -> UpstreamKey:
        """The key of that entry: a new one, or one that had left and has calls to finish."""
        key = self.draining.get(entry.secret.fingerprint)
        if key is None or key.secret != entry.secret:
            return UpstreamKey.of(entry, self._account(entry.account, None))
        del self.draining[key.id]
        key.draining = False
        self._described(key, entry)
        self._blame.switched(key, entry.enabled, now)
        return key

    def _edited(self, before: KeySettings, after: KeySettings, now: float) -> None:
        key = self.keys[after.secret.fingerprint]
        moves = before.account != after.account
        if moves:
            self._muster.leave([key])
        self._described(key, after)
        if moves:
            self._muster.enter([key])
        else:
            self._muster.leased(key)  # by weight it may be another load
        if before.enabled is not after.enabled:
            self._blame.switched(key, after.enabled, now)

    def _account(self, id: str, key: UpstreamKey | None) -> Account:
        """The account of that name: the pool's, or that of a key which has left and comes back, or a new one."""
        known = self.accounts.get(id)
        if known is None and key is not None and key.account.id == id:
            known = key.account
        if known is None:
            known = Account(id)
        self.accounts[id] = known
        return known

    def _described(self, key: UpstreamKey, entry: KeySettings) -> None:
        key.account = self._account(entry.account, key)
        key.weight = max(1, entry.weight)
        key.note = entry.note

    def _part_with(self, gone: list[UpstreamKey]) -> None:
        """Nothing is to lead to these keys any more but the leases that they have out."""
        if not gone:
            return
        for key in gone:
            key.draining = True
            if key.in_flight:
                self.draining[key.id] = key
        for threads in (self._threads, self._earlier):
            for thread in [thread for thread, key in threads.items() if key.draining]:
                del threads[thread]
        self._blame.forget(gone)

    # drawing

    def draw(self, want: Want, now: float, again: bool = False) -> Lease | None:
        """A lease of the key that may best serve `want`; `None` where none may.

        A key that this call has tried is drawn only where `again` says so; an account that has answered it with a 429
        or with no credit, not at all.
        """
        route, own = self.route(want.model), self._breakers.standing
        if not self.keys or not (type(own.health) is Ready or own.may_serve(now)):
            return None
        if not (type(route.standing.health) is Ready or route.standing.may_serve(now)):
            return None
        key = self._preferred(want, route, now)
        if key is None or not self._may(key, want, now, again):
            muster = self._muster
            muster.look(now)
            key = self._policy(muster.roster_for(want.model), lambda k: self._may(k, want, now, again))
            if key is None and want.max_tokens is not None:
                key = muster.short(want.max_tokens, lambda k: self._may(k, want, now, again))
        return None if key is None else self._lease(key, route, want, now)

    def _preferred(self, want: Want, route: Route, now: float) -> UpstreamKey | None:
        """Who served the conversation last, if it is idle enough; at a second try, who served the model last."""
        if want.tried_keys:
            return route.witness
        if want.thread is None:
            return None
        key = self._threads.get(want.thread) or self._earlier.get(want.thread)
        return None if key is None or key.in_flight > BUSY_FOR_THREAD else key

    def _may(self, key: UpstreamKey, want: Want, now: float, again: bool) -> bool:
        account, standing = key.account, key.standing
        return (
            (again or key.id not in want.tried_keys)
            and key.in_flight < self.settings.per_key.concurrent
            and account.id not in want.tired_accounts
            and (type(standing.health) is Ready or standing.may_serve(now))
            and (
                (type(account.standing.health) is Ready and not account.leaves)
                or account.may_serve(want.model, want.max_tokens, now)
            )
        )

    def _lease(self, key: UpstreamKey, route: Route, want: Want, now: float) -> Lease:
        account = key.account
        leave = account.leaves.get(want.model)
        self._turn += 1
        key.turn = self._turn
        key.in_flight += 1
        want.tried_keys.add(key.id)
        self._muster.leased(key)
        mine, theirs, own, all_ = key.standing, account.standing, route.standing, self._breakers.standing
        counted: tuple[tuple[Standing, int], ...] = ()
        if not (type(mine.health) is type(theirs.health) is type(own.health) is type(all_.health) is Ready) or leave:
            # What is ready keeps no count: four calls less, and four less when the lease comes back.
            counted = _counted((mine, theirs, own, all_) if leave is None else (mine, theirs, leave, own, all_), now)
        return Lease(
            key,
            account,
            route,
            want,
            now,
            mine.epoch,
            theirs.epoch,
            None if leave is None else leave.epoch,
            own.epoch,
            all_.epoch,
            counted,
        )

    def lease_for_probe(self, key: UpstreamKey, want: Want, now: float) -> Lease:
        """A lease of this very key, whatever its health, to learn how well it is."""
        key.probed_at = key.account.probed_at = now
        return self._lease(key, self.route(want.model), want, now)

    def route(self, model: str) -> Route:
        """This vendor's `model`, as the vendor calls it."""
        found = self.routes.get(model)
        if found is None:
            found = self.routes[model] = Route(model)
        return found

    # coming back

    def give_back(self, lease: Lease, outcome: Outcome, now: float) -> None:
        """Take the lease back with its outcome. A second time raises."""
        if not lease.open:
            raise RuntimeError("a lease is given back once")
        lease.open = False
        key = lease.key
        key.in_flight -= 1
        self._muster.leased(key)
        if key.draining and not key.in_flight and self.draining.get(key.id) is key:
            del self.draining[key.id]
        for standing, epoch in lease.counted:
            standing.give_back(epoch)
        if type(outcome) is not Served:
            self._blame.came_back(lease, outcome, now)
        else:
            if lease.route.cuts:
                self._blame.ended_well(lease, now)
            if not lease.proved:
                self.proved(lease, now)
        if self.awaited is not None:
            self.awaited.freed()

    def undo(self, leases: Iterable[Lease], now: float) -> None:
        """The vendor's faults that these came back with are held against nobody any more."""
        for lease in leases:
            self._blame.undo(lease, now)

    def proved(self, lease: Lease, now: float) -> None:
        """What was asked for has begun to come: the key, its account, the model and the vendor are well so far.

        Said once for a lease: at the first event of a stream, so that a long one speaks for them before it ends.
        """
        thread = lease.want.thread
        if thread is not None and not lease.key.draining:
            self._threads[thread] = lease.key
            if len(self._threads) >= THREADS:
                self._threads, self._earlier = {}, self._threads
        self._blame.proved(lease, now)
        if self.awaited is not None and lease.counted:  # a trial: more may be out at once from now on
            self.awaited.stirred()

    # telling

    def watch(self, now: float) -> Watch:
        """Which keys and accounts may be worth a probe."""
        self._muster.look(now)
        return self._muster.watch

    def keys_of(self, account: Account) -> Iterable[UpstreamKey]:
        """The keys of an account."""
        return self._muster.keys_of(account)

    def census(self, now: float) -> Counter[str]:
        """Keys by state, in the words of `core.census`."""
        self._muster.look(now)
        return self._muster.states()

    def census_for(self, model: str, now: float) -> Counter[str]:
        """The same for one model."""
        self._muster.look(now)
        return self._muster.states(model)

    def usable(self, now: float) -> int:
        """How many keys are well."""
        self._muster.look(now)
        return self._muster.usable()

    def state_of(self, key: UpstreamKey, now: float) -> str:
        """How a key of this pool is: one of the words of `core.census`."""
        return census.state_of(key, now)

    def vacancy(self, model: str, now: float) -> Vacancy:
        """Why nobody may serve `model`, and when somebody will."""
        self._muster.look(now)
        found = self._muster.vacancy(model, now)
        if found.back is None:
            return found
        gates = [until_of(standing.health) for standing in (self.standing, self.route(model).standing)]
        return Vacancy(found.states, max(found.back, *gates))

    def is_broken(self, model: str) -> bool:
        """Whether the vendor, or `model` there, has failed as a whole and has not served a call since."""
        healths = [standing.health for standing in (self.standing, self.route(model).standing)]
        return any(isinstance(one, Cooling | Spent) or (isinstance(one, Trial) and one.width == 1) for one in healths)

    def next_rest_over(self, model: str, now: float) -> float | None:
        """When the next rest ends that somebody who wants `model` may wait for, or that of something else here."""
        gates = [until_of(standing.health) for standing in (self.standing, self.route(model).standing)]
        return min((at for at in (self._muster.next_look(now), *gates) if at is not None and at > now), default=None)

    def _another_may(self, than: UpstreamKey, model: str, now: float) -> bool:
        """Whether another key than that could be asked for `model`."""
        self._muster.look(now)
        return any(
            key is not than and key.standing.may_serve(now) and key.account.may_serve(model, None, now)
            for key in self._muster.roster_for(model).members
        )


def _counted(standings: Iterable[Standing], now: float) -> tuple[tuple[Standing, int], ...]:
    """Those that keep count of a lease that goes out now, each with what it must be given back with."""
    return tuple((one, one.lease(now)) for one in standings if type(one.health) is not Ready)


def _limits_by_model(settings: UpstreamSettings) -> bool:
    return HABITS[settings.dialect].limits_by_model
