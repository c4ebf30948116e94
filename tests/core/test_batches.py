"""Tests of targon_gw/core/batches.py: imports under way."""

from __future__ import annotations

import json

import pytest

from targon_gw.core.attempts import Abandoned, Barred, Exhausted, ModelFault, Outcome, Served, Throttled, VendorFault
from targon_gw.core.batches import GIVES_UP, LIFE, MOST, Batch, Batches, Result, result_of
from targon_gw.core.intake import take_in

KEY = [f"sn4_ab12cd34ef56gh78{n:04d}" for n in range(60)]


def batch(keys: int = 3, id: str = "imp-20261121-1", now: float = 0.0) -> Batch:
    """One with that many new keys, and a line that is none."""
    return Batch(id, "acme", "", take_in("\n".join([*KEY[:keys], "oops"]), {}), now)


def all_come_out(one: Batch, *outcomes: Outcome) -> None:
    """The tests come out like that, one after the other."""
    for outcome, trial in zip(outcomes, one.left(), strict=False):
        one.came_out(trial, outcome, 0.5, 1.0)


class ResultTests:
    """`result_of`."""

    @pytest.mark.parametrize(
        ("outcome", "result"),
        [
            (Served(), Result.OK),
            (Throttled(30.0), Result.THROTTLED),
            (Exhausted(), Result.EXHAUSTED),
            (Barred(), Result.REJECTED),
            (VendorFault(), Result.FAILED),
            (ModelFault(), Result.FAILED),
            (Abandoned(), Result.FAILED),
        ],
    )
    def test_result(self, outcome: Outcome, result: Result) -> None:
        """What a vendor said of the key; where it said nothing of it, nobody can tell."""
        assert result_of(outcome) is result


class BatchTests:
    """`Batch`."""

    def test_chosen(self) -> None:
        """Those that are well, those that will be, or all."""
        one = batch(5)
        all_come_out(one, Served(), Throttled(), Barred(), Exhausted())

        assert [trial.secret.reveal for trial in one.chosen("ok")] == KEY[:1]
        assert [trial.secret.reveal for trial in one.chosen("ok_and_throttled")] == KEY[:2]
        assert len(one.chosen("all")) == 5
        assert (
            one.progress()["summary"]
            == "untried 1 · ok 1 · throttled (kept, cooling) 1 · no credit left 1 · rejected 1"
        )

    def test_given_out_once(self) -> None:
        """Several who test take each trial once; what failed is taken again the next time."""
        one = batch(3)
        trials = one.left()
        first, second = next(trials), next(trials)
        one.came_out(first, Served(), 0.5, 1.0)
        one.came_out(second, VendorFault(), 0.5, 1.0)
        assert [trial.row.line for trial in trials] == [3]
        assert [trial.row.line for trial in one.left()] == [2, 3]

    def test_stop(self) -> None:
        """Once it is stopped no more are given out."""
        one = batch(3)
        trials = one.left()
        next(trials)
        one.stop()
        assert list(trials) == []

    def test_gives_up(self) -> None:
        """Where nobody answers any more the rest is left untried, and it says so; one answer between starts anew."""
        one = batch(50)
        all_come_out(one, *[VendorFault("500")] * (GIVES_UP - 1), Served(), *[VendorFault("500")] * 50)

        assert one.stopped and one.problem is not None and "500" in one.problem
        assert one.progress()["counts"]["untried"] == 50 - 2 * GIVES_UP

    def test_since(self) -> None:
        """Who has seen the rows up to a turn is told those that changed since."""
        one = batch(3)
        assert [row["line"] for row in one.progress()["rows"]] == [1, 2, 3]
        all_come_out(one, Served())
        turn = one.progress()["turn"]
        all_come_out(one, Served())
        assert [row["line"] for row in one.progress(turn)["rows"]] == [2]

    def test_states(self) -> None:
        """In a word, and with no secret."""
        one = batch(2)
        seen = [one.state]
        one.testing = True
        seen.append(one.state)
        all_come_out(one, Served())
        one.testing = False
        seen.append(one.state)
        one.file = "x"
        seen.append(one.state)
        one.undone = True
        assert [*seen, one.state] == ["read", "testing", "tested", "applied", "undone"]
        assert not [key for key in KEY if key in json.dumps(one.progress()) or key in repr(one)]


class BatchesTests:
    """`Batches`."""

    def test_few(self) -> None:
        """The one that nobody has asked for longest goes; one that is being tested goes last."""
        all_ = Batches()
        ones = [batch(1, f"imp-20261121-{n}", float(n)) for n in range(MOST + 1)]
        ones[0].testing = True
        for one in ones:
            all_.add(one, one.touched)

        assert {one.id for one in all_} == {one.id for one in ones} - {ones[1].id}
        assert ones[1].stopped

    def test_time(self) -> None:
        """After an hour that nobody asks it is forgotten; asking keeps it; one that is being tested stays."""
        all_ = Batches()
        asked, left, busy = (batch(1, f"imp-20261121-{n}") for n in range(3))
        busy.testing = True
        for one in (asked, left, busy):
            all_.add(one, 0.0)
        assert all_.find(asked.id, LIFE - 1) is asked
        assert all_.find(left.id, LIFE + 1) is None
        assert {one.id for one in all_} == {asked.id, busy.id}

    def test_drop(self) -> None:
        """What is dropped is stopped; dropping what there is not does nothing."""
        all_, one = Batches(), batch()
        all_.add(one, 0.0)
        all_.drop(one.id)
        all_.drop(one.id)
        assert one.stopped and list(all_) == []
