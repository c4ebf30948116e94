"""The table at the head of `core.call`: where each act leads from each state, and that everything else raises."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from targon_gw.core.attempts import (
    Abandoned,
    Barred,
    CallerFault,
    ModelFault,
    Outcome,
    Served,
    Throttled,
    VendorFault,
)
from targon_gw.core.call import SAME_KEY_PAUSE, Call, State, Wait
from targon_gw.core.errors import Refusal
from targon_gw.core.meter import Usage
from targon_gw.core.rescue import Broken
from tests.fakes import call, config, gateway, rolls, upstream

ACTS = ("begin", "judge", "resume", "cut", "called_up", "turned_away", "settled")
FAULT = VendorFault("500", 500)
BAD = CallerFault(Refusal("invalid_value", "temperature"))
BROKEN = Broken(FAULT, Usage(1, 1), None)


class StateTests:
    """The table at the head of the module."""

    def in_state(self, state: State) -> Call:
        """A call in that state."""
        one = call(gateway(config(upstream(1))))
        if state is not State.ADMITTED:
            one.begin(0.0)
        match state:
            case State.WAITING:
                one.judge(FAULT, 0.0)
            case State.QUEUED:
                one.judge(Throttled(5.0), 0.0)
            case State.PASSING:
                one.judge(Served(), 0.0)
            case State.REFUSED:
                one.judge(BAD, 0.0)
            case State.UNFINISHED:
                one.judge(Served(), 0.0)
                one.cut(BROKEN, 0.0)
            case State.SETTLED:
                one.settled()
        assert one.state is state
        return one

    LEGAL: dict[tuple[State, str], State] = {
        (State.ADMITTED, "begin"): State.TRYING,
        (State.TRYING, "judge"): State.PASSING,
        (State.WAITING, "resume"): State.TRYING,
        (State.PASSING, "cut"): State.UNFINISHED,
        (State.QUEUED, "called_up"): State.TRYING,
        (State.QUEUED, "turned_away"): State.REFUSED,
        **{(state, "settled"): State.SETTLED for state in State if state is not State.SETTLED},
    }

    @pytest.mark.parametrize(("state", "act"), list(itertools.product(State, ACTS)), ids=str)
    def test_what_is_not_in_the_table_raises(self, state: State, act: str) -> None:
        """Each act in each state: where the table leads, or an error that changes nothing."""
        one = self.in_state(state)
        acts: dict[str, Callable[[], object]] = {
            "begin": lambda: one.begin(0.0),
            "judge": lambda: one.judge(Served(), 0.0),
            "resume": lambda: one.resume(0.0),
            "cut": lambda: one.cut(BROKEN, 0.0),
            "called_up": lambda: one.called_up(5.0),
            "turned_away": lambda: one.turned_away(5.0),
            "settled": one.settled,
        }
        if (state, act) in self.LEGAL:
            acts[act]()
            assert one.state is self.LEGAL[state, act]
        else:
            with pytest.raises(RuntimeError):
                acts[act]()
            assert one.state is state

    @pytest.mark.parametrize("outcome", [Abandoned(), FAULT, Throttled(1.0), Barred(), BAD, ModelFault()])
    def test_a_judged_lease_is_back(self, outcome: Outcome) -> None:
        """Whatever came of an attempt that was not served, its key is not held any longer."""
        one = call(gateway(config(upstream(3))))
        one.begin(0.0)
        one.judge(outcome, 0.0)

        assert not one.attempts[0].lease.open
        assert one.attempts[0].lease.key.in_flight == 0
        assert (one.attempts[0].outcome, one.attempts[0].ended) == (outcome, 0.0)

    def test_jitter_spreads_the_second_tries(self) -> None:
        """Calls that failed together come back at different times, all within 250 ms."""
        desk = gateway(config(upstream(1)), rolls(0.0, 0.4, 0.8))
        ones = [call(desk) for _ in range(2)]
        for one in ones:
            one.begin(0.0)
        steps = [one.judge(FAULT, 0.0) for one in ones]

        assert steps == [Wait(0.0), Wait(0.4 * SAME_KEY_PAUSE)]
