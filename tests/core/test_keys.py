"""Keys, accounts and leases, and what they say about themselves."""

from __future__ import annotations

import pytest

from targon_gw.core.config import Secret
from targon_gw.core.health import Cooling, Ready, Spent, Standing, Trial
from targon_gw.core.keys import Account, UpstreamKey
from tests.fakes import MODEL, lease, pool


class AccountTests:
    """Whether an account may be asked."""

    def test_limits_are_per_model(self) -> None:
        """An account that cools for one model serves the other."""
        account = Account("a", leaves={"m": Standing(Cooling(10.0, 1))})

        assert not account.may_serve("m", None, 9.0)
        assert account.may_serve("m", None, 10.0)
        assert account.may_serve("n", None, 9.0)

    @pytest.mark.parametrize(("tokens", "may"), [(99, True), (100, False), (None, False)])
    def test_smaller_calls_remain_possible(self, tokens: int | None, may: bool) -> None:
        """An account without credit for 100 tokens may be asked for fewer, not for as many or an unknown number."""
        account = Account("a", Standing(Spent(1000.0, 1)), short_of=100)

        assert account.may_serve("m", tokens, 0.0) is may

    def test_a_small_call_is_no_way_round_another_rest(self) -> None:
        """Where the account cools for a 429, being short of credit before is no leave to ask."""
        account = Account("a", Standing(Cooling(1000.0, 1)), short_of=100)

        assert not account.may_serve("m", 1, 0.0)

    def test_without_a_size_nothing_is_small(self) -> None:
        """A 402 is about calls of every size."""
        assert not Account("a", Standing(Spent(1000.0, 1))).may_serve("m", 1, 0.0)


class UpstreamKeyTests:
    """One key."""

    def test_secret_is_not_shown(self) -> None:
        """Neither the repr of a key nor that of its lease holds the secret (P19)."""
        keys = pool(1)
        held = lease(keys, 0.0)

        assert held.key.secret.reveal not in repr(held.key) + repr(held) + repr(keys)

    def test_load_is_by_weight(self) -> None:
        """Two leases on a key of weight 2 are as many as one on a key of weight 1."""
        key = UpstreamKey("k", Secret("x"), Account("a"), weight=2, in_flight=2)

        assert key.load == 1.0

    def test_first_token_is_a_moving_average(self) -> None:
        """The first figure stands; each further one moves it by a fifth of the way."""
        key = UpstreamKey("k", Secret("x"), Account("a"))
        key.noted_first_token(1.0)
        key.noted_first_token(2.0)

        assert key.first_token == 1.2


class LeaseTests:
    """Whether a lease was begun since a rest."""

    def test_fresh_until_something_rests(self) -> None:
        """Each of the standings has its own rests."""
        held = lease(pool(1), 0.0)
        held.key.standing.move(Cooling(1.0, 1))

        assert not held.fresh_on_key
        assert held.fresh_on_account
        assert held.fresh_on_route
        held.key.account.standing.move(Spent(1.0, 1))
        held.route.standing.move(Cooling(1.0, 1))
        assert not held.fresh_on_account
        assert not held.fresh_on_route

    def test_begun_before_the_first_throttling(self) -> None:
        """A lease begun where there was no leave of its own for the model is not fresh on the one there is now."""
        keys = pool(1)
        old = lease(keys, 0.0)
        old.key.account.leaves[MODEL] = Standing()

        assert not old.fresh_on_leave
        assert lease(keys, 0.0).fresh_on_leave

    def test_recovery_does_not_make_it_stale(self) -> None:
        """What a lease says still counts when the key is better than when it was begun."""
        held = lease(pool(1), 0.0)
        held.key.standing.move(Trial(2, 1))
        held.key.standing.move(Ready())

        assert held.fresh_on_key
