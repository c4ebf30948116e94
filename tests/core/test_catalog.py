"""Models by name."""

from __future__ import annotations

import pytest

from targon_gw.core.catalog import Catalog
from targon_gw.core.config import ModelSettings
from targon_gw.core.errors import Refusal
from tests.fakes import pool

POOLS = {"one": pool(name="one"), "two": pool(name="two")}


def catalog(*models: ModelSettings) -> Catalog:
    """Of those models, at two vendors."""
    return Catalog.of(models, POOLS)


class CatalogTests:
    """What the settings become."""

    def test_routes_in_order_of_trial(self) -> None:
        """As the model says; where it says nothing, every vendor in the file's order."""
        found = catalog(ModelSettings("m", routes=("two", "one")), ModelSettings("n", upstream_id="N"))

        assert [leg.pool.name for leg in found.resolve("m").legs] == ["two", "one"]
        assert [(leg.pool.name, leg.upstream_id) for leg in found.resolve("n").legs] == [("one", "N"), ("two", "N")]
        assert found.resolve("m").legs[0].upstream_id == "m"

    def test_alias_is_the_same_model(self) -> None:
        """Also an alias of an alias, in whatever order the file has them."""
        found = catalog(ModelSettings("c", alias="b"), ModelSettings("b", alias="a"), ModelSettings("a"))

        assert found.resolve("c") is found.resolve("b") is found.resolve("a")
        assert [name for name, _ in found] == ["c", "b", "a"]

    def test_fallback(self) -> None:
        """A model knows the one that stands in for it."""
        found = catalog(ModelSettings("a", fallback="b"), ModelSettings("b"))

        assert found.resolve("a").fallback is found.resolve("b")
        assert found.resolve("b").fallback is None

    @pytest.mark.parametrize(("name", "owner"), [("acme/large", "acme"), ("large", "targon-gw")])
    def test_owner(self, name: str, owner: str) -> None:
        """Who made it stands before the slash."""
        assert catalog(ModelSettings(name)).resolve(name).owner == owner

    def test_unknown(self) -> None:
        """The nearest name is offered, or else the list."""
        found = catalog(ModelSettings("deepseek-ai/DeepSeek-R1"))

        with pytest.raises(Refusal, match=r"did you mean 'deepseek-ai/DeepSeek-R1'\?") as near:
            found.resolve("deepseek-ai/DeepSeek-R2")
        with pytest.raises(Refusal, match="GET /v1/models") as far:
            found.resolve("zzz")
        assert {near.value.code, far.value.code} == {"model_not_found"}
        assert near.value.param == "model"
        assert found.find("zzz") is None

    def test_hostile_name_is_shown_harmless(self) -> None:
        """At most 64 characters, none of which moves a terminal's cursor."""
        with pytest.raises(Refusal) as refused:
            catalog().resolve("\x1b[2J" + "x" * 500)

        assert "\x1b" not in refused.value.message
        assert len(refused.value.message) < 200
