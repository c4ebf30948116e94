"""What the outcome of a lease moves, and what it leaves alone: row by row, then in the company of others."""

from __future__ import annotations

import pytest

from targon_gw.core.attempts import (
    Abandoned,
    Barred,
    CallerFault,
    Exhausted,
    ModelFault,
    Outcome,
    Served,
    Throttled,
    VendorFault,
)
from targon_gw.core.config import Dialect
from targon_gw.core.errors import Refusal
from targon_gw.core.health import Barred as Out
from targon_gw.core.health import Cooling, Disabled, Health, Ready, Spent, Suspect, Trial, name_of, until_of
from targon_gw.core.keys import Lease, Want
from targon_gw.core.pool import KeyPool
from tests.fakes import MODEL, key, lease, lease_of, pool, the

FAULT = VendorFault("500", 500)
CALLERS = CallerFault(Refusal("invalid_value", "no"))


def states(keys: KeyPool, held: Lease) -> tuple[str, ...]:
    """The key, its account, its leave for the model, the model and the vendor, each in a word at 0."""
    leave = held.key.account.leaves.get(held.route.model)
    healths = (held.key.standing, held.key.account.standing, leave, held.route.standing, keys.standing)
    return tuple("-" if one is None else name_of(one.health, 0.0) for one in healths)


def once(keys: KeyPool, number: int, outcome: Outcome, now: float) -> Lease:
    """One attempt with the n-th key that came out so."""
    held = lease_of(keys, number, now)
    keys.give_back(held, outcome, now)
    return held


class RowTests:
    """The table of the classes of outcome: one attempt with one of four keys."""

    @pytest.mark.parametrize(
        ("dialect", "outcome", "expected"),
        [
            (Dialect.OPENAI, Served(), "ready ready - ready ready"),
            (Dialect.OPENAI, CALLERS, "ready ready - ready ready"),
            (Dialect.OPENAI, Abandoned(), "ready ready - ready ready"),
            (Dialect.OPENAI, Throttled(), "ready ready cooling ready ready"),
            (Dialect.VLLM, Throttled(), "ready ready cooling ready ready"),
            (Dialect.TARGON, Throttled(), "ready cooling - ready ready"),
            (Dialect.OPENAI, Exhausted(), "ready exhausted - ready ready"),
            (Dialect.TARGON, Exhausted(sized=True), "ready exhausted - ready ready"),
            (Dialect.OPENAI, Barred(), "suspect ready - ready ready"),
            (Dialect.OPENAI, ModelFault(), "ready ready - cooling ready"),
            (Dialect.OPENAI, FAULT, "ready ready - ready ready"),
        ],
    )
    def test_moves(self, dialect: Dialect, outcome: Outcome, expected: str) -> None:
        """Each outcome moves what is to blame, and nothing else; the other keys stay as they are."""
        keys = pool(4, dialect=dialect)
        held = once(keys, 0, outcome, 0.0)

        assert " ".join(states(keys, held)) == expected
        assert [keys.state_of(the(keys, n), 0.0) for n in (1, 2, 3)] == ["usable"] * 3
        assert keys.census(0.0).total() == 4

    @pytest.mark.parametrize("outcome", [Throttled(5.0), Exhausted(), Barred(), ModelFault()])
    def test_every_change_is_kept_with_its_reason(self, outcome: Outcome) -> None:
        """What changed, why, at which status, for which request, and what would end it."""
        keys = pool(3)
        held = lease(keys, 3.0, Want(MODEL, request_id="req_9"))
        keys.give_back(held, outcome, 3.0)
        (change,) = keys.taken_changes()

        assert (change.at, change.before, change.request_id) == (3.0, "ready", "req_9")
        assert (change.reason, change.status) == (outcome.reason, outcome.status)
        histories = (held.key.history, held.key.account.history, held.route.history)
        assert [list(history) for history in histories if history] == [[change]]
        assert keys.taken_changes() == []


class ThrottledTests:
    """429."""

    def test_other_keys_of_the_account_cool_too(self) -> None:
        """Limits are the account's: its other key is not asked either, another account is (D-32)."""
        keys = pool([key(0, "alice"), key(1, "alice"), key(2, "bob")], dialect=Dialect.TARGON)
        once(keys, 0, Throttled(7.0), 0.0)

        assert [keys.state_of(the(keys, n), 6.9) for n in range(3)] == ["cooling", "cooling", "usable"]
        assert keys.census(7.0) == {"usable": 3}

    @pytest.mark.parametrize("dialect", [Dialect.TARGON, Dialect.OPENAI])
    def test_twenty_at_once_are_one_strike(self, dialect: Dialect) -> None:
        """Twenty calls under way when the limit is reached rest the account once, for 10 s; told once (D-34)."""
        keys = pool(1, dialect=dialect)
        held = [lease(keys, 0.0) for _ in range(20)]
        for number, one in enumerate(held):
            keys.give_back(one, Throttled(), 0.1 * number)

        account = held[0].key.account
        standing = account.standing if dialect is Dialect.TARGON else account.leaves[MODEL]
        assert standing.health == Cooling(10.0, 1)
        assert len(keys.taken_changes()) == 1

    @pytest.mark.parametrize("dialect", [Dialect.TARGON, Dialect.OPENAI])
    def test_a_late_one_is_no_strike_during_the_trial(self, dialect: Dialect) -> None:
        """A 429 of a call begun before the rest does not end the trial after it."""
        keys = pool(1, dialect=dialect)
        old = [lease(keys, 0.0), lease(keys, 0.0)]
        keys.give_back(old[0], Throttled(2.0), 0.0)
        lease(keys, 2.0)
        keys.give_back(old[1], Throttled(), 2.5)

        account = old[0].key.account
        standing = account.standing if dialect is Dialect.TARGON else account.leaves[MODEL]
        assert standing.health == Trial(1, 1)

    def test_a_late_one_with_a_longer_wait_is_believed(self) -> None:
        """The longer of two rests wins, though it is no further strike."""
        keys = pool(1, dialect=Dialect.TARGON)
        held = [lease(keys, 0.0) for _ in range(3)]
        for one, wait in zip(held, (20.0, 5.0, 60.0), strict=True):
            keys.give_back(one, Throttled(wait), 1.0)

        assert held[0].key.account.standing.health == Cooling(61.0, 1)

    def test_strikes_in_a_row_double(self) -> None:
        """Each trial that is throttled again doubles the rest: 10, 20, 40 s."""
        keys, now, rests = pool(1, dialect=Dialect.TARGON), 0.0, []
        for _ in range(3):
            once(keys, 0, Throttled(), now)
            back = keys.vacancy(MODEL, now).back
            assert back is not None
            rests.append(back - now)
            now = back

        assert rests == [10.0, 20.0, 40.0]

    def test_second_model_within_the_rest_is_the_account(self) -> None:
        """Where limits are per model, a second model told the same while the first rests cools the whole account."""
        keys = pool(1)
        keys.give_back(lease(keys, 0.0, Want("m")), Throttled(10.0), 0.0)
        assert keys.draw(Want("other"), 1.0) is not None
        keys.give_back(lease(keys, 1.0, Want("n")), Throttled(30.0), 1.0)

        assert the(keys, 0).account.standing.health == Cooling(31.0, 1)
        assert keys.draw(Want("third"), 12.0) is None

    def test_second_model_after_the_rest_is_its_own(self) -> None:
        """Once the first model's rest is over, the second one's is about that model alone."""
        keys = pool(1)
        keys.give_back(lease(keys, 0.0, Want("m")), Throttled(10.0), 0.0)
        keys.give_back(lease(keys, 10.0, Want("n")), Throttled(30.0), 10.0)

        assert the(keys, 0).account.standing.health == Ready()
        assert keys.draw(Want("m"), 12.0) is not None

    def test_what_was_begun_before_does_not_end_the_rest(self) -> None:
        """An answer that was under way comes, and is served; the account rests all the same."""
        keys = pool(1, dialect=Dialect.TARGON)
        old, told = lease(keys, 0.0), lease(keys, 0.0)
        keys.give_back(told, Throttled(30.0), 0.0)
        keys.give_back(old, Served(), 1.0)

        assert old.key.account.standing.health == Cooling(30.0, 1)
        assert keys.draw(Want(MODEL), 29.0) is None

    def test_trials_widen(self) -> None:
        """After the rest one call at a time, then 2, 4, 8, then as many as may be."""
        keys = pool(1, dialect=Dialect.TARGON)
        once(keys, 0, Throttled(1.0), 0.0)
        widths = []
        while type(the(keys, 0).account.standing.health) is not Ready:
            out = []
            while (drawn := keys.draw(Want(MODEL), 1.0)) is not None:
                out.append(drawn)
            widths.append(len(out))
            keys.give_back(out[0], Served(), 1.0)
            for one in out[1:]:
                keys.give_back(one, Abandoned(), 1.0)

        assert widths == [1, 2, 4, 8]


class ExhaustedTests:
    """No credit."""

    def test_rests_half_an_hour_and_more(self) -> None:
        """30 min, doubling to 6 h."""
        keys, now, rests = pool(3), 0.0, []
        for _ in range(6):
            once(keys, 0, Exhausted(), now)
            back = until_of(the(keys, 0).account.standing.health)
            rests.append((back - now) / 3600)
            now = back

        assert rests == [0.5, 1, 2, 4, 6, 6]

    def test_a_smaller_call_may_still_pass(self) -> None:
        """Targon's 400: fewer tokens than the least that failed are still asked for; served, they prove no more."""
        keys = pool(1, dialect=Dialect.TARGON)
        keys.give_back(lease(keys, 0.0, Want(MODEL, 4000)), Exhausted(sized=True), 0.0)
        assert keys.draw(Want(MODEL, 4000), 1.0) is None
        keys.give_back(lease(keys, 1.0, Want(MODEL, 500)), Exhausted(sized=True), 1.0)
        assert keys.draw(Want(MODEL, 500), 2.0) is None
        keys.give_back(lease(keys, 2.0, Want(MODEL, 50)), Served(), 2.0)

        assert the(keys, 0).account.standing.health == Spent(1800.0, 1)
        assert keys.draw(Want(MODEL), 3.0) is None

    def test_credit_again_is_credit_for_all(self) -> None:
        """When its trials after the rest are served, what it was short of is forgotten."""
        keys = pool(1, dialect=Dialect.TARGON)
        keys.give_back(lease(keys, 0.0, Want(MODEL, 4000)), Exhausted(sized=True), 0.0)
        for _ in range(4):
            keys.give_back(lease(keys, 1800.0, Want(MODEL, 4000)), Served(), 1800.0)

        assert the(keys, 0).account.short_of is None
        assert the(keys, 0).account.standing.health == Ready()

    def test_it_outweighs_a_429(self) -> None:
        """Of two calls under way, one is throttled and one finds no credit: the account has none."""
        keys = pool(1, dialect=Dialect.TARGON)
        first, second = lease(keys, 0.0), lease(keys, 0.0)
        keys.give_back(first, Throttled(5.0), 0.0)
        keys.give_back(second, Exhausted(), 0.0)

        assert keys.state_of(first.key, 1.0) == "exhausted"

    def test_many_at_once_are_one_strike(self) -> None:
        """Twenty calls without credit rest the account once."""
        keys = pool(1)
        for one in [lease(keys, 0.0) for _ in range(20)]:
            keys.give_back(one, Exhausted(), 0.0)

        assert the(keys, 0).account.standing.health == Spent(1800.0, 1)

    def test_a_probe_ends_it(self) -> None:
        """A probe that is served brings the account back before its time."""
        keys = pool(1)
        once(keys, 0, Exhausted(), 0.0)
        probe = keys.lease_for_probe(the(keys, 0), Want(MODEL, 1), 60.0)
        keys.give_back(probe, Served(), 61.0)

        assert keys.census(61.0) == {"usable": 1}


class BarredTests:
    """401, 403."""

    def suspect(self) -> KeyPool:
        """Three keys, of which the first was refused once."""
        keys = pool(3)
        once(keys, 0, Barred(), 0.0)
        return keys

    def test_suspect_is_not_drawn(self) -> None:
        """However long, until a probe has been sent (D-36)."""
        keys = self.suspect()

        assert the(keys, 0).standing.health == Suspect()
        assert {lease(keys, 1e6).key for _ in range(10)} == {the(keys, 1), the(keys, 2)}

    @pytest.mark.parametrize(
        ("outcome", "health"),
        [
            (Barred(), Out()),
            (Served(), Ready()),
            (FAULT, Suspect()),
            (Throttled(), Suspect()),
            (Abandoned(), Suspect()),
        ],
    )
    def test_probe_confirms_or_clears(self, outcome: Outcome, health: Health) -> None:
        """Refused again it is barred, served it is well; anything else says nothing about it."""
        keys = self.suspect()
        keys.give_back(keys.lease_for_probe(the(keys, 0), Want(MODEL, 1), 1.0), outcome, 2.0)

        assert the(keys, 0).standing.health == health

    def test_calls_under_way_do_not_confirm(self) -> None:
        """Two calls refused at once are one suspicion: only what was begun after it confirms it."""
        keys = pool(1)
        first, second = lease(keys, 0.0), lease(keys, 0.0)
        keys.give_back(first, Barred(), 1.0)
        keys.give_back(second, Barred(), 1.0)

        assert first.key.standing.health == Suspect()

    def test_calls_under_way_do_not_clear(self) -> None:
        """Nor is a call begun before the refusal a proof that the key is taken."""
        keys = pool(1)
        first, second = lease(keys, 0.0), lease(keys, 0.0)
        keys.give_back(first, Barred(), 1.0)
        keys.give_back(second, Served(), 1.0)

        assert first.key.standing.health == Suspect()

    def test_barred_stays_out(self) -> None:
        """Neither a probe nor time brings it back; that takes a hand or a changed file."""
        keys = self.suspect()
        for outcome in (Barred(), Served()):
            keys.give_back(keys.lease_for_probe(the(keys, 0), Want(MODEL, 1), 1.0), outcome, 2.0)

        assert keys.state_of(the(keys, 0), 1e9) == "barred"

    def test_disabled_by_hand_stays_so(self) -> None:
        """What the operator took out is not called suspect."""
        keys = pool(1)
        held = lease(keys, 0.0)
        held.key.standing.move(Disabled())
        keys.give_back(held, Barred(), 1.0)

        assert held.key.standing.health == Disabled()


class ModelFaultTests:
    """The vendor does not have the model."""

    def test_the_pair_rests(self) -> None:
        """The model is not asked for at this vendor for 30 s, other models are; once for many at a time (D-38)."""
        keys = pool(2)
        for one in [lease(keys, 0.0), lease(keys, 0.0)]:
            keys.give_back(one, ModelFault(), 0.0)

        assert keys.draw(Want(MODEL), 29.9) is None
        assert keys.draw(Want("other"), 1.0) is not None
        assert keys.draw(Want(MODEL), 30.0) is not None
        assert keys.census(1.0) == {"usable": 2}
