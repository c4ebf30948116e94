"""What a fault is, how its argument is read, and how a page of faults is gathered.

A fault has a name in words, the numbers of the catalogue of faults that it plays, one line that says what it does, and
a function from Scene to script. Its argument is read when it is ordered, so that a bad one is refused then.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from .scene import Scene
from .steps import Bytes, Events, Measure, Script

MOST_SECONDS = 86400.0
"""A day; a longer wait is surely a mistake in writing."""


class Moment(enum.Enum):
    """When a fault is committed."""

    ACCEPT = "accept"
    HEAD = "head"
    ANSWER = "answer"


@frozen
class Argument:
    """What may stand after a fault's name: a sentence for people, and what reads it (raises ValueError)."""

    says: str
    read: Callable[[str | None], Any]


@frozen
class Fault:
    """One way to misbehave."""

    name: str
    numbers: tuple[str, ...]
    summary: str
    takes: Argument
    moment: Moment
    commit: Callable[[Scene], Script]


def _nothing(text: str | None) -> None:
    if text:
        raise ValueError("takes no argument")


NOTHING = Argument("", _nothing)


def number(meaning: str, usual: int, least: int = 0, most: int = 1 << 40) -> Argument:
    """A whole number between `least` and `most`."""

    def read(text: str | None) -> int:
        value = int(text) if text else usual
        if not least <= value <= most:
            raise ValueError(f"must lie between {least} and {most}")
        return value

    return Argument(f"{meaning} (else {usual})", read)


def seconds(meaning: str, usual: float | None) -> Argument:
    """Seconds, more than none."""

    def read(text: str | None) -> float | None:
        value = float(text) if text else usual
        if value is not None and not (math.isfinite(value) and 0.0 < value <= MOST_SECONDS):
            raise ValueError("must be seconds, more than 0 and at most a day")
        return value

    return Argument(meaning if usual is None else f"{meaning} (else {usual:g})", read)


def word(meaning: str, words: tuple[str, ...]) -> Argument:
    """One of `words`; the first where none is given."""

    def read(text: str | None) -> str:
        if text and text not in words:
            raise ValueError("must be one of " + ", ".join(words))
        return text or words[0]

    return Argument(f"{meaning}: {', '.join(words)}", read)


def literal(meaning: str, usual: str) -> Argument:
    """Any printable text."""

    def read(text: str | None) -> str:
        if text and not (text.isprintable() and text.isascii()):
            raise ValueError("must be printable ASCII")
        return text or usual

    return Argument(f"{meaning} (else {usual})", read)


def measured(text: str | None, usual: int) -> Measure:
    """`7` is seven events, `120b` a hundred and twenty bytes."""
    if not text:
        return Events(usual)
    count = int(text.removesuffix("b"))
    if count < 0:
        raise ValueError("must not be negative")
    return Bytes(count) if text.endswith("b") else Events(count)


def after(usual: int) -> Argument:
    """How far the answer goes before the fault."""
    return Argument(f"after so many events, or bytes as in 120b (else {usual})", lambda text: measured(text, usual))


def fault(
    name: str, *numbers: str, takes: Argument = NOTHING, moment: Moment = Moment.ANSWER
) -> Callable[[Callable[[Scene], Script]], Fault]:
    """Make a Fault of a function from Scene to script; its docstring's first line becomes the summary."""

    def made(commit: Callable[[Scene], Script]) -> Fault:
        return Fault(name, numbers, (commit.__doc__ or "").strip().splitlines()[0], takes, moment, commit)

    return made


def gathered(names: Mapping[str, object]) -> tuple[Fault, ...]:
    """The faults among the names of a module, in the order in which they stand there."""
    return tuple(each for each in names.values() if isinstance(each, Fault))
