"""A mistake in the operator's files, told as a compiler tells it: file, line, column, the line itself, a caret.

Problems are collected, never raised one by one; `SettingsError` carries all of them. Nothing here repeats a secret:
the source line comes masked out of `Source`.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from attrs import field, frozen

from .masking import shown_line

WIDEST: Final = 120
"""Characters of a source line that are shown, so that a caret stays on the line of a usual terminal."""
MOST_SHOWN: Final = 100
"""Problems that are printed; a file of a million mistakes has one cause."""
_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Where YAML 1.1 ends a line; `str.splitlines` knows more ends, and would count differently."""


@frozen
class Place:
    """A place in a file; both count from 0."""

    line: int
    column: int


@frozen(order=True)
class Problem:
    """One mistake. `line` and `column` count from 1; line 0 is the file as a whole, which has no line to show."""

    turn: int = field(repr=False)
    """The place of the file in the order of reading; problems sort by it."""
    path: str
    line: int
    column: int
    message: str
    source: str = ""

    def __str__(self) -> str:
        if not self.line:
            return f"{self.path}: {self.message}"
        number = f"{self.line:>6} | "
        shown, before = _window(self.source, self.column - 1)
        return (
            f"{self.path}:{self.line}:{self.column}: {self.message}\n"
            f"{number}{shown}\n{' ' * (len(number) - 2)}| {_blank(before)}^"
        )


class SettingsError(Exception):
    """The files cannot be used; `problems` says why, in the order of files and lines.

    `files` are those that were read, or looked for in vain: to mend one of them may mend it all.
    """

    def __init__(self, problems: Iterable[Problem], files: Iterable[str] = ()) -> None:
        self.files = tuple(files)
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__(self.problems)

    def __str__(self) -> str:
        texts = [str(problem) for problem in self.problems[:MOST_SHOWN]]
        if len(self.problems) > MOST_SHOWN:
            texts.append(f"and {len(self.problems) - MOST_SHOWN} more")
        return "\n".join(texts)


@frozen
class Source:
    """The text of one file, for showing lines of it. `sensitive` is a file that holds secrets."""

    path: str
    turn: int = 0
    sensitive: bool = False
    text: str = field(default="", repr=False)
    lines: tuple[str, ...] = field(init=False, repr=False)
    _shown: dict[int, str] = field(init=False, factory=dict, repr=False, eq=False)
    """Lines that have been masked: a file of one endless line has all its problems there."""

    @lines.default
    def _split(self) -> tuple[str, ...]:
        return tuple(_BREAK.split(self.text))

    def problem(self, place: Place | None, message: str) -> Problem:
        """`message` about `place`; about the file as a whole where that is `None`."""
        if place is None:
            return Problem(self.turn, self.path, 0, 0, message)
        line = self.lines[place.line] if place.line < len(self.lines) else ""
        column = min(place.column, len(line))
        if place.line not in self._shown:
            self._shown[place.line] = shown_line(line, self.sensitive)
        return Problem(self.turn, self.path, place.line + 1, column + 1, message, self._shown[place.line])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`"; did you mean 'x'?"` where one of `known` is close to `word`, else nothing."""
    # Comparing costs the product of the lengths: a long word resembles no setting.
    close = difflib.get_close_matches(word, list(known), 1) if len(word) <= 64 else []
    return f"; did you mean '{close[0]}'?" if close else ""


def _window(line: str, column: int) -> tuple[str, str]:
    """The part of `line` around `column` that is shown, and what of it stands before `column`."""
    line = line.rstrip()
    if len(line) <= WIDEST:
        return line, line[:column].ljust(column)
    start = max(0, min(column - WIDEST // 2, len(line) - WIDEST))
    return line[start : start + WIDEST], line[start:column].ljust(column - start)


def _blank(text: str) -> str:
    """White space as wide as `text` on a terminal."""
    return "".join(map(_space, text))


def _space(character: str) -> str:
    """White space as wide as `character`."""
    if character == "\t":
        return "\t"
    if unicodedata.combining(character):
        return ""
    return "  " if unicodedata.east_asian_width(character) in "WF" else " "
