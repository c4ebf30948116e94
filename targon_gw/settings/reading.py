"""Files of the operator, read whole and within bounds; nothing is ever written.

A pipe, a device or a folder in the place of a file is refused, not waited for: settings are read again inside the
running daemon.
"""

from __future__ import annotations

import os
import stat
from typing import Final

from .marks import Document, parse
from .problems import Problem, Source

LARGEST: Final = 4 << 20
"""Bytes of a settings file: some 40,000 keys."""
LARGEST_SECRET: Final = 64 << 10
"""Bytes of a file with one secret."""


class Unreadable(Exception):
    """The file cannot be used; the message says why, and nothing of what is in it."""


def read_bytes(path: str, largest: int) -> bytes:
    """The content of the regular file at `path`; `Unreadable` if there is none, or more than `largest` bytes."""
    try:
        # Non-blocking: opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise Unreadable("cannot be read: no file has such a name") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Unreadable("cannot be read: not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)
    if len(content) > largest:
        raise Unreadable(f"is larger than {largest} bytes")
    return content


def read_document(path: str, turn: int, sensitive: bool) -> Document:
    """The YAML file at `path`; what is wrong with it is in the document's problems."""
    source = Source(path, turn, sensitive)
    try:
        content = read_bytes(path, LARGEST)
    except Unreadable as error:
        return Document(source, None, (source.problem(None, str(error)),), is_broken=True)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        problem = Problem(turn, path, line, column, "this is not UTF-8", "")
        return Document(source, None, (problem,), is_broken=True)
    return parse(Source(path, turn, sensitive, text))


def beside(path: str) -> str:
    """The folder for more of what is in the file at `path`: keys.d for keys.yaml."""
    return os.path.splitext(path)[0] + ".d"


def folder_beside(path: str) -> list[str]:
    """The files of the folder beside `path` that belong to it, in order of name: keys.d/*.yaml for keys.yaml."""
    return files_in(beside(path))


def files_in(folder: str) -> list[str]:
    """The settings files in such a folder, in order of name; none where there is no folder."""
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return []
    except OSError:
        # It is there and cannot be listed: reading it as a file says so, with its name.
        return [folder]
    return [os.path.join(folder, name) for name in names if name.endswith(".yaml") and not name.startswith(".")]
