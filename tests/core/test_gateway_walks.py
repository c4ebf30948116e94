"""Random walks over a whole gateway: all that is out comes back. And outages of everything, which are not tripled."""

from __future__ import annotations

from collections import Counter
from heapq import heapify, heappop, heappush
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from targon_gw.core.bank import MemoryBank
from targon_gw.core.call import Attempt, Call, Pass, Queue, Refuse, Step, Try, Unfinished, Wait
from targon_gw.core.catalog import Leg
from targon_gw.core.config import Bounds, Config, Dialect, Draw, ModelSettings, PerKey, Prefill, RescuePlan
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Gateway
from targon_gw.core.keys import UpstreamKey
from targon_gw.core.ledger import Ending
from targon_gw.core.meter import Usage
from targon_gw.core.rescue import Broken, Passed
from tests.fakes import MODEL, ask, call, closing, config, gateway, key, patient, settled, upstream

from .answered import IDS, Written

AT_ONCE = Bounds(waiting=0)
"""No call waits for a key: it is told at once."""

OUTCOMES: list[Outcome] = [
    Served(),
    Served(),
    Throttled(),
    Throttled(3.0),
    Exhausted(),
    Exhausted(sized=True),
    Barred(),
    ModelFault(),
    VendorFault("500"),
    VendorFault("silence", silent=True),
    CallerFault(Refusal("invalid_value", "no")),
    CallerFault(Refusal("context_length_exceeded", "no")),
    Abandoned(),
]


CUTS = (VendorFault, Throttled, CallerFault, Abandoned)
"""What a stream may break off with."""


def told(*deltas: dict[str, Any]) -> Passed:
    """What a client was sent."""
    passed = Passed()
    passed.add([Written(IDS).event(0, delta) for delta in deltas])
    return passed


HAS = [None, told({"role": "assistant"}), told({"role": "assistant"}, {"content": "Once"})]


def end(desk: Gateway, one: Call, ending: Ending, now: float) -> None:
    """Its end."""
    settled(desk, one, closing(ending, Usage(1, 1) if ending is Ending.SERVED else None), now)


def walk_settings(dialect: Dialect, draw: Draw) -> Config:
    """Two vendors, three models of which two stand in for one another."""
    models = [
        ModelSettings(MODEL, fallback="small"),
        ModelSettings("small", routes=("other",), fallback=MODEL, max_tokens=100),
        ModelSettings("nick", alias=MODEL),
    ]
    first = upstream([key(0, "a"), key(1, "a"), key(2, "b", 3)], dialect=dialect, draw=draw, per_key=PerKey(2))
    able = RescuePlan(prefill=Prefill.VLLM)
    return config(first, upstream([key(8), key(9)], "other", draw=draw, rescue=able), models=models)


class Walk:
    """Calls under way, at any stage; each step is checked against what the last one was."""

    def __init__(self, desk: Gateway) -> None:
        self.desk = desk
        self.now = 0.0
        self.steps: dict[Call, Step | None] = {}
        self.ended = Counter[str]()

    def act(self, act: str, number: int) -> None:
        """One thing that happens to one call, or to the time."""
        if act == "begin":
            model = (MODEL, "small", "nick")[number % 3]
            tokens: dict[str, Any] = {} if number % 2 else {"max_tokens": 1 + number}
            tokens |= {"seed": 1} if number % 3 else {}
            self.steps[call(self.desk, self.now, ask(model, stream=number % 5 == 0, **tokens))] = None
        elif act == "time":
            self.now += (0.01, 1.0, 20.0, 700.0)[number % 4]
        elif self.steps:
            one = list(self.steps)[number % len(self.steps)]
            if act == "leave":
                self.end(one, Ending.ABANDONED)
            else:
                self.step(one, OUTCOMES[number % len(OUTCOMES)])

    def step(self, one: Call, outcome: Outcome) -> None:
        """The call goes on."""
        match self.steps[one]:
            case None:
                self.steps[one] = one.begin(self.now)
            case Try():
                self.steps[one] = one.judge(outcome, self.now)
            case Wait(until):
                self.now = max(self.now, until)
                self.steps[one] = one.resume(self.now)
            case Queue():
                self.turn()
                return
            case Pass() if not isinstance(outcome, CUTS):
                self.end(one, Ending.SERVED)
                return
            case Pass():
                self.steps[one] = one.cut(Broken(outcome, Usage(1, 1), HAS[len(self.steps) % 3]), self.now)
            case Unfinished():
                self.end(one, Ending.TRUNCATED)
                return
            case Refuse():
                self.end(one, Ending.REFUSED)
                return
        assert len(one.attempts) <= 3
        step = self.steps[one]
        if isinstance(step, Wait):
            assert self.now <= step.until
        if isinstance(step, Try):
            self.check_choice(one)
        if one.rescue is not None:
            assert isinstance(step, Try | Wait | Pass | Unfinished)
            assert len({attempt.model for attempt in one.attempts if attempt.sequel}) <= 1

    def turn(self) -> None:
        """Whoever may goes on, and whoever's time is up is told."""
        while ended := self.desk.waiting.turn(self.now):
            for one, step in ended:
                assert isinstance(self.steps[one], Queue)
                self.steps[one] = step

    def check_choice(self, one: Call) -> None:
        """A new attempt: never a key that was tried while another may serve, and never past the deadline."""
        *before, attempt = one.attempts
        assert self.now < one.deadline or not before
        assert attempt.first_token > 0 or not before
        tried = {(a.leg, a.lease.key) for a in before}
        if (attempt.leg, attempt.lease.key) in tried:
            assert not [k for k in attempt.leg.pool.keys.values() if self.may(attempt, k, tried)]

    def may(self, attempt: Attempt, other: UpstreamKey, tried: set[tuple[Leg, UpstreamKey]]) -> bool:
        """Whether another key, not tried yet, could have been drawn in the place of this attempt's."""
        return (
            (attempt.leg, other) not in tried
            and other.in_flight < attempt.upstream.per_key.concurrent
            and other.standing.may_serve(self.now)
            and other.account.may_serve(attempt.leg.upstream_id, attempt.lease.want.max_tokens, self.now)
        )

    def end(self, one: Call, ending: Ending) -> None:
        """It is settled, once."""
        del self.steps[one]
        end(self.desk, one, ending, self.now)
        self.ended[ending.value] += 1
        with pytest.raises(RuntimeError):
            end(self.desk, one, ending, self.now)

    def check(self) -> None:
        """What is out is what the calls under way hold, and no more."""
        held = [a.lease for one in self.steps for a in one.attempts if a.lease.open]
        for pool in self.desk.pools.values():
            for one in pool.keys.values():
                assert one.in_flight == sum(lease.key is one for lease in held) >= 0
        assert self.desk.calls == set(self.steps)
        assert len(self.desk.waiting) == sum(isinstance(step, Queue) for step in self.steps.values())
        assert isinstance(self.desk.bank, MemoryBank)
        tally = self.desk.bank.tally("ann")
        assert (tally.in_flight, tally.calls) == (len(self.steps), self.ended.total())
        assert tally.prompt == self.ended["served"]


class WalkTests:
    """Whatever comes, in whatever order."""

    @settings(max_examples=60, deadline=None)
    @given(
        st.sampled_from(list(Dialect)),
        st.sampled_from(list(Draw)),
        st.lists(
            st.tuples(st.sampled_from(["begin", "step", "step", "step", "leave", "time"]), st.integers(0, 200)),
            min_size=20,
            max_size=120,
        ),
        st.randoms(use_true_random=False),
    )
    def test_nothing_is_lost(self, dialect: Dialect, draw: Draw, acts: list[tuple[str, int]], dice: Random) -> None:
        """Every lease comes back once, every hold is settled once, and after any walk nothing is in flight."""
        walk = Walk(gateway(walk_settings(dialect, draw), dice.random))
        for act, number in acts:
            walk.act(act, number)
            walk.check()
        for one in list(walk.steps):
            walk.end(one, Ending.ABANDONED)
        walk.check()

        for pool in walk.desk.pools.values():
            assert all(k.in_flight == k.standing.out == k.account.standing.out == 0 for k in pool.keys.values())
            assert pool.standing.out == 0
            assert all(route.standing.out == 0 for route in pool.routes.values())


def storm(desk: Gateway, calls: int, every: float, fate: Outcome, took: float) -> tuple[int, Counter[str], float]:
    """So many calls, one each `every` seconds, whose attempts all end as `fate` after `took` seconds.

    How many attempts were made, what the clients were told, and how long the longest of them had to wait for it.
    """
    queue: list[tuple[float, int, Call | None]] = [(number * every, number, None) for number in range(calls)]
    heapify(queue)
    told: Counter[str] = Counter()
    attempts, longest = 0, 0.0
    while queue:
        now, number, one = heappop(queue)
        if one is None:
            one = call(desk, now)
            step = one.begin(now)
        else:
            step = one.judge(fate, now) if one.attempts[-1].outcome is None else one.resume(now)
        if isinstance(step, Try):
            heappush(queue, (now + took, number, one))
        elif isinstance(step, Wait):
            heappush(queue, (step.until, number, one))
        else:
            assert isinstance(step, Refuse)
            told[step.refusal.code] += 1
            attempts += len(one.attempts)
            longest = max(longest, now - one.admitted)
            end(desk, one, Ending.FAILED, now)
    return attempts, told, longest


class OutageTests:
    """All vendors are down."""

    @pytest.mark.parametrize("took", [0.0, 0.05, 2.0])
    @pytest.mark.parametrize("keys", [1, 20])
    def test_is_not_tripled(self, keys: int, took: float) -> None:
        """A thousand calls, fifty a second: at most 1.2 attempts each in all; every client is told (D-47, P14)."""
        desk = gateway(config(upstream(keys), upstream(keys, "other"), limits=AT_ONCE), Random(1).random)
        attempts, told, longest = storm(desk, 1000, 0.02, VendorFault("connection refused"), took)

        assert attempts <= 1200
        assert told.total() == 1000
        assert set(told) <= {"upstream_failed", "no_usable_key", "overloaded"}
        assert longest < 3 * took + 1.0
        assert desk.report(100.0).keys["usable"] == 2 * keys

    def test_all_at_once(self) -> None:
        """A thousand calls under way when everything breaks: the budget alone holds their second tries down."""
        desk = gateway(config(upstream(40, per_key=PerKey(50)), limits=AT_ONCE), Random(2).random)
        attempts, told, _ = storm(desk, 1000, 0.0, VendorFault("reset"), 1.0)

        assert attempts <= 1230
        assert told.total() == 1000

    def test_limits_alike(self) -> None:
        """Where all accounts say 429, second tries stay within the budget too."""
        desk = gateway(config(upstream(40), retries=patient(deadline=5.0), limits=AT_ONCE), Random(3).random)
        attempts, told, _ = storm(desk, 1000, 0.02, Throttled(60.0), 0.05)

        assert attempts <= 1230
        assert set(told) <= {"no_usable_key", "overloaded"}
