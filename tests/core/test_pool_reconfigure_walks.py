"""Random walks over a pool whose settings change under it: no lease is lost, nobody who has left is drawn."""

from __future__ import annotations

from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from targon_gw.core.attempts import Abandoned, Barred, Outcome, VendorFault
from targon_gw.core.config import Dialect, Draw, KeySettings, PerKey
from targon_gw.core.health import Health, Spent, Trial, until_of
from targon_gw.core.keys import Lease, UpstreamKey, Want
from targon_gw.core.pool import KeyPool
from tests.fakes import is_counted, key, pool, rolls, upstream

from .test_pool_walks import OUTCOMES, reckoned

ENTRIES = st.lists(
    st.builds(key, st.integers(0, 5), st.sampled_from("abc"), st.integers(1, 3), st.booleans()),
    unique_by=lambda entry: entry.secret.reveal,
    max_size=6,
)


class RotationWalk(RuleBasedStateMachine):
    """Up to six keys of three accounts that come, go and move while calls run."""

    keys: KeyPool
    now = 0.0

    @initialize(dialect=st.sampled_from(list(Dialect)), draw=st.sampled_from(list(Draw)), entries=ENTRIES)
    def start(self, dialect: Dialect, draw: Draw, entries: list[KeySettings]) -> None:
        """A pool of any kind, in which those who may serve a model are soon kept apart."""
        self.keys = pool(entries, rolls(0.1, 0.9, 0.5), dialect=dialect, draw=draw, per_key=PerKey(3))
        self.keys._muster.scarce = 2
        self.held: list[Lease] = []

    @rule(model=st.sampled_from("mn"), thread=st.sampled_from([None, 1, 2]), tried=st.booleans())
    def draw(self, model: str, thread: int | None, tried: bool) -> None:
        """Who is drawn is in the pool, and may serve."""
        want = Want(model, 10, thread, tried_keys={"k-another"} if tried else set())
        drawn = self.keys.draw(want, self.now)
        if drawn is not None:
            assert self.keys.keys.get(drawn.key.id) is drawn.key and not drawn.key.draining
            assert drawn.account is self.keys.accounts[drawn.account.id]
            for standing in (drawn.key.standing, drawn.route.standing, self.keys.standing):
                assert until_of(standing.health) <= self.now
                assert not isinstance(standing.health, Trial) or standing.out <= standing.health.width
            assert until_of(drawn.account.standing.health) <= self.now or isinstance(
                drawn.account.standing.health, Spent
            )
            self.held.append(drawn)

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 99), outcome=st.sampled_from(OUTCOMES))
    def give_back(self, number: int, outcome: Outcome) -> None:
        """A lease comes back, whoever has left since."""
        held = self.held.pop(number % len(self.held))
        health = held.key.standing.health
        self.keys.give_back(held, outcome, self.now)
        if held.key.draining and isinstance(outcome, Barred | VendorFault):
            assert held.key.standing.health is health

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 99))
    def prove(self, number: int) -> None:
        """The first event of a stream has come."""
        self.keys.proved(self.held[number % len(self.held)], self.now)

    @rule(entries=ENTRIES, draw=st.sampled_from(list(Draw)), dialect=st.sampled_from(list(Dialect)), move=st.booleans())
    def reconfigure(self, entries: list[KeySettings], draw: Draw, dialect: Dialect, move: bool) -> None:
        """New settings: who stays is the same object, as well as before unless its switch was moved."""
        before = {k.id: (k, k.standing.health, k.in_flight) for k in self.keys.keys.values()}
        switches = {entry.secret.fingerprint: entry.enabled for entry in self.keys.settings.keys}
        new = upstream(entries, dialect=dialect, draw=draw, per_key=PerKey(3))

        diff = self.keys.reconfigure(evolve(new, base_url="https://b.example/v1") if move else new, self.now)

        assert list(self.keys.keys) == [entry.secret.fingerprint for entry in entries]
        assert set(diff.added) == set(self.keys.keys) - set(before)
        assert {(one.id, one.calls) for one in diff.removed} == {
            (id, calls) for id, (_, _, calls) in before.items() if id not in self.keys.keys
        }
        for entry in entries:
            now = self.keys.keys[entry.secret.fingerprint]
            assert (now.weight, now.account.id) == (entry.weight, entry.account)
            known: tuple[UpstreamKey, Health, int] | None = before.get(now.id)
            if known is not None:
                assert now is known[0] and now.in_flight == known[2]
                assert now.standing.health == known[1] or switches[now.id] is not entry.enabled

    @rule(seconds=st.sampled_from([0.1, 15.0, 600.0, 86400.0]))
    def time_passes(self, seconds: float) -> None:
        """It does."""
        self.now += seconds

    @invariant()
    def leases_are_counted(self) -> None:
        """Every lease is counted at its key, in the pool or draining; all that is counted is so."""
        if not hasattr(self, "held"):
            return
        members = list(self.keys.keys.values())
        for one in [*members, *self.keys.draining.values()]:
            assert one.in_flight == sum(held.key is one for held in self.held)
            assert is_counted(one.standing, sum(held.key is one and held.fresh_on_key for held in self.held))
        for held in self.held:
            assert (self.keys.draining if held.key.draining else self.keys.keys).get(held.key.id) is held.key
        assert all(one.in_flight and one.draining for one in self.keys.draining.values())
        reckoned(self.keys, self.now)
        assert {one.account for one in members} == set(self.keys.accounts.values())
        for account in {held.account for held in self.held}:
            mine = [held for held in self.held if held.account is account]
            assert is_counted(account.standing, sum(held.fresh_on_account for held in mine))
            for model, leave in account.leaves.items():
                assert is_counted(leave, sum(held.route.model == model and held.fresh_on_leave for held in mine))
        for route in self.keys.routes.values():
            assert route.witness is None or not route.witness.draining
            assert is_counted(route.standing, sum(h.route is route and h.fresh_on_route for h in self.held))
        epoch = self.keys.standing.epoch
        assert is_counted(self.keys.standing, sum(held.upstream_epoch == epoch for held in self.held))

    def teardown(self) -> None:
        """After any walk all leases can come back, and then nothing is in flight and nobody drains."""
        if not hasattr(self, "held"):
            return
        for held in self.held:
            self.keys.give_back(held, Abandoned(), self.now)
            assert held.key.in_flight >= 0
        assert self.keys.draining == {} and self.keys.standing.out == 0
        assert all(one.in_flight == one.standing.out == 0 for one in self.keys.keys.values())


RotationWalkTests = RotationWalk.TestCase
RotationWalkTests.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
