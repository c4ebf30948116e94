"""Every model that we offer: who serves it, in which order, and what stands in for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from attrs import define, field, frozen

from .config import ModelSettings
from .dialects import FALLBACK_MAX_TOKENS
from .errors import Refusal
from .openai import Ask
from .pool import KeyPool

SLOWEST_PACE = 20.0
"""Tokens a second that a model which is well writes at least."""


@frozen(eq=False)
class Leg:
    """One way of serving a model: a vendor's pool, and the vendor's own name of the model."""

    pool: KeyPool
    upstream_id: str

    def patience(self, settings: ModelSettings, ask: Ask) -> float:
        """Seconds for the first token. An answer that is not streamed shows itself when the last one is written."""
        times = self.pool.settings.timeouts
        first = settings.first_token or times.first_token
        if ask.stream:
            return first
        patience = first + (ask.max_tokens or settings.max_tokens or FALLBACK_MAX_TOKENS) / SLOWEST_PACE
        return patience if patience < times.total else times.total


@define(eq=False)
class Model:
    """A model of the catalog. `fallback` stands in where none of the legs can answer."""

    settings: ModelSettings
    legs: tuple[Leg, ...]
    fallback: Model | None = None

    @property
    def id(self) -> str:
        """Its name in the catalog."""
        return self.settings.id

    @property
    def owner(self) -> str:
        """Who made it: what stands before the slash of its name."""
        maker, slash, _ = self.id.partition("/")
        return maker if slash else "targon-gw"


@define(eq=False)
class Catalog:
    """Models by name; an alias names the same Model."""

    _models: dict[str, Model] = field(factory=dict)
    """By every name, aliases too, in the file's order."""

    @classmethod
    def of(cls, models: tuple[ModelSettings, ...], pools: Mapping[str, KeyPool]) -> Catalog:
        """The catalog that the settings describe; they are taken to be checked."""
        found: dict[str, Model] = {}
        for settings in models:
            if settings.alias is None:
                names = pools if settings.routes is None else settings.routes
                legs = tuple(Leg(pools[name], settings.upstream_id or settings.id) for name in names)
                found[settings.id] = Model(settings, legs)
        for settings in models:
            if settings.fallback is not None and settings.id in found:
                found[settings.id].fallback = found.get(settings.fallback)
        by_id = {settings.id: settings for settings in models}
        named: dict[str, Model] = {}
        for settings in models:
            target = settings
            while target.alias is not None:
                target = by_id[target.alias]
            named[settings.id] = found[target.id]
        return cls(named)

    def resolve(self, name: str) -> Model:
        """The model that a client calls `name`; raises `Refusal` with the nearest names where there is none."""
        model = self._models.get(name)
        if model is None:
            shown = "".join(c if c.isprintable() else "�" for c in name[:64])
            near = get_close_matches(name[:64], self._models, 1, 0.5)
            hint = f"; did you mean '{near[0]}'?" if near else "; GET /v1/models lists what there is."
            raise Refusal("model_not_found", f"There is no model '{shown}'{hint}", "model")
        return model

    def __iter__(self) -> Iterator[tuple[str, Model]]:
        return iter(self._models.items())

    def __len__(self) -> int:
        return len(self._models)

    def find(self, name: str) -> Model | None:
        """The model of that name, or alias, if there is one."""
        return self._models.get(name)
