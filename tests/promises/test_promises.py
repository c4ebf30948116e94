"""The register of promises, the verdict that each script ends with, and the table of them all."""

from __future__ import annotations

import argparse
import ast
import json
from pathlib import Path

import pytest
from attrs import asdict

from tests.live.rig import ROOT
from tests.promises import all as everything
from tests.promises import verdict
from tests.promises.register import HERE, PROMISES, Promise
from tests.promises.verdict import Measured, Verdict, percentile

NUMBERS = {f"P{number}" for number in range(1, 27) if number != 11}
"""Those that there are."""
KEPT = Verdict("P9", "client gone", "1 s at most", "0.2 s", True, 3.0)


class RegisterTests:
    """What is promised, and where it is shown."""

    def test_complete(self) -> None:
        """Every promise has a script, and every script its own."""
        assert {one.number for one in PROMISES} == NUMBERS
        assert len({one.module for one in PROMISES}) == len(PROMISES)
        assert [one.module for one in PROMISES if not (HERE / f"{one.module}.py").exists()] == []

    @pytest.mark.parametrize("one", PROMISES, ids=lambda one: one.module)
    def test_short_form(self, one: Promise) -> None:
        """Each is a test as well: in the script itself, or where the register says."""
        path = ROOT / one.short if one.short else HERE / f"{one.module}.py"
        tree = ast.parse(path.read_text("utf-8"))
        names = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        names += [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]

        assert any(name.startswith("test_") or name.endswith("Tests") for name in names)

    def test_page(self) -> None:
        """docs/promises.rst names every script, with the figure that is promised."""
        page = everything.PAGE.read_text("utf-8")

        assert [one.module for one in PROMISES if f"``{one.module}``" not in page or one.promised not in page] == []


def work(options: argparse.Namespace, folder: Path) -> Measured:
    """What a script does: here it says what it was told."""
    assert options.count < 9, "more than there is\nand why"
    return Measured(f"{options.count} of 9", (("counted", options.count),), kept=options.count < 5)


class VerdictTests:
    """How a script ends."""

    @pytest.mark.parametrize(
        ("count", "status", "word"), [("3", 0, "3 of 9"), ("7", 1, "7 of 9"), ("9", 1, "more than there is")]
    )
    def test_one_line(
        self, count: str, status: int, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The last line says what was measured and whether it is as promised; so does the exit status, and JSON."""
        written = tmp_path / "verdict.json"
        ended = verdict.concluded(
            "client_gone", "It counts.", {"count": 1}, work, ["--count", count, "--json", str(written)]
        )
        last = capsys.readouterr().out.splitlines()[-1]

        assert ended == status
        assert last.startswith(f"P9 client gone: {word} (1 s at most")
        assert last.endswith("kept" if not status else "BROKEN")
        assert json.loads(written.read_text())["kept"] is not bool(status)

    def test_percentile(self) -> None:
        """p99 of a hundred is the last but none, the median of three the middle one."""
        assert percentile([float(at) for at in range(100)], 0.99) == 99.0
        assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0


class TableTests:
    """What `make promises` ends with."""

    def test_a_script_that_is_not_there(self) -> None:
        """It is a promise that is not kept."""
        assert not everything.run(Promise("P9", "client gone", "1 s", "no_such_script")).kept

    def test_for_people(self) -> None:
        """A line for each, with whether it is kept."""
        broken = Verdict("P10", "waits", "1 s", "2 s", False)

        assert everything.table([KEPT, broken]).splitlines() == [
            "P9 client gone  kept    0.2 s",
            "P10 waits       BROKEN  2 s",
        ]

    def test_for_the_page(self) -> None:
        """Each script has its row; one that was not run says so, one that is broken says so loudly."""
        came = {"client_gone": asdict(KEPT), "memory": {**asdict(KEPT), "kept": False, "measured": "too much"}}
        page = everything.page(came)

        assert page.count("   * - ") == len(PROMISES) + 1
        assert "     - 0.2 s" in page and "     - **broken**: too much" in page and "not run yet" in page

    def test_what_was_not_run_stays(self) -> None:
        """A record of some keeps what an earlier one knows of the others."""
        written = everything.kept_in({"memory": {"kept": True}}, {"verdicts": {"timing": {"kept": True}}})

        assert set(written["verdicts"]) == {"timing", "memory"} and written["measure"] == "promises"
