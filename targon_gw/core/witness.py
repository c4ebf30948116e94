"""Who else failed alike: whether a failure is one account's own, or everybody's.

A failure charges a suspect: a key, an account. Where at least three accounts (or half of those in use, if fewer) fail
alike at one model of one vendor within a minute and nobody is served meanwhile, one that has not been asked yet is the
witness: its call is the only one that goes out. Where it fails alike, or where all have failed, it is none of theirs:
it is the vendor, the model, or our own address. Then nobody is charged with it; what somebody was charged with in that
minute is taken back, and one breaker answers for all. Where it is served the others were guilty. A single account has
no witness, and of two nobody knows which one is right.

*Meanwhile* is: asked no earlier than the first of those that failed. Who was let in before says nothing about it.
Where one who was asked in that very minute is served after the verdict, the verdict was wrong, and the charges stand.
Where one is served who was asked later, nobody can know whether the vendor is well again or the others were guilty:
they go free, and are charged at once the next time that they fail without having been served.

This file remembers and counts; what is moved is `core.charges`' and `core.blame`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Final

from attrs import define, field
from msgspec import Struct

from .attempts import Throttled
from .health import Cooling, Health, Spent, Trial, strikes_of
from .keys import Account, Lease, Want
from .subjects import Subject

WINDOW: Final = 60.0
"""Seconds within which failures are held against each other."""
WITNESSES: Final = 3
FRESH: Final = 8
"""After a verdict so many accounts at most are asked a second apart; then, and where one is asked again, the breaker
rests longer and longer. One good account among dead ones is found soon, and a limited address is not hammered."""
KEPT_CHARGES: Final = 256
LONGEST_LIMIT: Final = 60.0
"""Seconds that the breaker rests at most because every account was told to wait: an address may be let in again."""

InUse = Callable[[Container[Account], int], int]
"""How many accounts are in use, those named among them, as far as a bound."""


def needed(in_use: int) -> int | None:
    """How many accounts must fail alike; `None` where there are too few to tell."""
    return None if in_use < WITNESSES else min(WITNESSES, (in_use + 1) // 2)


class Failure(Struct, frozen=True, gc=False):
    """When an account was asked, when it failed, and until when it was told to wait."""

    asked: float
    at: float
    back: float | None


@define(eq=False)
class Charge:
    """What somebody was charged with, and how it was before."""

    subject: Subject
    want: Want
    at: float
    before: Health
    given: Health

    @property
    def stands(self) -> bool:
        """Whether nothing else has moved it since; a rest that is over may be in its first trial."""
        health, given = self.subject.standing.health, self.given
        tried = isinstance(health, Trial) and isinstance(given, Cooling | Spent) and health.width == 1
        return health == given or (tried and strikes_of(health) == strikes_of(given))


@define(eq=False)
class Alike:
    """Failures of one kind at one model of one vendor, since somebody was served there."""

    accounts: dict[Account, Failure] = field(factory=dict)
    charges: dict[int, Charge] = field(factory=dict)
    """By the identity of what was charged, the first one first."""
    epoch: int | None = None
    """The breaker's since enough have failed: one more witness is asked, and what was asked earlier says nothing."""
    opened: int | None = None
    """The same since the breaker opened last for it."""
    verdict: bool = False
    """That one has failed as well, or there was none: it is everybody's."""
    taken: list[Charge] = field(factory=list)
    """What it took back."""

    @property
    def since(self) -> float:
        """When the first of those that failed was asked."""
        return min((failure.asked for failure in self.accounts.values()), default=float("-inf"))

    def lapsed(self, now: float) -> bool:
        """Forget what is too long ago; whether that is all there was."""
        early = now - WINDOW
        self.charges = {id: charge for id, charge in self.charges.items() if charge.at >= early}
        if not self.verdict:
            self.accounts = {account: one for account, one in self.accounts.items() if one.at >= early}
            return not self.accounts and not self.charges
        return all(one.at < early for one in self.accounts.values())

    def note(self, lease: Lease, wait: float | None, now: float) -> bool:
        """The account of `lease` has failed; whether it had before."""
        known = self.accounts.get(lease.account)
        asked = lease.began if known is None else min(known.asked, lease.began)
        self.accounts[lease.account] = Failure(asked, now, None if wait is None else now + wait)
        return known is not None

    def charge(self, subject: Subject, health: Health, lease: Lease, now: float) -> None:
        """Somebody is about to be charged with `health`."""
        standing = subject.standing
        known = self.charges.get(id(standing))
        if known is not None and known.stands:
            known.given, known.at = health, now
            return
        self.charges[id(standing)] = Charge(subject, lease.want, now, standing.health, health)
        if len(self.charges) > KEPT_CHARGES:
            del self.charges[next(iter(self.charges))]

    def soonest(self, in_use: InUse, now: float) -> float:
        """Until when every account in use was told to wait, and a minute at most; `now` where not all of them were."""
        backs = [failure.back for failure in self.accounts.values()]
        known = [back for back in backs if back is not None]
        if len(known) < len(backs) or in_use(self.accounts, len(backs) + 1) > len(backs):
            return now
        return min(*known, now + LONGEST_LIMIT) if known else now


def wait_of(outcome: object) -> float | None:
    """How long the vendor said to wait."""
    return outcome.wait if isinstance(outcome, Throttled) else None


def doubted(lease: Lease) -> bool:
    """Whether this account went free by a verdict after which others were served, and it has not been since."""
    at, served = lease.account.doubted_at, lease.key.served_at
    return at is not None and (served is None or served < at)
