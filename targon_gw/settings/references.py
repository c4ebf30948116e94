"""What one part of the settings says about another: routes, aliases, fallbacks, probes.

These checks read the files as written, not the finished settings, so that a mistake elsewhere hides none of theirs.
Names are only ever compared; nothing is guessed where a file could not be read at all.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from targon_gw.core.config import ModelSettings

from .addresses import privacy_fault, url_fault
from .marks import Document
from .problems import Problem, did_you_mean

Named = dict[str, tuple[int, dict[str, object]]]
"""Entries of models.yaml by id: the place in the list, and the entry."""


def upstream_names(gateway: Document) -> tuple[str, ...] | None:
    """The names of the upstreams of gateway.yaml, in its order; `None` where that cannot be known."""
    if gateway.is_broken:
        return None
    plain = gateway.plain if isinstance(gateway.plain, dict) else {}
    upstreams = plain.get("upstreams")
    return tuple(upstreams) if isinstance(upstreams, dict) else ()


def check_references(gateway: Document, models: Document) -> list[Problem]:
    """Every name in the two files that names nothing, and every circle."""
    problems = list(_private_urls(gateway))
    if models.is_broken:
        return problems
    named: Named = {}
    problems += _duplicates(models, named)
    problems += _probes(gateway, named)
    problems += _links(models, named)
    problems += _circles(models, named, "alias")
    problems += _circles(models, named, "fallback")
    names = upstream_names(gateway)
    if names is not None:
        problems += _routes(models, names)
    return problems


def followed(models: list[ModelSettings]) -> tuple[ModelSettings, ...]:
    """`models` with every alias and fallback naming a real model, not another alias. There must be no circle."""
    aliases = {model.id: model.alias for model in models if model.alias is not None}

    def real(name: str | None) -> str | None:
        while name in aliases:
            name = aliases[name]
        return name

    return tuple(evolve(model, alias=real(model.alias), fallback=real(model.fallback)) for model in models)


def _private_urls(gateway: Document) -> Iterator[Problem]:
    """Addresses that need `allow_private: true` and do not have it."""
    for name, upstream in _upstreams(gateway).items():
        url = upstream.get("base_url")
        if not isinstance(url, str) or url_fault(url) or upstream.get("allow_private") is True:
            continue
        fault = privacy_fault(url)
        if fault:
            message = f"{fault}: it needs 'allow_private: true' in this upstream"
            yield gateway.problem(("upstreams", name, "base_url"), message)


def _upstreams(gateway: Document) -> dict[str, dict[str, object]]:
    plain = gateway.plain if isinstance(gateway.plain, dict) else {}
    upstreams = plain.get("upstreams")
    return {k: v for k, v in upstreams.items() if isinstance(v, dict)} if isinstance(upstreams, dict) else {}


def _entries(models: Document) -> Iterator[tuple[int, dict[str, object]]]:
    plain = models.plain if isinstance(models.plain, dict) else {}
    entries = plain.get("models")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            yield index, entry


def _duplicates(models: Document, named: Named) -> Iterator[Problem]:
    """Fills `named`; an id that is there already is a problem."""
    for index, entry in _entries(models):
        name = entry.get("id")
        if not isinstance(name, str):
            continue
        if name in named:
            place = models.place(("models", named[name][0]))
            line = place.line + 1 if place else 1
            yield models.problem(("models", index, "id"), f"'{name}' is already a model on line {line}")
        else:
            named[name] = (index, entry)


def _probes(gateway: Document, named: Named) -> Iterator[Problem]:
    for name, upstream in _upstreams(gateway).items():
        probe = upstream.get("probe")
        model = probe.get("model") if isinstance(probe, dict) else None
        if isinstance(model, str) and model not in named:
            path = ("upstreams", name, "probe", "model")
            yield gateway.problem(path, f"there is no model '{model[:64]}'{did_you_mean(model, named)}")


def _links(models: Document, named: Named) -> Iterator[Problem]:
    for index, entry in _entries(models):
        for link in ("alias", "fallback"):
            target = entry.get(link)
            if isinstance(target, str) and target not in named:
                message = f"there is no model '{target[:64]}'{did_you_mean(target, named)}"
                yield models.problem(("models", index, link), message)


def _circles(models: Document, named: Named, link: str) -> Iterator[Problem]:
    """One problem for each circle of `link`s, at the first of its members that is met."""
    done: set[str] = set()
    for start in named:
        way: dict[str, None] = {}
        name: object = start
        while isinstance(name, str) and name in named and name not in done and name not in way:
            way[name] = None
            name = _next(named, name, link)
        if isinstance(name, str) and name in way:
            circle = list(way)[list(way).index(name) :]
            # A circle of aliases alone is told as that, and not again as one of fallbacks.
            at = next((named[each][0] for each in circle if link in named[each][1]), None)
            if at is not None:
                shown = " → ".join([*circle[:8], circle[0]])
                yield models.problem(("models", at, link), f"this goes round in a circle: {shown}")
        done.update(way)


def _next(named: Named, name: str, link: str) -> object:
    """Where `name` leads to. A fallback may be an alias, and then it is the other model's that counts."""
    entry = named[name][1]
    return entry.get(link) if link == "alias" else entry.get("fallback", entry.get("alias"))


def _routes(models: Document, upstreams: tuple[str, ...]) -> Iterator[Problem]:
    for index, entry in _entries(models):
        routes = entry.get("routes")
        for number, route in enumerate(routes if isinstance(routes, list) else ()):
            if isinstance(route, str) and route not in upstreams:
                hint = did_you_mean(route, upstreams) or f"; it has: {', '.join(upstreams) or 'none'}"
                message = f"gateway.yaml has no upstream '{route[:64]}'{hint}"
                yield models.problem(("models", index, "routes", number), message)
            elif route in routes[:number]:  # type: ignore[index]
                yield models.problem(("models", index, "routes", number), f"'{route}' is already in this list")
