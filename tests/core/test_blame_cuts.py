"""Streams that are cut, calls that fail alone, and keys that were charged before it turned out to be the vendor."""

from __future__ import annotations

from targon_gw.core.attempts import Abandoned, Outcome, Served, VendorFault
from targon_gw.core.breakers import FAULTS_TO_OPEN
from targon_gw.core.health import Cooling, Ready, Trial, until_of
from targon_gw.core.keys import Want
from targon_gw.core.pool import KeyPool
from tests.fakes import MODEL, lease, lease_of, pool, the

FAULT, CUT = VendorFault("500", 500), VendorFault("the stream was cut", 200)


def streamed(keys: KeyPool, outcome: Outcome, now: float, want: Want | None = None) -> None:
    """A stream that begins, and ends so."""
    held = lease(keys, now, want)
    keys.proved(held, now + 0.1)
    keys.give_back(held, outcome, now + 0.5)


class CutTests:
    """What is cut after it has begun."""

    def test_a_vendor_that_cuts_every_stream_is_left(self) -> None:
        """Each begins well; at the third that is cut the breaker opens, and its trials do not close it (D-10)."""
        keys, now, begun = pool(5), 0.0, 0
        while now < 300.0:
            if keys.route(MODEL).standing.may_serve(now):
                streamed(keys, CUT, now)
                begun += 1
            now += 1.0
            if begun < FAULTS_TO_OPEN:
                assert type(keys.route(MODEL).standing.health) is Ready

        assert begun <= 30
        assert [type(one.standing.health) for one in keys.keys.values()] == [Ready] * 5

    def test_now_and_then(self) -> None:
        """One of three is cut, for hours: nobody is punished."""
        keys = pool(4)
        for number in range(300):
            streamed(keys, CUT if number % 3 == 0 else Served(), float(number))
            assert type(keys.route(MODEL).standing.health) is Ready

    def test_beginnings_do_not_acquit(self) -> None:
        """That others begin to serve says nothing against a key whose stream was cut: the next one may be cut, too."""
        keys = pool(4)
        streamed(keys, CUT, 0.0)
        held = [lease(keys, 1.0) for _ in range(3)]
        for one in held:
            keys.proved(one, 1.1)

        assert keys.census(1.2) == {"usable": 4}
        keys.give_back(held[0], Served(), 2.0)
        assert keys.census(2.1) == {"usable": 3, "cooling": 1}

    def test_the_same_call_again_and_again(self) -> None:
        """A call whose rescues are cut as well is one call: it alone opens nothing."""
        keys, want = pool(5), Want(MODEL)
        for number in range(FAULTS_TO_OPEN + 1):
            streamed(keys, CUT, float(number), want)

        assert type(keys.route(MODEL).standing.health) is Ready
        assert keys.route(MODEL).cuts == 1

    def test_whole_answers_count_as_good_ends(self) -> None:
        """A probe or an answer that is not streamed ends the row."""
        keys = pool(3)
        for outcome in (CUT, CUT):
            streamed(keys, outcome, 0.0)
        keys.give_back(lease(keys, 1.0), Served(), 1.5)
        streamed(keys, CUT, 2.0)

        assert type(keys.route(MODEL).standing.health) is Ready


class AloneTests:
    """One call's faults."""

    def test_one_call_alone(self) -> None:
        """Three attempts of one call open nothing; the first of another one does."""
        keys, want = pool(5), Want(MODEL)
        for _ in range(FAULTS_TO_OPEN):
            keys.give_back(lease(keys, 0.0, want), FAULT, 0.0)
        assert type(keys.route(MODEL).standing.health) is Ready
        keys.give_back(lease(keys, 0.1), FAULT, 0.1)
        assert isinstance(keys.route(MODEL).standing.health, Cooling)

    def test_two_by_turns(self) -> None:
        """Two calls that fail by turns are two."""
        keys, wants = pool(5), [Want(MODEL), Want(MODEL)]
        for number in range(FAULTS_TO_OPEN):
            keys.give_back(lease(keys, 0.0, wants[number % 2]), FAULT, 0.0)
        assert isinstance(keys.route(MODEL).standing.health, Cooling)


class TakenBackTests:
    """Keys that were charged with what was the vendor's."""

    def test_on_trial_when_the_vendor_went_down(self) -> None:
        """A key on trial is charged with the first fault; as the breaker opens that is taken back."""
        keys = pool(3)
        the(keys, 0).standing.move(Trial(2, 4))
        keys.give_back(lease_of(keys, 0, 0.0), FAULT, 0.0)
        assert until_of(the(keys, 0).standing.health) > 10.0
        for number in (1, 2):
            keys.give_back(lease_of(keys, number, 0.1), FAULT, 0.1)

        assert the(keys, 0).standing.health == Trial(2, 4)
        assert [change.reason for change in keys.taken_changes() if change.after == "trial"] == [
            "taken back: others fail alike (500)"
        ]

    def test_black_hole_that_was_none(self) -> None:
        """The key that had all faults rests; as the next one fails, too, it is free again, and the breaker opens."""
        keys = pool(3)
        streams = [lease_of(keys, number, 0.0) for number in (1, 2)]
        for _ in range(FAULTS_TO_OPEN):
            keys.give_back(lease(keys, 0.0), FAULT, 0.0)
        assert isinstance(the(keys, 0).standing.health, Cooling)
        keys.give_back(lease(keys, 0.1), FAULT, 0.1)

        assert type(the(keys, 0).standing.health) is Ready
        assert keys.draw(Want(MODEL), 0.2) is None
        for stream in streams:
            keys.give_back(stream, Abandoned(), 1.0)
