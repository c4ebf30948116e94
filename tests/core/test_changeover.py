"""What new settings change, worked out beforehand."""

from __future__ import annotations

from attrs import evolve

from targon_gw.core.attempts import Barred
from targon_gw.core.changeover import changeover, objection
from targon_gw.core.config import ClientSettings
from tests.fakes import config, gateway, key, lease_of, upstream


class ChangeoverTests:
    """From one Config to another."""

    def test_all_vendors_of_either(self) -> None:
        """One that comes has had no key, one that goes has none left, one that stays is compared."""
        before = config(upstream(2, "stays"), upstream(1, "goes"))
        after = config(upstream([key(1)], "stays"), upstream(3, "comes"))
        change = changeover(before, after)

        assert {name: (len(each.came), len(each.left)) for name, each in change.pools.items()} == {
            "stays": (0, 1),
            "comes": (3, 0),
            "goes": (0, 1),
        }
        assert {name for name, _ in change.removed} == {"stays", "goes"}
        assert change.is_from(before, after) and not change.is_from(after, before)
        assert not change.is_from(config(*before.upstreams), after)

    def test_clients(self) -> None:
        """Who goes, who comes, and who has other limits; whoever stays as he is is not looked at again."""
        ann, bob, new = (ClientSettings(name, f"{n:064x}") for n, name in enumerate(("ann", "bob", "new")))
        change = changeover(config(clients=(ann, bob)), config(clients=(evolve(ann), new))).clients

        assert (change.gone, change.changed) == (("bob",), (new,))
        assert change.named.keys() == {"ann", "new"} and change.keyring.named("new") is not None


class ObjectionTests:
    """What is well, and is not to be taken away by mistake."""

    def test_counts_what_is_well(self) -> None:
        """Keys that rest, are refused or are switched off are not among the usable, at whichever vendor."""
        before = config(upstream([key(0), key(1), key(2, enabled=False)]), upstream([key(0)], "other"))
        gate = gateway(before)
        pool = gate.pools["acme"]
        pool.give_back(lease_of(pool, 1, 0.0), Barred(), 0.0)

        said = objection(changeover(before, config(upstream([]), upstream([], "other"))), gate.pools, None, 0.0)
        assert said is not None and "2 of 2 usable" in said and "confirm_removal: 3" in said
        assert (
            objection(changeover(before, evolve(before, upstreams=before.upstreams[:1])), gate.pools, None, 0.0) is None
        )
