"""Setting aside what can't be read, where the operator has said so (`--recover`).

Decides nothing about what a damaged line may have meant: bytes are moved, never guessed at and never thrown away. What
was in a file is afterwards in it or in the one beside it, at any instant of a crash.
"""

from __future__ import annotations

import os
from typing import IO

from targon_gw.core.ledger import BadLine, read_line

from .daybook import Daybook, lines
from .folder import OURS_TO_READ, Damaged, beside, seen, sync_folder
from .snapshot import moment


def set_aside(path: str) -> str:
    """Give the file at `path` a name that nobody reads, and answer with it."""
    there = seen(path)
    assert there is not None
    aside = beside(path, "bad", moment(there))
    os.rename(path, aside)
    sync_folder(os.path.dirname(path))
    return aside


def keep_bytes(path: str, content: bytes) -> str:
    """Append `content` to the file of bad lines beside `path`, on the disk when this returns; answers with its name."""
    aside = f"{path}.bad"
    with _opened(aside, os.O_APPEND) as file:
        file.write(content if content.endswith(b"\n") else content + b"\n")
        _sync(file)
    sync_folder(os.path.dirname(path))
    return aside


def clean(book: Daybook) -> list[str]:
    """Take every bad line out of the file; one note each for what was moved. A packed file goes as a whole."""
    if book.packed:
        try:
            for _ in lines(book):
                pass
        except Damaged as damaged:
            return [f"{damaged}; the file is kept as {set_aside(book.path)}"]
        return []
    bad = _bad_lines(book.path)
    if not bad:
        return []
    aside = keep_bytes(book.path, b"".join(line if line.endswith(b"\n") else line + b"\n" for _, line, _ in bad))
    _rewrite(book.path, {number for number, _, _ in bad})
    return [f"{book.path}:{number}: {why}; the line is kept in {aside}" for number, _, why in bad]


def _bad_lines(path: str) -> list[tuple[int, bytes, str]]:
    found, last = [], 0
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                n, _ = read_line(line)
                if n <= last:
                    raise BadLine(f"its number is {n}, and that of the line before it is {last}")
                if not line.endswith(b"\n"):
                    raise BadLine("it has no end")
                last = n
            except BadLine as error:
                found.append((number, line, str(error)))
    return found


def _rewrite(path: str, without: set[int]) -> None:
    temporary = f"{path}.next"
    with open(path, "rb") as old, _opened(temporary, os.O_TRUNC) as new:
        for number, line in enumerate(old, 1):
            if number not in without:
                new.write(line)
        _sync(new)
    os.rename(temporary, path)
    sync_folder(os.path.dirname(path))


def _opened(path: str, how: int) -> IO[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | how
    return open(os.open(path, flags, OURS_TO_READ), "ab" if how & os.O_APPEND else "wb")


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
