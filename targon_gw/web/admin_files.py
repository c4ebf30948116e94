"""What the operator adds through the socket goes to files of our own; where a thing stands that is not in one is told.

`keys.d/added-DATE.yaml` and `clients.d/added-DATE.yaml`, beside the operator's files, are written whole: a temporary
file, synced, renamed. No other file is ever written. Each change comes with its undoing, for a reload that does not
take it. All of this touches the disk: to be called outside of the reactor's thread.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import yaml
from attrs import frozen

from targon_gw.core.config import Secret

from .admin_desk import Objection

LARGEST: Final = 4 << 20
"""Bytes of a settings file."""
_OURS: Final = re.compile(r"(?:added|imported)-[0-9A-Za-z-]{1,40}\.yaml")
SIGNED: Final = "# Written by targon-gw"
"""What a file of ours begins with."""
_HEAD: Final = f"{SIGNED}; it adds to this file and takes away from it. One entry a line, in JSON.\n"

Entries = dict[str, list[Any]]
"""A file: lists by the name at the top (an upstream, or `clients`)."""
Undo = Callable[[], None]


@frozen
class Place:
    """Where a thing stands: `line` counts from 1; `ours` where the file is one that we write."""

    path: str
    line: int
    ours: bool


def added_file(beside: str, day: str) -> str:
    """The file of ours for what is added on `day`, beside the operator's `keys.yaml` or `clients.yaml`."""
    return os.path.join(_folder(beside), f"added-{day}.yaml")


def _folder(beside: str) -> str:
    return os.path.splitext(beside)[0] + ".d"


def changed(path: str, change: Callable[[Entries], None]) -> Undo:
    """Have `change` alter what is in the file of ours at `path`, and write it; what puts back how it was.

    A file that is left with nothing is removed. Raises Objection where it can't be written, or is not as we write it.
    """
    before = _read(path)
    entries = _entries(path, before)
    change(entries)
    kept = {name: each for name, each in entries.items() if each}
    _write(path, _text(kept) if kept else None)
    return lambda: _write(path, before)


def replaced(path: str, text: str | None) -> Undo:
    """Put `text` in the place of the file of ours at `path`, `None` removes it; what puts back how it was.

    Raises Objection where what is there is no file of ours.
    """
    before = _read(path)
    if before and not _is_signed(before):
        raise _not_ours(path)
    if text is not None or before is not None:
        _write(path, text)
    return lambda: _write(path, before)


def entries_of(path: str) -> Entries:
    """What is in the file of ours at `path`; raises Objection where it is not as we write it."""
    return _entries(path, _read(path))


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(LARGEST)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Objection(409, "cannot_read", f"{path} cannot be read: {_why(error)}.") from None


def _is_signed(text: str | None) -> bool:
    """Whether it is the text of a file of ours."""
    return text is not None and text.startswith(SIGNED)


def _entries(path: str, text: str | None) -> Entries:
    try:
        plain = (yaml.safe_load(text or "") or {}) if not text or _is_signed(text) else None
    except yaml.YAMLError:
        plain = None
    if not isinstance(plain, dict) or not all(isinstance(each, list) for each in plain.values()):
        raise _not_ours(path)
    return plain


def _not_ours(path: str) -> Objection:
    return Objection(409, "not_ours", f"{path} is not as targon-gw writes it; mend it, or edit it by hand.")


def _text(entries: Mapping[str, list[Any]]) -> str:
    """JSON is YAML that cannot be misread: no plain word in it that is a number or a date to somebody."""
    lines = [_HEAD]
    for name, each in entries.items():
        lines.append(f"{json.dumps(name)}:\n")
        lines += [f"  - {json.dumps(entry, ensure_ascii=False, default=str)}\n" for entry in each]
    return "".join(lines)


def _write(path: str, text: str | None) -> None:
    """Put `text` in the place of what is at `path`, whole and synced; `None` removes it."""
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.new")
    try:
        if text is None:
            os.unlink(path)
        else:
            os.makedirs(folder, 0o700, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            os.rename(temporary, path)
        _sync(folder)
    except OSError as error:
        hint = f"The daemon's user must own the folder {folder}"
        raise Objection(409, "cannot_write", f"{path} cannot be written: {_why(error)}. {hint}.") from None


def _sync(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _why(error: Exception) -> str:
    return (error.strerror or "failed").lower() if isinstance(error, OSError) else "it is not UTF-8"


# where a thing stands


def place_of_key(keys: str, upstream: str, key_id: str) -> Place | None:
    """Where the key of that fingerprint stands, in `keys` or a file beside it; `None` where it is in none."""

    def is_it(folder: str, name: str | None, text: str) -> bool:
        return Secret(_secret(folder, name, text)).fingerprint == key_id

    return _place(keys, upstream, lambda node, folder: _lines(node, None, lambda name, text: is_it(folder, name, text)))


def _secret(folder: str, name: str | None, text: str) -> str:
    """The secret that a scalar of keys.yaml holds or, by the name before it, points at; "" where it is not there."""
    if name == "secret_env":
        return os.environ.get(text, "")
    if name != "secret_file":
        return text
    try:
        with open(os.path.join(folder, text), encoding="utf-8", errors="replace") as file:
            return file.read(1 << 16).rstrip("\r\n")
    except (OSError, ValueError):
        return ""


def place_of_client(clients: str, client: str) -> Place | None:
    """Where the client of that name stands, in `clients` or a file beside it; `None` where it is in none."""
    return _place(
        clients, "clients", lambda node, _: _lines(node, None, lambda name, text: name == "name" and text == client)
    )


def _place(beside: str, top: str, lines: Callable[[yaml.Node, str], Iterator[int]]) -> Place | None:
    for path in [beside, *_files(_folder(beside))]:
        try:
            node = yaml.compose(_read(path) or "", Loader=yaml.SafeLoader)
        except (yaml.YAMLError, Objection):
            continue  # it cannot be in force either
        for name, value in node.value if isinstance(node, yaml.MappingNode) else ():
            if name.value == top:
                for line in lines(value, os.path.dirname(path)):
                    return Place(path, line, _is_ours(beside, path))
    return None


def _files(folder: str) -> list[str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names if name.endswith(".yaml") and not name.startswith(".")]


def _is_ours(beside: str, path: str) -> bool:
    """By its name and its first line: a name alone may be an operator's own idea."""
    folder, name = os.path.split(path)
    return folder == _folder(beside) and _OURS.fullmatch(name) is not None and _is_signed(_read(path))


def _lines(node: yaml.Node, name: str | None, is_it: Callable[[str | None, str], bool]) -> Iterator[int]:
    """Lines, from 1, of the scalars that are it; `name` is what stands before the node's colon."""
    match node:
        case yaml.ScalarNode() if is_it(name, node.value):
            yield node.start_mark.line + 1
        case yaml.SequenceNode():
            for each in node.value:
                yield from _lines(each, None, is_it)
        case yaml.MappingNode():
            for before, value in node.value:
                yield from _lines(value, str(before.value), is_it)
