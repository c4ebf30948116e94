"""Keys out of brackets: JSON, lines of JSON, YAML's flow, lists as Python writes them.

It is more forgiving than a parser of any of them: what was pasted may be cut, have commas too many, or quotes of either
kind. An object may say of itself whose its keys are, before them or after.
"""

from __future__ import annotations

import re
from typing import Final

from attrs import define, evolve, field

from .config import Secret
from .keylike import (
    ACCOUNT_NAMES,
    LONGEST_NOTE,
    NOTE_NAMES,
    Fault,
    Found,
    account_of,
    bare,
    fault_of,
    note_of,
    read_pair,
)

DEEPEST: Final = 32
"""Brackets in brackets that are followed."""

_TOKEN = re.compile(
    r"\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+'|[\[\]{},]|(?<=[\"']):|:(?=[\s\"'\[{])|\n"
    r"|(?:\#|//)[^\n]*+|(?:[^\s\[\]{},:\"'\#]|:(?![\s\"'\[{]))++|\S"
)


@define(eq=False)
class _Bracket:
    """An open bracket: what stands in it by name, and what was found in it."""

    opening: str
    line: int
    rows: list[Found] = field(factory=list)
    members: list[tuple[str, str, int]] = field(factory=list)
    name: str | None = None
    """What the next value is called."""
    last: str | None = None
    """The word before; where a colon comes, it is a name."""

    def take_word(self, line: int) -> None:
        """The word before is a value."""
        word, self.last = self.last, None
        name, self.name = self.name, None
        if word is None:
            return
        if name is not None:
            self.members.append((name, word, line))
        elif self.opening != "{":
            value = bare(word)
            fault = fault_of(value)
            self.rows.append(Found(line, None if fault else Secret(value), fault=fault))

    def closed(self) -> list[Found]:
        """What it comes to."""
        account, note, rows = None, "", []
        for name, value, line in self.members:
            match name.strip("\"'` ").lower():
                case plain if plain in ACCOUNT_NAMES and fault_of(value) is not None:
                    account = account_of(value) or account
                case plain if plain in NOTE_NAMES and fault_of(value) is not None:
                    note = note_of(value)
                case _:
                    row = read_pair(line, name, value)
                    if row is not None:
                        rows.append(row)
        if any(row.secret for row in rows):  # what else it says is not about keys
            rows = [row for row in rows if row.secret is not None]
        elif rows or (self.opening == "{" and self.members and not self.rows):
            rows = (
                [Found(self.line, None, fault=next((row.fault for row in rows), Fault.NONE))] if not self.rows else []
            )
        rows = [evolve(row, note=row.note or note) for row in rows]
        return (
            [evolve(row, account=row.account or account) for row in [*rows, *self.rows]]
            if account
            else rows + self.rows
        )


def in_brackets(text: str, line: int) -> list[Found]:
    """What a text of brackets has; `line` is that of its beginning. What is never closed ends with the text."""
    stack = [_Bracket("", line)]
    for token in _TOKEN.findall(text):
        top = stack[-1]
        if token == "\n":
            top.take_word(line) if top.name is not None or top.opening != "{" else None
            line += 1
        elif token in ("[", "{"):
            if len(stack) > DEEPEST:
                return [*_closed(stack), Found(line, None, fault=Fault.DEEP)]
            top.name = top.last = None
            stack.append(_Bracket(token, line))
        elif token in ("]", "}"):
            top.take_word(line)
            if len(stack) > 1:
                stack.pop()
                stack[-1].rows += top.closed()
        elif token == ",":
            top.take_word(line)
        elif token == ":":
            top.name, top.last = top.last, None
        elif not token.startswith(("#", "//")):
            top.last = token if top.last is None else f"{top.last[:LONGEST_NOTE]} {token}"
    stack[-1].take_word(line)
    return _closed(stack)


def _closed(stack: list[_Bracket]) -> list[Found]:
    """All that is still open, closed."""
    while len(stack) > 1:
        top = stack.pop()
        stack[-1].rows += top.closed()
    return stack[0].rows
