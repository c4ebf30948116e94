"""What looks like a key, and what is said beside one: whose it is, and notes.

It judges words alone, wherever they stood; nothing of them is repeated in a reason, and no key passes into a note.
Patterns are linear: a word may be as long as a megabyte.
"""

from __future__ import annotations

import enum
import re
from typing import Final

from attrs import field, frozen

from .config import SECRET_LIKE, Secret

LONGEST_NOTE: Final = 200
"""Characters of a note; what is longer is cut."""


class Fault(enum.Enum):
    """Why something is no key; the value is for machines, `SAYS` for people."""

    NONE = "no_key"
    SHORT = "short"
    LONG = "long"
    MASKED = "masked"
    VARIABLE = "variable"
    PLACEHOLDER = "placeholder"
    CHARACTERS = "characters"
    ELSEWHERE = "elsewhere"
    DEEP = "deep"
    ALIKE = "alike"
    """It has the fingerprint of another key, which is told from it by nothing else."""


SAYS: Final = {
    Fault.NONE: "nothing on it looks like a key",
    Fault.SHORT: "too short for a key",
    Fault.LONG: "too long for a key",
    Fault.MASKED: "masked or shortened: paste the whole key",
    Fault.VARIABLE: "names a variable: paste the key itself",
    Fault.PLACEHOLDER: "a placeholder, not a key",
    Fault.CHARACTERS: "holds characters that no key has",
    Fault.ELSEWHERE: "says where a key is: paste the key itself",
    Fault.DEEP: "nested too deeply",
    Fault.ALIKE: "another key has the same fingerprint: only one of the two can be used",
}


@frozen
class Found:
    """One key, or what was meant as one. Lines count from 1; `secret` is `None` where there is a `fault`."""

    line: int
    secret: Secret | None
    note: str = field(default="", repr=False)
    account: str | None = field(default=None, repr=False)
    fault: Fault | None = None


SHORTEST, SHORTEST_PLAIN, LONGEST = 12, 20, 4096
"""Characters of a key: with a prefix that is known, without one, at most."""
PREFIXED = re.compile(r"(?:sk-|sn4_)[A-Za-z0-9_.+/=-]+")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.~+/=-]*")
_MASK = re.compile(r"\*{3}|•|…|\.{3}|●|█|▪")
_PLACEHOLDER = re.compile(r"<.*>|\{\{.*\}\}|.*\b(?:your|example|placeholder|changeme|insert)[-_].*", re.I)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


def fault_of(word: str) -> Fault | None:
    """Why `word` is no key; `None`: it is one, by its looks."""
    if _MASK.search(word):
        return Fault.MASKED
    if word.startswith("$"):
        return Fault.VARIABLE
    if len(word) > LONGEST:
        return Fault.LONG
    prefixed = PREFIXED.fullmatch(word)
    if _PLACEHOLDER.fullmatch(word) or (prefixed and len(set(word.partition("-" if "-" in word else "_")[2])) == 1):
        return Fault.PLACEHOLDER
    if prefixed:
        return Fault.SHORT if len(word) < SHORTEST else None
    if not _PLAIN.fullmatch(word):
        return Fault.CHARACTERS if word.startswith(("sk-", "sn4_")) else Fault.NONE
    if not (re.search(r"[0-9]", word) and re.search(r"[A-Za-z]", word)):
        return Fault.NONE
    if len(word) < SHORTEST_PLAIN:
        return Fault.SHORT
    return Fault.NONE if "/" in word and len(word) < 2 * SHORTEST_PLAIN else None


_SECRET_NAME = re.compile(
    r"(?:[a-z0-9]*[_.-])*(?:api|secret|access|auth|bearer|vendor|model)?[_-]?"
    r"(?:keys?|secrets?|tokens?|value|sk|authorization|bearer)[_-]?[0-9]*"
)
ACCOUNT_NAMES: Final = frozenset(("account", "owner", "user", "email", "org", "organization", "organisation"))
NOTE_NAMES: Final = frozenset(("note", "notes", "comment", "label", "name", "remark", "description", "title"))
_ELSEWHERE: Final = frozenset(("secret_file", "secret_env"))
_PASSED_OVER: Final = frozenset(
    ("weight", "enabled", "confirm_removal", "id", "upstream", "state", "status", "created")
)
_ENVIRONMENT = re.compile(r"[A-Z][A-Z0-9_]*")


def is_secret_name(name: str) -> bool:
    return len(name) <= 64 and _SECRET_NAME.fullmatch(name.lower()) is not None


def note_of(text: str) -> str:
    """`text` as a note: one line, cut, without anything that looks like a key."""
    plain = "".join(c if c.isprintable() else " " for c in text[: 4 * LONGEST_NOTE])
    return SECRET_LIKE.sub("…", " ".join(plain.split()))[:LONGEST_NOTE].strip("\"'` ")


def account_of(word: str) -> str | None:
    """`word` where it may be an account's name and is no key."""
    word = word.strip("\"'` ")
    return word if _NAME.fullmatch(word) and fault_of(word) is not None and not SECRET_LIKE.search(word) else None


def read_pair(line: int, name: str, value: str, note: str = "") -> Found | None:
    """What `name: value` or `NAME=value` has; `None` where it is about something else."""
    name, value = name.strip("\"'` "), bare(value)
    if name.lower() in _ELSEWHERE:
        return Found(line, None, fault=Fault.ELSEWHERE)
    if name.lower() in _PASSED_OVER:
        return None
    fault, known = fault_of(value), PREFIXED.match(value) is not None
    if is_secret_name(name):
        if _ENVIRONMENT.fullmatch(name) and "_" in name:
            note = note or name
        return Found(line, None if fault else Secret(value), note, fault=fault)
    if fault_of(name) is None and fault is not None:  # the key first, and then what it is
        return Found(line, Secret(name), note_of(f"{value} {note}"))
    if _ENVIRONMENT.fullmatch(name):
        fault = fault or (None if known else Fault.NONE)
        return Found(line, None if fault else Secret(value), note or note_of(name), fault=fault)
    account = account_of(name)
    return Found(line, None if fault else Secret(value), note or ("" if account else note_of(name)), account, fault)


def bare(value: str) -> str:
    """A value without quotes, a scheme before it and what is left of a list behind it."""
    value = value.strip().rstrip(",;").strip("\"'` ")
    scheme, _, rest = value.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else value
