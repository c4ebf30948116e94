"""Where a change of the operator's files shows: which names in which folders, and what each file looks like now.

A path may lead through links (Kubernetes swaps `..data`, a release is a link that is moved), a file may not be there
yet, and keys.yaml has a keys.d beside it. So what is looked at is each link on the way, the file at the end, and where
something is missing, the name that would have to appear. Nothing is read but folders and links.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from attrs import define, field

from .reading import beside, files_in

MOST_LINKS: Final = 40
"""As Linux has it (path_resolution(7)): a path with more of them leads nowhere."""

KINDS: Final = (".yaml", ".yml")
"""How the names of settings files end; what ends otherwise holds one secret."""

Mark = tuple[int, ...] | None
"""What a file looks like from outside: two that are equal are the same file, unchanged. `None`: there is none."""


@define(eq=False)
class Names:
    """The names in one folder that matter; with `every`, those of all settings files."""

    only: set[str] = field(factory=set)
    every: bool = False

    def matter(self, name: str) -> bool:
        """Whether a change of the file of that name is one of the settings."""
        return name in self.only or (self.every and name.endswith(".yaml") and not name.startswith("."))


def folders_of(files: Iterable[str]) -> list[str]:
    """The folders whose files belong to `files`, whether they are there or not: keys.d for keys.yaml.

    A file that lies in such a folder has none of its own.
    """
    files = list(files)
    all_of_them = set(map(beside, files))
    found = [beside(file) for file in files if file.endswith(KINDS) and os.path.dirname(file) not in all_of_them]
    return list(dict.fromkeys(found))


def places_of(files: Iterable[str]) -> dict[str, Names]:
    """The names that matter by real folder, for `files` and the folders that belong to them."""
    files = list(files)
    found: dict[str, Names] = {}
    for path in [*files, *folders_of(files)]:
        for folder, name in _trail(path):
            found.setdefault(folder, Names()).only.add(name)
    for folder in folders_of(files):
        if os.path.isdir(folder):
            found.setdefault(os.path.realpath(folder), Names()).every = True
    return found


def _trail(path: str) -> Iterator[tuple[str, str]]:
    """Each link on the way to `path` and what is at its end, or the first thing that is missing: folder and name."""
    here, rest, links = "/", os.path.abspath(path).split("/")[::-1], 0
    while rest:
        name = rest.pop()
        if name in ("", "."):
            continue
        if name == "..":
            here = os.path.dirname(here)
            continue
        at = os.path.join(here, name)
        try:
            target = os.readlink(at)
        except OSError:
            if not rest or not os.path.lexists(at):
                yield here, name
                return
            here = at
            continue
        yield here, name
        links += 1
        if links > MOST_LINKS:
            return
        here = "/" if target.startswith("/") else here
        rest += target.split("/")[::-1]


def marks_of(files: Iterable[str]) -> Mapping[str, Mark]:
    """What `files` look like, and those in the folders that belong to them."""
    files = list(files)
    more = [file for folder in folders_of(files) for file in files_in(folder)]
    return {path: _mark(path) for path in dict.fromkeys([*files, *more])}


def marks_before(files: Iterable[str], moment: float) -> Mapping[str, Mark]:
    """What `files`, read since `moment` (Unix seconds), look like: one that has changed since looks like none that is.

    Nobody knows whether it was read before that or after.
    """
    marks = marks_of(files)
    return {path: () if mark is not None and mark[4] >= moment * 1e9 else mark for path, mark in marks.items()}


def _mark(path: str) -> Mark:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    # The time of the last change of any kind: a file that may be read at last is one that has changed.
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode)
