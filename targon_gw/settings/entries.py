"""clients.yaml, clients.d and models.yaml: lists whose entries are judged one by one.

A bad entry hides nothing about the others. A client's key is kept as its digest only; the two things that must not
occur twice, a name and a key, are watched over all files of clients together.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, TypeVar

import attrs
from attrs import define, field

from targon_gw.core.config import ClientSettings, FormerKey, ModelSettings

from .marks import Document, Path
from .problems import Problem
from .shapes import ClientsFile, ClientShape, ModelsFile, ModelShape
from .structure import structured

T = TypeVar("T")
_ALIAS_TAKES = frozenset(("id", "alias", "summary"))


@define(eq=False)
class ClientsReader:
    """Reads the files of clients, one after another."""

    clients: list[ClientSettings] = field(factory=list)
    problems: list[Problem] = field(factory=list)
    _names: dict[str, str] = field(factory=dict)
    """Where each name was met."""
    _digests: dict[str, str] = field(factory=dict)
    """Which client has each digest."""
    _same: dict[Any, Any] = field(factory=dict)
    """Limits and quotas: clients with the same ones share them, so that a hundred thousand take less of memory, and of
    the processor's caches."""

    def read(self, document: Document) -> None:
        """Take in the clients of `document`."""
        for path, shape in _entries(document, ClientsFile, ClientShape, self.problems):
            digest = self._digest(document, path, shape)
            if digest is None or not self._is_new(document, path, shape.name, digest):
                continue
            values = attrs.asdict(shape, recurse=False)
            del values["key"], values["key_sha256"]
            if shape.former is not None:
                values["former"] = FormerKey(str(shape.former.key_sha256).lower(), shape.former.until)
            values["name"] = sys.intern(shape.name)  # one text in all dicts that a call looks it up in
            for name in ("limits", "quota"):
                values[name] = self._same.setdefault(values[name], values[name])
            self.clients.append(ClientSettings(digest=digest, **values))

    def _digest(self, document: Document, path: Path, shape: ClientShape) -> str | None:
        if (shape.key is None) == (shape.key_sha256 is None):
            self.problems.append(document.problem(path, "expected exactly one of key and key_sha256"))
            return None
        return shape.key.digest if shape.key is not None else str(shape.key_sha256).lower()

    def _is_new(self, document: Document, path: Path, name: str, digest: str) -> bool:
        """Whether neither the name nor the key has been met; problems otherwise."""
        place = document.place(path)
        here = f"{document.source.path}, line {place.line + 1 if place else 1}"
        # Names are compared as people read them: Ann and ann are one.
        first = self._names.setdefault(name.lower(), here)
        if first is not here:
            self.problems.append(document.problem((*path, "name"), f"the name '{name}' is already in {first}"))
        owner = self._digests.setdefault(digest, here)
        if owner is not here:
            self.problems.append(document.problem(path, f"the same key is already in {owner}"))
        return first is here and owner is here


def read_models(document: Document) -> tuple[list[ModelSettings], list[Problem]]:
    """The models of `document`, as written: aliases and fallbacks are not followed yet."""
    problems: list[Problem] = []
    models = []
    for path, shape in _entries(document, ModelsFile, ModelShape, problems):
        if shape.alias is not None:
            idle = _names_of(document, path) - _ALIAS_TAKES
            for name in sorted(idle):
                message = f"'{name}' means nothing beside alias: it is the other model's"
                problems.append(document.problem((*path, name), message, name=True))
        models.append(ModelSettings(**attrs.asdict(shape, recurse=False)))
    return models, problems


def _names_of(document: Document, path: Path) -> set[str]:
    """The names in the mapping at `path`."""
    value = document.plain
    for step in path:
        value = value[step]
    return set(value) if isinstance(value, dict) else set()


def _entries(document: Document, file_shape: type, shape: type[T], problems: list[Problem]) -> Iterator[tuple[Path, T]]:
    """The entries of the one list that `document` holds, each with its path; what is wrong goes to `problems`."""
    plain = document.plain
    if plain is None:
        return
    if not isinstance(plain, dict):
        problems.append(document.problem((), "expected a mapping of settings"))
        return
    (name,) = (attribute.name for attribute in attrs.fields(file_shape))
    problems += structured(document, {key: value for key, value in plain.items() if key != name}, file_shape, ())[1]
    entries = plain.get(name)
    if entries is None:
        return
    if not isinstance(entries, list):
        problems.append(document.problem((name,), "expected a list, each entry behind a '-'"))
        return
    for index, raw in enumerate(entries):
        path: Path = (name, index)
        entry, found = structured(document, raw, shape, path)
        problems += found
        if entry is not None:
            yield path, entry
