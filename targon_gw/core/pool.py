"""The keys of one vendor, and the only thing that may choose among them.

A lease goes out on five standings at once: the key's, its account's, the account's leave to use the model, the model's
at this vendor (the breaker), the vendor's. Each of them may forbid it; when it comes back, `core.blame` moves the one
that is to blame. The same lease never comes back twice. New settings change who is in the pool and lose no lease: a
key that stays is the same object, one that leaves is never drawn again and lives until its last lease is back.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping

from attrs import define, field

from . import census
from .attempts import Outcome, Served
from .blame import Blame
from .census import Vacancy
from .config import KeySettings, UpstreamSettings
from .dialects import HABITS
from .diff import PoolDiff, pool_diff
from .draws import POLICIES, Policy, Roster
from .health import Standing, until_of
from .keys import Account, Change, Lease, Route, UpstreamKey, Want

VACANCY_KEPT = 0.25
"""Seconds for which a conclusion about who is back when is kept, where nothing has moved: an outage asks it often."""
THREADS = 10_000
"""Conversations whose last key is remembered."""
BUSY_FOR_THREAD = 2
"""Leases that a key may have out and still be preferred by a conversation it served."""


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
    _blame: Blame = field(init=False)
    _roster: Roster = field(init=False)
    _policy: Policy = field(init=False)
    _threads: OrderedDict[int, UpstreamKey] = field(factory=OrderedDict)
    _turn: int = 0
    _vacancies: dict[str, tuple[float, int, Vacancy]] = field(factory=dict)
    """By model: when it was concluded, at how many moves, and what."""

    def __attrs_post_init__(self) -> None:
        self._roster = Roster(self.roll)
        self._policy = POLICIES[self.settings.draw]
        self._blame = Blame(self.settings.name, _limits_by_model(self.settings), self.keys, self.routes)
        self._take_in(self.settings, {}, 0.0)

    @property
    def name(self) -> str:
        """The upstream's."""
        return self.settings.name

    @property
    def standing(self) -> Standing:
        """The vendor's own."""
        return self._blame.standing

    @property
    def changed(self) -> bool:
        """Whether something has changed since `taken_changes` was last asked."""
        return bool(self._blame.changes)

    def taken_changes(self) -> list[Change]:
        """What has changed since this was last asked."""
        taken, self._blame.changes = self._blame.changes, []
        return taken

    # who is in it

    def reconfigure(self, settings: UpstreamSettings, now: float) -> PoolDiff:
        """Go by these settings from now on; what that has changed.

        Keys that stay keep their health, their leases and their history. Those that leave are drawn no more, finish
        the calls that they have (`draining`), and are gone; so is an account without a key.
        """
        before, self.settings = self.settings, settings
        self._policy = POLICIES[settings.draw]
        diff = pool_diff(before, settings, {key.id: key.in_flight for key in self.keys.values()})
        self._blame.limits_by_model = _limits_by_model(settings)
        if settings.base_url != before.base_url:
            self._blame.moved_house()
        self._take_in(settings, {entry.secret.fingerprint: entry.enabled for entry in before.keys}, now)
        return diff

    def _take_in(self, settings: UpstreamSettings, were_on: Mapping[str, bool], now: float) -> None:
        """Make the keys of `settings` those of the pool; `were_on` says which of them were, and switched on."""
        known = {**self.draining, **self.keys}
        accounts: dict[str, Account] = {}
        keys: dict[str, UpstreamKey] = {}
        for entry in settings.keys:
            key = known.get(entry.secret.fingerprint)
            if key is not None and key.secret != entry.secret:
                key = None  # eight digits in common and nothing else
            account = accounts.get(entry.account)
            if account is None:
                account = self._account(entry.account, key)
                accounts[account.id] = account
            if key is None:
                key = UpstreamKey.of(entry, account)
            else:
                self._stays(key, entry, account)
                if entry.enabled is not were_on.get(key.id):
                    self._blame.switched(key, entry.enabled, now)
            keys[key.id] = key
        gone = [key for key in self.keys.values() if keys.get(key.id) is not key]
        self.accounts = accounts
        self.keys.clear()  # in place: it is shared with those who judge
        self.keys.update(keys)
        self.draining = {id: key for id, key in self.draining.items() if key.draining}
        self._part_with(gone)
        self._roster.fill(list(keys.values()))

    def _account(self, id: str, key: UpstreamKey | None) -> Account:
        """The account of that name: the pool's, or that of a key which has left and comes back, or a new one."""
        known = self.accounts.get(id)
        if known is None and key is not None and key.account.id == id:
            known = key.account
        return known or Account(id)

    def _stays(self, key: UpstreamKey, entry: KeySettings, account: Account) -> None:
        key.draining = False
        key.account = account
        key.weight = max(1, entry.weight)
        key.note = entry.note

    def _part_with(self, gone: list[UpstreamKey]) -> None:
        """Nothing is to lead to these keys any more but the leases that they have out."""
        for key in gone:
            key.draining = True
            if key.in_flight:
                self.draining[key.id] = key
        self._threads = OrderedDict((thread, key) for thread, key in self._threads.items() if not key.draining)
        self._blame.forget(gone)

    # drawing

    def draw(self, want: Want, now: float, again: bool = False) -> Lease | None:
        """A lease of the key that may best serve `want`; `None` where none may.

        A key that this call has tried is drawn only where `again` says so; an account that has answered it with a 429
        or with no credit, not at all.
        """
        route = self.route(want.model)
        if not self.keys or not self.standing.may_serve(now) or not route.standing.may_serve(now):
            return None
        may = self._fit if again else self._may
        key = self._preferred(want, route, now)
        if key is None or not may(key, want, now):
            key = self._policy(self._roster, lambda k: may(k, want, now))
        return None if key is None else self._lease(key, route, want, now)

    def _preferred(self, want: Want, route: Route, now: float) -> UpstreamKey | None:
        """Who served the conversation last, if it is idle enough; at a second try, who served the model last."""
        if want.tried_keys:
            return route.witness
        if want.thread is None:
            return None
        key = self._threads.get(want.thread)
        return None if key is None or key.in_flight > BUSY_FOR_THREAD else key

    def _may(self, key: UpstreamKey, want: Want, now: float) -> bool:
        return key.id not in want.tried_keys and self._fit(key, want, now)

    def _fit(self, key: UpstreamKey, want: Want, now: float) -> bool:
        return (
            key.in_flight < self.settings.per_key.concurrent
            and key.account.id not in want.tired_accounts
            and key.standing.may_serve(now)
            and key.account.may_serve(want.model, want.max_tokens, now)
        )

    def _lease(self, key: UpstreamKey, route: Route, want: Want, now: float) -> Lease:
        leave = key.account.leaves.get(want.model)
        self._turn += 1
        key.turn = self._turn
        key.in_flight += 1
        want.tried_keys.add(key.id)
        self._roster.idle.pop(key, None)
        return Lease(
            key,
            key.account,
            route,
            want,
            now,
            key.standing.lease(now),
            key.account.standing.lease(now),
            None if leave is None else leave.lease(now),
            route.standing.lease(now),
            self.standing.lease(now),
        )

    def lease_for_probe(self, key: UpstreamKey, want: Want, now: float) -> Lease:
        """A lease of this very key, whatever its health, to learn how well it is."""
        key.probed_at = now
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
        if key.in_flight == 0:
            if not key.draining:
                self._roster.idle[key] = None
            elif self.draining.get(key.id) is key:
                del self.draining[key.id]
        self._counted_out(lease)
        if isinstance(outcome, Served):
            self.proved(lease, now)
        else:
            self._blame.came_back(lease, outcome, now)

    def _counted_out(self, lease: Lease) -> None:
        account = lease.account
        leave = account.leaves.get(lease.route.model)
        if leave is not None and lease.leave_epoch is not None:
            leave.give_back(lease.leave_epoch)
        lease.key.standing.give_back(lease.key_epoch)
        account.standing.give_back(lease.account_epoch)
        lease.route.standing.give_back(lease.route_epoch)
        self.standing.give_back(lease.upstream_epoch)

    def proved(self, lease: Lease, now: float) -> None:
        """What was asked for has begun to come: the key, its account, the model and the vendor are well so far.

        Said once for a lease: at the first event of a stream, so that a long one speaks for them before it ends.
        """
        thread = lease.want.thread
        if thread is not None and not lease.key.draining:
            self._threads[thread] = lease.key
            self._threads.move_to_end(thread)
            if len(self._threads) > THREADS:
                self._threads.popitem(last=False)
        self._blame.proved(lease, now)

    # telling

    def census(self, now: float) -> Counter[str]:
        """Keys by state, in the words of `core.census`."""
        return census.census(self.keys.values(), now)

    def state_of(self, key: UpstreamKey, now: float) -> str:
        """How a key of this pool is: one of the words of `core.census`."""
        return census.state_of(key, now)

    def vacancy(self, model: str, now: float) -> Vacancy:
        """Why nobody may serve `model`, and when somebody will."""
        known = self._vacancies.get(model)
        moves = self._blame.moves
        if known is None or known[1] != moves or not now - known[0] < VACANCY_KEPT:
            known = self._vacancies[model] = (now, moves, self._vacancy(model, now))
        return known[2]

    def _vacancy(self, model: str, now: float) -> Vacancy:
        keys = self.keys.values()
        gates = [until_of(standing.health) for standing in (self.standing, self.route(model).standing)]
        backs = [back for key in keys if (back := census.back_at(key, now, model)) is not None]
        return Vacancy(census.census(keys, now, model), max(min(backs), *gates) if backs else None)


def _limits_by_model(settings: UpstreamSettings) -> bool:
    return HABITS[settings.dialect].limits_by_model
