"""A call whose stream is cut: where it goes on, by what means, and when it gives up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from targon_gw.core.attempts import Abandoned, CallerFault, Exhausted, Outcome, Served, Throttled, VendorFault
from targon_gw.core.call import SAME_KEY_PAUSE, Call, Pass, State, Step, Try, Unfinished, Wait
from targon_gw.core.config import Config, ModelSettings, Prefill, Replay, RescuePlan
from targon_gw.core.entries import Closing
from targon_gw.core.errors import Refusal
from targon_gw.core.ledger import Ending, Kind
from targon_gw.core.meter import Source, Usage
from targon_gw.core.rescue import REPLAY, Broken, Means, Passed, results
from tests.fakes import MODEL, ask, attempt_of, call, config, gateway, patient, upstream

from .answered import IDS, Written

CUT = VendorFault("the stream was cut: broken", 200)
DIFFERED = Abandoned("a replay differed", 200)
BAD = CallerFault(Refusal("invalid_value", "continue_final_message"))
USAGE = Usage(7, 2, 0, 0, Source.COUNTED)
ABLE = RescuePlan(Replay.NEVER, Prefill.VLLM)
HELLO = Written(IDS).event(0, {"role": "assistant", "content": "Hello"})


def passed(*events: bytes) -> Passed:
    """What the client was sent."""
    kept = Passed()
    kept.add(events or [HELLO])
    return kept


def passing(settings: Config, **fields: Any) -> Call:
    """A call whose answer is being passed on; with a seed, unless told otherwise."""
    one = call(gateway(settings, lambda: 0.5), 0.0, ask(**{"stream": True, "seed": 1, **fields}))
    attempt_of(one.begin(0.0))
    one.judge(Served(), 1.0)
    return one


def cut(one: Call, now: float = 2.0, outcome: Outcome = CUT, kept: Passed | None = None) -> Step:
    """It breaks off."""
    return one.cut(Broken(outcome, USAGE, kept or passed()), now)


class GoingOnTests:
    """The second TRYING."""

    def test_another_key(self) -> None:
        """The cut lease comes back as the vendor's fault, and another key is asked for the same, at once (D-10)."""
        one = passing(config(upstream(2)))
        first = one.attempts[0]
        attempt = attempt_of(cut(one))

        assert attempt.lease.key is not first.lease.key
        assert attempt.sequel == REPLAY
        assert (first.lease.open, first.outcome, first.usage, first.ended) == (False, CUT, USAGE, 2.0)
        assert attempt.body(one.ask) == first.body(one.ask)
        assert one.judge(Served(), 3.0) == Pass(attempt)

    def test_only_key_after_a_pause(self) -> None:
        """The same key once more where there is no other, and not twice."""
        one = passing(config(upstream(1)))
        assert cut(one) == Wait(2.0 + 0.5 * SAME_KEY_PAUSE)
        attempt_of(one.resume(3.0))
        one.judge(Served(), 4.0)

        assert cut(one, 5.0) == Unfinished()
        assert one.state is State.UNFINISHED

    def test_only_vendors_that_may(self) -> None:
        """Who may not be asked so is passed over, though it is first in line."""
        never = RescuePlan(Replay.NEVER)
        one = passing(config(upstream(3, rescue=never), upstream(1, "other", rescue=ABLE)), seed=None)
        attempt = attempt_of(cut(one))

        assert attempt.upstream.name == "other"
        assert attempt.sequel is not None and attempt.sequel.means is Means.PREFILL
        assert json.loads(attempt.body(one.ask))["messages"][-1]["content"] == "Hello"

    def test_never_another_model(self) -> None:
        """A fallback does not go on with what its model has not begun; a fallback's own cut is gone on with by it."""
        models = [ModelSettings(MODEL, routes=("acme",), fallback="s"), ModelSettings("s", routes=("other",))]
        settings = config(upstream(1), upstream(2, "other"), models=models, retries=patient(attempts=9))
        one = passing(settings)
        cut(one)
        attempt_of(one.resume(3.0))
        assert one.judge(VendorFault("500"), 4.0) == Unfinished()

        two = call(gateway(settings), 0.0, ask(stream=True, seed=1))
        attempt_of(two.begin(0.0))
        attempt_of(two.judge(Exhausted(), 0.0))
        two.judge(Served(), 1.0)
        assert attempt_of(cut(two)).model.id == "s"

    @pytest.mark.parametrize(
        ("outcome", "kept"),
        [(BAD, passed()), (CUT, Passed([], whole=False)), (CUT, passed(Written(IDS).event(0, {"audio": {"a": 1}})))],
    )
    def test_nothing_to_go_on_with(self, outcome: Outcome, kept: Passed) -> None:
        """The caller's own fault, more than is kept, what can't be compared: nobody is asked, no retry is spent."""
        one = passing(config(upstream(3)))
        left = one.rules.budget.left
        assert cut(one, outcome=outcome, kept=kept) == Unfinished()
        assert len(one.attempts) == 1
        assert one.rules.budget.left == left

    def test_tries_time_and_budget(self) -> None:
        """Tries, the deadline and the budget of retries hold as for others (P14)."""
        one = passing(config(upstream(9)))
        for now in (2.0, 3.0):
            attempt_of(cut(one, now))
            one.judge(Served(), now)
        assert cut(one, 4.0) == Unfinished()

        assert cut(passing(config(upstream(9))), 600.0) == Unfinished()

        one = passing(config(upstream(9)))
        while one.rules.budget.spend(2.0):
            pass
        assert cut(one) == Unfinished()

    def test_rest_of_the_only_account(self) -> None:
        """A 429 is waited for where the vendor said how long and that fits, without a place in a queue."""
        one = passing(config(upstream(1)))
        cut(one)
        one.resume(3.0)

        assert one.judge(Throttled(5.0), 4.0) == Wait(9.0)
        assert isinstance(one.resume(9.0), Try)

    def test_no_credit_is_not_waited_for(self) -> None:
        """Whoever has been answered by half is not kept for half an hour."""
        one = passing(config(upstream(2)))
        cut(one)

        assert one.judge(Exhausted(), 3.0) == Unfinished()


class PrefillTests:
    """A vendor that is given the beginning."""

    def test_turned_down(self) -> None:
        """It is remembered for the model, and for no other; the next call is not asked so (D-37)."""
        one = passing(config(upstream(3, rescue=ABLE)), seed=None)
        attempt = attempt_of(cut(one))
        assert one.judge(BAD, 3.0) == Unfinished()

        pool = attempt.leg.pool
        assert pool.route(MODEL).turned_down is Prefill.VLLM
        assert pool.route("another").turned_down is None
        assert attempt.lease.key.standing.may_serve(3.0)

    def test_a_replay_that_is_malformed(self) -> None:
        """What one vendor took and another calls malformed is not tried on a third."""
        one = passing(config(upstream(3)))
        cut(one)

        assert one.judge(BAD, 3.0) == Unfinished()
        assert one.attempts[1].leg.pool.route(MODEL).turned_down is None

    def test_same_key_after_a_replay_that_differed(self) -> None:
        """A key that said something else did nothing wrong: it is asked to go on, at once, where there is no other."""
        one = passing(config(upstream(1, rescue=RescuePlan(prefill=Prefill.VLLM))))
        cut(one)
        one.resume(3.0)
        one.judge(Served(), 4.0)
        attempt = attempt_of(cut(one, 5.0, DIFFERED))

        assert attempt.sequel is not None and attempt.sequel.means is Means.PREFILL
        assert attempt.lease.key.standing.may_serve(5.0)


class EntriesTests:
    """What such a call comes to."""

    def level(self, one: Call) -> None:
        """What goes on has said all that the client has."""
        one.judge(Served(), 3.0)
        assert one.rescue is not None and one.rescue.catchup is not None
        one.rescue.catchup.take([HELLO])

    def test_rescued(self) -> None:
        """The call is the last one's, as of the first one's beginning; the cut attempt costs nobody anything (D-51)."""
        one = passing(config(upstream(2)))
        cut(one)
        self.level(one)
        first, own = gateway_entries(one, Closing(Ending.SERVED, USAGE, 200))

        assert (own.kind, own.key, own.first, own.note) == (
            Kind.CALL,
            one.attempts[1].lease.key.id,
            1.0,
            "rescued: replay",
        )
        assert (first.kind, first.key, first.usage, first.cost) == (
            Kind.ATTEMPT,
            one.attempts[0].lease.key.id,
            USAGE,
            0,
        )
        assert (first.note, first.took) == ("the stream was cut: broken", 2.0)
        assert results(one, Ending.SERVED) == [("replay", "served")]

    def test_left_before_it_had_caught_up(self) -> None:
        """A client that leaves before the second has told it anything has had its answer from the first."""
        one = passing(config(upstream(2)))
        cut(one)
        one.judge(Served(), 3.0)
        second, own = gateway_entries(one, Closing(Ending.ABANDONED, USAGE, 200))

        assert own.key == one.attempts[0].lease.key.id
        assert (second.key, second.note) == (one.attempts[1].lease.key.id, "the client left before it had caught up")
        assert results(one, Ending.ABANDONED) == []

    def test_in_vain(self) -> None:
        """Where nobody could go on, the call is the first one's, and the others are attempts that failed."""
        one = passing(config(upstream(2)))
        cut(one)
        one.judge(Served(), 3.0)
        cut(one, 4.0, DIFFERED)
        second, own = gateway_entries(one, Closing(Ending.TRUNCATED, USAGE, 200))

        assert (own.key, own.note, own.ending) == (one.attempts[0].lease.key.id, None, Ending.TRUNCATED)
        assert (second.key, second.note) == (one.attempts[1].lease.key.id, "a replay differed")
        assert results(one, Ending.TRUNCATED) == [("replay", "failed")]


def gateway_entries(one: Call, end: Closing) -> list[Any]:
    """The entries of a call."""
    return gateway().entries_of(one, end, 5.0)
