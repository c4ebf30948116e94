"""What a client is told where nobody may serve: the truth about the keys, and when the first is back."""

from __future__ import annotations

import pytest

from targon_gw.core.attempts import Abandoned, Barred, Exhausted, ModelFault, Outcome, Throttled, VendorFault
from targon_gw.core.call import Refuse
from targon_gw.core.config import Bounds, Config, Dialect, PerKey
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Gateway
from targon_gw.core.keys import Want
from tests.fakes import MODEL, attempt_of, call, config, gateway, key, patient, upstream

FAULT = VendorFault("500", 500)
AT_ONCE = Bounds(waiting=0)
"""No call waits for a key: it is told at once."""


def told(desk: Gateway, now: float) -> Refusal:
    """What the next call is told."""
    step = call(desk, now).begin(now)
    assert isinstance(step, Refuse), step
    return step.refusal


def came(desk: Gateway, *outcomes: Outcome, model: str = MODEL) -> None:
    """Each key of the vendor was asked once, at 0, and this came of it."""
    pool = desk.pools["acme"]
    held = [pool.lease_for_probe(one, Want(model), 0.0) for one in pool.keys.values()]
    for lease, outcome in zip(held, outcomes, strict=False):
        pool.give_back(lease, outcome, 0.0)


class UnservedTests:
    """The call has not been tried at all."""

    @pytest.mark.parametrize("dialect", list(Dialect))
    def test_as_the_contract_has_it(self, dialect: Dialect) -> None:
        """Keys by state, and the first to return; true in seconds, and worth trying again then (D-32)."""
        desk = gateway(config(upstream(5, dialect=dialect)))
        came(desk, Throttled(40.0), Throttled(23.4), Exhausted(), Exhausted(), Barred())
        pool = desk.pools["acme"]
        suspect = list(pool.keys.values())[4]
        pool.give_back(pool.lease_for_probe(suspect, Want(MODEL, 1), 0.0), Barred(), 0.0)
        refusal = told(desk, 0.4)

        assert refusal.code == "no_usable_key"
        assert refusal.message == f"No usable key for {MODEL}: 2 cooling (next in 23 s), 2 exhausted, 1 barred."
        assert refusal.wait == pytest.approx(23.0)

    @pytest.mark.parametrize(
        ("outcomes", "message", "wait"),
        [
            ((Throttled(7.0),), "1 cooling (next in 7 s)", 7.0),
            ((Throttled(6.2),), "1 cooling (next in 7 s)", 6.2),
            ((Throttled(0.2),), "1 cooling (next in 1 s)", 1.0),
            ((Exhausted(), Exhausted()), "2 exhausted (next in 1800 s)", 1800.0),
            ((Barred(),), "1 cooling", None),
        ],
    )
    def test_words(self, outcomes: tuple[Outcome, ...], message: str, wait: float | None) -> None:
        """The wait is at least 1 s, never rounded down, and none where time alone mends nothing (D-36)."""
        desk = gateway(config(upstream(len(outcomes)), limits=AT_ONCE))
        came(desk, *outcomes)
        refusal = told(desk, 0.0)

        assert refusal.message == f"No usable key for {MODEL}: {message}."
        assert (refusal.code, refusal.wait) == ("no_usable_key", wait)

    def test_nobody_there(self) -> None:
        """No keys at all, and keys that the operator took out."""
        assert told(gateway(config(upstream(0))), 0.0).message == f"No usable key for {MODEL}: there are none."
        refusal = told(gateway(config(upstream([key(0, enabled=False), key(1, enabled=False)]))), 0.0)
        assert refusal.message == f"No usable key for {MODEL}: 2 disabled."
        assert refusal.wait is None

    def test_all_busy(self) -> None:
        """Every key has as many calls as it may: worth trying again in a second."""
        desk = gateway(config(upstream(1, per_key=PerKey(1)), limits=AT_ONCE))
        attempt_of(call(desk).begin(0.0))
        refusal = told(desk, 0.0)

        assert (refusal.code, refusal.wait) == ("overloaded", 1.0)
        assert refusal.message == f"Every key for {MODEL} is as busy as it may be. Try again in 1 s."

    def test_breaker_open(self) -> None:
        """The keys are well, the vendor is not: it says so, and when it is tried again (D-47)."""
        desk = gateway(config(upstream(3), limits=AT_ONCE))
        came(desk, FAULT, FAULT, FAULT)
        refusal = told(desk, 0.0)

        assert (refusal.code, refusal.wait) == ("no_usable_key", 1.0)
        assert refusal.message == f"The vendor of {MODEL} is failing; it is tried again in 1 s."

    def test_two_vendors(self) -> None:
        """Keys of all routes are counted, and the first of either to return."""
        desk = gateway(config(upstream(1), upstream([key(7, enabled=False)], "other"), limits=AT_ONCE))
        came(desk, Throttled(9.0))

        assert told(desk, 0.0).message == f"No usable key for {MODEL}: 1 cooling (next in 9 s), 1 disabled."


class TriedTests:
    """The call was tried and gave up."""

    def give_up(self, settings: Config, *outcomes: Outcome) -> Refusal:
        """What it was told in the end."""
        one = call(gateway(settings))
        step = one.begin(0.0)
        for outcome in outcomes:
            attempt_of(step)
            step = one.judge(outcome, 0.0)
        assert isinstance(step, Refuse), step
        return step.refusal

    def test_codes(self) -> None:
        """The vendor's 401 is not the client's: the client's key is fine (D-36, D-38, D-39)."""
        settings = config(upstream(1), retries=patient(attempts=1))
        codes = [
            self.give_up(settings, outcome).code
            for outcome in (FAULT, VendorFault("x", silent=True), ModelFault(), Barred(), Exhausted(), Throttled(3.0))
        ]

        assert codes == [
            "upstream_failed",
            "upstream_timeout",
            "model_not_found",
            "no_usable_key",
            "no_usable_key",
            "no_usable_key",
        ]

    def test_tries_used_up_while_keys_are_left(self) -> None:
        """Three accounts said 429 and a fourth was not asked: that is no busy gateway, and it says so."""
        refusal = self.give_up(config(upstream(8)), *[Throttled(30.0)] * 3)

        assert refusal.code == "overloaded"
        assert refusal.message == f"The vendor of {MODEL} turned down what was tried, 3 in all. Try again in 1 s."
        assert refusal.wait == 1.0

    def test_nothing_of_the_vendors_is_told(self) -> None:
        """No key, no address, no name of an account."""
        for outcome in (FAULT, Barred(), Exhausted(), Throttled(900.0)):
            message = self.give_up(config(upstream(1), retries=patient(attempts=1)), outcome).message
            assert not any(word in message for word in ("sn4_", "k-", "example", "acme.", "https"))


class HurriedTests:
    """C-11: a call whose own time is shorter than what the vendor has."""

    def test_nobody_is_blamed(self) -> None:
        """It ends in time, and says so; the key and the model are as well as before."""
        desk = gateway(config(upstream(1)))
        for _ in range(20):
            one = call(desk, 0.0)
            one.deadline = 0.4
            attempt = attempt_of(one.begin(0.0))
            assert (attempt.first_token, attempt.hurried) == (0.4, True)
            step = one.judge(Abandoned("the call's own time was over"), 0.4)
            assert isinstance(step, Refuse) and step.refusal.code == "upstream_timeout"

        assert desk.pools["acme"].census(0.5)["usable"] == 1
        assert not attempt_of(call(desk, 0.5).begin(0.5)).hurried
