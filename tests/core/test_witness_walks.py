"""Random lives of a pool beside an oracle that knows who is guilty: no unjust rest lasts, and no guilty key goes free.

The oracle decides when a call is let in: an account that it holds guilty is always turned down, and while our address
is limited everybody is. Calls take their time, so that what was asked earlier comes back later than what was asked
after it.
"""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from random import Random

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from targon_gw.core.attempts import Abandoned, Barred, Exhausted, Outcome, Served, Throttled, VendorFault
from targon_gw.core.config import Dialect
from targon_gw.core.health import Ready, Trial
from targon_gw.core.keys import Account, Lease, Want
from targon_gw.core.pool import KeyPool
from targon_gw.core.probes import due
from tests.fakes import MODEL, pool

KINDS: list[Outcome] = [Throttled(), Throttled(45.0), Exhausted(), Barred()]
SLOWEST = 0.4
"""Seconds that a vendor takes to answer."""


@define(eq=False)
class Life:
    """A pool under traffic; `limited` says until when everybody is turned down."""

    keys: KeyPool
    luck: Random
    guilty: set[Account]
    outcome: Outcome
    limited: float = 0.0
    now: float = 0.0
    asked: dict[Account, int] = field(factory=dict)
    """How often guilty ones were asked while nobody else was turned down."""
    served: int = 0
    _under_way: list[tuple[float, int, Lease, Outcome]] = field(factory=list)
    _ties: count[int] = field(factory=count)

    def go_on(self, until: float, pause: float) -> None:
        """Traffic until then, a call in `pause` seconds, and a round of probes in five."""
        probes = self.now
        while self.now < until:
            self.now += self.luck.uniform(0.2, 1.8) * pause
            while self._under_way and self._under_way[0][0] <= self.now:
                self._end()
            if self.now >= probes:
                probes = self.now + 5.0
                for key in due(self.keys, self.now, MODEL):
                    self._let_in(self.keys.lease_for_probe(key, Want(MODEL, 1), self.now))
            drawn = self.keys.draw(Want(MODEL), self.now)
            if drawn is not None:
                self._let_in(drawn)

    def _let_in(self, lease: Lease) -> None:
        down = self.now < self.limited
        if lease.account in self.guilty and not down:
            self.asked[lease.account] = self.asked.get(lease.account, 0) + 1
        outcome = self.outcome if down or lease.account in self.guilty else Served()
        if self.luck.random() < 0.02:
            outcome = Abandoned()
        heappush(self._under_way, (self.now + self.luck.uniform(0.01, SLOWEST), next(self._ties), lease, outcome))

    def _end(self) -> None:
        at, _, lease, outcome = heappop(self._under_way)
        if isinstance(outcome, Served):
            self.served += 1
            self.keys.proved(lease, at)
        self.keys.give_back(lease, outcome, at)

    def end(self) -> None:
        """Everything comes back."""
        while self._under_way:
            self._end()


def charged(account: Account, keys: KeyPool) -> bool:
    """Whether the account, its leave or a key of it is out, or on trial."""
    standings = [account.standing, *account.leaves.values()]
    standings += [key.standing for key in keys.keys.values() if key.account is account]
    return any(type(each.health) is not Ready for each in standings)


def out(account: Account, keys: KeyPool, now: float) -> bool:
    """Whether the account may not be asked."""
    mine = [key.standing for key in keys.keys.values() if key.account is account]
    return not account.may_serve(MODEL, None, now) or not any(each.may_serve(now) for each in mine)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    size=st.integers(3, 9),
    outcome=st.sampled_from(KINDS),
    dialect=st.sampled_from([Dialect.OPENAI, Dialect.TARGON]),
    pause=st.sampled_from([0.05, 0.3, 1.0]),
    lasts=st.sampled_from([20.0, 70.0, 400.0]),
)
def test_no_unjust_rest_outlasts_it(
    seed: int, size: int, outcome: Outcome, dialect: Dialect, pause: float, lasts: float
) -> None:
    """Our address is limited for a while: half a minute later nobody bears a trace of it, and all serve (D-46)."""
    life = Life(pool(size, dialect=dialect), Random(seed), set(), outcome)
    life.go_on(5.0, pause)
    life.limited = life.now + lasts
    life.go_on(life.limited + 30.0, pause)
    served = life.served
    life.go_on(life.now + 20.0 + 10 * size * pause, pause)
    life.end()

    assert life.served > served
    assert not [account for account in life.keys.accounts.values() if charged(account, life.keys)]
    assert type(life.keys.route(MODEL).standing.health) in (Ready, Trial)
    assert all(key.in_flight == 0 for key in life.keys.keys.values())


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    size=st.integers(3, 9),
    outcome=st.sampled_from(KINDS),
    dialect=st.sampled_from([Dialect.OPENAI, Dialect.TARGON]),
    pause=st.sampled_from([0.05, 0.3, 1.0]),
    share=st.floats(0.1, 0.9),
)
def test_no_guilty_one_is_free_where_others_serve(
    seed: int, size: int, outcome: Outcome, dialect: Dialect, pause: float, share: float
) -> None:
    """Some accounts are always turned down: they are found out, and asked little; the others serve."""
    keys, luck = pool(size, dialect=dialect), Random(seed)
    guilty = set(luck.sample(list(keys.accounts.values()), max(1, min(size - 1, round(size * share)))))
    life = Life(keys, luck, guilty, outcome)
    life.go_on(60.0 + 20 * size * pause, pause)
    life.end()

    assert all(charged(account, keys) for account in guilty)
    assert not [account for account in keys.accounts.values() if account not in guilty and charged(account, keys)]
    assert life.served >= 0.5 * life.now / pause * 0.5
    busy = 1 + SLOWEST / pause  # of one that is asked for the first time, as many as may be out before it fails
    assert max(life.asked.values()) <= 3 * busy + 20


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(3, 9), outcome=st.sampled_from(KINDS))
def test_guilty_ones_during_a_limit(seed: int, size: int, outcome: Outcome) -> None:
    """When the limit is over, those who are guilty are found out again, and the innocent are free."""
    keys, luck = pool(size), Random(seed)
    guilty = {luck.choice(list(keys.accounts.values()))}
    life = Life(keys, luck, guilty, outcome, limited=40.0)
    life.go_on(140.0, 0.2)
    life.end()

    assert all(charged(account, keys) for account in guilty)
    assert not [account for account in keys.accounts.values() if account not in guilty and charged(account, keys)]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(1, 9), share=st.floats(0.0, 1.0))
def test_a_vendor_that_is_down_and_comes_back(seed: int, size: int, share: float) -> None:
    """Faults of the vendor: it is back within 30 s of its end, and no key is out for it by then (D-46)."""
    luck = Random(seed)
    life = Life(pool(size), luck, set(), VendorFault("500", 500))
    for key in life.keys.keys.values():
        if luck.random() < share:
            key.standing.move(Trial(1, 1))
    life.go_on(3.0, 0.3)
    life.limited = life.now + 120.0
    life.go_on(life.limited, 0.3)
    served = life.served
    life.go_on(life.now + 30.0, 0.3)
    assert life.served > served
    life.go_on(life.now + 20.0 + 3 * size, 0.3)
    life.end()

    assert not [one for one in life.keys.accounts.values() if out(one, life.keys, life.now)]
