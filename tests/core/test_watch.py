"""Who may be worth a probe: found without a look at everybody."""

from __future__ import annotations

import pytest

from targon_gw.core.attempts import Abandoned
from targon_gw.core.config import Duration, ProbePlan
from targon_gw.core.health import Barred, Cooling, Disabled, Health, Ready, Spent, Suspect, Trial
from targon_gw.core.keys import Account, UpstreamKey, Want
from targon_gw.core.probes import PER_ROUND, due
from targon_gw.core.watch import FIRST, SOON, VOICES, Watch, speaker
from tests import fakes


def watched(size: int = 1) -> tuple[Watch, list[UpstreamKey]]:
    """A pool's watch, and its keys."""
    made = fakes.pool(size)
    return made.watch(0.0), list(made.keys.values())


class LookTests:
    """What is held."""

    @pytest.mark.parametrize(
        ("health", "number"),
        [
            (Ready(), None),
            (Trial(1, 1), None),
            (Barred(), None),
            (Disabled(9.0), None),
            (Suspect(), FIRST),
            (Cooling(7.0, 1), 7.0),
            (Spent(7.0, 1), 7.0),
        ],
    )
    def test_keys(self, health: Health, number: float | None) -> None:
        """Suspects at once, what rests by the end of its rest, or by its last probe; nothing else."""
        watch, (key,) = watched()
        key.standing.health = health
        watch.look(key)
        assert watch.asks.numbers.get(key) == number
        if number == 7.0:
            key.probed_at = 8.0
            watch.look(key)
            assert watch.asks.numbers[key] == 8.0

    @pytest.mark.parametrize(("health", "number"), [(Ready(), None), (Cooling(7.0, 1), 7.0), (Spent(7.0, 1), SOON)])
    def test_accounts(self, health: Health, number: float | None) -> None:
        """As keys; one without credit is asked during its rest."""
        watch, (key,) = watched()
        key.account.standing.health = health
        watch.look_at(key.account)
        assert watch.asks.numbers.get(key.account) == number

    def test_follows_the_pool(self) -> None:
        """What moves is in it when somebody next asks; what leaves the settings is in it no more."""
        made = fakes.pool([fakes.key(0, "a"), fakes.key(1, "b")])
        first, second = made.keys.values()
        first.standing.move(Cooling(7.0, 1))
        second.account.standing.move(Cooling(8.0, 1))
        assert made.watch(0.0).asks.numbers == {first: 7.0, second.account: 8.0}
        first.standing.move(Ready())
        made.reconfigure(fakes.upstream([fakes.key(0, "a")]), 1.0)
        watch = made.watch(1.0)
        assert not watch.asks.numbers
        assert list(watch.unproven) == [first]


class NewTests:
    """Keys of which nothing is known."""

    def test_no_more_than_asked_for(self) -> None:
        """The first of them, and whoever was asked last stands last."""
        watch, keys = watched(5)
        assert list(watch.new(2)) == keys[:2]
        assert list(watch.new(2)) == keys[2:4]
        assert list(watch.new(0)) == []

    def test_known_ones_are_let_go(self) -> None:
        """Who has served, was probed or is not well is looked at no more; a busy one is, later."""
        watch, keys = watched(5)
        keys[0].served_at = 1.0
        keys[1].probed_at = 1.0
        keys[2].standing.health = Barred()
        keys[3].in_flight = 1
        assert list(watch.new(9)) == [keys[4]]
        assert list(watch.unproven) == [keys[3], keys[4]]


class SpeakerTests:
    """Who is asked for an account."""

    def test_well_and_asked_longest_ago(self) -> None:
        """Of the first few that are well themselves."""
        account = Account("a")
        keys = [UpstreamKey.of(fakes.key(number), account) for number in range(2 * VOICES)]
        for number, key in enumerate(keys):
            key.probed_at = 100.0 - number
        keys[VOICES - 1].standing.health = Suspect()
        assert speaker(keys) is keys[VOICES]
        keys[3].probed_at = None
        assert speaker(keys) is keys[3]
        assert speaker([]) is None


def test_ten_thousand_keys_cost_nothing_while_they_are_well() -> None:
    """A round looks at what is not well, and at a few more (4.7 ms for 10,000, before)."""
    made = fakes.pool(3_000, probe=ProbePlan(Duration(60.0)))
    for key in made.keys.values():
        key.served_at = 0.0
    for _ in range(50):
        assert due(made, 10.0) == []
    assert not made.watch(10.0).unproven
    ill = fakes.the(made, 2_500)
    ill.standing.move(Cooling(20.0, 1))
    watch = made.watch(100.0)
    assert list(watch.asks.numbers) == [ill]
    assert due(made, 100.0) == [ill]


def test_all_at_rest_are_asked_a_few_at_a_time() -> None:
    """Who was named is behind the others: all come to be asked."""
    made = fakes.pool(40, probe=ProbePlan(Duration(60.0)))
    for key in made.keys.values():
        key.served_at = 0.0
        key.standing.move(Cooling(10.0, 1))
    asked: list[UpstreamKey] = []
    now = 100.0
    while len(asked) < 40:
        found = due(made, now)
        assert 0 < len(found) <= PER_ROUND
        for key in found:
            made.give_back(made.lease_for_probe(key, Want(fakes.MODEL), now), Abandoned(), now)
        asked += found
        now += 5.0
    assert len(set(asked)) == 40
