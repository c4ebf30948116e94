"""Keys out of whatever somebody pasted: lines, commas, JSON, `.env`, YAML lists, tables, words around them.

It decides where a text has a key, whose it is and what is said of it, and for what looks meant as one and is none it
says why. It never guesses a key together out of parts. Each character is looked at a bounded number of times: a
megabyte of anything takes well under a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from attrs import define, evolve, field

from .brackets import in_brackets
from .config import Secret
from .keylike import (
    ACCOUNT_NAMES,
    NOTE_NAMES,
    Fault,
    Found,
    account_of,
    bare,
    fault_of,
    is_secret_name,
    note_of,
    read_pair,
)


def found_in(text: str) -> list[Found]:
    """All that `text` has, in its order."""
    if text.lstrip("\ufeff \t\r\n")[:1] in ("[", "{"):
        return in_brackets(text, 1)
    return _Lines().all(text)


_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_COMMENT = re.compile(r"(?:^|\s)(?:\#|//)\s*(?P<note>.*)$")
_BULLET = re.compile(r"(?:[-*•+]|[0-9]{1,6}[.)])\s+")
_PAIR = re.compile(
    r"(?:export\s+|set\s+)?(?P<name>\"[^\"]{1,256}\"|'[^']{1,256}'|[^\s:=,;|\"']{1,4096})"
    r"\s*(?P<sign>:\s|:$|[=:])\s*(?P<value>.*)"
)
_WORD = re.compile(r"\"[^\"]*+\"|'[^']*+'|[^\s,;|]+")
_DIVIDING: Final = "-=`~|+: []{}(),;"
"""A line of these alone only divides: `---`, a table's, the end of a list; so does a fence of Markdown."""


def _divides(line: str) -> bool:
    return not line.strip(_DIVIDING) or line.lstrip().startswith(("```", "~~~"))


@define(eq=False)
class _Item:
    """An entry of a YAML list: what it says holds for the keys in it."""

    column: int
    account: str | None = None
    note: str = ""
    rows: list[int] = field(factory=list)
    """Keys that it has and that are still nobody's."""


@define(eq=False)
class _Lines:
    """A text read line by line."""

    rows: list[Found] = field(factory=list)
    items: list[_Item] = field(factory=lambda: [_Item(-1)])

    def all(self, text: str) -> list[Found]:
        """What all lines have."""
        for number, raw in enumerate(text.split("\n"), 1):
            line = _UNSEEN.sub("", raw).replace("\t", "    ").replace("\xa0", " ").rstrip()
            if not _divides(line):
                self._line(number, line)
        return self.rows

    def _line(self, number: int, line: str) -> None:
        column = len(line) - len(line.lstrip())
        comment = _COMMENT.search(line)
        body = (line if comment is None else line[: comment.start()]).strip()
        note = "" if comment is None else note_of(comment["note"])
        if not body:
            return
        while self.items[-1].column >= column:
            self.items.pop()
        bullet = _BULLET.match(body)
        if bullet is not None:
            self.items.append(_Item(column, self.items[-1].account))
            body = body[bullet.end() :].strip()
        pair = _PAIR.fullmatch(body)
        if body[:1] in ("[", "{"):
            self._take(in_brackets(body, number), note)
        elif pair is not None and pair["value"][:1] in ("[", "{"):
            self._take(in_brackets(pair["value"], number), note)
        elif pair is not None and self._is_pair(pair):
            self._pair(number, pair["name"], pair["value"], note)
        else:
            self._take(list(_words(number, body)), note)

    @staticmethod
    def _is_pair(pair: re.Match[str]) -> bool:
        """Whether it is a name with one value, and not words with a colon somewhere or a row of a table."""
        words = _WORD.findall(pair["value"])
        known = pair["name"].strip("\"'").lower() in ACCOUNT_NAMES | NOTE_NAMES
        return known or len([word for word in words if fault_of(bare(word)) is None]) < 2

    def _pair(self, number: int, name: str, value: str, note: str) -> None:
        item, plain = self.items[-1], name.strip("\"'` ").lower()
        if not value:  # what is below it is listed
            return
        if plain in ACCOUNT_NAMES and fault_of(bare(value)) is not None:
            item.account = account_of(value) or item.account
            for at in item.rows:
                self.rows[at] = evolve(self.rows[at], account=self.rows[at].account or item.account)
            item.rows.clear()
        elif plain in NOTE_NAMES and fault_of(bare(value)) is not None:
            if self.rows and item.rows and item.rows[-1] == len(self.rows) - 1 and not self.rows[-1].note:
                self.rows[-1] = evolve(self.rows[-1], note=note_of(value))
            else:
                item.note = note_of(value)
        else:
            words = _WORD.findall(value)
            if len(words) > 1 and fault_of(bare(value)) is not None:  # a key, and then what it is
                value, note = words[0] if words[0].lower() != "bearer" else value, note or note_of(" ".join(words[1:]))
            row = read_pair(number, name, value, note)
            self._take([] if row is None else [row], note)

    def _take(self, rows: list[Found], note: str) -> None:
        item = self.items[-1]
        for row in rows:
            account = row.account or item.account
            if row.secret is not None:
                said, item.note = row.note or note or item.note, ""
                if account is None:
                    item.rows.append(len(self.rows))
                self.rows.append(evolve(row, note=said, account=account))
            else:
                self.rows.append(row)


def _words(line: int, body: str) -> Iterator[Found]:
    """What a line of words has: keys, or one key with words around it."""
    words = [_unnamed(bare(word.rstrip(":"))) for word in _WORD.findall(body)]
    words = [word for word in words if word]
    faults = [fault_of(word) for word in words]
    keys = [word for word, fault in zip(words, faults, strict=True) if fault is None]
    if len(keys) == 1:
        at = faults.index(None)
        before = [word for word in words[:at] if not (is_secret_name(word) or word.rstrip(".)").isdigit())]
        account = account_of(before[0]) if len(before) == 1 else None
        note = note_of(" ".join([*([] if account else before), *words[at + 1 :]]))
        yield Found(line, Secret(keys[0]), note, account)
        for fault in (fault for word, fault in zip(words, faults, strict=True) if word.startswith(("sk-", "sn4_"))):
            if fault is not None:
                yield Found(line, None, fault=fault)
        return
    if not keys:
        if words and not all(_is_heading(word) for word in words):
            telling = [fault for fault in faults if fault is not None and fault is not Fault.NONE]
            yield Found(line, None, fault=telling[0] if telling else Fault.NONE)
        return
    for word, fault in zip(words, faults, strict=True):
        yield Found(line, Secret(word)) if fault is None else Found(line, None, fault=fault)


def _unnamed(word: str) -> str:
    """The key that `NAME=KEY` has; anything else as it is."""
    name, _, value = word.partition("=")
    return bare(value) if fault_of(bare(value)) is None and fault_of(name) is not None else word


def _is_heading(word: str) -> bool:
    """Whether it is the head of a table's column."""
    return word.lower() in ACCOUNT_NAMES | NOTE_NAMES or is_secret_name(word)
