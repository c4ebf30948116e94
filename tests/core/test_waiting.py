"""Calls that wait for a key: in which turn they go, and when they are turned away."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from targon_gw.core import waiting
from targon_gw.core.attempts import Barred, Served, Throttled, VendorFault
from targon_gw.core.call import Queue, Refuse, Try
from targon_gw.core.config import Dialect, ModelSettings, PerKey
from targon_gw.core.entries import Closing
from targon_gw.core.ledger import Ending
from targon_gw.core.waiting import AT_ONCE, ENOUGH
from tests.fakes import MODEL, config, key, patient, upstream

from .queues import Hall, bounds, clients, narrow

FAULT = VendorFault("500", 500)
LEFT = Closing(Ending.ABANDONED)


class TurnTests:
    """One key, one call at a time."""

    def test_waits_for_the_lease(self) -> None:
        """A call that finds every key busy goes when one comes back, before it ever was tried."""
        hall = Hall()
        first, second = hall.ask(), hall.ask()
        assert hall.waits(second) and not second.attempts
        hall.turn(3.0)
        assert hall.waits(second)
        hall.end(first)
        hall.turn()

        assert isinstance(hall.steps[second], Try)
        assert second.waited == 3.0
        assert hall.told == {"went": 1}

    def test_in_the_order_of_asking(self) -> None:
        """The calls of one client go one after the other."""
        hall = Hall()
        calls = [hall.ask() for _ in range(5)]
        for before, after in pairwise(calls):
            assert hall.waits(after)
            hall.end(before)
            hall.turn()
            assert isinstance(hall.steps[after], Try)

    def test_a_crowd_delays_nobody_else(self) -> None:
        """Another client's one call goes at the next turn or the one after, whoever has five hundred waiting."""
        hall = Hall()
        for _ in range(501):
            hall.ask("ann")
        hall.ask("bob")

        assert "bob" in hall.serve(2)

    def test_by_priority(self) -> None:
        """Of four turns a client of priority 3 has three."""
        hall = Hall()
        for name in ("ann", "cleo"):
            for _ in range(100):
                hall.ask(name)
        went = Counter(hall.serve(80))

        assert 59 <= went["cleo"] <= 61

    def test_by_priority_over_models(self) -> None:
        """Clients that want other models of the same vendor have their shares of its turns, too."""
        models = [ModelSettings(MODEL), ModelSettings("other")]
        hall = Hall(config(upstream(1, per_key=PerKey(1)), models=models, clients=clients()))
        for _ in range(100):
            hall.ask("ann")
            hall.ask("cleo", "other")
        went = Counter(hall.serve(80))

        assert 59 <= went["cleo"] <= 61

    def test_nobody_overtakes(self) -> None:
        """A call that comes as a lease is back, before anybody was called up, stands behind those who wait."""
        hall = Hall()
        first, second = hall.ask("ann"), hall.ask("ann")
        hall.end(first)
        third = hall.ask("bob")
        assert hall.waits(second) and hall.waits(third)
        hall.turn()

        assert isinstance(hall.steps[second], Try)
        assert hall.waits(third)

    def test_nor_for_another_model(self) -> None:
        """Nor does one that wants another model of the same keys."""
        models = [ModelSettings(MODEL), ModelSettings("other")]
        hall = Hall(config(upstream(1, per_key=PerKey(1)), models=models, clients=clients()))
        first, second = hall.ask(), hall.ask()
        hall.end(first)
        third = hall.ask("bob", "other")
        hall.turn()

        assert isinstance(hall.steps[second], Try)
        assert hall.waits(third)

    def test_a_second_try_goes_first(self) -> None:
        """Who has been called up once is not put behind the others again."""
        hall = Hall(narrow(2))
        one, two, three = hall.ask(), hall.ask(), hall.ask()
        hall.end(two)
        assert isinstance(hall.judge(one, FAULT), Try)
        hall.turn()
        assert isinstance(hall.steps[three], Try)  # on the key that failed: it is not at rest, and free

    def test_another_way_is_free(self) -> None:
        """Who may be served by another vendor does not wait for the one that is busy."""
        settings = config(
            upstream(1, per_key=PerKey(1)), upstream([key(7)], "other", per_key=PerKey(1)), clients=clients()
        )
        hall = Hall(settings)
        calls = [hall.ask(), hall.ask(), hall.ask()]
        assert [hall.waits(call) for call in calls] == [False, False, True]
        hall.end(calls[1])
        hall.turn()

        assert isinstance(hall.steps[calls[2]], Try)
        assert calls[2].attempts[0].upstream.name == "other"

    def test_only_the_model_that_rests(self) -> None:
        """Calls for a model at rest keep none for another model from its key."""
        models = [ModelSettings(MODEL), ModelSettings("other")]
        hall = Hall(config(upstream(1, dialect=Dialect.OPENAI), models=models, clients=clients()))
        hall.judge(hall.ask(), Throttled(5.0))
        assert hall.waits(hall.ask())

        assert isinstance(hall.steps[hall.ask("bob", "other")], Try)


class BoundTests:
    """Who may not wait, or no longer."""

    def test_number(self) -> None:
        """One more than may wait is told at once, and that it may come again in a second."""
        hall = Hall(narrow(limits=bounds(3)))
        calls = [hall.ask("ann") for _ in range(5)]

        assert [hall.waits(call) for call in calls] == [False, True, True, True, False]
        assert (hall.refusal(calls[4]).code, hall.refusal(calls[4]).wait) == ("overloaded", 1.0)

    def test_none(self) -> None:
        """Where nobody may wait, nobody does."""
        for limits in (bounds(0), bounds(1000, 0.0)):
            hall = Hall(narrow(limits=limits))
            hall.ask()
            assert hall.refusal(hall.ask()).code == "overloaded"

    def test_bytes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Bodies are counted together, and what has gone is counted no more."""
        monkeypatch.setattr(waiting, "MOST_BYTES", 4000)
        hall = Hall()
        first = hall.ask()
        large = hall.ask(user="x" * 3000)
        refused, small = hall.ask(user="x" * 3000), hall.ask()
        assert [hall.waits(call) for call in (large, refused, small)] == [True, False, True]
        assert hall.desk.waiting.size == large.ask.size + small.ask.size
        hall.end(first)
        hall.turn()

        assert hall.desk.waiting.size == small.ask.size

    def test_time(self) -> None:
        """After `waiting_time` it is told the truth, not before; nothing is kept of it."""
        hall = Hall(narrow(limits=bounds(seconds=4.0)))
        hall.ask()
        late = hall.ask()
        hall.turn(3.9)
        assert hall.waits(late)
        assert hall.desk.waiting.due == 4.0
        hall.turn(0.1)

        assert hall.refusal(late).code == "overloaded"
        assert late.waited == 4.0
        assert hall.told == {"refused": 1}
        assert hall.desk.waiting.due is None

    def test_its_own_deadline(self) -> None:
        """It waits no longer than the call may take."""
        hall = Hall(narrow(retries=patient(deadline=2.0)))
        hall.ask()
        late = hall.ask()
        hall.turn(2.0)

        assert hall.refusal(late).code == "overloaded"

    @pytest.mark.parametrize(("rest", "waits"), [(9.9, True), (10.0, False), (60.0, False)])
    def test_a_rest(self, rest: float, waits: bool) -> None:
        """A rest that ends within `waiting_time` is waited for; of a longer one the true time is told at once."""
        hall = Hall(narrow(retries=patient(attempts=1)))
        hall.judge(hall.ask(), Throttled(rest))
        call = hall.ask()

        assert hall.waits(call) is waits
        if not waits:
            assert hall.refusal(call).wait == rest

    def test_no_rest_that_time_ends(self) -> None:
        """Where nobody comes back by time alone, nobody waits."""
        hall = Hall()
        hall.judge(hall.ask(), Barred())

        assert hall.refusal(hall.ask()).wait is None

    def test_hope_is_lost(self) -> None:
        """Who waits for a lease and learns that its account will be at rest for an hour is told so then."""
        hall = Hall(narrow(retries=patient(attempts=1)))
        first = hall.ask()
        calls = [hall.ask() for _ in range(2 * AT_ONCE)]
        hall.judge(first, Throttled(800.0))
        ended = hall.desk.waiting.turn(0.0)
        assert len(ended) == AT_ONCE  # the rest of them at the next turns
        for call, step in ended:
            hall.steps[call] = step
        hall.turn()

        assert {hall.refusal(call).wait for call in calls} == {800.0}

    def test_by_the_last_turns(self) -> None:
        """A client with more calls waiting than will be served in time is told so at once, another is let wait."""
        hall = Hall(narrow(limits=bounds(seconds=10.0)))
        for _ in range(100):
            hall.ask("ann")
        for _ in range(ENOUGH):
            hall.now += 1.0
            hall.serve(1)
        refused, waits = hall.ask("ann"), hall.ask("bob")

        assert hall.refusal(refused).wait == pytest.approx(93.0, abs=1.0)
        assert hall.waits(waits)


class RestTests:
    """What is waited for is the end of a rest."""

    def test_one_trial_and_then_the_others(self) -> None:
        """When the only account's rest ends one call tries it; it is served, the others follow, and none is refused."""
        hall = Hall(narrow(concurrent=32, clients=clients()))
        calls = [hall.ask() for _ in range(8)]
        for call in calls:
            assert isinstance(hall.judge(call, Throttled(5.0)), Queue)
        hall.turn(4.9)
        assert all(hall.waits(call) for call in calls)
        hall.turn(0.1)
        under_way = [call for call in calls if isinstance(hall.steps[call], Try)]
        assert len(under_way) == 1
        widths = []
        while under_way:
            widths.append(len(under_way))
            for call in under_way:
                hall.judge(call, Served())
                hall.turn()
                hall.end(call)
                hall.turn()
            under_way = [call for call in calls if isinstance(hall.steps.get(call), Try)]

        assert not hall.steps
        assert widths[0] == 1 and max(widths) > 1

    def test_a_stream_speaks_for_the_account_before_it_ends(self) -> None:
        """A trial's first event lets the next go, though its stream goes on."""
        hall = Hall(narrow(concurrent=32))
        one, two = hall.ask(stream=True), hall.ask()
        for call in (one, two):
            hall.judge(call, Throttled(5.0))
        hall.turn(5.0)
        hall.judge(one, Served())
        hall.turn()

        assert isinstance(hall.steps[two], Try)

    def test_the_trial_fails(self) -> None:
        """It is told again to wait: whoever has the time goes on waiting, the others are told how long it will take."""
        hall = Hall(narrow(concurrent=32))
        one, two = hall.ask(), hall.ask()
        for call in (one, two):
            hall.judge(call, Throttled(5.0))
        hall.turn(5.0)
        hall.judge(one, Throttled(8.0))
        hall.turn()
        assert hall.waits(two)
        hall.turn(8.0)
        hall.judge(next(call for call, step in hall.steps.items() if isinstance(step, Try)), Throttled(60.0))
        hall.turn()

        assert isinstance(hall.steps[two], Refuse) or two.attempts

    def test_of_a_breaker(self) -> None:
        """D-47: nobody waits for a vendor that is broken, nor while one call tries it; once it has served some do."""
        hall = Hall(narrow(3, 32, retries=patient(attempts=1)))
        for _ in range(3):
            hall.judge(hall.ask(), FAULT)
        assert hall.refusal(hall.ask()).code == "no_usable_key"
        hall.turn(1.0)
        trial = hall.ask()
        assert isinstance(hall.steps[trial], Try)
        assert not hall.waits(hall.ask())
        hall.end(trial)
        two, three, four = hall.ask(), hall.ask(), hall.ask()
        assert hall.waits(four)
        hall.end(two)
        hall.turn()

        assert isinstance(hall.steps[three], Try) and isinstance(hall.steps[four], Try)

    def test_it_breaks_as_they_wait(self) -> None:
        """Who waits for a busy key of a vendor that is broken by now is told so, not kept."""
        hall = Hall(narrow(3, retries=patient(attempts=1)))
        under_way = [hall.ask() for _ in range(3)]
        waits = hall.ask()
        for call in under_way:
            hall.judge(call, FAULT)
        hall.turn()

        assert hall.refusal(waits).code == "no_usable_key"

    def test_new_settings(self) -> None:
        """A key that comes with new settings serves whoever waits."""
        hall = Hall()
        hall.ask()
        waits = hall.ask()
        hall.desk.reconfigure(narrow(2), hall.now)
        hall.turn()

        assert isinstance(hall.steps[waits], Try)

    def test_lower_bounds(self) -> None:
        """Who waits when the settings allow fewer stays; nobody new comes in."""
        hall = Hall()
        hall.ask()
        waits = hall.ask()
        hall.desk.reconfigure(narrow(limits=bounds(0)), hall.now)
        hall.turn()

        assert hall.waits(waits)
        assert hall.refusal(hall.ask("bob")).code == "overloaded"


class RecordTests:
    """What is told of it afterwards."""

    def test_the_note(self) -> None:
        """The call's line says how long it waited; one that did not wait has no note."""
        hall = Hall()
        first, second, third = hall.ask(), hall.ask(), hall.ask()
        hall.turn(2.5)
        ended = hall.desk.entries_of(third, LEFT, hall.now)
        assert ended[-1].note == "waited 2.5 s for a key"
        hall.judge(first, Served())
        assert hall.desk.entries_of(first, LEFT, hall.now)[-1].note is None
        hall.end(first)
        hall.turn()
        hall.now += 1.0

        assert hall.desk.entries_of(second, LEFT, hall.now)[-1].note == "waited 2.5 s for a key"

    def test_left(self) -> None:
        """A client that leaves is taken out at once, wherever its call stands, and holds up nobody."""
        hall = Hall()
        calls = [hall.ask() for _ in range(4)]
        hall.end(calls[2], Ending.ABANDONED)
        assert len(hall.desk.waiting) == 2 and hall.told == {"left": 1}
        hall.end(calls[0])
        hall.end(calls[1], Ending.ABANDONED)
        hall.turn()
        assert isinstance(hall.steps[calls[3]], Try)
        hall.end(calls[3])

        assert not hall.desk.calls and hall.desk.waiting.due is None and not hall.desk.waiting.size
