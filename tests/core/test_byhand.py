"""Tests of targon_gw/core/byhand.py."""

from __future__ import annotations

import pytest

from targon_gw.core.attempts import Abandoned, Barred, Exhausted, Served, Throttled
from targon_gw.core.byhand import disable, enable, served_a_test
from targon_gw.core.health import Disabled, Ready, Suspect, Trial
from targon_gw.core.keys import Want
from targon_gw.core.pool import KeyPool
from tests import fakes


def drawn(pool: KeyPool, now: float) -> set[str]:
    """The keys that may be drawn, one after another."""
    found = set()
    while (lease := pool.draw(Want(fakes.MODEL, tried_keys=set(found)), now)) is not None:
        found.add(lease.key.id)
        pool.give_back(lease, Abandoned(), now)
    return found


class DisableTests:
    """Taking a key out."""

    def test_for_a_time(self) -> None:
        """A key that is out for 60 s is not drawn at 59 s and is drawn at 60 s; the other serves all the while."""
        pool = fakes.pool(2)
        key = fakes.the(pool, 0)
        disable(pool, key.id, 160.0, 100.0, "the vendor asked")

        assert key.id not in drawn(pool, 159.0)
        assert drawn(pool, 160.0) == set(pool.keys)

    def test_for_good(self) -> None:
        """Without an end it never comes back by itself."""
        pool = fakes.pool()
        disable(pool, fakes.the(pool, 0).id, None, 0.0)

        assert drawn(pool, 1e9) == set()
        assert pool.census(1e9) == {"disabled": 1}

    def test_why_is_kept(self) -> None:
        """The change is kept with the key, with its end and its reason, and is told once."""
        pool = fakes.pool()
        key = fakes.the(pool, 0)
        disable(pool, key.id, 160.0, 100.0, "the vendor asked")
        (change,) = pool.taken_changes()

        assert [change] == list(key.history)
        assert (change.what, change.before, change.after) == (key.id, "ready", "disabled")
        assert (change.at, change.until, change.reason) == (100.0, 160.0, "the vendor asked")
        assert pool.taken_changes() == []

    def test_vacancy_is_seen_at_once(self) -> None:
        """What was concluded before about who may serve is not told any more."""
        pool = fakes.pool()
        assert pool.vacancy(fakes.MODEL, 0.0).states == {"usable": 1}
        disable(pool, fakes.the(pool, 0).id, None, 0.0)

        assert pool.vacancy(fakes.MODEL, 0.0).states == {"disabled": 1}

    def test_running_calls_end_as_they_end(self) -> None:
        """A lease that is out comes back; its outcome does not put the key back, nor make it worse."""
        for outcome in (Served(), Throttled(5.0), Barred()):
            pool = fakes.pool()
            lease = fakes.lease(pool, 0.0)
            disable(pool, lease.key.id, None, 1.0)
            pool.give_back(lease, outcome, 2.0)

            assert lease.key.standing.health == Disabled()
            assert lease.key.in_flight == 0

    def test_unknown(self) -> None:
        """A key that the pool has not raises KeyError."""
        with pytest.raises(KeyError):
            disable(fakes.pool(), "k-00000000", None, 0.0)


class EnableTests:
    """Putting a key back."""

    def test_disabled(self) -> None:
        """What was disabled is ready at once."""
        pool = fakes.pool()
        key = fakes.the(pool, 0)
        disable(pool, key.id, None, 0.0)

        assert enable(pool, key.id, 1.0)
        assert key.standing.health == Ready()
        assert key.history[-1].reason == "by hand"

    def test_suspect_comes_back_on_trial(self) -> None:
        """A key that the vendor refused is drawn again, for one call at a time."""
        pool = fakes.pool()
        key = fakes.the(pool, 0)
        pool.give_back(fakes.lease(pool, 0.0), Barred(), 0.0)
        assert isinstance(key.standing.health, Suspect)
        enable(pool, key.id, 1.0)

        assert key.standing.health == Trial(1, 0)
        assert pool.draw(Want(fakes.MODEL), 1.0) is not None
        assert pool.draw(Want(fakes.MODEL), 1.0) is None

    def test_well(self) -> None:
        """A key that is well is left as it is, and nothing is told."""
        pool = fakes.pool()

        assert not enable(pool, fakes.the(pool, 0).id, 0.0)
        assert pool.taken_changes() == []

    def test_accounts_rest_stays(self) -> None:
        """The vendor's limit on the account is not ended by a hand on the key."""
        pool = fakes.pool()
        key = fakes.the(pool, 0)
        pool.give_back(fakes.lease(pool, 0.0), Throttled(30.0), 0.0)
        enable(pool, key.id, 1.0)

        assert drawn(pool, 29.0) == set()


class ServedTests:
    """A test that was served."""

    def test_ends_rests_of_key_and_account(self) -> None:
        """Credit is back: the account serves again before its rest would have ended."""
        pool = fakes.pool()
        key = fakes.the(pool, 0)
        pool.give_back(fakes.lease(pool, 0.0), Exhausted(), 0.0)
        assert drawn(pool, 10.0) == set()

        assert served_a_test(pool, key.id, 10.0)
        assert drawn(pool, 10.0) == {key.id}
        assert key.account.history[-1].reason == "a test by hand was served"

    def test_disabled_stays_out(self) -> None:
        """A test asks; it does not put back what the operator has taken out."""
        pool = fakes.pool()
        key = fakes.the(pool, 0)
        disable(pool, key.id, None, 0.0)

        assert not served_a_test(pool, key.id, 1.0)
        assert drawn(pool, 1.0) == set()
