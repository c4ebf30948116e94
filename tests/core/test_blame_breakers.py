"""Faults of the vendor: breakers that open and close, and the key that is alone in failing."""

from __future__ import annotations

import pytest

from targon_gw.core.attempts import CallerFault, Outcome, Served, Throttled, VendorFault
from targon_gw.core.breakers import FAULTS_TO_OPEN
from targon_gw.core.errors import Refusal
from targon_gw.core.health import Cooling, Ready, Trial, strikes_of, until_of
from targon_gw.core.keys import Want
from targon_gw.core.pool import KeyPool
from tests.fakes import MODEL, lease, lease_of, pool, the

FAULT = VendorFault("connection reset")


def fail(keys: KeyPool, model: str, now: float, times: int = FAULTS_TO_OPEN) -> None:
    """That many attempts, of whatever key is drawn, that fail."""
    for _ in range(times):
        keys.give_back(lease(keys, now, Want(model)), FAULT, now)


def outage(keys: KeyPool, model: str, begin: float, end: float) -> int:
    """A call each 100 ms while the vendor is down; how many attempts were made."""
    attempts, now = 0, begin
    while now < end:
        drawn = keys.draw(Want(model), now)
        if drawn is not None:
            attempts += 1
            keys.give_back(drawn, FAULT, now)
        now += 0.1
    return attempts


class BreakerTests:
    """By upstream and model."""

    @pytest.mark.parametrize("size", [1, 2, 5])
    def test_opens_at_the_third_fault_in_a_row(self, size: int) -> None:
        """Two faults leave it closed, the third opens it for this model alone, and no key is charged (D-39)."""
        keys = pool(size)
        fail(keys, MODEL, 0.0, 2)
        assert keys.draw(Want(MODEL), 0.0) is not None
        fail(keys, MODEL, 0.0, 1)

        assert keys.draw(Want(MODEL), 0.5) is None
        assert keys.draw(Want("other"), 0.5) is not None
        assert keys.census(0.5) == {"usable": size}

    def test_in_a_row(self) -> None:
        """A call that is served between them sets the count back."""
        keys = pool(1)
        for outcome in (FAULT, FAULT, Served(), FAULT, FAULT):
            keys.give_back(lease(keys, 0.0), outcome, 0.0)

        assert keys.draw(Want(MODEL), 0.0) is not None

    @pytest.mark.parametrize("outcome", [Throttled(1.0), CallerFault(Refusal("invalid_value", "no"))])
    def test_other_outcomes_are_no_faults(self, outcome: Outcome) -> None:
        """Two 429 or two bad requests in a row open nothing, however many accounts there are."""
        keys = pool(5)
        for _ in range(2):
            keys.give_back(lease(keys, 0.0), outcome, 0.0)

        assert type(keys.route(MODEL).standing.health) is Ready

    def test_one_trial_then_wider(self) -> None:
        """When its rest is over, one call tries; served, two may, then four, eight, all."""
        keys = pool(30)
        fail(keys, MODEL, 0.0)
        widths = []
        while type(keys.route(MODEL).standing.health) is not Ready:
            out = []
            while (drawn := keys.draw(Want(MODEL), 1.0)) is not None:
                out.append(drawn)
            widths.append(len(out))
            for one in out:
                keys.give_back(one, Served() if one is out[0] else Throttled(0.0), 1.0)

        assert widths == [1, 2, 4, 8]

    def test_failed_trial_doubles_the_rest(self) -> None:
        """1, 2, 4, 8, then 15 s at most."""
        keys, now, rests = pool(1), 0.0, []
        fail(keys, MODEL, now)
        for _ in range(6):
            back = until_of(keys.route(MODEL).standing.health)
            rests.append(back - now)
            now = back
            fail(keys, MODEL, now, 1)

        assert rests == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0]

    def test_what_was_under_way_neither_opens_nor_closes(self) -> None:
        """Outcomes of attempts begun before the rest: no further strikes, and no end of it."""
        keys = pool(10)
        old = [lease(keys, 0.0) for _ in range(10)]
        for one in old[:8]:
            keys.give_back(one, FAULT, 0.0)
        assert keys.route(MODEL).standing.health == Cooling(1.0, 1)
        keys.give_back(old[8], Served(), 0.5)

        assert keys.draw(Want(MODEL), 0.9) is None

    def test_two_models_open_the_upstream(self) -> None:
        """Two models failing at once are the vendor: no third one is tried until the rest is over."""
        keys = pool(3)
        fail(keys, "m", 0.0)
        fail(keys, "n", 0.5)

        assert keys.draw(Want("third"), 1.4) is None
        assert keys.draw(Want("third"), 1.5) is not None
        assert [change.what for change in keys.taken_changes()] == ["model m", "model n", "upstream acme"]

    def test_two_models_one_after_the_other_do_not(self) -> None:
        """Once the first model is well again, the second one's faults are its own."""
        keys = pool(3)
        fail(keys, "m", 0.0)
        keys.give_back(lease(keys, 1.0, Want("m")), Served(), 1.0)
        fail(keys, "n", 1.5)

        assert keys.draw(Want("third"), 1.6) is not None

    def test_a_failed_trial_of_the_vendor_rests_it_again(self) -> None:
        """Whichever model the trial was for: one that had not failed yet counts as well."""
        keys = pool(3)
        fail(keys, "m", 0.0)
        fail(keys, "n", 0.0)
        fail(keys, "third", 1.0, 1)

        assert keys.standing.health == Cooling(3.0, 2)

    @pytest.mark.parametrize("size", [1, 2, 20])
    def test_outage_costs_little_and_ends_soon(self, size: int) -> None:
        """Down for 10 min: an attempt each 15 s and no key to blame; well again within 30 s of its end (D-46)."""
        keys = pool(size)
        attempts = outage(keys, MODEL, 0.0, 600.0)
        assert attempts <= 60

        now = 600.0
        while keys.draw(Want(MODEL), now) is None:
            now += 0.1
        assert now <= 616.0
        for one in keys.routes.values():
            assert isinstance(one.standing.health, Trial)
        assert keys.census(630.0) == {"usable": size}


class GuiltyKeyTests:
    """A key that fails beside others that serve."""

    def test_goes_to_rest_while_the_breaker_stays_closed(self) -> None:
        """One key of four always resets: it rests, ever longer, and the model is served throughout."""
        keys, now, faults = pool(4), 0.0, 0
        for _ in range(400):
            held = lease(keys, now)
            bad = held.key is the(keys, 0)
            faults += bad
            keys.give_back(held, FAULT if bad else Served(), now)
            assert type(keys.route(MODEL).standing.health) is Ready
            now += 0.5

        assert isinstance(the(keys, 0).standing.health, Cooling | Trial)
        assert faults <= 9
        assert [the(keys, n).standing.health for n in (1, 2, 3)] == [Ready()] * 3

    def test_black_hole_among_busy_keys(self) -> None:
        """A key that fails at once is always idle while the others stream: it goes to rest, not the model."""
        keys = pool(3)
        streams = [lease_of(keys, n, 0.0) for n in (1, 2)]
        for _ in range(FAULTS_TO_OPEN):
            held = lease(keys, 0.0)
            assert held.key is the(keys, 0)
            keys.give_back(held, FAULT, 0.0)

        assert isinstance(the(keys, 0).standing.health, Cooling)
        assert type(keys.route(MODEL).standing.health) is Ready
        assert lease(keys, 0.1).key is not the(keys, 0)
        for stream in streams:
            keys.give_back(stream, Served(), 1.0)

    def test_then_the_next_one_fails_too(self) -> None:
        """Where the key after it fails as well, it is the vendor: the breaker opens."""
        keys = pool(3)
        for _ in range(FAULTS_TO_OPEN):
            keys.give_back(lease_of(keys, 0, 0.0), FAULT, 0.0)
        keys.give_back(lease(keys, 0.1), FAULT, 0.1)

        assert keys.draw(Want(MODEL), 0.2) is None

    def test_all_failing_bars_nobody(self) -> None:
        """Where every key fails alike, none goes to rest for it, also not when one of them serves again."""
        keys = pool(4)
        held = [lease(keys, 0.0) for _ in range(4)]
        for one in held[:3]:
            keys.give_back(one, FAULT, 0.0)
        keys.give_back(held[3], Served(), 0.1)

        assert keys.census(0.2) == {"usable": 4}

    def test_old_accusations_lapse(self) -> None:
        """What failed more than a minute before another key served is not held against it."""
        keys = pool(4)
        keys.give_back(lease_of(keys, 0, 0.0), FAULT, 0.0)
        keys.give_back(lease_of(keys, 1, 61.0), Served(), 61.0)

        assert the(keys, 0).standing.health == Ready()

    def test_serving_itself_acquits(self) -> None:
        """A key that has served since is not accused."""
        keys = pool(4)
        for number, outcome in ((0, FAULT), (0, Served()), (1, Served())):
            keys.give_back(lease_of(keys, number, 0.0), outcome, 0.0)

        assert keys.census(0.0) == {"usable": 4}

    def test_rest_of_the_guilty_doubles(self) -> None:
        """2, 4, 8 s …, as long as others serve between."""
        keys, now, rests = pool(2), 0.0, []
        for _ in range(2):
            keys.give_back(lease_of(keys, 0, now), FAULT, now)
        for _ in range(3):
            keys.give_back(lease_of(keys, 1, now), Served(), now)
            back = until_of(the(keys, 0).standing.health)
            rests.append(back - now)
            now = back
            keys.give_back(lease_of(keys, 0, now), FAULT, now)

        assert rests == [2.0, 4.0, 8.0]

    def test_on_trial_in_an_outage(self) -> None:
        """Keys that are back on trial when the vendor goes down are charged with one fault of it at the most."""
        keys = pool(2)
        for one in keys.keys.values():
            one.standing.move(Trial(1, 1))
        outage(keys, MODEL, 0.0, 600.0)

        assert sum(strikes_of(one.standing.health) for one in keys.keys.values()) <= 3
        assert keys.census(600.0) == {"usable": 2}
