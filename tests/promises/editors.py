"""How editors and people save a file: each way as its own system calls, with pauses where there may be some.

A way is done when it returns. On its way the file may be empty, half written, missing, or another one.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Final

Way = Callable[[Path, bytes, random.Random], None]


def truncate_and_write(path: Path, content: bytes, luck: random.Random) -> None:
    """`echo … > FILE`, nano."""
    path.write_bytes(content)


def write_slowly(path: Path, content: bytes, luck: random.Random) -> None:
    """Truncated, then written in pieces with pauses longer than the gateway waits for quiet; closed at the end."""
    with path.open("wb", buffering=0) as file:
        for at in _cuts(content, luck):
            time.sleep(luck.uniform(0.0, 0.35))
            file.write(content[at])


def write_over(path: Path, content: bytes, luck: random.Random) -> None:
    """In place, and cut to length at the end: for a moment the new and the old are in one file."""
    with path.open("r+b", buffering=0) as file:
        for at in _cuts(content, luck):
            file.write(content[at])
            time.sleep(luck.uniform(0.0, 0.1))
        file.truncate(len(content))


def rename_over(path: Path, content: bytes, luck: random.Random) -> None:
    """A temporary file beside it, then rename: Emacs, gedit, VS Code on some systems, what this project does."""
    temporary = path.with_name(f".{path.name}.{luck.randrange(10**6)}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def move_over(path: Path, content: bytes, luck: random.Random) -> None:
    """Written in another folder, then moved here: configuration management."""
    elsewhere = _beside(path, "elsewhere") / path.name
    elsewhere.write_bytes(content)
    elsewhere.replace(path)


def move_away_and_create(path: Path, content: bytes, luck: random.Random) -> None:
    """Vim with `backupcopy=no`: the old one becomes `FILE~`, the new one is written, the old one goes."""
    backup = path.with_name(f"{path.name}~")
    path.rename(backup)
    path.write_bytes(content)
    backup.unlink()


def copy_and_write(path: Path, content: bytes, luck: random.Random) -> None:
    """Vim with `backupcopy=yes`: a copy is kept while the file itself is written, with a swap file beside it."""
    backup, swap = path.with_name(f"{path.name}~"), path.with_name(f".{path.name}.swp")
    swap.write_bytes(b"b0VIM 9.1")
    backup.write_bytes(path.read_bytes())
    path.write_bytes(content)
    backup.unlink()
    swap.unlink()


def remove_and_create(path: Path, content: bytes, luck: random.Random) -> None:
    """Deleted, and there again a moment later."""
    path.unlink()
    time.sleep(luck.uniform(0.0, 0.5))
    path.write_bytes(content)


def save_twice(path: Path, content: bytes, luck: random.Random) -> None:
    """Saved half done by mistake, and again at once."""
    path.write_bytes(content[: luck.randrange(len(content))])
    time.sleep(luck.uniform(0.0, 0.1))
    path.write_bytes(content)


def turn_link(path: Path, content: bytes, luck: random.Random) -> None:
    """The file is a link to a release, and the link is turned."""
    release = _beside(path, "releases") / f"{path.name}.{time.monotonic_ns()}"
    release.write_bytes(content)
    link = path.with_name(f".{path.name}.link")
    link.symlink_to(release)
    link.replace(path)


def _beside(path: Path, name: str) -> Path:
    folder = path.parent / name
    folder.mkdir(exist_ok=True)
    return folder


def _cuts(content: bytes, luck: random.Random) -> list[slice]:
    """`content` in a few pieces."""
    cuts = sorted({0, len(content), *(luck.randrange(len(content)) for _ in range(3))})
    return [slice(*pair) for pair in pairwise(cuts)]


WAYS: Final[tuple[Way, ...]] = (
    truncate_and_write,
    write_slowly,
    write_over,
    rename_over,
    move_over,
    move_away_and_create,
    copy_and_write,
    remove_and_create,
    save_twice,
    turn_link,
)
