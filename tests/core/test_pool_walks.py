"""Random walks over a pool: whatever comes, in whatever order, nothing is lost and nobody is overcharged."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from targon_gw.core import byhand
from targon_gw.core.attempts import (
    Abandoned,
    Barred,
    CallerFault,
    Exhausted,
    ModelFault,
    Outcome,
    Served,
    Throttled,
    VendorFault,
)
from targon_gw.core.census import back_at, census, state_of
from targon_gw.core.config import Dialect, Draw, PerKey
from targon_gw.core.errors import Refusal
from targon_gw.core.health import Cooling, Spent, Standing, Suspect, Trial, until_of
from targon_gw.core.keys import Lease, Want
from targon_gw.core.pool import KeyPool
from tests.fakes import is_counted, key, pool, rolls

OUTCOMES: list[Outcome] = [
    Served(),
    Throttled(),
    Throttled(40.0),
    Exhausted(),
    Exhausted(sized=True),
    Barred(),
    ModelFault(),
    VendorFault("500"),
    Abandoned(),
    CallerFault(Refusal("invalid_value", "no")),
]
DAY = 86400.0


def reckoned(keys: KeyPool, now: float) -> None:
    """What the pool keeps count of is what a look at each key comes to, for each model and for any."""
    all_of_them = list(keys.keys.values())
    assert keys.census(now) == census(all_of_them, now)
    assert keys.usable(now) == census(all_of_them, now)["usable"]
    for model in "mnx":
        backs = [back for key in all_of_them if (back := back_at(key, now, model)) is not None]
        gates = [until_of(standing.health) for standing in (keys.standing, keys.route(model).standing)]
        seen = keys.vacancy(model, now)
        assert seen.states == census(all_of_them, now, model)
        assert seen.back == (max(min(backs), *gates) if backs else None)
        usable = {key for key in all_of_them if state_of(key, now, model) == "usable"}
        apart = keys._muster._apart.get(model)
        assert apart is None or set(apart.members) == usable
    well = {key for key in all_of_them if state_of(key, now) == "usable"}
    for roster in (keys._muster.roster, *keys._muster._apart.values()):
        assert set(roster.members) <= well
        assert list(roster.idle) == [key for key in roster.idle if not key.in_flight]
        busy = {key: load for load, filed in roster.busy.items() for key in filed}
        assert busy == {key: key.load for key in roster.members if key.in_flight}
        assert roster.members.keys() == roster.idle.keys() | busy.keys()
    assert set(keys._muster.roster.members) == well


class PoolWalk(RuleBasedStateMachine):
    """Five keys of three accounts and two models, drawn, given back, probed, in any order and at any pace."""

    keys: KeyPool
    now = 0.0

    @initialize(
        dialect=st.sampled_from(list(Dialect)), draw=st.sampled_from(list(Draw)), scarce=st.sampled_from([1, 2])
    )
    def start(self, dialect: Dialect, draw: Draw, scarce: int) -> None:
        """A pool of any kind; one in which those who may serve a model are soon kept apart."""
        entries = [key(0, "a"), key(1, "a", 3), key(2, "b"), key(3, "b"), key(4, "c")]
        self.keys = pool(entries, rolls(0.1, 0.9, 0.5, 0.3), dialect=dialect, draw=draw, per_key=PerKey(3))
        self.keys._muster.scarce = scarce
        self.held: list[Lease] = []

    @rule(model=st.sampled_from("mn"), tokens=st.sampled_from([None, 10, 100]), thread=st.sampled_from([None, 1, 2]))
    def draw(self, model: str, tokens: int | None, thread: int | None) -> None:
        """A call gets a lease, or there is nobody for it."""
        want = Want(model, tokens, thread)
        able = [key for key in self.keys.keys.values() if self.keys._may(key, want, self.now, False)]
        open_ = self.keys.standing.may_serve(self.now) and self.keys.route(model).standing.may_serve(self.now)
        drawn = self.keys.draw(want, self.now)
        assert (drawn is None) is not bool(open_ and able)
        if drawn is not None:
            assert drawn.key in able
            self.held.append(drawn)
            for standing in (self.keys.standing, drawn.route.standing, drawn.key.standing):
                assert until_of(standing.health) <= self.now
                assert not isinstance(standing.health, Trial) or standing.out <= standing.health.width

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 99), outcome=st.sampled_from(OUTCOMES))
    def give_back(self, number: int, outcome: Outcome) -> None:
        """A lease comes back; the rest of whatever it was begun before is not ended by it."""
        held = self.held.pop(number % len(self.held))
        resting = [
            (standing, standing.health.until)
            for standing, fresh in self.stands(held)
            if isinstance(standing.health, Cooling | Spent) and not fresh
        ]
        self.keys.give_back(held, outcome, self.now)
        for standing, until in resting:
            assert until_of(standing.health) >= until or isinstance(standing.health, Suspect)

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 99))
    def prove(self, number: int) -> None:
        """The first event of a stream has come."""
        self.keys.proved(self.held[number % len(self.held)], self.now)

    @rule(number=st.integers(0, 4))
    def probe(self, number: int) -> None:
        """A key is asked how it is."""
        self.held.append(self.keys.lease_for_probe(list(self.keys.keys.values())[number], Want("m", 1), self.now))

    @rule(seconds=st.sampled_from([0.1, 1.0, 15.0, 600.0, DAY]))
    def time_passes(self, seconds: float) -> None:
        """It does."""
        self.now += seconds

    @rule()
    def time_goes_back(self) -> None:
        """For whoever asks about an earlier moment; the walk goes on where it was."""
        reckoned(self.keys, self.now - 10.0)

    @rule(number=st.integers(0, 4), until=st.sampled_from([None, 20.0, 5000.0]))
    def by_hand(self, number: int, until: float | None) -> None:
        """The operator takes a key out for a while, or puts it back."""
        one = list(self.keys.keys.values())[number]
        if until is None:
            byhand.enable(self.keys, one.id, self.now)
        else:
            byhand.disable(self.keys, one.id, self.now + until, self.now)

    def stands(self, held: Lease) -> list[tuple[Standing, bool]]:
        """What a lease stands on, and whether it was begun since that went to rest."""
        leave = held.account.leaves.get(held.route.model)
        found = [
            (held.key.standing, held.fresh_on_key),
            (held.account.standing, held.fresh_on_account),
            (held.route.standing, held.fresh_on_route),
            (self.keys.standing, held.upstream_epoch == self.keys.standing.epoch),
        ]
        return found if leave is None else [*found, (leave, held.fresh_on_leave)]

    @invariant()
    def leases_are_counted(self) -> None:
        """A key has as many in flight as leases of it are out; each standing as many as were begun since its rest."""
        if not hasattr(self, "held"):
            return
        for one in self.keys.keys.values():
            assert one.in_flight == sum(held.key is one for held in self.held)
            assert is_counted(one.standing, sum(held.key is one and held.fresh_on_key for held in self.held))
        for account in self.keys.accounts.values():
            assert is_counted(account.standing, sum(h.key.account is account and h.fresh_on_account for h in self.held))
            for model, leave in account.leaves.items():
                mine = [h for h in self.held if h.key.account is account and h.route.model == model]
                assert is_counted(leave, sum(held.fresh_on_leave for held in mine))

    @invariant()
    def told_truly(self) -> None:
        """Each key is in one state, and where a time is told, it is not in the past."""
        if not hasattr(self, "held"):
            return
        assert self.keys.census(self.now).total() == 5
        reckoned(self.keys, self.now)

    def teardown(self) -> None:
        """After any walk all leases can come back, and then nothing is in flight."""
        if not hasattr(self, "held"):
            return
        for held in self.held:
            self.keys.give_back(held, Abandoned(), self.now)
        for one in self.keys.keys.values():
            assert one.in_flight == one.standing.out == one.account.standing.out == 0
        assert self.keys.standing.out == 0
        back = self.keys.vacancy("m", self.now).back
        if back is not None and back > self.now:
            assert self.keys.draw(Want("m"), self.now) is None
        if back is not None:
            assert self.keys.draw(Want("m"), back) is not None


PoolWalkTests = PoolWalk.TestCase
PoolWalkTests.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
