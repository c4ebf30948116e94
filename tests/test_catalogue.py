"""Every fault of the catalogue has a test that names it, or a line that says why not (docs/faults.rst, decision 17)."""

from __future__ import annotations

import re
from functools import cache

from docutils import nodes
from docutils.core import publish_doctree

from tests.numbers import LAST, NUMBERS, PAGE, ROOT, filled, named, named_in

DECISION = ROOT / "docs" / "decisions" / "0017-faults-that-do-not-apply.rst"
NOT_HERE = "decision 17"
AWAITED: frozenset[str] = frozenset({"E-27"})
"""Numbers whose tests are being written."""


@cache
def rows() -> list[tuple[str, ...]]:
    """The rows of the page's tables: number, fault, where, tests."""
    tree = publish_doctree(PAGE.read_text())
    found = [tuple(entry.astext() for entry in row.findall(nodes.entry)) for row in tree.findall(nodes.row)]
    return [row for row in found if row[0] != "Number"]


def excused() -> set[str]:
    """The numbers that the decision gives a line to before it comes to what is only answered otherwise."""
    text = DECISION.read_text().partition("Answered otherwise")[0]
    return set(re.findall(r"^- ([A-F]-\d\d):", text, re.MULTILINE))


class CatalogueTests:
    """The page, and what it says of the tests."""

    def test_every_number_has_one_row(self) -> None:
        """From A-01 to F-30, in order, none twice; each says what becomes of the fault."""
        assert [row[0] for row in rows()] == list(NUMBERS)
        assert len(NUMBERS) == sum(LAST.values()) == 182
        assert all(len(row[1]) > 10 for row in rows())

    def test_every_number_has_a_test_or_a_reason(self) -> None:
        """A number that no test names has its line in the decision; one that a test names has none there."""
        tested = set(named()) - AWAITED
        lacking = set(NUMBERS) - tested - excused() - AWAITED

        assert not lacking, f"no test names {sorted(lacking)}, and {DECISION.name} says nothing of them"
        assert not excused() & tested, sorted(excused() & tested)

    def test_tests_that_the_page_names(self) -> None:
        """Each is there and names the number; `python -m tests.numbers` mends the page."""
        by_number = named()
        for number, _, where, tests in rows():
            told = re.findall(r"tests/[^,\s]+", tests)
            assert set(told) <= by_number.get(number, set()), (number, told)
            assert bool(told) == (number not in excused() | AWAITED) or number in AWAITED, number
            assert (where == NOT_HERE) == (not told) or number in AWAITED, number

    def test_modules_that_the_page_names(self) -> None:
        """Each is there."""
        for number, _, where, _ in rows():
            for module in re.findall(r"[\w/]+\.py", where):
                assert (ROOT / "targon_gw" / module).is_file(), (number, module)


class NumbersTests:
    """How numbers are found, and the page filled."""

    def test_named_in(self) -> None:
        """Single numbers and ranges, in either spelling; nothing else that looks like one."""
        assert named_in("D-31, and B-01 to B-03; A-05 to 07") == {
            "D-31",
            "B-01",
            "B-02",
            "B-03",
            "A-05",
            "A-06",
            "A-07",
        }
        assert named_in("ISO-88 E-1 XD-31 UTF-16") == set()

    def test_filled(self) -> None:
        """A test that is wrong or missing is exchanged, one that is right stays, and a number without any is left."""
        first = "   * - A-01\n     - What\n       happens\n     - ``x.py``\n     - {}\n"
        page = first + "   * - A-02\n     - B\n     - C\n     - none\n"
        known = {"A-01": {"tests/a.py::T::test_a", "tests/live/b.py::test_b"}}
        both = "``tests/a.py::T::test_a``,\n       ``tests/live/b.py::test_b``"

        assert filled(page.format("none"), known) == page.format(both)
        assert filled(page.format("``tests/gone.py``"), known) == page.format(both)
        assert filled(page.format("``tests/live/b.py::test_b``"), known) == page.format("``tests/live/b.py::test_b``")
