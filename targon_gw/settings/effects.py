"""Which settings are understood and checked, and have no effect yet.

The table is the only place that says so: whoever gives a setting its effect deletes its line. An operator who sets one
of them is told, instead of believing in a limit that nobody keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from .marks import Document

WITHOUT_EFFECT: Final[Mapping[str, tuple[str, ...]]] = {
    "gateway": ("public_stats",),
    "models": ("models.*.summary",),
}
"""By file: names, with `*` for each name of a mapping and each entry of a list."""


def not_yet(documents: Mapping[str, Sequence[Document]]) -> list[str]:
    """The names of `WITHOUT_EFFECT` that are set in `documents`, which are by file as the table is."""
    return [
        name
        for file, names in WITHOUT_EFFECT.items()
        for name in names
        if any(_reached(document.plain, tuple(name.split("."))) for document in documents.get(file, ()))
    ]


def _reached(value: object, steps: tuple[str, ...]) -> bool:
    """Whether `steps` lead from `value` to something that is set."""
    if not steps:
        return True
    return any(_reached(child, steps[1:]) for child in _children(value, steps[0]))


def _children(value: object, step: str) -> Iterator[object]:
    match value:
        case dict() if step == "*":
            yield from value.values()
        case dict() if step in value:
            yield value[step]
        case list() if step == "*":
            yield from value
