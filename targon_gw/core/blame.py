"""Who is to blame: what the outcome of a lease does to the five standings that it went out on.

It moves the one that is to blame and no other:

| outcome | moves |
|---|---|
| Served | all five, for the better |
| Throttled | the account, for this model or for all, as the dialect has it |
| Exhausted | the account |
| Barred | the key: suspect first, out once a probe confirms it |
| ModelFault | the model at this vendor |
| VendorFault | the model at this vendor at the third in a row, the vendor where that is so of two models at once |
| CallerFault, Abandoned | nothing |

A VendorFault accuses its key as well: it goes to rest once another key serves what it did not, or where all the faults
in a row are its own though others could have had them. What failed at most keys alike is never a key's fault. A lease
that was begun before something last went to rest says nothing about how well that is now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

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
    strikes_of,
    until_of,
)
from .keys import KEPT_CHANGES, Account, Change, Lease, Route, UpstreamKey

FAULTS_TO_OPEN = 3
ACCUSED_FOR = 60.0
"""Seconds for which a key's fault waits for another key to serve the same model, and so to speak for the vendor."""
THROTTLED = doubling(10.0, 600.0)
LONGEST_REST = 6 * 3600.0
EXHAUSTED = doubling(1800.0, LONGEST_REST)
GUILTY = doubling(2.0, 300.0)
BROKEN = doubling(1.0, 15.0)
"""At most 15 s: a vendor that is well again is to be back within 30 s."""
MODEL_GONE = doubling(30.0, 300.0)


@frozen
class Subject:
    """A Standing that may be moved, by the name that people see, and where its changes are kept."""

    standing: Standing
    name: str
    history: deque[Change]


@frozen
class Cause:
    """Why something moves: the outcome of the request of that id, seen at `now`."""

    outcome: Outcome
    request_id: str
    now: float


@define(eq=False)
class Blame:
    """The standings of one vendor, and all that moves them. `keys` and `routes` are the pool's own, shared with it."""

    name: str
    limits_by_model: bool
    keys: Mapping[str, UpstreamKey]
    routes: dict[str, Route]
    another_may: Callable[[UpstreamKey, str, float], bool]
    """Whether another key than that could be asked for a model now."""
    standing: Standing = field(factory=Standing)
    """The vendor's."""
    changes: list[Change] = field(factory=list)
    """What has changed since somebody last took these away."""
    history: deque[Change] = field(factory=lambda: deque(maxlen=KEPT_CHANGES))
    """The vendor's own changes."""

    def came_back(self, lease: Lease, outcome: Outcome, now: float) -> None:
        """Move what `outcome` moves for the worse; `lease` has been counted out."""
        cause = Cause(outcome, lease.want.request_id, now)
        if lease.key.draining and isinstance(outcome, Barred | VendorFault):
            return  # who takes a key out revokes it at the vendor next: what is cut by that accuses nobody
        match outcome:
            case Throttled(wait):
                self._throttled(lease, cause, wait)
            case Exhausted(sized):
                self._exhausted(lease, cause, sized)
            case Barred():
                self._refused(lease, cause)
            case ModelFault():
                if lease.fresh_on_route:
                    health = rested(lease.route.standing.health, now, None, MODEL_GONE)
                    self._move(_of_route(lease.route), health, cause)
            case VendorFault():
                self._vendor_failed(lease, cause)
            case CallerFault() | Abandoned() | Served():
                pass

    def switched(self, key: UpstreamKey, on: bool, now: float) -> None:
        """The operator's settings take the key out of the draw, or into it: one that was off begins anew."""
        if not on:
            self._move(_of_key(key), Disabled(), Cause(Abandoned("switched off in the settings"), "", now))
        elif isinstance(key.standing.health, Disabled | Out | Suspect):
            self._move(_of_key(key), Ready(), Cause(Abandoned("switched on in the settings"), "", now))

    def forget(self, keys: Iterable[UpstreamKey]) -> None:
        """These keys have left: nobody is judged by them any more."""
        gone = set(keys)
        for route in self.routes.values():
            if route.witness in gone:
                route.witness = None
            for key in gone & route.accused.keys():
                del route.accused[key]

    def moved_house(self) -> None:
        """The vendor has another address: what was known about how well it and its models are is of no use."""
        self.standing.move(Ready())
        self.standing.epoch += 1
        self.standing.out = 0
        self.routes.clear()

    def proved(self, lease: Lease, now: float) -> None:
        """What was asked for has begun to come: the key, its account, the model and the vendor are well so far."""
        if lease.proved:
            return
        lease.proved = True
        key, route, account = lease.key, lease.route, lease.account
        key.served += 1
        key.served_at = now
        route.faults = 0
        route.witness = None if key.draining else key
        if route.accused:
            self._acquit(lease, now)
        own, theirs, all_ = route.standing.health, account.standing.health, self.standing.health
        if not (type(key.standing.health) is type(own) is type(theirs) is type(all_) is Ready) or account.leaves:
            cause = Cause(Served("a call was served"), lease.want.request_id, now)
            for subject in list(self._proven(lease)):
                health = subject.standing.health
                self._move(subject, Ready() if isinstance(health, Suspect | Spent) else served(health), cause)
        if account.short_of is not None and type(account.standing.health) is Ready:
            account.short_of = None

    def _proven(self, lease: Lease) -> Iterator[Subject]:
        """What is not well though `lease`, begun since it last went to rest, was served."""
        key, account, route = lease.key, lease.account, lease.route
        if type(key.standing.health) is not Ready and lease.fresh_on_key:
            yield _of_key(key)
        small = account.short_of is not None and isinstance(account.standing.health, Spent)
        if type(account.standing.health) is not Ready and lease.fresh_on_account and not small:
            yield _of_account(account)
        leave = account.leaves.get(route.model)
        if leave is not None and type(leave.health) is not Ready and lease.fresh_on_leave:
            yield _of_leave(account, leave, route.model)
        if type(route.standing.health) is not Ready and lease.fresh_on_route:
            yield _of_route(route)
        if type(self.standing.health) is not Ready and self.standing.epoch == lease.upstream_epoch:
            yield self._itself()

    def _acquit(self, lease: Lease, now: float) -> None:
        """A key has served what others failed at: they are to blame, unless they are more than half of the pool."""
        route = lease.route
        route.accused.pop(lease.key, None)
        accused = [(key, how) for key, (at, how) in route.accused.items() if now - at <= ACCUSED_FOR]
        route.accused.clear()
        if len(accused) * 2 > len(self.keys):
            return
        for key, how in accused:
            cause = Cause(VendorFault(f"{how}, where another key served"), lease.want.request_id, now)
            if isinstance(key.standing.health, Ready | Trial):
                self._move(_of_key(key), rested(key.standing.health, now, None, GUILTY), cause)

    def _refused(self, lease: Lease, cause: Cause) -> None:
        """The key was not taken: out where a probe of a suspect confirms it, suspect at first."""
        health = lease.key.standing.health
        if isinstance(health, Suspect) and lease.fresh_on_key:
            self._move(_of_key(lease.key), Out(), cause)
        elif not isinstance(health, Out | Disabled):
            self._move(_of_key(lease.key), Suspect(), cause)

    def _throttled(self, lease: Lease, cause: Cause, wait: float | None) -> None:
        account, model = lease.account, lease.route.model
        lease.want.tired_accounts.add(account.id)
        others = any(m != model and until_of(s.health) > cause.now for m, s in account.leaves.items())
        if not self.limits_by_model or others:
            self._rest(_of_account(account), lease.fresh_on_account, cause, wait)
            return
        leave = account.leaves.get(model)
        if leave is None:  # the first of its kind: nothing can have rested before it
            leave = account.leave_for(model)
            self._rest(_of_leave(account, leave, model), True, cause, wait)
        else:
            self._rest(_of_leave(account, leave, model), lease.fresh_on_leave, cause, wait)

    def _rest(self, subject: Subject, fresh: bool, cause: Cause, wait: float | None) -> None:
        """Cool down. A lease begun before the last rest is no strike; it makes it longer, where the vendor said so."""
        health, now = subject.standing.health, cause.now
        if isinstance(health, Spent | Suspect | Out | Disabled):
            return
        if fresh:
            self._move(subject, rested(health, now, wait, THROTTLED), cause)
        elif wait is not None and now + wait > until_of(health):
            longer = Cooling(now + wait, max(1, strikes_of(health)))
            if isinstance(health, Cooling):  # nothing new to tell
                subject.standing.prolong(longer)
            else:
                self._move(subject, longer, cause)

    def _exhausted(self, lease: Lease, cause: Cause, sized: bool) -> None:
        account, asked, now = lease.account, lease.want.max_tokens, cause.now
        lease.want.tired_accounts.add(account.id)
        if sized and asked is not None:
            account.short_of = asked if account.short_of is None else min(account.short_of, asked)
        else:
            account.short_of = None
        account.standing.moved()
        health = account.standing.health
        if not isinstance(health, Spent) or (lease.fresh_on_account and now >= health.until):
            self._move(_of_account(account), spent(health, now, EXHAUSTED), cause)

    def _vendor_failed(self, lease: Lease, cause: Cause) -> None:
        key, route, now = lease.key, lease.route, cause.now
        others_serve = route.faults == 0 and type(route.standing.health) is Ready
        if others_serve and isinstance(key.standing.health, Trial) and lease.fresh_on_key:
            self._move(_of_key(key), rested(key.standing.health, now, None, GUILTY), cause)
        else:
            route.accused[key] = (now, cause.outcome.reason)
        if isinstance(self.standing.health, Trial) and self.standing.epoch == lease.upstream_epoch:
            self._move(self._itself(), rested(self.standing.health, now, None, BROKEN), cause)
        if not lease.fresh_on_route:
            return
        route.faults += 1
        if isinstance(route.standing.health, Trial):
            self._open(lease, cause)
        elif route.faults >= FAULTS_TO_OPEN:
            if self._is_alone(key, route, now):
                if type(key.standing.health) is Ready:
                    self._move(_of_key(key), rested(key.standing.health, now, None, GUILTY), cause)
            else:
                self._open(lease, cause)

    def _is_alone(self, accused: UpstreamKey, route: Route, now: float) -> bool:
        """Whether one key had all the faults in a row though another could have served: who fails fast is idle."""
        if any(key is not accused and now - at <= ACCUSED_FOR for key, (at, _) in route.accused.items()):
            return False
        return self.another_may(accused, route.model, now)

    def _open(self, lease: Lease, cause: Cause) -> None:
        """The model's breaker; the vendor's too, where another model's is open for the same reason."""
        route, now = lease.route, cause.now
        self._move(_of_route(route), rested(route.standing.health, now, None, BROKEN), cause)
        broken = sum(until_of(r.standing.health) > now for r in self.routes.values() if r.faults >= FAULTS_TO_OPEN)
        if broken > 1 and self.standing.epoch == lease.upstream_epoch:
            self._move(self._itself(), rested(self.standing.health, now, None, BROKEN), cause)

    def _itself(self) -> Subject:
        return Subject(self.standing, f"upstream {self.name}", self.history)

    def _move(self, subject: Subject, health: Health, cause: Cause) -> None:
        """Change to `health`, and keep why."""
        standing, now, outcome = subject.standing, cause.now, cause.outcome
        if standing.health == health:
            return
        before, after = name_of(standing.health, now), name_of(health, now)
        standing.move(health)
        if before == after and not isinstance(health, Cooling | Spent):
            return
        until = until_of(health) or None
        change = Change(now, subject.name, before, after, outcome.reason, outcome.status, cause.request_id, until)
        self.changes.append(change)
        subject.history.append(change)


def _of_key(key: UpstreamKey) -> Subject:
    return Subject(key.standing, key.id, key.history)


def _of_account(account: Account) -> Subject:
    return Subject(account.standing, f"account {account.id}", account.history)


def _of_leave(account: Account, leave: Standing, model: str) -> Subject:
    return Subject(leave, f"account {account.id} for {model}", account.history)


def _of_route(route: Route) -> Subject:
    return Subject(route.standing, f"model {route.model}", route.history)
