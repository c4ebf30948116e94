"""What is counted of a program that runs."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.counted import Count


class Mark(enum.Enum):
    """With one member."""

    HERE = "here"


class Point:
    """An object with an attribute of its own."""

    def __init__(self) -> None:
        self.x = 1


POINT = Point()


def of_an_object() -> int:
    """An attribute that the instruction is rewritten for."""
    return POINT.x


def of_an_enum() -> Mark:
    """One that it never is, in Python 3.11: the class of all Enum classes is asked each time."""
    return Mark.HERE


def counted(function: Callable[[], object], times: int, out: Path) -> list[str]:
    """The fields of `function`'s line, which has run for a while before."""
    for _ in range(1000):
        function()
    count = Count()
    count.begin()
    for _ in range(times):
        function()
    count.write(str(out))
    lines = [line.split("\t") for line in out.read_text("utf-8").splitlines()]
    (found,) = (line for line in lines if line[-1] == function.__qualname__)
    return found


@pytest.fixture(autouse=True)
def trace() -> Iterator[None]:
    """Whoever measures these tests goes on doing so behind each."""
    before = sys.gettrace()
    yield
    sys.settrace(before)


@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="its dis stumbles over what is being traced")
class CountTests:
    """A function's line."""

    def test_instructions_calls_and_where(self, tmp_path: Path) -> None:
        """Each call has as many instructions as the last one; from Python 3.12 on those of the first are not told."""
        instructions, calls, _, path, _ = counted(of_an_object, 10, tmp_path / "out")

        assert int(instructions) > 20 and int(instructions) % (10 if sys.version_info < (3, 12) else 9) == 0
        assert (calls, path) == ("10", __file__)

    @pytest.mark.skipif(sys.version_info >= (3, 12), reason="later Pythons rewrite the instruction for a class, too")
    def test_attributes_the_long_way(self, tmp_path: Path) -> None:
        """Those of an Enum are, each time; those of an object are not, once it is warm."""
        assert counted(of_an_enum, 10, tmp_path / "out")[2] == "10"
        assert counted(of_an_object, 10, tmp_path / "out")[2] == "0"

    def test_what_was_before_does_not_count(self, tmp_path: Path) -> None:
        """A second beginning counts anew."""
        count = Count()
        count.begin()
        of_an_object()
        count.begin()
        count.write(str(tmp_path / "out"))

        assert "of_an_object" not in (tmp_path / "out").read_text("utf-8")
