"""docs/operations.rst is complete: each event that is logged and each exit code is in it, and nothing that is not."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from targon_gw.cli import telling
from targon_gw.service import BAD_SETTINGS, FAILED, LOCKED

from .operations import Event, described, events, exits, trees

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = (ROOT / "docs" / "operations.rst").read_text("utf-8")


class ReadingTests:
    """The rules find what they are for."""

    def test_finds_events(self) -> None:
        """Whatever the logger is called, and whoever has it, its words are found; other methods are not."""
        text = (
            "log.warn('a {b}', b=1)\nself.log.failure('c')\n_log.info(\n'd')\nself._log.error('e')\nmath.log.x('f')\n"
        )

        assert {(event.level, event.text) for event in events(ast.parse(text))} == {
            ("warn", "a {b}"),
            ("failure", "c"),
            ("info", "d"),
            ("error", "e"),
        }

    def test_refuses_what_it_cannot_read(self) -> None:
        """A format string that is put together would not be found: it is an error."""
        with pytest.raises(ValueError, match="line 1"):
            list(events(ast.parse("log.warn(f'a {b}')")))

    def test_finds_terms(self) -> None:
        """A term is a format string with its level, and is explained."""
        assert described("``a {b}: c`` (warn)\n   Do.\n``d`` (info)\n\nno ``e`` (info)\n") == [
            Event("warn", "a {b}: c")
        ]

    def test_finds_exits(self) -> None:
        """The ways to end a process, with what they end with."""
        text = "sys.exit(A if b else 0)\nos._exit(B)\nself._give_up(C, 'x')\nfail('y', 2)\nself.fail(1, 2)\nfail('z')\n"

        assert sorted(exits(ast.parse(text))) == ["0", "2", "A", "B", "C"]


class DocumentTests:
    """docs/operations.rst."""

    def test_has_every_event(self) -> None:
        """What can be logged is described, once each, with the right level; and what is described can be logged."""
        logged = {event for _, tree in trees(ROOT / "targon_gw") for event in events(tree)}
        told = Counter(described(DOCUMENT))

        assert logged - told.keys() == set(), "not described"
        assert told.keys() - logged == set(), "described, and not logged"
        assert [event for event, times in told.items() if times > 1] == []

    def test_has_every_exit_code(self) -> None:
        """Processes end with codes that have a name, or with 0 and 2; the document has these and no other."""
        named = {"FAILED": FAILED, "LOCKED": LOCKED, "BAD_SETTINGS": BAD_SETTINGS, "0": 0, "2": 2}
        ours = [tree for path, tree in trees(ROOT / "targon_gw") if path.startswith("cli/") or path == "service.py"]
        used = {code for tree in ours for code in exits(tree)} - {"code"}
        table = DOCUMENT.partition("Exit codes\n")[2].partition("What the log says")[0]

        assert used == named.keys()
        assert {int(code) for code in re.findall(r"^(\d+) ", table, re.MULTILINE)} == set(named.values())
        assert (telling.FAILED, telling.LOCKED, telling.BAD_SETTINGS) == (FAILED, LOCKED, BAD_SETTINGS)

    def test_links_lead_somewhere(self) -> None:
        """Each file that it refers to exists."""
        links = re.findall(r"<([^<>\s]+)>`_", DOCUMENT)

        assert len(links) >= 6
        assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
