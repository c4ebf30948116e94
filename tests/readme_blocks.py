"""The code blocks of an .rst file, so that tests can run what readers will paste.

It knows the one form that this project's documents use: `.. code-block:: LANGUAGE`, options of the form `:name: text`
on the lines below it, a blank line, and the indented text.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

_DIRECTIVE = re.compile(r"^( *)\.\. code-block::(?: +(\S+))? *$")
_OPTION = re.compile(r"^ +:([\w-]+): *(.*)$")


@frozen
class Block:
    """A code block: its language, its text without the common indent, the line that its text starts on (from 1)."""

    language: str
    text: str
    line: int
    name: str | None = None
    """The block's `:name:`, by which a test asks for it."""


def blocks(document: str) -> Iterator[Block]:
    """Every code block of `document`, in order. Raises ValueError where one has no language or no text."""
    lines = document.splitlines()
    at = 0
    while at < len(lines):
        found = _DIRECTIVE.match(lines[at])
        at += 1
        if not found:
            continue
        if not found[2]:
            raise ValueError(f"line {at}: a code block without a language")
        options: dict[str, str] = {}
        while at < len(lines) and (option := _OPTION.match(lines[at])):
            options[option[1]] = option[2]
            at += 1
        begin = at
        while at < len(lines) and (not lines[at].strip() or lines[at].startswith(found[1] + " ")):
            at += 1
        text = textwrap.dedent("\n".join(lines[begin:at])).strip("\n")
        if not text.strip():
            raise ValueError(f"line {begin}: a code block without text")
        blank = next(number for number, line in enumerate(lines[begin:at]) if line.strip())
        yield Block(found[2], text + "\n", begin + blank + 1, options.get("name"))


def blocks_of(path: Path) -> list[Block]:
    """Every code block of a file."""
    return list(blocks(path.read_text("utf-8")))


def named(path: Path, name: str) -> Block:
    """The one block of a file that bears `name`. Raises LookupError where there is none, or more than one."""
    found = [block for block in blocks_of(path) if block.name == name]
    if len(found) != 1:
        raise LookupError(f"{path.name} has {len(found)} blocks named {name!r}")
    return found[0]
