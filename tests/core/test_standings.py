"""Tests of targon_gw/core/standings.py: how well things are, over a restart."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from targon_gw.core import standings
from targon_gw.core.attempts import (
    LONGEST_WAIT,
    Exhausted,
    ModelFault,
    Outcome,
    Served,
    Throttled,
    VendorFault,
)
from targon_gw.core.attempts import Barred as Refused
from targon_gw.core.byhand import disable, enable
from targon_gw.core.charges import LONGEST_REST
from targon_gw.core.config import Dialect, KeySettings
from targon_gw.core.health import Barred, Cooling, Disabled, Health, Ready, Spent, Standing, Suspect, Trial
from targon_gw.core.keys import Want
from targon_gw.core.ledger import line_of
from targon_gw.core.lines import Row, read_rows
from targon_gw.core.pool import KeyPool
from targon_gw.core.probes import due
from tests.fakes import MODEL, WALL, key, lease, lease_of, pool, the, upstream

NOW = 100.0
"""When the state is written."""
START = 7.0
"""When it is taken up, by the clock of the next run."""
SHIFT = START - NOW

HEALTHS: list[Health] = [
    Ready(),
    Cooling(NOW + 40.0, 3),
    Spent(NOW + 4000.0, 2),
    Trial(4, 1),
    Suspect(),
    Barred(),
    Disabled(),
    Disabled(NOW + 7200.0),
]


def written(before: KeyPool, now: float = NOW) -> dict[str, Any]:
    """Its state, as a file has it."""
    found: dict[str, Any] = json.loads(json.dumps(standings.to_state([before], now, WALL)))
    return found


def taken_up(state: dict[str, Any], after: KeyPool, later: float = 0.0) -> KeyPool:
    """That pool in a run that begins so many seconds after the state was written, by the clock on the wall."""
    standings.restore([after], state, START, WALL + NOW + later - START)
    return after


def again(before: KeyPool, later: float = 0.0) -> KeyPool:
    """A pool of the same settings in the next run."""
    return taken_up(written(before), KeyPool(before.settings, before.roll), later)


def leave(pool: KeyPool) -> Standing:
    """The first account's leave to use the model."""
    return the(pool, 0).account.leaves.setdefault(MODEL, Standing())


SUBJECTS: dict[str, Callable[[KeyPool], Standing]] = {
    "key": lambda pool: the(pool, 0).standing,
    "account": lambda pool: the(pool, 0).account.standing,
    "leave": leave,
    "model": lambda pool: pool.route(MODEL).standing,
    "upstream": lambda pool: pool.standing,
}


def aged(health: Health, seconds: float = SHIFT) -> Health:
    """The same health by a clock that shows so much more."""
    match health:
        case Cooling(until, strikes):
            return Cooling(pytest.approx(until + seconds), strikes)
        case Spent(until, strikes):
            return Spent(pytest.approx(until + seconds), strikes)
        case Disabled(float(until)):
            return Disabled(pytest.approx(until + seconds))
        case _:
            return health


class RoundTripTests:
    """What is written is what is taken up."""

    @pytest.mark.parametrize("health", HEALTHS, ids=repr)
    @pytest.mark.parametrize("subject", SUBJECTS)
    def test_every_health(self, subject: str, health: Health) -> None:
        """Of a key, an account, its leave to use a model, a model and a vendor: the same, on the next run's clock."""
        before = pool(2)
        SUBJECTS[subject](before).move(health)
        after = again(before)

        assert SUBJECTS[subject](after).health == aged(health)
        assert all(find(after).health == Ready() for name, find in SUBJECTS.items() if name != subject)
        assert the(after, 1).standing.health == Ready()

    def test_what_is_well_is_not_written(self) -> None:
        """A pool that nothing is the matter with takes no room, whatever was asked of it."""
        fresh = pool(3)
        fresh.give_back(lease(fresh, NOW), Throttled(1.0), NOW)
        the(fresh, 0).account.standing.move(Ready())

        assert written(pool(3)) == {"acme": {"keys": {}, "accounts": {}, "models": {}, "upstream": None}}
        assert written(fresh)["acme"]["keys"] == {}

    def test_who_served_when(self) -> None:
        """A key that has served is not one that nobody knows: it is not probed for being new."""
        before = pool(2)
        before.give_back(lease_of(before, 0, NOW), Served(), NOW)
        after = again(before, later=50.0)

        assert (the(after, 0).served, the(after, 0).served_at) == (1, pytest.approx(START - 50.0))
        assert due(after, START) == [the(after, 1)]

    def test_credit_for_small_calls(self) -> None:
        """An account without credit for a long answer is still asked for a short one."""
        before = pool(1)
        before.give_back(lease(before, NOW, Want(MODEL, 1000)), Exhausted(sized=True), NOW)
        after = again(before, later=5.0)

        assert after.draw(Want(MODEL, 1000), START) is None
        assert lease(after, START, Want(MODEL, 999)).key is the(after, 0)

    @settings(max_examples=100, deadline=None)
    @given(st.data(), st.floats(0.0, 20_000.0), st.floats(0.0, 20_000.0))
    def test_as_if_it_had_run_all_along(self, data: st.DataObject, down: float, later: float) -> None:
        """Whatever is the matter, for however long the gateway is down: each part may serve when it would have."""
        dice = st.one_of(
            st.builds(Cooling, st.floats(NOW - 99, NOW + LONGEST_WAIT), st.integers(1, 9)),
            st.builds(Spent, st.floats(NOW - 99, NOW + LONGEST_REST), st.integers(1, 9)),
            st.builds(Trial, st.integers(1, 8), st.integers(1, 9)),
            st.builds(Disabled, st.none() | st.floats(NOW - 99, NOW + 1e5)),
            st.sampled_from([Ready(), Suspect(), Barred()]),
        )
        before = pool(2)
        for find in SUBJECTS.values():
            find(before).move(data.draw(dice))
        after = again(before, down)
        told, would = START + later, NOW + down + later

        assert after.census(told) == before.census(would)
        for name, find in SUBJECTS.items():
            assert find(after).may_serve(told) == find(before).may_serve(would), name
        assert (after.draw(Want(MODEL), told) is None) == (before.draw(Want(MODEL), would) is None)


class RestTests:
    """Rests, over a restart."""

    def rested(self, wait: float, now: float = NOW) -> KeyPool:
        """The pool of one key whose account is told to wait so long."""
        mine = pool(1, dialect=Dialect.TARGON)
        mine.give_back(lease(mine, now), Throttled(wait), now)
        return mine

    def test_that_goes_on(self) -> None:
        """A rest of 40 s of which 30 went by: nobody is drawn for 10 s more."""
        after = again(self.rested(40.0), later=30.0)

        assert after.draw(Want(MODEL), START + 9.9) is None
        assert after.state_of(the(after, 0), START) == "cooling"
        assert lease(after, START + 10.1).key is the(after, 0)

    def test_that_has_ended_meanwhile(self) -> None:
        """It is followed by its trial: one call at a time; served, it is over; another fault is one more in a row."""
        after = again(self.rested(40.0), later=50.0)
        trial = lease(after, START)

        assert after.draw(Want(MODEL), START) is None
        assert trial.account.standing.health == Trial(1, 1)
        after.give_back(trial, Throttled(), START)
        assert trial.account.standing.health == Cooling(START + 20.0, 2)

    def test_out_by_hand(self) -> None:
        """What the operator took out stays out, for as long as was said; its end is no trial."""
        before = pool(2)
        disable(before, the(before, 0).id, NOW + 60.0, NOW)
        disable(before, the(before, 1).id, None, NOW)
        after = again(before, later=30.0)

        assert after.draw(Want(MODEL), START + 29.9) is None
        assert lease(after, START + 30.1).key is the(after, 0)
        assert the(after, 0).standing.health == Ready()
        assert "health" not in written(before, NOW + 60.0)["acme"]["keys"].get(the(before, 0).id, {})

    @pytest.mark.parametrize(
        ("health", "longest"), [(Cooling(NOW + 40.0, 3), LONGEST_WAIT), (Spent(NOW + 4000.0, 2), LONGEST_REST)]
    )
    def test_clock_set_back(self, health: Health, longest: float) -> None:
        """E-16: by a clock that says 1970 a rest lasts no longer than any may."""
        before = pool(1)
        the(before, 0).standing.move(health)
        after = again(before, later=-WALL)

        assert not the(after, 0).standing.may_serve(START + longest - 1.0)
        assert the(after, 0).standing.may_serve(START + longest)

    def test_served_by_a_clock_that_was_set_back(self) -> None:
        """E-16: nobody has served in the future."""
        before = pool(1)
        before.give_back(lease(before, NOW), Served(), NOW)

        assert the(again(before, later=-3600.0), 0).served_at == START


class OtherSettingsTests:
    """The settings are others than when the state was written."""

    def after(self, state: dict[str, Any], keys: Iterable[KeySettings]) -> KeyPool:
        """The pool of those keys, in the next run."""
        return taken_up(state, pool(keys))

    @pytest.mark.parametrize("health", [Cooling(NOW - 1.0, 1), Barred(), Trial(2, 1), Disabled(NOW + 1.0)], ids=repr)
    def test_switched_off(self, health: Health) -> None:
        """What the file has switched off stays off, whatever else was the matter."""
        before = pool(1)
        the(before, 0).standing.move(health)
        after = self.after(written(before), [key(0, enabled=False)])

        assert the(after, 0).standing.health == Disabled()
        assert after.draw(Want(MODEL), START + 1e6) is None

    def test_switched_on(self) -> None:
        """What the file had switched off then and has on now is ready: a state does not stand against it."""
        state = written(pool([key(0, enabled=False)]))

        assert the(self.after(state, [key(0)]), 0).standing.health == Ready()

    def test_keys_that_are_gone(self) -> None:
        """What is known of a key, an account or a vendor that the settings name no more is dropped."""
        before = pool([key(0, "a"), key(1, "b"), key(2, "b")])
        for one in before.keys.values():
            one.standing.move(Barred())
            one.account.standing.move(Spent(NOW + 99.0, 1))
        state = written(before)
        state["another"] = state["acme"]
        after = self.after(state, [key(1, "b"), key(7, "c")])

        assert [one.standing.health for one in after.keys.values()] == [Barred(), Ready()]
        assert list(after.accounts) == ["b", "c"]
        assert written(after, START)["acme"]["keys"].keys() == {the(before, 1).id}

    def test_new_vendor(self) -> None:
        """One that the state knows nothing of begins well."""
        fresh = taken_up({}, pool(2))

        assert fresh.census(START) == {"usable": 2}


def told(pool: KeyPool) -> list[Row]:
    """The lines of what has changed in a pool, as the ledger has them."""
    lines = [
        line_of(standings.entry_of(pool.name, change, WALL), number)
        for number, change in enumerate(pool.taken_changes(), 1)
    ]
    rows = read_rows(b"".join(lines)) if lines else []
    assert rows is not None
    return rows


class RetraceTests:
    """What changed after the state was written, out of the lines behind it."""

    def retraced(self, before: KeyPool, state: dict[str, Any], later: float = 0.0) -> KeyPool:
        """The pool of the next run: the state, then the lines."""
        last = {(row.upstream, row.id): row for row in told(before)}
        after = taken_up(state, KeyPool(before.settings, before.roll), later)
        standings.retrace({after.name: after}, last.values(), START, WALL + NOW + later - START)
        return after

    @pytest.mark.parametrize("dialect", [Dialect.OPENAI, Dialect.TARGON])
    @pytest.mark.parametrize("outcome", [Throttled(60.0), Exhausted(), Refused(), VendorFault("500"), ModelFault()])
    def test_as_if_it_had_run_on(self, outcome: Outcome, dialect: Dialect) -> None:
        """A rest, a suspicion, an open breaker of the last seconds is there again, to the same moment."""
        before = pool(5, dialect=dialect)
        state = written(before)
        for _ in range(3 if isinstance(outcome, VendorFault) else 1):
            before.give_back(lease(before, NOW + 1.0), outcome, NOW + 1.0)
        after = self.retraced(before, state, 2.0)

        again = standings.to_state([after], START, WALL + NOW + 2.0 - START)
        assert comparable(again) == comparable(written(before, NOW + 2.0))

    def test_what_is_well_again(self) -> None:
        """A rest in the state that has ended since is over."""
        before = pool(2, dialect=Dialect.TARGON)
        before.give_back(lease_of(before, 0, NOW - 50.0), Throttled(40.0), NOW - 50.0)
        before.taken_changes()
        state = written(before)
        for _ in range(4):
            before.give_back(lease_of(before, 0, NOW + 1.0), Served(), NOW + 1.0)
        after = self.retraced(before, state, 2.0)

        assert type(the(after, 0).account.standing.health) is Ready

    def test_the_same_twice(self) -> None:
        """What the state knows already is no further strike."""
        before = pool(2, dialect=Dialect.TARGON)
        before.give_back(lease_of(before, 0, NOW), Throttled(40.0), NOW)
        after = self.retraced(before, written(before))

        health = the(after, 0).account.standing.health
        assert isinstance(health, Cooling)
        assert health.strikes == 1

    def test_a_strike_more(self) -> None:
        """A rest that began after the state was written is one more than those that the state has."""
        before = pool(2, dialect=Dialect.TARGON)
        before.give_back(lease_of(before, 0, NOW - 50.0), Throttled(40.0), NOW - 50.0)
        state = written(before)
        before.give_back(lease_of(before, 0, NOW + 1.0), Throttled(40.0), NOW + 1.0)
        health = the(self.retraced(before, state, 2.0), 0).account.standing.health
        assert isinstance(health, Cooling)
        assert health.strikes == 2

    @pytest.mark.parametrize("until", [None, NOW + 7200.0])
    def test_out_by_hand(self, until: float | None) -> None:
        """What was switched off by hand after the state was written is off: until then, or for good."""
        before = pool(2)
        state = written(before)
        disable(before, the(before, 0).id, until, NOW + 1.0)

        assert the(self.retraced(before, state, 2.0), 0).standing.health == aged(Disabled(until), SHIFT - 2.0)

    def test_in_by_hand(self) -> None:
        """What is off in the state, and was switched on by hand after it was written, is on."""
        before = pool(2)
        disable(before, the(before, 0).id, None, NOW - 1.0)
        before.taken_changes()
        state = written(before)
        enable(before, the(before, 0).id, NOW + 1.0)

        assert type(the(self.retraced(before, state, 2.0), 0).standing.health) is Ready

    def test_switched_off_in_the_file_and_on_again(self) -> None:
        """A key that the file has switched off, and switches off no more, is on: what the file says now counts."""
        before = pool([key(0, "a"), key(1, "b")])
        state, entries = written(before), before.settings.keys
        before.reconfigure(upstream([key(0, "a", enabled=False), key(1, "b")]), NOW + 1.0)
        rows = told(before)
        after = taken_up(state, KeyPool(upstream(list(entries)), before.roll), 2.0)
        standings.retrace({after.name: after}, rows, START, WALL + NOW + 2.0 - START)

        assert any("switched off in the settings" in (row.note or "") for row in rows)
        assert type(the(after, 0).standing.health) is Ready

    def test_names_that_are_gone(self) -> None:
        """Keys, accounts and vendors that the settings name no more are passed over; a switched-off key stays off."""
        before = pool([key(0, "a"), key(1, "b"), key(2, "c")])
        for number, outcome in enumerate((Exhausted(), Throttled(60.0), Refused())):
            before.give_back(lease_of(before, number, float(number)), outcome, float(number))
        rows = told(before)
        after = KeyPool(upstream([key(9, "z"), key(0, "a", enabled=False)]), before.roll)
        standings.retrace({after.name: after, "x": pool(1)}, rows, START, WALL)
        assert isinstance(the(after, 1).standing.health, Disabled)
        assert isinstance(the(after, 1).account.standing.health, Spent)
        assert type(the(after, 0).account.standing.health) is Ready

    def test_an_account_of_any_name(self) -> None:
        """`account X for M`: an account may itself be called so."""
        before = pool([key(0, "a for b"), key(1, "a")])
        before.give_back(lease_of(before, 0, NOW), Throttled(40.0), NOW)
        after = self.retraced(before, written(pool([key(0, "a for b"), key(1, "a")])))
        assert not after.accounts["a"].leaves
        assert isinstance(after.accounts["a for b"].leaves[MODEL].health, Cooling)


def comparable(state: dict[str, Any]) -> Any:
    """A state whose moments are told to the tenth of a second: lines are less exact than it is."""
    return json.loads(json.dumps(state), parse_float=lambda text: round(float(text), 1))
