"""Faults as things: their arguments, and how a page of them is gathered."""

from __future__ import annotations

from unittest import TestCase

from targon_gw.rehearsal.fault import NOTHING, Argument, fault, gathered, literal, measured, number, seconds, word
from targon_gw.rehearsal.scene import Scene
from targon_gw.rehearsal.steps import Bytes, Close, Events, Script


@fault("one", "D-01", takes=number("how many", 3))
def one(scene: Scene) -> Script:
    """Does one thing.

    And explains it.
    """
    yield Close()


class ArgumentTests(TestCase):
    """Arguments are read or refused."""

    def test_read(self) -> None:
        """What is given counts, else what is usual."""
        cases: list[tuple[Argument, str | None, object]] = [
            (NOTHING, None, None),
            (number("n", 3), None, 3),
            (number("n", 3), "9", 9),
            (seconds("s", 1.5), None, 1.5),
            (seconds("s", None), None, None),
            (seconds("s", 1.5), "0.25", 0.25),
            (word("w", ("a", "b")), None, "a"),
            (word("w", ("a", "b")), "b", "b"),
            (literal("l", "x"), "any thing", "any thing"),
        ]
        for argument, text, value in cases:
            assert argument.read(text) == value

    def test_refused(self) -> None:
        """What cannot be meant raises ValueError."""
        cases = [
            (NOTHING, "x"),
            (number("n", 3, 1, 5), "6"),
            (number("n", 3, 1, 5), "0"),
            (number("n", 3), "many"),
            (seconds("s", 1.0), "0"),
            (seconds("s", 1.0), "inf"),
            (seconds("s", 1.0), "nan"),
            (word("w", ("a", "b")), "c"),
            (literal("l", "x"), "a\r\nb"),
        ]
        for argument, text in cases:
            with self.subTest(text=text), self.assertRaises(ValueError):
                argument.read(text)

    def test_measured(self) -> None:
        """Plain numbers are events, those with a b are bytes."""
        assert (measured(None, 4), measured("7", 4), measured("0b", 4)) == (Events(4), Events(7), Bytes(0))


class FaultTests(TestCase):
    """Making faults of functions."""

    def test_summary_is_the_first_line(self) -> None:
        """What stands first in the docstring stands in the catalogue."""
        assert (one.name, one.numbers, one.summary) == ("one", ("D-01",), "Does one thing.")

    def test_gathered(self) -> None:
        """Of all names, the faults."""
        assert gathered({"a": 1, "one": one, "b": "x"}) == (one,)
