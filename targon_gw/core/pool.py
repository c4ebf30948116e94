"""The keys of one vendor, and the only thing that may choose among them.

A lease goes out on five standings at once: the key's, its account's, the account's leave to use the model, the model's
at this vendor (the breaker), the vendor's. When it comes back, its outcome moves the one that is to blame and no other:

| outcome | moves |
|---|---|
| Served | all five, for the better |
| Throttled | the account, for this model or for all, as the dialect has it |
| Exhausted | the account |
| Barred | the key: suspect first, out once a probe confirms it |
| ModelFault | the model at this vendor |
| VendorFault | the model at this vendor once it has failed `FAULTS_TO_OPEN` times in a row; two models at once: the vendor; the key itself once another has served what it did not |
| CallerFault, Abandoned | nothing |
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable

from attrs import define, field, frozen

from .attempts import (
    Abandoned,
    Barred,
    CallerFault,
    Exhausted,
    ModelFault,
    Outcome,
    Served,
    Throttled,
    VendorFault,
    doubling,
)
from .config import KeySettings, UpstreamSettings
from .dialects import HABITS
from .draws import POLICIES, Roster
from .health import Barred as Out
from .health import (
    Cooling,
    Disabled,
    Health,
    Ready,
    Spent,
    Standing,
    Suspect,
    Trial,
    name_of,
    rested,
    served,
    spent,
    until_of,
)
from .keys import Account, Change, Lease, Route, UpstreamKey, Want

FAULTS_TO_OPEN = 3
ACCUSED_FOR = 60.0
"""Seconds for which a key's fault waits for another key to serve the same model, and so to speak for the vendor."""
THROTTLED = doubling(10.0, 600.0)
EXHAUSTED = doubling(1800.0, 6 * 3600.0)
GUILTY = doubling(2.0, 300.0)
BROKEN = doubling(1.0, 15.0)
"""At most 15 s: a vendor that is well again is to be back within 30 s."""
MODEL_GONE = doubling(30.0, 300.0)
VACANCY_KEPT = 0.25
THREADS = 10_000
"""Conversations whose last key is remembered."""
BUSY_FOR_THREAD = 2
"""Leases that a key may have out and still be preferred by a conversation it served."""


@frozen
class Vacancy:
    """Why nobody may serve: keys by state, and when the first will be back (`None`: time alone brings none)."""

    states: Counter[str]
    back: float | None


@define(eq=False)
class KeyPool:
    """The keys of one Upstream."""

    settings: UpstreamSettings
    roll: Callable[[], float]
    accounts: dict[str, Account] = field(factory=dict)
    keys: dict[str, UpstreamKey] = field(factory=dict)
    routes: dict[str, Route] = field(factory=dict)
    standing: Standing = field(factory=Standing)
    changes: list[Change] = field(factory=list)
    """What has changed since somebody last took these away."""
    _roster: Roster = field(init=False)
    _threads: OrderedDict[int, UpstreamKey] = field(factory=OrderedDict)
    _turn: int = 0
    _vacancies: dict[str, tuple[float, Vacancy]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self._roster = Roster(self.roll)
        for entry in self.settings.keys:
            self._add(entry)
        self._roster.fill(list(self.keys.values()))

    def _add(self, entry: KeySettings) -> None:
        account = self.accounts.setdefault(entry.account, Account(entry.account))
        key = UpstreamKey(entry.secret.fingerprint, entry.secret, account, max(1, entry.weight), entry.note)
        if not entry.enabled:
            key.standing.move(Disabled())
        self.keys[key.id] = key

    @property
    def name(self) -> str:
        """The upstream's."""
        return self.settings.name

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
            key = POLICIES[self.settings.draw](self._roster, lambda k: may(k, want, now))
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
        if want.thread is not None:
            self._threads[want.thread] = key
            self._threads.move_to_end(want.thread)
            if len(self._threads) > THREADS:
                self._threads.popitem(last=False)
        return Lease(
            key,
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
        key, account, route = lease.key, lease.key.account, lease.route
        key.in_flight -= 1
        if key.in_flight == 0 and self.keys.get(key.id) is key:
            self._roster.idle[key] = None
        fresh = self._fresh(lease)
        self._counted_out(lease)
        match outcome:
            case Served():
                self.proved(lease, now)
            case Throttled(wait):
                self._throttled(lease, fresh, outcome, now, wait)
            case Exhausted():
                self._exhausted(lease, fresh, outcome, now)
            case Barred():
                confirmed = isinstance(key.standing.health, Suspect) and fresh.key
                self._move(
                    key.standing,
                    Out() if confirmed else _at_least_suspect(key.standing.health),
                    key.id,
                    lease,
                    outcome,
                    now,
                )
            case ModelFault():
                if fresh.route:
                    health = rested(route.standing.health, now, None, MODEL_GONE)
                    self._move(route.standing, health, f"model {route.model}", lease, outcome, now)
            case VendorFault():
                self._vendor_failed(lease, fresh, outcome, now)
            case CallerFault() | Abandoned():
                pass

    def _fresh(self, lease: Lease) -> Fresh:
        account = lease.key.account
        leave = account.leaves.get(lease.want.model)
        return Fresh(
            lease.key.standing.epoch == lease.key_epoch,
            account.standing.epoch == lease.account_epoch,
            leave is not None and leave.epoch == lease.leave_epoch,
            lease.route.standing.epoch == lease.route_epoch,
            self.standing.epoch == lease.upstream_epoch,
        )

    def _counted_out(self, lease: Lease) -> None:
        account = lease.key.account
        leave = account.leaves.get(lease.want.model)
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
        if lease.proved:
            return
        lease.proved = True
        key, route, fresh = lease.key, lease.route, self._fresh(lease)
        key.served += 1
        key.served_at = now
        route.faults = 0
        route.witness = key
        self._acquit(lease, now)
        small = key.account.short_of is not None and isinstance(key.account.standing.health, Spent)
        for standing, is_fresh, what in (
            (key.standing, fresh.key, key.id),
            (key.account.standing, fresh.account and not small, f"account {key.account.id}"),
            (key.account.leaves.get(route.model), fresh.leave, f"account {key.account.id} for {route.model}"),
            (route.standing, fresh.route, f"model {route.model}"),
            (self.standing, fresh.upstream, f"upstream {self.name}"),
        ):
            if standing is None or not is_fresh or type(standing.health) is Ready:
                continue
            health = Ready() if isinstance(standing.health, Suspect | Spent) else served(standing.health)
            self._move(standing, health, what, lease, Served("a call was served"), now)
        if type(key.account.standing.health) is Ready:
            key.account.short_of = None

    def _acquit(self, lease: Lease, now: float) -> None:
        """A key has served what others failed at: they are to blame, unless they are more than half of the pool."""
        route = lease.route
        route.accused.pop(lease.key, None)
        if not route.accused:
            return
        accused = [key for key, at in route.accused.items() if now - at <= ACCUSED_FOR]
        route.accused.clear()
        if len(accused) * 2 > len(self.keys):
            return
        reason = VendorFault("failed at what another key served")
        for key in accused:
            if isinstance(key.standing.health, Ready | Trial):
                self._move(
                    key.standing, rested(key.standing.health, now, None, GUILTY), key.id, lease, reason, now, key
                )

    def _throttled(self, lease: Lease, fresh: Fresh, outcome: Throttled, now: float, wait: float | None) -> None:
        account, model = lease.key.account, lease.want.model
        lease.want.tired_accounts.add(account.id)
        others = any(m != model and until_of(s.health) > now for m, s in account.leaves.items())
        if not HABITS[self.settings.dialect].limits_by_model or others:
            self._rest(account.standing, fresh.account, f"account {account.id}", lease, outcome, now)
            return
        leave = account.leaves.get(model)
        if leave is None:
            leave = account.leaves[model] = Standing()
            is_fresh = True
        else:
            is_fresh = fresh.leave or (lease.leave_epoch is None and type(leave.health) is Ready)
        self._rest(leave, is_fresh, f"account {account.id} for {model}", lease, outcome, now)

    def _rest(self, standing: Standing, fresh: bool, what: str, lease: Lease, outcome: Throttled, now: float) -> None:
        """A lease begun before the rest does not begin another; it may make this one longer, where the vendor said so."""
        health = standing.health
        if fresh or not isinstance(health, Cooling | Spent):
            if isinstance(health, Spent | Suspect | Out | Disabled):
                return
            self._move(standing, rested(health, now, outcome.wait, THROTTLED), what, lease, outcome, now)
        elif isinstance(health, Cooling) and outcome.wait is not None and now + outcome.wait > health.until:
            standing.health = Cooling(now + outcome.wait, health.strikes)

    def _exhausted(self, lease: Lease, fresh: Fresh, outcome: Exhausted, now: float) -> None:
        account, asked = lease.key.account, lease.want.max_tokens
        lease.want.tired_accounts.add(account.id)
        if outcome.sized and asked is not None:
            account.short_of = asked if account.short_of is None else min(account.short_of, asked)
        else:
            account.short_of = None
        if fresh.account and until_of(account.standing.health) <= now:
            health = spent(account.standing.health, now, EXHAUSTED)
            self._move(account.standing, health, f"account {account.id}", lease, outcome, now)

    def _vendor_failed(self, lease: Lease, fresh: Fresh, outcome: VendorFault, now: float) -> None:
        key, route = lease.key, lease.route
        if isinstance(key.standing.health, Trial) and fresh.key:
            self._move(key.standing, rested(key.standing.health, now, None, GUILTY), key.id, lease, outcome, now)
        else:
            route.accused[key] = now
        if not fresh.route:
            return
        route.faults += 1
        if route.faults >= FAULTS_TO_OPEN or isinstance(route.standing.health, Trial):
            health = rested(route.standing.health, now, None, BROKEN)
            self._move(route.standing, health, f"model {route.model}", lease, outcome, now)
            broken = sum(until_of(r.standing.health) > now for r in self.routes.values() if r.faults >= FAULTS_TO_OPEN)
            if (broken > 1 or isinstance(self.standing.health, Trial)) and fresh.upstream:
                health = rested(self.standing.health, now, None, BROKEN)
                self._move(self.standing, health, f"upstream {self.name}", lease, outcome, now)

    def _move(
        self,
        standing: Standing,
        health: Health,
        what: str,
        lease: Lease,
        outcome: Outcome,
        now: float,
        key: UpstreamKey | None = None,
    ) -> None:
        """Change `standing` and keep why; `key` where the change is not that of the lease's own."""
        before = name_of(standing.health, now)
        if standing.health == health:
            return
        standing.move(health)
        after = name_of(health, now)
        if before == after and not isinstance(health, Cooling | Spent):
            return
        request_id = lease.want.request_id
        change = Change(now, what, before, after, outcome.reason, outcome.status, request_id, until_of(health) or None)
        self.changes.append(change)
        owner = key or lease.key
        (owner.history if standing is owner.standing else owner.account.history).append(change)

    # telling

    def census(self, now: float) -> Counter[str]:
        """Keys by state: usable, cooling, exhausted, barred, disabled; a key is as well as the worse of it and its account."""
        return Counter(self.state_of(key, now) for key in self.keys.values())

    def state_of(self, key: UpstreamKey, now: float) -> str:
        """One of the words of `census`."""
        for health in (key.standing.health, key.account.standing.health):
            match health:
                case Out():
                    return "barred"
                case Disabled(until) if until is None or now < until:
                    return "disabled"
                case Spent(until) if now < until:
                    return "exhausted"
                case Cooling(until) if now < until:
                    return "cooling"
                case Suspect():
                    return "cooling"
                case _:
                    pass
        return "usable"

    def vacancy(self, model: str, now: float) -> Vacancy:
        """Why nobody may serve `model`, and when somebody will; at most 250 ms old, since an outage asks it often."""
        known = self._vacancies.get(model)
        if known is None or not now - known[0] < VACANCY_KEPT:
            known = self._vacancies[model] = (now, self._vacancy(model, now))
        return known[1]

    def _vacancy(self, model: str, now: float) -> Vacancy:
        route = self.route(model)
        gates = [until for s in (self.standing, route.standing) if (until := until_of(s.health)) > now]
        backs = [back for key in self.keys.values() if (back := self._back(key, model, now)) is not None]
        return Vacancy(self.census(now), max(min(backs), *gates) if backs and gates else min(backs, default=None))

    def _back(self, key: UpstreamKey, model: str, now: float) -> float | None:
        if isinstance(key.standing.health, Suspect | Out) or self.state_of(key, now) == "disabled":
            return None
        leave = key.account.leaves.get(model)
        standings: Iterable[Standing | None] = (key.standing, key.account.standing, leave)
        return max([now, *(until_of(s.health) for s in standings if s is not None)])


@frozen
class Fresh:
    """Which of the five standings a lease was begun on since their last rest."""

    key: bool
    account: bool
    leave: bool
    route: bool
    upstream: bool


def _at_least_suspect(health: Health) -> Health:
    return health if isinstance(health, Out | Disabled) else Suspect()
