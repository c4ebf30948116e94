"""The life of a call, step by step: where it goes on, when it waits, when it gives up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from targon_gw.core.attempts import (
    Barred,
    CallerFault,
    Exhausted,
    ModelFault,
    Outcome,
    Served,
    Throttled,
    VendorFault,
)
from targon_gw.core.call import SAME_KEY_PAUSE, Call, Pass, Queue, Refuse, State, Step, Wait
from targon_gw.core.config import Config, Dialect, Duration, ModelSettings, Timeouts
from targon_gw.core.errors import Refusal
from targon_gw.core.keys import Want
from tests.fakes import MODEL, ask, attempt_of, call, config, gateway, key, patient, upstream

FAULT, SILENCE = VendorFault("500", 500), VendorFault("no first token in time", silent=True)
TOO_LONG = CallerFault(Refusal("context_length_exceeded", "too long", "messages"))
BAD = CallerFault(Refusal("invalid_value", "temperature"))


def begun(settings: Config, now: float = 0.0, roll: Callable[[], float] = lambda: 0.5, **fields: Any) -> Call:
    """A call of a fresh gateway whose first attempt is under way."""
    one = call(gateway(settings, roll), now, ask(**fields))
    attempt_of(one.begin(now))
    return one


def keys_of(one: Call) -> list[str]:
    """The keys that a call has tried, in order."""
    return [attempt.lease.key.id for attempt in one.attempts]


def refusal_of(step: Step) -> Refusal:
    """What the client is told; fails where it is told nothing."""
    assert isinstance(step, Refuse), step
    return step.refusal


class NextStepTests:
    """The table of the classes of outcome, third column: three keys, three accounts, one vendor."""

    @pytest.mark.parametrize("dialect", list(Dialect))
    @pytest.mark.parametrize("outcome", [Throttled(5.0), Exhausted(), Barred(), FAULT])
    def test_another_key_at_once(self, outcome: Outcome, dialect: Dialect) -> None:
        """A 429, no credit, a key not taken, a vendor's fault: the next key, never the same (D-36, D-39)."""
        one = begun(config(upstream(3, dialect=dialect)))
        attempt_of(one.judge(outcome, 1.0))
        attempt_of(one.judge(outcome, 2.0))

        assert len(set(keys_of(one))) == 3
        assert one.state is State.TRYING

    def test_served_passes(self) -> None:
        """The attempt is passed on, and its lease stays out until the body ends."""
        one = begun(config())
        step = one.judge(Served(), 1.0)

        assert step == Pass(one.attempts[0])
        assert one.serving is one.attempts[0]
        assert one.attempts[0].lease.open
        assert one.attempts[0].lease.key.in_flight == 1

    @pytest.mark.parametrize("outcome", [BAD, TOO_LONG])
    def test_the_callers_fault_is_told(self, outcome: CallerFault) -> None:
        """Nobody else is asked (D-37)."""
        one = begun(config(upstream(3)))

        assert refusal_of(one.judge(outcome, 1.0)) is outcome.refusal
        assert len(one.attempts) == 1
        assert one.attempts[0].lease.key.in_flight == 0

    def test_model_gone_is_sought_at_the_next_vendor(self) -> None:
        """The pair of vendor and model is not asked again, though it has more keys (D-38)."""
        one = begun(config(upstream(3), upstream(1, "other")))
        attempt = attempt_of(one.judge(ModelFault(), 1.0))

        assert attempt.upstream.name == "other"
        assert refusal_of(one.judge(ModelFault(), 2.0)).code == "model_not_found"

    def test_silent_route_is_left(self) -> None:
        """Another vendor before another key of the silent one; that one, once, where nobody else is (D-07)."""
        one = begun(config(upstream(3), upstream(1, "other"), retries=patient(attempts=9)))
        assert attempt_of(one.judge(SILENCE, 60.0)).upstream.name == "other"
        assert attempt_of(one.judge(SILENCE, 120.0)).upstream.name == "acme"

        assert one.attempts[0].lease.key is not one.attempts[2].lease.key
        assert refusal_of(one.judge(SILENCE, 180.0)).code == "upstream_timeout"

    def test_silent_key_beside_others_that_serve(self) -> None:
        """Where the route has served somebody who was asked later the key alone was silent: another one is asked."""
        desk = gateway(config(upstream(3), upstream(1, "other"), retries=patient(attempts=9)))
        one, two = call(desk), call(desk)
        attempt_of(one.begin(0.0))
        attempt_of(two.begin(1.0))
        two.judge(Served(), 2.0)
        assert attempt_of(one.judge(SILENCE, 60.0)).upstream.name == "acme"
        assert attempt_of(one.judge(SILENCE, 120.0)).upstream.name == "other"

        assert one.attempts[0].lease.key is not one.attempts[1].lease.key
        assert refusal_of(one.judge(SILENCE, 180.0)).code == "upstream_timeout"

    def test_last_try_is_spent_elsewhere(self) -> None:
        """Two keys of a vendor have failed: the last try is the fallback's, though there is a third key (D-46)."""
        models = [ModelSettings(MODEL, fallback="small"), ModelSettings("small")]
        one = begun(config(upstream(4), models=models))
        assert attempt_of(one.judge(FAULT, 0.1)).model.id == MODEL
        assert attempt_of(one.judge(FAULT, 0.2)).model.id == "small"

        one = begun(config(upstream(4)))
        one.judge(FAULT, 0.1)
        assert attempt_of(one.judge(FAULT, 0.2)).model.id == MODEL
        assert len(set(keys_of(one))) == 3

    def test_silent_route_and_a_fallback(self) -> None:
        """A model that may stand in goes before another key of the silent route."""
        models = [ModelSettings(MODEL, fallback="small"), ModelSettings("small")]
        one = begun(config(upstream(3), models=models))
        attempt = attempt_of(one.judge(SILENCE, 60.0))

        assert (attempt.model.id, one.shown_model) == ("small", "small")

    def test_only_key_once_more_after_a_pause(self) -> None:
        """A fault of the only key: the same key after up to 250 ms, once; then it is over."""
        one = begun(config(), roll=lambda: 0.5, now=0.0)
        assert one.judge(FAULT, 1.0) == Wait(1.0 + 0.5 * SAME_KEY_PAUSE)
        assert one.state is State.WAITING
        attempt_of(one.resume(1.125))

        assert len(set(keys_of(one))) == 1
        assert refusal_of(one.judge(FAULT, 2.0)).code == "upstream_failed"
        assert len(one.attempts) == 2

    def test_only_key_after_silence_not_even_once(self) -> None:
        """There is no second waiting where nobody else is."""
        assert refusal_of(begun(config()).judge(SILENCE, 60.0)).code == "upstream_timeout"

    def test_another_key_that_came_free_in_the_pause(self) -> None:
        """The pause over, a key that is free by then goes before the same one."""
        desk = gateway(config(upstream(2)))
        pool = desk.pools["acme"]
        other = call(desk)
        attempt_of(other.begin(0.0))
        one = call(desk)
        attempt_of(one.begin(0.0))
        other.attempts[0].lease.key.in_flight += 100
        assert isinstance(one.judge(FAULT, 0.0), Wait)
        other.attempts[0].lease.key.in_flight -= 100

        attempt_of(one.resume(0.1))
        assert len(set(keys_of(one))) == len(pool.keys) == 2

    @pytest.mark.parametrize("outcome", [Throttled(5.0), Exhausted(), FAULT, SILENCE, Barred(), ModelFault()])
    def test_next_route(self, outcome: Outcome) -> None:
        """Where the first vendor's keys are through, the second vendor is asked, in the order of the routes."""
        settings = config(
            upstream(1),
            upstream(1, "second"),
            models=[ModelSettings(MODEL, routes=("second", "acme"), upstream_id="M")],
        )
        one = begun(settings)
        attempt = attempt_of(one.judge(outcome, 1.0))

        assert [a.upstream.name for a in one.attempts] == ["second", "acme"]
        assert attempt.leg.upstream_id == "M"


class FallbackTests:
    """The model that stands in."""

    MODELS = (
        ModelSettings(MODEL, routes=("acme",), fallback="small"),
        ModelSettings("small", routes=("other",), fallback="tiny"),
        ModelSettings("tiny", routes=("third",), fallback=MODEL),
    )

    def settings(self) -> Config:
        """Three vendors, a model each, each standing in for the one before."""
        vendors = (upstream(1), upstream(1, "other"), upstream(1, "third"))
        return config(*vendors, models=self.MODELS, retries=patient(attempts=9))

    @pytest.mark.parametrize("outcome", [SILENCE, ModelFault(), Throttled(30.0), Exhausted(), Barred(), TOO_LONG])
    def test_when_no_route_answers(self, outcome: Outcome) -> None:
        """The next model is asked under its own name, and the client is told which one served."""
        one = begun(self.settings())
        assert one.shown_model == MODEL
        attempt = attempt_of(one.judge(outcome, 1.0))

        assert attempt.model.id == one.shown_model == "small"
        assert b'"small"' in attempt.body(one.ask)
        assert isinstance(one.judge(Served(), 2.0), Pass)

    def test_after_the_same_key_once_more(self) -> None:
        """A vendor's fault: first the only key once more, then what stands in."""
        one = begun(self.settings())
        assert isinstance(one.judge(FAULT, 0.0), Wait)
        assert attempt_of(one.resume(0.2)).model.id == MODEL
        assert attempt_of(one.judge(FAULT, 0.3)).model.id == "small"

    def test_chain_ends_where_it_began(self) -> None:
        """Down the chain, each once; the model that was asked for does not stand in for itself."""
        one = begun(self.settings())
        assert attempt_of(one.judge(SILENCE, 0.0)).model.id == "small"
        assert attempt_of(one.judge(SILENCE, 0.0)).model.id == "tiny"
        assert refusal_of(one.judge(SILENCE, 0.0)).code == "upstream_timeout"

    def test_at_the_beginning(self) -> None:
        """Where no key of the model may serve at all, the call begins with what stands in."""
        desk = gateway(self.settings())
        pool = desk.pools["acme"]
        for held in [pool.lease_for_probe(k, Want(MODEL), 0.0) for k in pool.keys.values()]:
            pool.give_back(held, Exhausted(), 0.0)

        assert attempt_of(call(desk).begin(0.0)).model.id == "small"

    def test_too_long_and_nobody_else(self) -> None:
        """Where what stands in can't be asked, the client learns that its request is too long, not who is out."""
        settings = config(
            upstream(1),
            upstream([key(1, enabled=False)], "other"),
            models=[ModelSettings(MODEL, routes=("acme",), fallback="s"), ModelSettings("s", routes=("other",))],
        )

        assert refusal_of(begun(settings).judge(TOO_LONG, 1.0)).code == "context_length_exceeded"

    def test_its_being_unfit_does_not_keep_from_waiting(self) -> None:
        """Where what stands in is out for good, the model's own rest is waited for."""
        settings = config(
            upstream(1),
            upstream([key(1, enabled=False)], "other"),
            models=[ModelSettings(MODEL, routes=("acme",), fallback="s"), ModelSettings("s", routes=("other",))],
        )
        one = begun(settings)

        assert one.judge(Throttled(5.0), 1.0) == Queue()
        assert one.called_up(5.9) is None
        attempt = one.called_up(6.0)
        assert attempt is not None and attempt.attempt.model.id == MODEL


class OnlyAccountTests:
    """A 429 of the only account."""

    @pytest.mark.parametrize("dialect", list(Dialect))
    def test_waits_where_the_rest_fits(self, dialect: Dialect) -> None:
        """Its other keys are not asked; the call waits out the rest, then asks the account again (D-32)."""
        one = begun(config(upstream([key(0, "a"), key(1, "a")], dialect=dialect)))

        assert one.judge(Throttled(7.0), 1.0) == Queue()
        assert one.called_up(7.9) is None
        assert one.called_up(8.0) is not None
        assert isinstance(one.judge(Served(), 9.0), Pass)

    def test_not_beyond_the_deadline(self) -> None:
        """A rest longer than the call has: refused at once, with the true time."""
        one = begun(config(retries=patient(deadline=20.0)))
        refusal = refusal_of(one.judge(Throttled(60.0), 1.0))

        assert (refusal.code, refusal.wait) == ("no_usable_key", 60.0)

    def test_another_account_goes_first(self) -> None:
        """Where one may serve, nobody waits, and the account that said 429 is left alone."""
        one = begun(config(upstream([key(0, "a"), key(1, "a"), key(2, "b")])))

        assert attempt_of(one.judge(Throttled(7.0), 1.0)).lease.key.account.id == "b"

    def test_no_credit_is_not_waited_for(self) -> None:
        """Half an hour fits no call."""
        assert refusal_of(begun(config()).judge(Exhausted(), 1.0)).code == "no_usable_key"


class BoundsTests:
    """Time and tries."""

    @pytest.mark.parametrize("outcome", [FAULT, Throttled(1.0), Barred(), Exhausted()])
    def test_three_attempts(self, outcome: Outcome) -> None:
        """However many keys there are (D-39, P14)."""
        one = begun(config(upstream(20)))
        attempt_of(one.judge(outcome, 0.0))
        attempt_of(one.judge(outcome, 0.0))

        assert isinstance(one.judge(outcome, 0.0), Refuse)

    def test_deadline(self) -> None:
        """Past it, nobody is asked any more; before it, no attempt may last beyond it."""
        one = begun(config(upstream(5), retries=patient(deadline=100.0)), stream=True)
        assert one.attempts[0].first_token == 60.0
        assert attempt_of(one.judge(FAULT, 70.0)).first_token == 30.0

        assert refusal_of(one.judge(FAULT, 100.0)).code == "upstream_failed"

    def test_deadline_in_a_pause(self) -> None:
        """Reached while waiting, it ends the call as well."""
        one = begun(config(retries=patient(deadline=10.0)))
        assert isinstance(one.judge(FAULT, 9.9), Wait)

        assert refusal_of(one.resume(10.0)).code == "upstream_failed"

    def test_budget(self) -> None:
        """Where all calls together have had their second tries, a call gives up after its first."""
        desk = gateway(config(upstream(5)))
        desk.rules.budget.left = 0.0
        one = call(desk)
        attempt_of(one.begin(0.0))

        assert refusal_of(one.judge(FAULT, 0.0)).code == "upstream_failed"

    @pytest.mark.parametrize(
        ("fields", "seconds"),
        [
            ({"stream": True}, 60.0),
            ({"stream": True, "max_tokens": 8000}, 60.0),
            ({"max_tokens": 200}, 70.0),
            ({}, 60.0 + 4096 / 20),
            ({"max_tokens": 1_000_000}, 400.0),
        ],
    )
    def test_patience(self, fields: dict[str, Any], seconds: float) -> None:
        """A stream has the first token's time; a whole answer that of all its tokens, 20 a second, up to the total."""
        one = begun(config(upstream(timeouts=Timeouts(total=Duration(400.0)))), **fields)

        assert one.attempts[0].first_token == seconds

    def test_a_model_has_its_own_patience(self) -> None:
        """Where the catalog says that it thinks longer."""
        one = begun(config(models=[ModelSettings(MODEL, first_token=Duration(180.0))]), stream=True)

        assert one.attempts[0].first_token == 180.0

    def test_only_streams_tell_the_first_token(self) -> None:
        """The time of a whole answer is not taken for that of a first token."""
        whole, stream = begun(config()), begun(config(), stream=True)
        for one in (whole, stream):
            one.judge(Served(), 3.0)

        assert whole.attempts[0].lease.key.first_token is None
        assert stream.attempts[0].lease.key.first_token == 3.0
