"""Requests that the vendor fails at itself: what proves it, and what it costs then."""

from __future__ import annotations

from typing import Any

import pytest

from targon_gw.core.attempts import CallerFault, Outcome, Served, VendorFault
from targon_gw.core.call import Call, Refuse, Try
from targon_gw.core.catalog import Leg
from targon_gw.core.config import ModelSettings
from targon_gw.core.gateway import Gateway
from targon_gw.core.health import Cooling, Ready, Trial
from targon_gw.core.keys import Want
from targon_gw.core.poison import ALONE_FOR, KEPT, KEPT_FOR, Poison
from tests.fakes import MODEL, ask, attempt_of, call, config, gateway, lease, lease_of, patient, pool, upstream

FAULT = VendorFault("500", 500)
SECRET = b"of the tests"


def desk(keys: int = 6, **settings: Any) -> Gateway:
    """A gateway of one vendor."""
    return gateway(config(upstream(keys), **settings))


def bad(one: Gateway, now: float) -> Call:
    """A call that the vendor fails at, begun."""
    asked = call(one, now, ask(seed=13))
    attempt_of(asked.begin(now))
    return asked


def good(one: Gateway, now: float) -> None:
    """Another client's call, served."""
    asked = call(one, now, ask())
    attempt_of(asked.begin(now))
    asked.judge(Served(), now + 0.05)
    one.pools["acme"].give_back(asked.attempts[-1].lease, Served(), now + 0.1)


def proven(one: Gateway, now: float = 0.0) -> Refuse:
    """The vendor fails at a body, serves another, and fails at the first again: what the client is told."""
    asked = bad(one, now)
    attempt_of(asked.judge(FAULT, now + 0.1))
    good(one, now + 0.2)
    step = asked.judge(FAULT, now + 0.5)
    assert isinstance(step, Refuse)
    return step


class ProofTests:
    """Whose fault it is."""

    def test_the_request(self) -> None:
        """Two accounts fail alike at it, and others are served between: it is the caller's, a 422 and no retry."""
        one = desk()
        refusal = proven(one).refusal

        assert refusal.code == "unprocessable"
        assert refusal.wait is None
        assert "whatever key it is asked with" in refusal.message

    def test_nobody_is_charged(self) -> None:
        """Neither key rests, no fault is counted, the breaker is closed, and the attempts say what they came to."""
        one = desk()
        asked = bad(one, 0.0)
        asked.attempts[0].lease.key.missed = 1  # it is the second that it meets
        asked.judge(FAULT, 0.1)
        good(one, 0.2)
        assert isinstance(asked.attempts[0].lease.key.standing.health, Cooling)
        asked.judge(FAULT, 0.5)

        keys = one.pools["acme"]
        assert [type(each.standing.health) for each in keys.keys.values()] == [Ready] * 6
        assert keys.route(MODEL).faults == 0
        assert [each.missed for each in keys.keys.values()] == [1, 0, 0, 0, 0, 0]
        assert not keys.route(MODEL).accused
        assert isinstance(asked.attempts[1].outcome, CallerFault)
        assert keys.taken_changes()[-1].reason == "taken back: it was the request's own fault"

    def test_key_on_trial(self) -> None:
        """A key that was on trial is on trial again, as if it had not been asked."""
        one = desk()
        keys = one.pools["acme"]
        asked = call(one, 0.0, ask(seed=13))
        first = attempt_of(asked.begin(0.0)).lease.key
        first.standing.move(Trial(2, 1))
        asked.judge(FAULT, 0.1)
        good(one, 0.2)
        asked.judge(FAULT, 0.5)

        assert first.standing.health == Trial(2, 1)
        assert keys.census(1.0) == {"usable": 6}

    def test_nobody_was_served_between(self) -> None:
        """A vendor that is down answers everybody so: nothing is proven, and the third try is made."""
        one = desk()
        good(one, 0.0)
        asked = bad(one, 1.0)
        attempt_of(asked.judge(FAULT, 1.1))
        attempt_of(asked.judge(FAULT, 1.2))
        step = asked.judge(FAULT, 1.3)

        assert isinstance(step, Refuse)
        assert step.refusal.code == "upstream_failed"

    def test_who_was_asked_before_proves_nothing(self) -> None:
        """Served is to be somebody who was asked after the vendor had failed at this."""
        one = desk()
        early = call(one, 0.0)
        early.begin(0.0)
        asked = bad(one, 0.0)
        attempt_of(asked.judge(FAULT, 0.1))
        early.judge(Served(), 0.2)

        assert isinstance(asked.judge(FAULT, 0.3), Try)

    def test_a_vendor_that_fails_at_others_too(self) -> None:
        """Where it fails at this and at that, now and then, it is the vendor: each of them is tried three times."""
        one = desk()
        other = call(one, 0.0, ask(seed=99))
        other.begin(0.0)
        other.judge(FAULT, 0.05)
        asked = bad(one, 0.0)
        attempt_of(asked.judge(FAULT, 0.1))
        good(one, 0.2)

        assert isinstance(asked.judge(FAULT, 0.5), Try)

    @pytest.mark.parametrize("second", [VendorFault("503", 503), VendorFault("connection reset")])
    def test_not_alike(self, second: VendorFault) -> None:
        """A 500 and a 503 are not alike, and a connection that breaks may not even have brought the request."""
        one = desk()
        asked = bad(one, 0.0)
        attempt_of(asked.judge(FAULT, 0.1))
        good(one, 0.2)

        assert isinstance(asked.judge(second, 0.5), Try)

    def test_one_account(self) -> None:
        """Twice with the same account proves nothing."""
        one = desk(1)
        asked = bad(one, 0.0)
        asked.judge(FAULT, 0.0)
        good(one, 0.1)
        attempt_of(asked.resume(0.3))
        step = asked.judge(FAULT, 0.4)

        assert isinstance(step, Refuse)
        assert step.refusal.code == "upstream_failed"

    def test_another_vendor_is_asked(self) -> None:
        """What one vendor fails at may be within another one's power; and a fallback's."""
        one = gateway(config(upstream(3), upstream(1, "other"), retries=patient(attempts=5)))
        asked = bad(one, 0.0)
        attempt_of(asked.judge(FAULT, 0.1))
        good(one, 0.2)
        assert attempt_of(asked.judge(FAULT, 0.5)).upstream.name == "other"

        small = [ModelSettings(MODEL, fallback="small"), ModelSettings("small")]
        one = gateway(config(upstream(3), models=small))
        asked = bad(one, 0.0)
        attempt_of(asked.judge(FAULT, 0.1))
        good(one, 0.2)
        assert attempt_of(asked.judge(FAULT, 0.5)).model.id == "small"


class LoopTests:
    """A client that sends it again and again."""

    def test_one_attempt_each_time(self) -> None:
        """As long as it is remembered, which is five minutes from the last time."""
        one, now = desk(), 0.0
        proven(one, now)
        for _ in range(20):
            now += 20.0
            asked = bad(one, now)
            assert isinstance(asked.judge(FAULT, now + 0.1), Refuse)
            assert len(asked.attempts) == 1
            assert one.pools["acme"].census(now) == {"usable": 6}
        now += KEPT_FOR + 1.0
        assert isinstance(bad(one, now).judge(FAULT, now + 0.1), Try)

    def test_proven_by_the_second_call(self) -> None:
        """Where nobody was served between the tries of the first call, but was before the second: then it is known."""
        one = desk()
        asked = bad(one, 0.0)
        for at in (0.1, 0.2, 0.3):
            asked.judge(FAULT, at)
        good(one, 1.0)
        again = bad(one, 2.0)

        assert isinstance(again.judge(FAULT, 2.1), Refuse)
        assert len(again.attempts) == 1
        assert one.pools["acme"].census(2.2) == {"usable": 6}

    def test_one_call_alone_opens_no_breaker(self) -> None:
        """Three attempts of one call fail: others are served all the same."""
        one = desk()
        asked = bad(one, 0.0)
        for at in (0.1, 0.2, 0.3):
            asked.judge(FAULT, at)

        assert type(one.pools["acme"].route(MODEL).standing.health) is Ready
        good(one, 0.4)

    def test_served_after_all(self) -> None:
        """Once it is served it is forgotten: the next fault is the vendor's again."""
        one = desk()
        proven(one)
        asked = bad(one, 10.0)
        asked.judge(Served(), 10.1)
        assert not one.rules.poison.sizes

        assert isinstance(bad(one, 11.0).judge(FAULT, 11.1), Try)

    def test_others_bodies_are_not_concerned(self) -> None:
        """Another body of that client is tried as ever, and so is the same body of another client."""
        one = desk()
        proven(one)
        other = call(one, 1.0, ask(seed=14))
        other.begin(1.0)
        assert isinstance(other.judge(FAULT, 1.1), Try)

        poison = one.rules.poison
        held = lease(one.pools["acme"], 2.0)
        assert poison.failed("bob", ask(seed=13), held, FAULT, 2.0) is None
        assert poison.failed("ann", ask(seed=13), held, FAULT, 2.0) is not None


class KeptTests:
    """What is kept."""

    def test_bounded(self) -> None:
        """However many bodies fail, so many are remembered; sizes are counted rightly."""
        keys, poison = pool(2), Poison(SECRET)
        held = lease_of(keys, 0, 0.0)
        for number in range(KEPT + 50):
            poison.failed("ann", ask(seed=number), held, FAULT, 0.0)

        assert len(poison._kept) == KEPT == poison.sizes.total()
        poison.failed("ann", ask(seed=0), held, FAULT, KEPT_FOR + 1.0)
        assert len(poison._kept) == 1 == poison.sizes.total()

    def test_order_of_fields_and_their_bounds(self) -> None:
        """A body is its fields, whatever their order; what moves from one field into another is another body."""
        poison = Poison(SECRET)
        assert poison._mark("ann", ask(seed=1, user="a")) == poison._mark("ann", ask(user="a", seed=1))
        assert poison._mark("ann", ask(user="ab")) != poison._mark("ann", ask(user="a"))
        assert poison._mark("ann", ask()) != poison._mark("bob", ask())
        assert poison._mark("ann", ask()) != Poison(b"another")._mark("ann", ask())

    def test_no_secret_in_sight(self) -> None:
        """What bodies are hashed with is not shown."""
        assert "of the tests" not in repr(Poison(SECRET))

    def test_silence_is_no_answer(self) -> None:
        """A vendor that says nothing has perhaps not read the body."""
        poison, held = Poison(SECRET), lease_of(pool(2), 0, 0.0)
        assert poison.failed("ann", ask(), held, VendorFault("silence", silent=True), 0.0) is None
        assert not poison.sizes

    def test_faults_of_others_are_forgotten_after_a_minute(self) -> None:
        """What the vendor failed at long ago does not clear this body."""
        keys, poison = pool(3), Poison(SECRET)
        first, second = lease_of(keys, 0, 0.0), lease_of(keys, 1, ALONE_FOR + 2.0)
        poison.failed("ann", ask(seed=99), first, FAULT, 0.0)
        poison.failed("ann", ask(seed=13), first, FAULT, ALONE_FOR + 1.0)
        keys.give_back(lease_of(keys, 2, ALONE_FOR + 1.5), Served(), ALONE_FOR + 1.6)

        found = poison.failed("ann", ask(seed=13), second, FAULT, ALONE_FOR + 3.0)
        assert found is not None
        assert found.charged == (first,)


def test_outcomes_are_kept_apart_by_route() -> None:
    """The same body at another vendor's model is another matter."""
    one = gateway(config(upstream(3), upstream(3, "other")))
    poison = one.rules.poison
    legs: list[Leg] = list(one.catalog.resolve(MODEL).legs)
    outcomes: list[Outcome] = []
    for leg in legs:
        held = leg.pool.draw(Want(leg.upstream_id), 0.0)
        assert held is not None
        assert poison.failed("ann", ask(), held, FAULT, 0.0) is None
        outcomes.append(FAULT)
    assert poison.sizes.total() == len(outcomes) == 2
