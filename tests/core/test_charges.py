"""What becomes of keys and accounts when others fail alike, and when they don't."""

from __future__ import annotations

from itertools import pairwise

import pytest

from targon_gw.core.attempts import Abandoned, Barred, Exhausted, Outcome, Served, Throttled, VendorFault
from targon_gw.core.config import Dialect
from targon_gw.core.health import Barred as Out
from targon_gw.core.health import Cooling, Ready, Spent, Suspect, Trial, strikes_of, until_of
from targon_gw.core.keys import Lease, Want
from targon_gw.core.pool import KeyPool
from tests.fakes import MODEL, key, lease, lease_of, pool, the

KINDS = [Throttled(30.0), Throttled(), Exhausted(), Barred()]


def one_after_the_other(keys: KeyPool, outcome: Outcome, begin: float, most: int) -> list[Lease]:
    """Attempts a tenth of a second apart that all come out so, as long as somebody may be asked; `most` of them."""
    now, made = begin, []
    while len(made) < most and (drawn := keys.draw(Want(MODEL), now)) is not None:
        made.append(drawn)
        keys.give_back(drawn, outcome, now + 0.05)
        now += 0.1
    return made


def is_clean(keys: KeyPool) -> bool:
    """Whether nobody is charged with anything."""
    return all(
        type(each.health) is Ready
        for one in keys.keys.values()
        for each in (one.standing, one.account.standing, *one.account.leaves.values())
    )


class EverybodysTests:
    """Where all fail alike."""

    @pytest.mark.parametrize("dialect", [Dialect.TARGON, Dialect.OPENAI])
    @pytest.mark.parametrize("outcome", KINDS)
    @pytest.mark.parametrize(("size", "asked"), [(3, 3), (4, 3), (5, 4), (50, 4)])
    def test_taken_back(self, size: int, asked: int, outcome: Outcome, dialect: Dialect) -> None:
        """As many as are needed, and one more: then the model's breaker is open, and all are as they were."""
        keys = pool(size, dialect=dialect)
        made = one_after_the_other(keys, outcome, 0.0, 20)

        assert len(made) == asked
        assert len({held.account.id for held in made}) == asked
        assert is_clean(keys)
        assert isinstance(keys.route(MODEL).standing.health, Cooling)
        assert keys.draw(Want("other"), 1.0) is not None

    def test_it_is_told(self) -> None:
        """Who was charged, what was taken back and why, and that our own address may be the reason."""
        keys = pool(3)
        one_after_the_other(keys, Throttled(30.0, "429: too many requests"), 0.0, 20)
        told = [(change.what, change.after, change.reason) for change in keys.taken_changes()]

        assert told[1] == (
            f"model {MODEL}",
            "trial",
            "2 accounts alike and none served (429: too many requests): one more is asked",
        )
        assert told[3:5] == [
            (
                f"account {the(keys, n).account.id} for {MODEL}",
                "ready",
                "taken back: others fail alike (429: too many requests)",
            )
            for n in (0, 1)
        ]
        assert told[5][2] == (
            "3 accounts alike and none served (429: too many requests): "
            "looks like this server's address is limited, or the vendor is full"
        )

    def test_what_was_in_flight_charges_nobody(self) -> None:
        """Twenty accounts are asked at once and told the same: those that come back late are not charged either."""
        keys = pool(20)
        for held in [lease_of(keys, number, 0.0) for number in range(20)]:
            keys.give_back(held, Barred(), 1.0)

        suspects = [one for one in keys.keys.values() if isinstance(one.standing.health, Suspect)]
        assert len(suspects) == 3
        one_after_the_other(keys, Barred(), 2.0, 1)
        assert is_clean(keys)

    def test_asked_a_second_apart_and_then_less_often(self) -> None:
        """A limited address is tried by one call at a time, at most once a second, in the end each 15 s (D-46)."""
        keys = pool(50)
        times, now = [], 0.0
        while now < 200.0:
            drawn = keys.draw(Want(MODEL), now)
            if drawn is not None:
                times.append(now)
                assert keys.draw(Want(MODEL), now) is None or len(times) <= 3
                keys.give_back(drawn, Throttled(), now)
            now = round(now + 0.25, 2)

        assert is_clean(keys)
        pauses = [b - a for a, b in pairwise(times[4:])]
        assert min(pauses) >= 1.0
        assert max(pauses) <= 15.25
        assert len(times) <= 30

    def test_the_shortest_wait_that_all_were_told(self) -> None:
        """Where every account was told to wait the breaker rests until the first of them may be asked (D-32)."""
        keys = pool(3)
        now = 0.0
        for wait in (30.0, 20.0, 40.0):
            keys.give_back(lease(keys, now), Throttled(wait), now)
            now += 0.1

        assert until_of(keys.route(MODEL).standing.health) == 20.1

    def test_well_again(self) -> None:
        """Once a trial is served all are in the draw again, at once and not on trial."""
        keys = pool(6)
        one_after_the_other(keys, Throttled(30.0), 0.0, 20)
        for _ in range(4):
            keys.give_back(lease(keys, 2.0), Served(), 2.1)

        assert type(keys.route(MODEL).standing.health) is Ready
        assert keys.census(2.2) == {"usable": 6}

    def test_before_the_rest_it_was_on_trial(self) -> None:
        """What is taken back is what was charged, and no more: who was on trial is on trial again."""
        keys = pool(3, dialect=Dialect.TARGON)
        the(keys, 0).account.standing.move(Trial(2, 3))
        one_after_the_other(keys, Throttled(30.0), 0.0, 20)

        assert the(keys, 0).account.standing.health == Trial(2, 3)

    def test_moved_by_hand_meanwhile(self) -> None:
        """What somebody else has moved since is left alone."""
        keys = pool(3)
        keys.give_back(lease_of(keys, 0, 0.0), Barred(), 0.0)
        the(keys, 0).standing.move(Out())
        one_after_the_other(keys, Barred(), 0.1, 20)

        assert the(keys, 0).standing.health == Out()
        assert isinstance(the(keys, 1).standing.health, Ready)

    def test_a_minute_apart(self) -> None:
        """Failures more than a minute apart are not held against each other."""
        keys = pool(5)
        for number in range(5):
            keys.give_back(lease_of(keys, number, number * 61.0), Exhausted(), number * 61.0)

        assert keys.census(250.0) == {"exhausted": 5}

    @pytest.mark.parametrize("second", [Barred(), VendorFault("500", 500)])
    def test_not_alike(self, second: Outcome) -> None:
        """A 402 and a 401 are not alike."""
        keys = pool(3)
        keys.give_back(lease_of(keys, 0, 0.0), Exhausted(), 0.0)
        keys.give_back(lease_of(keys, 1, 0.1), second, 0.1)

        assert type(keys.route(MODEL).standing.health) is Ready

    def test_two_models_open_the_vendor(self) -> None:
        """Where everybody is turned down for two models it is the vendor as a whole."""
        keys = pool(3)
        one_after_the_other(keys, Barred(), 0.0, 20)
        for _ in range(3):
            keys.give_back(lease(keys, 0.5, Want("n")), Barred(), 0.5)

        assert isinstance(keys.standing.health, Cooling)

    def test_too_little_credit_for_this_call_is_no_verdict(self) -> None:
        """Targon's 400 hangs on how much this call asked for: that says nothing about the vendor."""
        keys = pool(3, dialect=Dialect.TARGON)
        for _ in range(3):
            keys.give_back(lease(keys, 0.0, Want(MODEL, 4000)), Exhausted(sized=True), 0.0)

        assert type(keys.route(MODEL).standing.health) is Ready
        assert keys.census(1.0) == {"exhausted": 3}


class GuiltyTests:
    """Where others are served."""

    @pytest.mark.parametrize("outcome", KINDS)
    def test_the_witness_is_served(self, outcome: Outcome) -> None:
        """Three fail, the next is served: they are guilty, and stay charged (D-36)."""
        keys = pool(10)
        charged = one_after_the_other(keys, outcome, 0.0, 3)
        witness = lease(keys, 0.5)
        assert witness.account not in [held.account for held in charged]
        keys.give_back(witness, Served(), 0.6)

        out = [one for one in keys.keys.values() if keys._muster._out.looks.get(one) or one.account.leaves]
        keys.census_for(MODEL, 0.7)
        assert keys.census_for(MODEL, 0.7)["usable"] == 7
        assert {one.account.id for one in out} <= {held.account.id for held in charged}

    def test_somebody_was_served_meanwhile(self) -> None:
        """Asked when the others were, and served before they failed: they alone are to blame."""
        keys = pool(10)
        held = [lease_of(keys, number, 0.0) for number in range(4)]
        keys.give_back(held[3], Served(), 0.1)
        for one in held[:3]:
            keys.give_back(one, Barred(), 0.2)

        assert type(keys.route(MODEL).standing.health) is Ready
        assert sum(isinstance(one.standing.health, Suspect) for one in keys.keys.values()) == 3

    def test_the_verdict_was_wrong(self) -> None:
        """Asked when the others were, and served after the verdict: what was taken back is charged after all."""
        keys = pool(10)
        slow = lease_of(keys, 9, 0.0)
        made = one_after_the_other(keys, Exhausted(), 0.0, 20)
        assert is_clean(keys)
        keys.give_back(slow, Served(), 3.0)

        guilty = [held.account.standing.health for held in made]
        assert guilty[:3] == [Spent(1800.05, 1), Spent(1800.15, 1), Spent(1800.25, 1)]
        assert type(keys.route(MODEL).standing.health) is Ready

    def test_let_in_before_says_nothing(self) -> None:
        """A stream that was let in before the first was turned away is no witness, when it comes to speak."""
        keys = pool(10)
        early = lease_of(keys, 9, 0.0)
        one_after_the_other(keys, Throttled(30.0), 1.0, 20)
        keys.give_back(early, Served(), 3.0)

        assert is_clean(keys)
        assert isinstance(keys.route(MODEL).standing.health, Cooling)

    def test_freed_and_failing_again(self) -> None:
        """Who went free by a verdict, and then failed beside others that were served, is charged at once."""
        keys = pool(10)
        made = one_after_the_other(keys, Throttled(30.0), 0.0, 20)
        for _ in range(4):
            keys.give_back(lease(keys, 2.0), Served(), 2.1)
        numbers = [list(keys.keys.values()).index(held.key) for held in made]
        for number in numbers:
            keys.give_back(lease_of(keys, number, 3.0 + number), Throttled(30.0), 3.0 + number)

        assert type(keys.route(MODEL).standing.health) is Ready
        assert keys.census_for(MODEL, 13.0) == {"usable": 6, "cooling": 4}

    def test_nine_dead_of_ten(self) -> None:
        """One good account among dead ones is found within seconds, and no client of it pays twice."""
        keys, now = pool(10), 0.0
        while True:
            drawn = keys.draw(Want(MODEL), now)
            if drawn is not None:
                good = drawn.key is the(keys, 9)
                keys.give_back(drawn, Served() if good else Barred(), now)
                if good:
                    break
            now += 0.1
        assert now <= 8.0


class UndeterminedTests:
    """One account, or two: nobody to compare with."""

    def test_a_key_is_never_barred_for_good(self) -> None:
        """Refused again and again it rests for a minute, then longer, five at most: the vendor may be wrong."""
        keys, now, rests = pool(1), 0.0, []
        keys.give_back(lease(keys, now), Barred(), now)
        keys.give_back(keys.lease_for_probe(the(keys, 0), Want(MODEL, 1), 1.0), Barred(), 1.0)
        for _ in range(4):
            rests.append(until_of(the(keys, 0).standing.health) - (now or 1.0))
            now = until_of(the(keys, 0).standing.health)
            keys.give_back(lease(keys, now), Barred(), now)

        assert rests == [60.0, 120.0, 240.0, 300.0]
        assert {change.reason for change in keys.taken_changes() if change.after != "trial"} == {
            "key not accepted, undetermined: nobody to compare with"
        }

    def test_the_other_one_is_served(self) -> None:
        """Of two, one is served and one refused: that one is barred once a probe confirms it."""
        keys = pool(2)
        keys.give_back(lease_of(keys, 1, 0.0), Served(), 0.0)
        keys.give_back(lease_of(keys, 0, 1.0), Barred(), 1.0)
        keys.give_back(keys.lease_for_probe(the(keys, 0), Want(MODEL, 1), 2.0), Barred(), 2.0)

        assert the(keys, 0).standing.health == Out()

    def test_many_keys_of_one_account_are_one_voice(self) -> None:
        """Accounts are counted, not keys."""
        keys = pool([key(number, "alice") for number in range(8)])
        for number in range(8):
            keys.give_back(lease_of(keys, number, 0.1 * number), Barred(), 0.1 * number)

        assert type(keys.route(MODEL).standing.health) is Ready
        assert sum(isinstance(one.standing.health, Suspect) for one in keys.keys.values()) == 8

    def test_throttled_without_a_word(self) -> None:
        """10 s doubling to a minute at most; what the vendor says counts all the same."""
        keys, now, rests = pool(2, dialect=Dialect.TARGON), 0.0, []
        for _ in range(5):
            keys.give_back(lease_of(keys, 0, now), Throttled(), now)
            rests.append(until_of(the(keys, 0).account.standing.health) - now)
            now = until_of(the(keys, 0).account.standing.health)
        assert rests == [10.0, 20.0, 40.0, 60.0, 60.0]

        keys.give_back(lease_of(keys, 1, now), Throttled(500.0), now)
        assert until_of(the(keys, 1).account.standing.health) == now + 500.0

    def test_half_of_them_are_out_for_good(self) -> None:
        """Accounts that are barred are not in use: of the two that are left nobody is a witness."""
        keys = pool(4)
        for number in (0, 1):
            the(keys, number).standing.move(Out())
        for number in (2, 3):
            keys.give_back(lease_of(keys, number, 0.0), Exhausted(), 0.0)

        assert type(keys.route(MODEL).standing.health) is Ready
        assert strikes_of(the(keys, 2).account.standing.health) == 1

    def test_client_left(self) -> None:
        """A witness whose client leaves has said nothing: the next one is asked."""
        keys = pool(5)
        one_after_the_other(keys, Barred(), 0.0, 3)
        keys.give_back(lease(keys, 0.5), Abandoned(), 0.6)
        assert sum(isinstance(one.standing.health, Suspect) for one in keys.keys.values()) == 3
        keys.give_back(lease(keys, 0.7), Barred(), 0.8)
        assert is_clean(keys)
