"""New settings for a gateway that is at work: all of them or none."""

from __future__ import annotations

import pytest
from attrs import evolve

from targon_gw.core.attempts import Served, Throttled
from targon_gw.core.changeover import changeover
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import ClientSettings, Config, ModelSettings, Retries, Secret, Share
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Gateway
from targon_gw.core.keys import Want
from tests.fakes import MODEL, config, gateway, key, lease, the, upstream

BOB = "sk-tg-another-client-of-the-tests"


def asks(gate: Gateway, secret: str) -> str:
    """The name of the client whose key that is; raises `Refusal`."""
    found = gate.identify(secret.encode(), "192.0.2.1", 0.0)
    assert isinstance(found, ClientKey)
    return found.name


class ReconfigureTests:
    """What changes, and what stays."""

    def test_all_of_it(self) -> None:
        """Keys, models, clients and rules are the new ones at once, and the diff names them."""
        gate = gateway(config(upstream(2)))
        bob = ClientSettings("bob", Secret(BOB).digest)
        new = config(upstream([key(1), key(5)]), models=[ModelSettings("n")], clients=(bob,), retries=Retries(7))

        diff = gate.reconfigure(new, 1.0)

        assert [k.id for k in gate.pools["acme"].keys.values()] == [key(n).secret.fingerprint for n in (1, 5)]
        assert gate.catalog.find(MODEL) is None and gate.catalog.find("n") is not None
        assert gate.rules.retries.attempts == 7 and gate.config is new
        assert str(diff) == (
            f"+1 key {key(5).secret.fingerprint}, −1 key {key(0).secret.fingerprint}, +1 model n, −1 model {MODEL}, "
            "+1 client bob, −1 client ann, retries.attempts 3→7"
        )

    def test_client_revoked(self) -> None:
        """A client that has left the file is refused at the next call; one that came is known."""
        gate = gateway()
        bob = ClientSettings("bob", Secret(BOB).digest)

        gate.reconfigure(evolve(gate.config, clients=(bob,)), 1.0)

        assert asks(gate, BOB) == "bob"
        with pytest.raises(Refusal, match="Invalid API key"):
            asks(gate, "sk-tg-a-client-of-the-tests")

    def test_not_at_all(self) -> None:
        """Settings that cannot be put in force change nothing: neither keys, nor models, nor clients."""
        gate = gateway(config(upstream(2)))
        before, catalog, pools = gate.config, gate.catalog, dict(gate.pools)
        bad = config(upstream(3), models=[ModelSettings("n", routes=("nobody",))], clients=())

        with pytest.raises(KeyError):
            gate.reconfigure(bad, 1.0)

        assert (gate.config, gate.catalog, gate.pools) == (before, catalog, pools)
        assert len(gate.pools["acme"].keys) == 2
        assert asks(gate, "sk-tg-a-client-of-the-tests") == "ann"

    def test_nothing_new(self) -> None:
        """The same settings again are no change, and move nothing."""
        gate = gateway(config(upstream(2)))
        gate.pools["acme"].give_back(lease(gate.pools["acme"], 0.0), Throttled(9.0), 0.0)
        told = list(gate.changes())

        assert not gate.reconfigure(config(upstream(2)), 1.0)
        assert told and list(gate.changes()) == []

    def test_running_call_finds_the_new_keys(self) -> None:
        """A call that runs goes on with the model that it has, and its next try with the keys that there are now."""
        gate = gateway(config(upstream(1)))
        (leg,) = gate.catalog.resolve(MODEL).legs

        gate.reconfigure(config(upstream([key(7)]), models=[ModelSettings("n")]), 1.0)

        assert lease(leg.pool, 1.0, Want(leg.upstream_id)).key.id == key(7).secret.fingerprint

    def test_budget_goes_on(self) -> None:
        """What is left of the budget of second tries is left; its share is the new one."""
        gate = gateway()
        budget = gate.rules.budget
        budget.left = 3.0

        gate.reconfigure(evolve(gate.config, retries=Retries(budget=Share(0.5))), 1.0)

        assert gate.rules.budget is budget and (budget.left, budget.share) == (3.0, 0.5)


class VendorTests:
    """Whole vendors that come and go."""

    @staticmethod
    def two(gate_keys: int = 1) -> Config:
        return config(upstream(gate_keys), upstream([key(9)], "other"))

    def test_leaves_and_finishes(self) -> None:
        """A vendor that has left is drawn from no more, and is kept in sight until its calls have ended."""
        gate = gateway(self.two())
        pool = gate.pools["other"]
        held = lease(pool, 0.0)

        diff = gate.reconfigure(config(upstream(1)), 1.0)

        assert str(diff) == f"−1 upstream other, −1 key {held.key.id} (1 call to finish)"
        assert pool.draw(Want(MODEL), 1.0) is None and gate.leaving == {"other": pool}
        pool.give_back(held, Served(), 2.0)
        gate.reconfigure(config(upstream(1)), 3.0)
        assert gate.leaving == {}

    def test_comes_back(self) -> None:
        """One that comes back meanwhile is the same, with its calls counted."""
        gate = gateway(self.two())
        pool = gate.pools["other"]
        held = lease(pool, 0.0)

        gate.reconfigure(config(upstream(1)), 1.0)
        gate.reconfigure(self.two(), 2.0)

        assert gate.pools["other"] is pool and gate.leaving == {}
        assert the(pool, 0) is held.key and held.key.in_flight == 1

    def test_new_one(self) -> None:
        """A new vendor serves at once."""
        gate = gateway()
        diff = gate.reconfigure(self.two(), 1.0)

        assert str(diff) == f"+1 upstream other, +1 key {key(9).secret.fingerprint}"
        assert [leg.pool.name for leg in gate.catalog.resolve(MODEL).legs] == ["acme", "other"]
        assert lease(gate.pools["other"], 1.0).key.id == key(9).secret.fingerprint


class ForeseenTests:
    """What was worked out beforehand."""

    def test_comes_to_the_same(self) -> None:
        """Settings are applied as if nothing had been, whether what they change was known or not."""
        new = evolve(config(upstream([key(1), key(5)])), clients=(ClientSettings("bob", "0" * 64),))
        two = [gateway(config(upstream(3))) for _ in range(2)]
        diffs = [
            gate.reconfigure(new, 1.0, change)
            for gate, change in zip(two, (None, changeover(two[1].config, new)), strict=True)
        ]

        assert diffs[0] == diffs[1] and str(diffs[0])
        assert [list(gate.pools["acme"].keys) for gate in two] == [[key(n).secret.fingerprint for n in (1, 5)]] * 2

    def test_is_not_gone_by_where_it_is_of_other_settings(self) -> None:
        """Others have come into force since: what changes is looked at again."""
        gate = gateway(config(upstream(1)))
        old, new = changeover(gate.config, config(upstream(3))), config(upstream([key(1), key(5)]))
        gate.reconfigure(config(upstream([key(7)])), 1.0)

        diff = gate.reconfigure(new, 2.0, old)
        assert len(diff.pools[0].added) == 2 and len(diff.pools[0].removed) == 1
        assert list(gate.pools["acme"].keys) == [key(n).secret.fingerprint for n in (1, 5)]
