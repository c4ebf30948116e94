"""Calls that wait, whatever comes in whatever order: nothing is lost, no bound is passed, nobody waits who could go."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from targon_gw.core.attempts import Abandoned, Exhausted, Outcome, Served, Throttled, VendorFault
from targon_gw.core.call import Call, Pass, Queue, Refuse, Try, Wait
from targon_gw.core.config import Config, Dialect, ModelSettings, PerKey
from targon_gw.core.ledger import Ending
from tests.fakes import MODEL, config, key, upstream

from .queues import CLIENTS, Hall, bounds, clients

OUTCOMES: tuple[Outcome, ...] = (
    Served(),
    Served(),
    Served(),
    Throttled(3.0),
    Throttled(400.0),
    VendorFault("500", 500),
    Exhausted(),
    Abandoned(),
)
NAMES = tuple(CLIENTS)
MODELS = (MODEL, "small", "both")


def walk_settings(dialect: Dialect, keys: int, most: int) -> Config:
    """Two vendors of few keys; a model that only the first serves, one of the second, and one of both."""
    models = [
        ModelSettings(MODEL, routes=("acme",)),
        ModelSettings("small", routes=("other",)),
        ModelSettings("both"),
    ]
    first = upstream(keys, dialect=dialect, per_key=PerKey(2))
    second = upstream([key(7)], "other", per_key=PerKey(1))
    return config(first, second, models=models, clients=clients(), limits=bounds(most, 5.0))


class Walk(Hall):
    """A Hall to which anything happens."""

    def act(self, act: str, number: int) -> None:
        """One thing that happens to one call, to the time, or to the settings."""
        running = [call for call, step in self.steps.items() if not isinstance(step, Queue)]
        waiting = [call for call, step in self.steps.items() if isinstance(step, Queue)]
        if act == "ask":
            self.ask(NAMES[number % len(NAMES)], MODELS[number // 3 % len(MODELS)], stream=number % 2 == 0)
        elif act == "time":
            self.turn((0.0, 0.5, 3.0, 6.0)[number % 4])
        elif act == "turn":
            self.turn()
        elif act == "settings":
            self.desk.reconfigure(walk_settings(Dialect.OPENAI, 1 + number % 3, 5 + number % 7), self.now)
        elif act == "leave" and waiting:
            self.end(waiting[number % len(waiting)], Ending.ABANDONED)
        elif act == "step" and running:
            self.go_on(running[number % len(running)], OUTCOMES[number % len(OUTCOMES)])

    def go_on(self, call: Call, outcome: Outcome) -> None:
        """A call that does not wait goes on, or ends."""
        match self.steps[call]:
            case Try():
                self.judge(call, outcome)
            case Wait(until):
                self.now = max(self.now, until)
                self._take(call, call.resume(self.now))
            case Pass() | Refuse():
                self.end(call, Ending.ABANDONED)
            case other:
                raise AssertionError(other)

    def check(self) -> None:
        """The figures are those of the calls."""
        inside = [call for call, step in self.steps.items() if isinstance(step, Queue)]
        waiting = self.desk.waiting
        assert len(waiting) == len(inside)
        assert waiting.size == sum(call.ask.size for call in inside)
        assert (waiting.due is None) is (not inside)
        awaited = [pool.name for pool in self.desk.pools.values() if pool.awaited is not None]
        assert set(awaited) <= {leg.pool.name for call in inside for leg in call.model.legs}
        for call in inside:
            assert all(not attempt.lease.open for attempt in call.attempts)

    def check_nobody_could_go(self) -> None:
        """All having been asked: none of those who wait, whoever's turn it is, could be sent."""
        self.turn()
        for line in list(self.desk.waiting._lines.values()):
            for client in list(line.queues):
                assert next(iter(line.queues[client])).called_up(self.now) is None

    def finish(self) -> None:
        """Every call ends; those that wait as their clients leave."""
        for call in list(self.steps):
            self.end(call, Ending.ABANDONED)


ACTS = ["ask", "ask", "ask", "step", "step", "step", "leave", "time", "turn", "settings"]
STEPS = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 200)), min_size=10, max_size=120)


class WalkTests:
    @settings(max_examples=100, deadline=None)
    @given(st.sampled_from(list(Dialect)), st.integers(1, 3), STEPS)
    def test_nothing_is_lost(self, dialect: Dialect, keys: int, acts: list[tuple[str, int]]) -> None:
        """After each act the figures are true; who could go, goes; when all have ended nothing is left of them."""
        walk = Walk(walk_settings(dialect, keys, 8))
        for act, number in acts:
            before = len(walk.desk.waiting)
            walk.act(act, number)
            walk.check()
            assert len(walk.desk.waiting) <= max(walk.desk.config.limits.waiting, before)
            walk.check_nobody_could_go()
        walk.finish()

        waiting = walk.desk.waiting
        assert not waiting and not waiting.size and waiting.due is None and not waiting.pending
        assert not waiting._lines and not waiting._bays
        assert all(pool.awaited is None for pool in walk.desk.pools.values())
        assert all(one.in_flight == 0 for pool in walk.desk.pools.values() for one in pool.keys.values())

    @settings(max_examples=50, deadline=None)
    @given(
        st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 9), min_size=2, max_size=8),
        st.integers(10, 120),
        st.randoms(use_true_random=False),
    )
    def test_nobody_starves(self, priorities: dict[str, int], turns: int, dice: Random) -> None:
        """Clients that always have calls waiting, leave some and bring others: nobody is ever more than two turns, by
        weight, behind another."""
        hall = Hall(config(upstream(1, per_key=PerKey(1)), clients=clients(**priorities), limits=bounds(10_000)))
        hall.ask("a" if "a" in priorities else next(iter(priorities)))
        went: dict[str, int] = dict.fromkeys(priorities, 0)
        for name in priorities:
            for _ in range(3):
                hall.ask(name)
        for _ in range(turns):
            (name,) = hall.serve(1)
            went[name] += 1
            for each in priorities:
                _keep_waiting(hall, each, dice)
            for one, of_one in priorities.items():
                for other, of_other in priorities.items():
                    assert went[one] / of_one - went[other] / of_other <= 1 / of_one + 1 / of_other + 1e-9


def _keep_waiting(hall: Hall, name: str, dice: Any) -> None:
    """Have two or more calls of that client wait; now and then one of them leaves."""
    inside = [call for call, step in hall.steps.items() if isinstance(step, Queue) and call.client.name == name]
    if len(inside) > 2 and dice.random() < 0.3:
        hall.end(dice.choice(inside), Ending.ABANDONED)
    while sum(isinstance(step, Queue) and call.client.name == name for call, step in hall.steps.items()) < 2:
        hall.ask(name)
