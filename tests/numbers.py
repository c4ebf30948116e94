"""Which tests name which fault of the catalogue, as docstrings and the corpus of requests do.

A test names a fault by its number (`D-31`) or by a range (`B-01 to B-10`) in its docstring, or in that of its class or
module. docs/faults.rst is the catalogue; `python -m tests.numbers` fills the last column of its tables.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
LAST: Final = {"A": 33, "B": 22, "C": 19, "D": 51, "E": 27, "F": 30}
"""The catalogue's groups, and the last number of each."""
NUMBERS: Final = tuple(f"{group}-{number:02}" for group, last in LAST.items() for number in range(1, last + 1))
CORPUS: Final = {"asking": "tests/web/test_api_corpus.py::TurnedAwayTests"}
"""The tests that take a table of the corpus; the others belong to `CorpusTests`."""
OTHERS: Final = "tests/web/test_channel_corpus.py::CorpusTests"
PAGE: Final = ROOT / "docs" / "faults.rst"
FEW: Final = 3
"""Tests that the page names for a fault, of however many."""
_CELL: Final = r" {5}- .*\n(?: {7}.*\n)*"
_ROW: Final = re.compile(
    rf"(?P<head> {{3}}\* - (?P<number>[A-F]-\d\d)\n{_CELL}{_CELL} {{5}}- )(?P<tests>.*\n(?: {{7}}.*\n)*)"
)
_TEST: Final = re.compile(r"``(tests/[^`]*)``")
_NUMBER: Final = re.compile(r"\b([A-F])-(\d\d)(?: to (?:\1-)?(\d\d))?\b")


def named_in(text: str) -> set[str]:
    """The numbers that `text` names."""
    found = set()
    for group, first, last in _NUMBER.findall(text):
        found |= {f"{group}-{number:02}" for number in range(int(first), int(last or first) + 1)}
    return found


def documented(tree: ast.Module, path: str) -> Iterator[tuple[str, str]]:
    """What says in its docstring which fault it is about: the file, its classes and its tests, each with that text."""
    yield path, ast.get_docstring(tree) or ""
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name):
                yield f"{path}::{name}", ast.get_docstring(node) or ""
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef) and inner.name.startswith("test"):
                        yield f"{path}::{name}::{inner.name}", ast.get_docstring(inner) or ""
            case ast.FunctionDef(name=name) if name.startswith("test"):
                yield f"{path}::{name}", ast.get_docstring(node) or ""


def named() -> Mapping[str, set[str]]:
    """By number, the tests that name it."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in sorted((ROOT / "tests").rglob("*.py")):
        path = str(file.relative_to(ROOT))
        text = file.read_text()
        if "node_modules" in path or file.parent.name == "rehearsal":  # there the vendor is shown, not the gateway
            continue
        if file.parent.name == "corpus":
            for number in named_in(text):
                found[number].add(CORPUS.get(file.stem, OTHERS))
            continue
        tests = list(documented(ast.parse(text), path))
        if len(tests) > 1:  # a file without tests shows nothing
            for name, said in tests:
                for number in named_in(said):
                    found[number].add(name)
    return found


def filled(text: str, by_number: Mapping[str, set[str]]) -> str:
    """docs/faults.rst with tests in its last column: those that stand there and are right, others where none is.

    A number that no test names is left as it is.
    """

    def with_tests(row: re.Match[str]) -> str:
        right = by_number.get(row["number"], set())
        kept = [each for each in _TEST.findall(row["tests"]) if each in right] or chosen(right)
        if not kept:
            return row[0]
        return row["head"] + ",\n       ".join(f"``{each}``" for each in kept) + "\n"

    return _ROW.sub(with_tests, text)


def chosen(tests: set[str]) -> list[str]:
    """A few of many: single tests before classes and files, one with sockets among them."""
    ranked = sorted(tests, key=lambda each: (-each.count("::"), each))
    live = [each for each in ranked if each.startswith(("tests/live/", "tests/promises/"))]
    return [*[each for each in ranked if each not in live][: FEW - bool(live)], *live[:1]]


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(), named()))
