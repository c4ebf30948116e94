"""Charging a key or an account with a failure, and taking that back.

A 429, no credit and a key that is not taken are charged to whoever they were told to, but not where others fail alike
(`core.witness`): then the model's breaker opens, what was charged in that minute is taken back, and nobody is charged
any more until somebody is served. Where there is nobody to compare with, rests are short: nothing is final that one
account alone has been told. An attempt that was begun before the breaker opened charges nobody.
"""

from __future__ import annotations

from typing import Final

from attrs import define, evolve

from .attempts import Barred, Exhausted, Outcome, Served, Throttled, doubling
from .breakers import BROKEN, Breakers
from .health import Barred as Out
from .health import Cooling, Disabled, Health, Ready, Spent, Suspect, Trial, rested, spent, strikes_of, until_of
from .keys import Lease, Route
from .subjects import Cause, Moves, Subject, of_account, of_key, of_leave, of_route
from .witness import FRESH, WINDOW, Alike, InUse, doubted, needed, wait_of

THROTTLED = doubling(10.0, 600.0)
LONGEST_REST = 6 * 3600.0
EXHAUSTED = doubling(1800.0, LONGEST_REST)
THROTTLED_SHORT = doubling(10.0, 60.0)
EXHAUSTED_SHORT = doubling(1800.0, 1800.0)
BARRED_SHORT = doubling(60.0, 300.0)
"""Where there is nobody to compare with: the only account may be well, and the vendor not. Credit is asked for by a
probe every five minutes, however long the rest."""
ENOUGH: Final = 5
"""Accounts that are looked for: of so many or more, three are needed to agree."""
_TROUBLE: Final[dict[type[Outcome], str]] = {
    Throttled: "looks like this server's address is limited, or the vendor is full",
    Barred: "looks like this server's address is limited, or the vendor takes nobody's key",
    Exhausted: "looks like the vendor's own trouble with its accounts",
}


@define(eq=False)
class Charges:
    """Those of one vendor's keys and accounts."""

    moves: Moves
    breakers: Breakers
    limits_by_model: bool
    in_use: InUse

    def charged(self, lease: Lease, cause: Cause) -> None:
        """The key or the account is to blame, it seems: but not where others fail alike."""
        outcome, account = cause.outcome, lease.account
        if not isinstance(outcome, Barred):
            lease.want.tired_accounts.add(account.id)
        if isinstance(outcome, Exhausted) and outcome.sized:
            self._exhausted(lease, cause, True)  # it hangs on how much this call asked for
            return
        if not lease.fresh_on_route:
            return  # it was asked before the breaker opened
        alike = self.alike(lease.route, type(outcome), cause.now)
        if self._is_everybodys(alike, lease, cause):
            return
        if needed(self.in_use(alike.accounts, ENOUGH)) is None and not self._another_serves(lease, cause.now):
            cause = evolve(cause, undetermined=True)
        match outcome:
            case Throttled(wait):
                self._throttled(lease, cause, wait)
            case Exhausted():
                self._exhausted(lease, cause, False)
            case _:
                self._refused(lease, cause)

    def alike(self, route: Route, kind: type[Outcome], now: float) -> Alike:
        """The failures of that kind that are to be held against each other."""
        alike = route.alike.get(kind)
        if alike is None or alike.lapsed(now):
            alike = route.alike[kind] = Alike()
        return alike

    def _another_serves(self, lease: Lease, now: float) -> bool:
        """Whether another account has been served by this vendor lately."""
        witness = lease.route.witness
        if witness is None or witness.account is lease.account or witness.served_at is None:
            return False
        return now - witness.served_at <= WINDOW

    def _is_everybodys(self, alike: Alike, lease: Lease, cause: Cause) -> bool:
        """Whether it is, by who failed alike: then a breaker answers for it, and nobody is charged any more."""
        route, now = lease.route, cause.now
        if lease.began <= route.well_at or (not alike.verdict and doubted(lease)):
            return False  # who was asked when it was, or later, has been served
        known = alike.note(lease, wait_of(cause.outcome), now)
        count = len(alike.accounts)
        if not alike.verdict:
            need = needed(self.in_use(alike.accounts, ENOUGH))
            if need is None or count < need:
                return False
            told = f"{count} accounts alike and none served ({cause.outcome.reason})"
            if alike.epoch is None and self.in_use(alike.accounts, count + 1) > count:
                self._break(alike, lease, Cooling(now, 0), evolve(cause, reason=f"{told}: one more is asked"))
                return False
            self.take_back(alike, cause)
            alike.verdict = known = True
            cause = evolve(cause, reason=f"{told}: {_TROUBLE[type(cause.outcome)]}")
        strikes = strikes_of(route.standing.health)
        strikes = strikes + 1 if known or count > FRESH else max(1, strikes)
        until = max(now + BROKEN(strikes), alike.soonest(self.in_use, now), until_of(route.standing.health))
        self._break(alike, lease, Cooling(until, strikes), cause)
        return True

    def _break(self, alike: Alike, lease: Lease, health: Cooling, cause: Cause) -> None:
        self.breakers.open(lease, health, cause)
        alike.opened = lease.route.standing.epoch
        if alike.epoch is None:
            alike.epoch = alike.opened

    def take_back(self, alike: Alike, cause: Cause) -> None:
        """Others failed alike: what they were charged with is as if it had not been."""
        cause = evolve(cause, reason=f"taken back: others fail alike ({cause.outcome.reason})")
        alike.taken = [charge for charge in alike.charges.values() if charge.stands]
        alike.charges.clear()
        for charge in alike.taken:
            self.moves.move(charge.subject, charge.before, cause)

    def overturn(self, alike: Alike, lease: Lease, now: float) -> None:
        """Somebody who was asked when the others failed is served: they are to blame after all."""
        cause = Cause(Served(), lease.want.request_id, now, "charged after all: others were served meanwhile")
        for charge in alike.taken:
            over = isinstance(charge.given, Cooling | Spent) and charge.given.until <= now
            if charge.subject.standing.health == charge.before and not over:
                self.moves.move(charge.subject, charge.given, cause)
        route = lease.route
        if route.standing.epoch == alike.opened and isinstance(route.standing.health, Cooling | Trial):
            self.moves.move(of_route(route), Ready(), cause)

    def charge(self, lease: Lease, subject: Subject, health: Health, cause: Cause) -> None:
        """Move it, so that it can be taken back."""
        self.alike(lease.route, type(cause.outcome), cause.now).charge(subject, health, lease, cause.now)
        self.moves.move(subject, health, cause)

    def _refused(self, lease: Lease, cause: Cause) -> None:
        """The key was not taken: out where a probe of a suspect confirms it, suspect at first."""
        subject, health, now = of_key(lease.key), lease.key.standing.health, cause.now
        if isinstance(health, Out | Disabled):
            return
        if isinstance(health, Suspect) and lease.fresh_on_key and not cause.undetermined:
            self.charge(lease, subject, Out(), cause)
        elif cause.undetermined and isinstance(health, Suspect | Trial) and lease.fresh_on_key:
            self.charge(lease, subject, rested(health, now, None, BARRED_SHORT), cause)
        elif not (cause.undetermined and isinstance(health, Cooling)):
            self.charge(lease, subject, Suspect(), cause)

    def _throttled(self, lease: Lease, cause: Cause, wait: float | None) -> None:
        account, model = lease.account, lease.route.model
        others = any(m != model and until_of(s.health) > cause.now for m, s in account.leaves.items())
        if not self.limits_by_model or others:
            self._rest(lease, of_account(account), lease.fresh_on_account, cause, wait)
            return
        leave = account.leaves.get(model)
        fresh = leave is None or lease.fresh_on_leave  # the first of its kind: nothing can have rested before it
        self._rest(lease, of_leave(account, leave or account.leave_for(model), model), fresh, cause, wait)

    def _rest(self, lease: Lease, subject: Subject, fresh: bool, cause: Cause, wait: float | None) -> None:
        """Cool down. A lease begun before the last rest is no strike; it makes it longer, where the vendor said so."""
        health, now = subject.standing.health, cause.now
        if isinstance(health, Spent | Suspect | Out | Disabled):
            return
        if fresh:
            rest = THROTTLED_SHORT if cause.undetermined else THROTTLED
            self.charge(lease, subject, rested(health, now, wait, rest), cause)
        elif wait is not None and now + wait > until_of(health):
            longer = Cooling(now + wait, max(1, strikes_of(health)))
            if isinstance(health, Cooling):  # nothing new to tell
                self.alike(lease.route, Throttled, now).charge(subject, longer, lease, now)
                subject.standing.prolong(longer)
            else:
                self.charge(lease, subject, longer, cause)

    def _exhausted(self, lease: Lease, cause: Cause, sized: bool) -> None:
        account, asked, now = lease.account, lease.want.max_tokens, cause.now
        if sized and asked is not None:
            account.short_of = asked if account.short_of is None else min(account.short_of, asked)
        else:
            account.short_of = None
        account.standing.moved()
        health = account.standing.health
        if not isinstance(health, Spent) or (lease.fresh_on_account and now >= health.until):
            rest = EXHAUSTED_SHORT if cause.undetermined else EXHAUSTED
            self.charge(lease, of_account(account), spent(health, now, rest), cause)
