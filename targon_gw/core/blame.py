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

Streams that began well and were cut are a row of their own: one that ends well ends it, no other's beginning does.

A VendorFault accuses its key as well: it goes to rest at its second with nothing served between, once another key
serves what it did not, or where all the faults in a row are its own though others could have had them. What failed at
most keys alike is never a key's fault. One call alone opens no breaker: that may be what it asks (`core.poison`).

Where others fail alike, what the table says of Throttled, Exhausted and Barred does not hold: `core.witness` says when,
and then the model's breaker opens, and what they were charged with is taken back. Where there is nobody to compare with
rests are short. A lease that was begun before something last went to rest says nothing about how well that is now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from attrs import define

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
from .breakers import BROKEN, FAULTS_TO_OPEN, Breakers
from .charges import Charges
from .health import Barred as Out
from .health import Disabled, Ready, Spent, Suspect, Trial, rested, served
from .keys import Accusation, Lease, Route, UpstreamKey, Want
from .subjects import Cause, Moves, Subject, of_account, of_key, of_leave, of_route
from .witness import Charge

ACCUSED_FOR = 60.0
"""Seconds for which a key's fault waits for another key to serve the same model, and so to speak for the vendor."""
MISSES = 2
"""Faults of a key that is well, with nothing served between them, for which it may go to rest. With one, a vendor that
fails at one call in twenty, whoever asks, had a quarter of all calls wait for a key (four keys, 200 calls a second)."""
MOMENT, SURELY = 0.25, 10
"""Seconds since somebody was served, or faults in a row, before which a breaker stays closed: of 200 calls a second one
in twenty of which fails, three in a row fail each half a minute, and one call in thirty found no key."""
GUILTY = doubling(2.0, 300.0)
MODEL_GONE = doubling(30.0, 300.0)

SWITCHED_OFF: Final = "switched off in the settings"
"""Why a key is out that the file of keys switches off: what the file says at the next start is what counts then."""


@define(eq=False)
class Blame:
    """All that moves the standings of one vendor. `keys` and `routes` are the pool's own, shared with it."""

    moves: Moves
    breakers: Breakers
    charges: Charges
    keys: Mapping[str, UpstreamKey]
    routes: dict[str, Route]
    another_may: Callable[[UpstreamKey, str, float], bool]
    """Whether another key than that could be asked for a model now."""

    def came_back(self, lease: Lease, outcome: Outcome, now: float) -> None:
        """Move what `outcome` moves for the worse; `lease` has been counted out."""
        cause = Cause(outcome, lease.want.request_id, now)
        if lease.key.draining and isinstance(outcome, Barred | VendorFault):
            return  # who takes a key out revokes it at the vendor next: what is cut by that accuses nobody
        match outcome:
            case Throttled() | Exhausted() | Barred():
                self.charges.charged(lease, cause)
            case ModelFault():
                if lease.fresh_on_route:
                    health = rested(lease.route.standing.health, now, None, MODEL_GONE)
                    self.moves.move(of_route(lease.route), health, cause)
            case VendorFault():
                self._vendor_failed(lease, cause)
            case CallerFault() | Abandoned() | Served():
                pass

    def switched(self, key: UpstreamKey, on: bool, now: float) -> None:
        """The operator's settings take the key out of the draw, or into it: one that was off begins anew."""
        if not on:
            self.moves.move(of_key(key), Disabled(), Cause(Abandoned(SWITCHED_OFF), "", now))
        elif isinstance(key.standing.health, Disabled | Out | Suspect):
            self.moves.move(of_key(key), Ready(), Cause(Abandoned("switched on in the settings"), "", now))

    def forget(self, keys: Iterable[UpstreamKey]) -> None:
        """These keys have left: nobody is judged by them any more."""
        gone = set(keys)
        for route in self.routes.values():
            if route.witness in gone:
                route.witness = None
            for known in (route.accused, route.cutters, route.convicted):
                for key in gone & known.keys():
                    del known[key]

    def moved_house(self) -> None:
        """The vendor has another address: what was known about how well it and its models are is of no use."""
        standing = self.breakers.standing
        standing.move(Ready())
        standing.epoch += 1
        standing.out = 0
        self.routes.clear()

    def proved(self, lease: Lease, now: float) -> None:
        """What was asked for has begun to come: the key, its account, the model and the vendor are well so far."""
        if lease.proved:
            return
        lease.proved = True
        key, route, account = lease.key, lease.route, lease.account
        key.served += 1
        key.served_at = now
        key.missed = 0
        route.faults = 0
        route.well_at = lease.began
        route.witness = None if key.draining else key
        if route.accused or route.alike:
            self._heard(lease, now)
        own, theirs, all_ = route.standing.health, account.standing.health, self.breakers.standing.health
        if not (type(key.standing.health) is type(own) is type(theirs) is type(all_) is Ready) or account.leaves:
            cause = Cause(Served("a call was served"), lease.want.request_id, now)
            for subject in list(self._proven(lease)):
                health = subject.standing.health
                self.moves.move(subject, Ready() if isinstance(health, Suspect | Spent) else served(health), cause)
        if account.short_of is not None and type(account.standing.health) is Ready:
            account.short_of = None

    def _proven(self, lease: Lease) -> Iterator[Subject]:
        """What is not well though `lease`, begun since it last went to rest, was served."""
        key, account, route = lease.key, lease.account, lease.route
        if type(key.standing.health) is not Ready and lease.fresh_on_key:
            yield of_key(key)
        small = account.short_of is not None and isinstance(account.standing.health, Spent)
        if type(account.standing.health) is not Ready and lease.fresh_on_account and not small:
            yield of_account(account)
        leave = account.leaves.get(route.model)
        if leave is not None and type(leave.health) is not Ready and lease.fresh_on_leave:
            yield of_leave(account, leave, route.model)
        if type(route.standing.health) is not Ready and lease.fresh_on_route:
            yield of_route(route)
        if type(self.breakers.standing.health) is not Ready and self.breakers.standing.epoch == lease.upstream_epoch:
            yield self.breakers.itself

    def ended_well(self, lease: Lease, now: float) -> None:
        """What was begun has come to a good end, where streams have been cut."""
        route = lease.route
        route.cuts = 0
        route.cut_of = None
        self._acquit(lease, route.cutters, now)

    def undo(self, lease: Lease, now: float) -> None:
        """The vendor's fault that `lease` came back with was none: nobody is charged with it any more."""
        route = lease.route
        route.accused.pop(lease.key, None)
        route.faults = max(0, route.faults - 1)
        lease.key.missed = max(0, lease.key.missed - 1)
        charge = route.convicted.get(lease.key)
        if charge is not None and charge.want is lease.want:
            del route.convicted[lease.key]
            if charge.stands:
                told = "taken back: it was the request's own fault"
                cause = Cause(VendorFault(), lease.want.request_id, now, told)
                self.moves.move(charge.subject, charge.before, cause)

    def _heard(self, lease: Lease, now: float) -> None:
        """Somebody was served where others have failed: whether they are to blame."""
        route = lease.route
        if route.accused:
            self._acquit(lease, route.accused, now)
        for kind, alike in list(route.alike.items()):
            if lease.began < alike.since:
                continue  # it was let in before, and says nothing about who was not
            del route.alike[kind]
            if alike.epoch is not None and lease.route_epoch < alike.epoch:
                self.charges.overturn(alike, lease, now)
            elif alike.verdict:
                for account in alike.accounts:
                    account.doubted_at = None if account is lease.account else now

    def _acquit(self, lease: Lease, charged: dict[UpstreamKey, Accusation], now: float) -> None:
        """A key has served what others failed at: they are to blame, unless they are more than half of the pool."""
        route = lease.route
        charged.pop(lease.key, None)
        accused = [(key, how) for key, how in charged.items() if now - how.at <= ACCUSED_FOR]
        charged.clear()
        route.convicted = {key: one for key, one in route.convicted.items() if now - one.at <= ACCUSED_FOR}
        if len(accused) * 2 > len(self.keys):
            return
        cut = charged is route.cutters  # whose streams begin well, each of them
        for key, how in accused:
            health = key.standing.health
            if isinstance(health, Trial) or (type(health) is Ready and (cut or key.missed >= MISSES)):
                cause = Cause(VendorFault(f"{how.reason}, where another key served"), lease.want.request_id, now)
                rest = rested(health, now, None, GUILTY)
                route.convicted[key] = Charge(of_key(key), how.want, now, health, rest)
                self.moves.move(of_key(key), rest, cause)

    # the vendor's faults

    def _vendor_failed(self, lease: Lease, cause: Cause) -> None:
        key, route, now = lease.key, lease.route, cause.now
        cut = lease.proved
        key.missed += 1
        accused = route.cutters if cut else route.accused
        others_serve = not cut and route.faults == 0 and type(route.standing.health) is Ready
        if others_serve and isinstance(key.standing.health, Trial) and lease.fresh_on_key:
            self._convict(lease, cause)
        else:
            accused[key] = Accusation(now, cause.outcome.reason, lease.want)
        self.breakers.tried_in_vain(lease, cause)
        if not lease.fresh_on_route:
            return
        too_many = self._count_cut(route, lease.want) if cut else self._count_fault(route, lease.want, now)
        if isinstance(route.standing.health, Trial):
            self._open(lease, cause)
        elif too_many:
            if self._is_alone(key, accused, route, now):
                if type(key.standing.health) is Ready:
                    self._convict(lease, cause)
            else:
                self._open(lease, cause)

    def _convict(self, lease: Lease, cause: Cause) -> None:
        """The key goes to rest, until it turns out to be the vendor, or the request."""
        subject, health, now = of_key(lease.key), lease.key.standing.health, cause.now
        rest = rested(health, now, None, GUILTY)
        lease.route.convicted[lease.key] = Charge(subject, lease.want, now, health, rest)
        self.charges.charge(lease, subject, rest, cause)

    def _count_fault(self, route: Route, want: Want, now: float) -> bool:
        """Whether there are too many in a row, and not of one call alone; some in a row are chance where many call."""
        route.fault_of = want if route.faults == 0 or route.fault_of is want else None
        route.faults += 1
        if route.faults < FAULTS_TO_OPEN or route.fault_of is not None:
            return False
        witness = route.witness
        served_at = None if witness is None else witness.served_at
        return route.faults >= SURELY or served_at is None or now - served_at >= MOMENT

    def _count_cut(self, route: Route, want: Want) -> bool:
        """Whether too many streams are cut."""
        if route.cut_of is not want:
            route.cut_of = want
            route.cuts += 1
            return route.cuts >= FAULTS_TO_OPEN
        return False

    def _is_alone(self, one: UpstreamKey, accused: Mapping[UpstreamKey, Accusation], route: Route, now: float) -> bool:
        """Whether one key had all the faults though another could have served: who fails fast is idle."""
        if any(key is not one and now - how.at <= ACCUSED_FOR for key, how in accused.items()):
            return False
        return self.another_may(one, route.model, now)

    def _open(self, lease: Lease, cause: Cause) -> None:
        """The model's breaker: no key is accused of the vendor's faults; what one was charged with is taken back."""
        route, now = lease.route, cause.now
        route.accused.clear()
        route.cutters.clear()
        alike = route.alike.pop(VendorFault, None)
        if alike is not None and not alike.lapsed(now):
            self.charges.take_back(alike, cause)
        more = max(0, route.cuts - FAULTS_TO_OPEN)  # a trial that begins well has forgotten how often it was in vain
        self.breakers.open(lease, rested(route.standing.health, now, None, lambda n: BROKEN(n + more)), cause)
