"""What becomes of keys that somebody pasted, before anything does: which are new, which are not, and which are none.

It judges; it adds nothing. The first of two alike is taken, and one that a pool has already is left alone. Of two keys
that differ and have one fingerprint, by which everybody knows keys, the second is refused. Nothing in here shows a
secret.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from .config import Secret
from .keylike import SAYS, Fault, Found
from .pasted import found_in

LARGEST: Final = 1 << 20
"""Characters: some ten thousand keys with a note each."""
MOST_LINES: Final = 20_000
MOST_NAMED: Final = 12
"""Ids and lines in one part of the summary."""


class TooMuch(ValueError):
    """More was pasted than is looked at; the text says how much that is."""


class Verdict(enum.Enum):
    """What a row is."""

    NEW = "new"
    TWICE = "twice"
    """It stands further up in what was pasted."""
    KNOWN = "known"
    """A pool has it already."""
    MALFORMED = "malformed"


@frozen
class Row:
    """One key as it was pasted, or what was meant as one. `line` counts from 1."""

    line: int
    verdict: Verdict
    secret: Secret | None = None
    note: str = field(default="", repr=False)
    account: str | None = field(default=None, repr=False)
    fault: Fault | None = None
    of: int | None = None
    """The line on which a row that is `TWICE` stands first."""

    @property
    def why(self) -> str:
        """Why it is not taken, for people; "" where it is."""
        match self.verdict:
            case Verdict.TWICE:
                return f"the same key is on line {self.of}"
            case Verdict.KNOWN:
                return "the gateway has this key already"
            case Verdict.MALFORMED:
                return SAYS[self.fault or Fault.NONE]
            case _:
                return ""

    def to_plain(self) -> dict[str, Any]:
        """For JSON: the secret masked, and by its fingerprint."""
        secret = self.secret
        return {
            "line": self.line,
            "verdict": self.verdict.value,
            "id": None if secret is None else secret.fingerprint,
            "masked": None if secret is None else masked(secret),
            "account": self.account,
            "note": self.note,
            "fault": None if self.fault is None else self.fault.value,
            "of": self.of,
            "why": self.why,
        }


@frozen
class Intake:
    """All rows, in the order in which they stand."""

    rows: tuple[Row, ...]

    def of(self, verdict: Verdict) -> list[Row]:
        """The rows that are that."""
        return [row for row in self.rows if row.verdict is verdict]

    def counts(self) -> dict[str, int]:
        """`lines` that hold something, and how many rows there are of each verdict."""
        lines = len({row.line for row in self.rows})
        return {"lines": lines, **{verdict.value: len(self.of(verdict)) for verdict in Verdict}}

    def summary(self) -> str:
        """`lines 820 · new 812 · duplicate 5 (3 in paste, 2 in pool: k-07, k-11) · malformed 3 (lines 17, 40, 41)`."""
        counts = self.counts()
        twice, known = counts["twice"], self.of(Verdict.KNOWN)
        parts = [f"lines {counts['lines']}", f"new {counts['new']}"]
        where = [f"{twice} in paste"] if twice else []
        if known:
            where.append(f"{len(known)} in pool: {_list([row.secret.fingerprint for row in known if row.secret])}")
        parts.append(f"duplicate {twice + len(known)}" + (f" ({', '.join(where)})" if where else ""))
        bad = [str(line) for line in dict.fromkeys(row.line for row in self.of(Verdict.MALFORMED))]
        lines = f" ({'line' if len(bad) == 1 else 'lines'} {_list(bad)})" if bad else ""
        parts.append(f"malformed {counts['malformed']}{lines}")
        return " · ".join(parts)


def masked(secret: Secret) -> str:
    """A key as people recognise it: `sn4_…a1f2`; a short one shows less."""
    text = secret.reveal
    prefix = next((known for known in ("sk-", "sn4_") if text.startswith(known)), "")
    return f"{prefix}…{text[-4:] if len(text) >= 20 else text[-2:]}"


def take_in(text: str, known: Mapping[str, Secret]) -> Intake:
    """What `text` has; `known` are the keys that there are, by fingerprint. Raises `TooMuch`."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > LARGEST:
        raise TooMuch(f"It is longer than {LARGEST} characters: import it in parts.")
    if text.count("\n") >= MOST_LINES:
        raise TooMuch(f"It has more than {MOST_LINES} lines: import it in parts.")
    first: dict[str, tuple[int, Secret]] = {}
    return Intake(tuple(_judged(found, first, known) for found in found_in(text)))


def _judged(found: Found, first: dict[str, tuple[int, Secret]], known: Mapping[str, Secret]) -> Row:
    secret = found.secret
    if secret is None:
        return Row(found.line, Verdict.MALFORMED, fault=found.fault)
    id = secret.fingerprint
    line, before = first.get(id, (0, secret))
    if before != secret or known.get(id, secret) != secret:
        return Row(found.line, Verdict.MALFORMED, fault=Fault.ALIKE)
    if line:
        return Row(found.line, Verdict.TWICE, secret, found.note, found.account, of=line)
    first[id] = found.line, secret
    verdict = Verdict.KNOWN if id in known else Verdict.NEW
    return Row(found.line, verdict, secret, found.note, found.account)


def _list(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
