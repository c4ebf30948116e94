"""New settings for a pool that is at work: who stays, who leaves, who comes, and what nobody loses by it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from attrs import evolve

from targon_gw.core.attempts import Abandoned, Barred, Served, Throttled, VendorFault
from targon_gw.core.config import Dialect, Draw, KeySettings, PerKey, ProbePlan
from targon_gw.core.diff import PoolDiff
from targon_gw.core.health import Barred as Out
from targon_gw.core.health import Cooling, Disabled, Ready
from targon_gw.core.keys import Want
from targon_gw.core.pool import THREADS, KeyPool
from tests.fakes import MODEL, key, lease, lease_of, pool, the, upstream


def reconfigured(keys: KeyPool, entries: int | Iterable[KeySettings], now: float = 0.0, **settings: Any) -> PoolDiff:
    """Give the pool these keys and settings."""
    return keys.reconfigure(upstream(entries, **settings), now)


class StayTests:
    """Keys that are in the old settings and in the new."""

    def test_keeps_health_leases_and_history(self) -> None:
        """A key that stays is as it was: its rest, its calls under way, its averages and what it is known for."""
        keys = pool(2, dialect=Dialect.TARGON)
        held = lease_of(keys, 0, 0.0)
        keys.give_back(lease_of(keys, 1, 0.0), Throttled(50.0), 0.0)
        first, second = the(keys, 0), the(keys, 1)
        first.noted_first_token(0.5)

        diff = reconfigured(keys, 3, 1.0, dialect=Dialect.TARGON)

        assert diff.added == (the(keys, 2).id,) and not diff.removed
        assert [the(keys, 0), the(keys, 1)] == [first, second]
        assert first.in_flight == 1 and first.first_token == 0.5
        assert second.account.standing.health == Cooling(50.0, 1) and len(second.account.history) == 1
        keys.give_back(held, Served(), 2.0)
        assert first.in_flight == first.standing.out == 0 and first.served == 1

    def test_new_key_goes_first(self) -> None:
        """A new key is drawn next: it has been idle longest."""
        keys = pool(3)
        for _ in range(3):
            keys.give_back(lease(keys, 0.0), Served(), 0.0)

        reconfigured(keys, 4)

        assert lease(keys, 0.0).key is the(keys, 3)

    def test_weight_note_and_limit(self) -> None:
        """Weight, note, draw, probes and the limit of leases are those of the new settings at once."""
        keys = pool(2, per_key=PerKey(2))
        lease_of(keys, 0, 0.0)
        light, heavy = key(0), evolve(key(1, weight=5), note="spare")

        reconfigured(keys, [light, heavy], draw=Draw.WEIGHTED, per_key=PerKey(1), probe=ProbePlan(model="m"))

        assert (the(keys, 1).weight, the(keys, 1).note) == (5, "spare")
        assert keys.settings.probe.model == "m"
        assert keys._muster.roster._bounds == [1, 6]
        assert [lease(keys, 0.0).key, keys.draw(Want(MODEL), 0.0)] == [the(keys, 1), None]

    def test_limits_by_model_follow_the_dialect(self) -> None:
        """A vendor whose limits turn out to be the account's has them so from then on."""
        keys = pool(1)
        reconfigured(keys, 1, dialect=Dialect.TARGON)

        keys.give_back(lease(keys, 0.0), Throttled(30.0), 0.0)

        assert isinstance(the(keys, 0).account.standing.health, Cooling)

    def test_another_address(self) -> None:
        """A vendor with a new address is asked at once; what comes back from the old one opens nothing."""
        keys = pool(4)
        late = [lease_of(keys, n, 0.0) for n in range(4)]
        for n in range(3):
            keys.give_back(late[n], VendorFault("500"), 0.0)
        assert keys.draw(Want(MODEL), 0.0) is None

        keys.reconfigure(evolve(keys.settings, base_url="https://elsewhere.example/v1"), 0.1)

        held = lease(keys, 0.1)
        keys.give_back(late[3], VendorFault("500"), 0.2)
        keys.give_back(held, Served(), 0.2)
        assert keys.standing.out == 0 and keys.route(MODEL).standing.health == Ready()


class SwitchTests:
    """`enabled` in the file, and a hand."""

    def test_off_and_on(self) -> None:
        """A key that is switched off is drawn no more, keeps its calls, and is as new when it is switched on."""
        keys = pool(1)
        held = lease(keys, 0.0)

        reconfigured(keys, [key(0, enabled=False)], 1.0)
        assert keys.draw(Want(MODEL), 1.0) is None
        keys.give_back(held, Served(), 1.0)
        reconfigured(keys, [key(0)], 2.0)

        assert lease(keys, 2.0).key is held.key
        assert [(c.before, c.after) for c in keys.taken_changes()] == [("ready", "disabled"), ("disabled", "ready")]

    def test_hand_is_not_overruled(self) -> None:
        """A key that was taken out by hand stays out when the file is saved for something else."""
        keys = pool(2)
        the(keys, 0).standing.move(Disabled(500.0))

        reconfigured(keys, 3, 1.0)

        assert the(keys, 0).standing.health == Disabled(500.0)

    def test_barred_comes_back_by_a_changed_file(self) -> None:
        """A barred key stays barred at any save, and is tried again once the file has switched it off and on."""
        keys = pool(3)
        keys.give_back(lease(keys, 0.0), Barred(), 0.0)
        keys.give_back(keys.lease_for_probe(the(keys, 0), Want(MODEL), 1.0), Barred(), 1.0)
        assert the(keys, 0).standing.health == Out()

        reconfigured(keys, [key(0, weight=2)], 2.0)
        assert the(keys, 0).standing.health == Out()
        reconfigured(keys, [key(0, enabled=False)], 3.0)
        reconfigured(keys, [key(0)], 4.0)

        assert the(keys, 0).standing.health == Ready()


class LeaveTests:
    """Keys that are not in the new settings."""

    @pytest.mark.parametrize("draw", list(Draw))
    def test_leaves_the_draw_at_once(self, draw: Draw) -> None:
        """A key that has left is not drawn again, finishes its calls meanwhile, and is gone."""
        keys = pool(2, draw=draw)
        held = [lease_of(keys, 0, 0.0) for _ in range(2)]
        gone = held[0].key

        diff = reconfigured(keys, [key(1)], draw=draw)

        assert [(left.id, left.calls) for left in diff.removed] == [(gone.id, 2)]
        assert keys.state_of(gone, 0.0) == "draining" and keys.census(0.0) == {"usable": 1}
        assert all(lease(keys, 0.0).key is not gone for _ in range(20))
        for one in held:
            assert keys.draining == {gone.id: gone}
            keys.give_back(one, Served(), 1.0)
        assert keys.draining == {} and gone.in_flight == 0

    @pytest.mark.parametrize("remembered", [1, THREADS])
    def test_nothing_leads_back(self, remembered: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither a conversation nor a second try finds a key that has left, not even after it serves its last call."""
        monkeypatch.setattr("targon_gw.core.pool.THREADS", remembered)
        keys = pool(2)
        gone = the(keys, 0)
        keys.give_back(lease_of(keys, 0, 0.0, Want(MODEL, thread=7)), Served(), 0.0)
        late = lease_of(keys, 0, 0.0, Want(MODEL, thread=8))

        reconfigured(keys, [key(1)])
        keys.give_back(late, Served(), 1.0)

        assert keys.route(MODEL).witness is None and not keys._threads and not keys._earlier
        for want in (Want(MODEL, thread=7), Want(MODEL, thread=8), Want(MODEL, tried_keys={"k-another"})):
            assert lease(keys, 1.0, want).key is not gone

    def test_revoked_next(self) -> None:
        """A key that the vendor revokes once it is out cuts its calls; that accuses nobody else."""
        keys = pool(6)
        held = [lease_of(keys, n, 0.0) for n in range(5)]

        reconfigured(keys, [key(5)])
        for one in held[:4]:
            keys.give_back(one, VendorFault("the stream was cut"), 1.0)
        keys.give_back(held[4], Barred(), 1.0)

        assert lease(keys, 1.0).key is the(keys, 0)
        assert not keys.route(MODEL).accused and keys.taken_changes() == []

    def test_accused_is_forgotten(self) -> None:
        """A key that failed and has left is not judged by who serves next."""
        keys = pool(4)
        keys.give_back(lease_of(keys, 0, 0.0), VendorFault("500"), 0.0)
        gone = the(keys, 0)

        reconfigured(keys, [key(n) for n in (1, 2, 3)])
        keys.give_back(lease(keys, 1.0), Served(), 1.0)

        assert gone.standing.health == Ready() and keys.taken_changes() == []

    def test_last_key(self) -> None:
        """A pool whose keys have all left serves nobody and knows that no time brings one back."""
        keys = pool(2)
        assert keys.vacancy(MODEL, 0.0).back == 0.0

        reconfigured(keys, [])

        assert keys.draw(Want(MODEL), 0.0) is None
        assert keys.vacancy(MODEL, 0.0).back is None and keys.accounts == {}

    def test_comes_back_while_draining(self) -> None:
        """A key that is put back while it finishes its calls is the same key: counts go on, its account is its own."""
        keys = pool([key(0, "a"), key(1, "b")], dialect=Dialect.TARGON)
        held = lease_of(keys, 0, 0.0)
        keys.give_back(lease_of(keys, 0, 0.0), Throttled(60.0), 0.0)
        before = held.key

        reconfigured(keys, [key(1, "b")], 1.0, dialect=Dialect.TARGON)
        reconfigured(keys, [key(0, "a"), key(1, "b")], 2.0, dialect=Dialect.TARGON)

        assert the(keys, 0) is before and before.in_flight == 1 and keys.draining == {}
        assert before.account.standing.health == Cooling(60.0, 1)
        keys.give_back(held, Abandoned(), 3.0)
        assert before.in_flight == 0 and keys.census(61.0) == {"usable": 2} and before in keys._muster.roster.idle


class AccountTests:
    """Whose the keys are."""

    def test_forgotten_without_keys(self) -> None:
        """An account whose keys have all left is forgotten; one that keeps a key keeps its rest."""
        keys = pool([key(0, "a"), key(1, "a"), key(2, "b")], dialect=Dialect.TARGON)
        keys.give_back(lease_of(keys, 0, 0.0), Throttled(60.0), 0.0)

        reconfigured(keys, [key(1, "a")], dialect=Dialect.TARGON)

        assert list(keys.accounts) == ["a"]
        assert keys.draw(Want(MODEL), 59.0) is None and keys.draw(Want(MODEL), 60.0) is not None

    def test_key_moves_to_another(self) -> None:
        """A key that moves rests and counts with its new account; the lease it has out comes back to the old one."""
        keys = pool([key(0, "a"), key(1, "b")], dialect=Dialect.TARGON)
        held = lease_of(keys, 0, 0.0)
        old = held.account

        reconfigured(keys, [key(0, "b"), key(1, "b")], dialect=Dialect.TARGON)
        keys.give_back(held, Throttled(60.0), 1.0)

        assert old.standing.health == Cooling(61.0, 1) and old.standing.out == 0
        assert the(keys, 0).account is the(keys, 1).account is keys.accounts["b"]
        assert keys.accounts["b"].standing.out == 0
        assert lease(keys, 1.0).key.account is keys.accounts["b"]

    def test_leave_stays_with_the_account(self) -> None:
        """A trial of one model that a moved key has under way is the old account's, and fails for that one."""
        keys = pool([key(0, "a"), key(1, "a"), key(2, "b")])
        keys.give_back(lease_of(keys, 0, 0.0), Throttled(10.0), 0.0)
        trial = lease_of(keys, 0, 10.0)

        reconfigured(keys, [key(0, "b"), key(1, "a"), key(2, "b")])
        assert trial.fresh_on_leave
        keys.give_back(trial, Throttled(60.0), 11.0)

        assert keys.accounts["a"].leaves[MODEL].health == Cooling(71.0, 2)
        assert keys.accounts["a"].leaves[MODEL].out == 0 and not keys.accounts["b"].leaves
