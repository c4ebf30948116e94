"""Tests of targon_gw/cli/usage.py."""

from __future__ import annotations

import csv
import datetime
import io
from pathlib import Path

import click
import pytest

from targon_gw.cli.usage import BY, FIGURES, Day
from targon_gw.core import ledger
from targon_gw.core.ledger import Sums
from tests.web.office import Office

from .desk import as_json, told, typed


def used(tmp_path: Path) -> Office:
    """An office with something counted."""
    office = Office(tmp_path)
    office.desk.ledger.totals["model"] = {
        "a/b": Sums(served=2, prompt=1000, completion=20, cost=37, probe_tokens=16),
        "=cmd()": Sums(refused=1),
    }
    return office


class UsageTests:
    """`targon-gw usage`."""

    def test_table(self, tmp_path: Path) -> None:
        """A line a model, and all of them together."""
        _, odd, one, total = told(used(tmp_path), "usage").splitlines()

        assert one.split() == ["a/b", "2", "2", "1,000", "20", "0", "16", "0.000037"]
        assert total.split() == ["in", "all", "3", "2", "1,000", "20", "0", "16", "0.000037"]
        assert odd.split()[0] == "=cmd()"

    def test_csv(self, tmp_path: Path) -> None:
        """F-23: every figure, by its name; a name that a spreadsheet would run is a text."""
        rows = list(csv.DictReader(io.StringIO(told(used(tmp_path), "usage", "--csv"))))

        assert [row["model"] for row in rows] == ["'=cmd()", "a/b"]
        assert (rows[1]["cost"], rows[1]["probe_tokens"], rows[0]["refused"]) == ("37", "16", "1")
        assert typed(used(tmp_path), "usage", "--csv", "--json").exit_code == 2

    def test_by_and_since(self, tmp_path: Path) -> None:
        """Both go to the socket as they are meant there."""
        found = as_json(used(tmp_path), "usage", "--by", "key", "--since", "2023-11-01")

        assert (found["by"], found["since"]) == ("key", "2023-11-01")
        assert typed(used(tmp_path), "usage", "--by", "colour").exit_code == 2

    def test_figures_are_those_of_the_ledger(self) -> None:
        """Nothing that is counted is left out of the CSV, and nothing is there that is not counted."""
        assert set(FIGURES) == {*ledger.FIGURES, "calls"}
        assert set(BY) == set(ledger.BY)


class DayTests:
    """`--since`."""

    def test_days(self) -> None:
        """A day as it is written, or so long ago, in UTC."""
        ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=7)

        assert Day().convert("2026-11-21", None, None) == "2026-11-21"
        assert Day().convert("7d", None, None) in {
            (ago + datetime.timedelta(seconds=late)).date().isoformat() for late in (0, 5)
        }

    @pytest.mark.parametrize("odd", ["2026-02-30", "yesterday", "999999999d", ""])
    def test_odd(self, odd: str) -> None:
        """What is no day is a mistake of usage."""
        with pytest.raises(click.BadParameter):
            Day().convert(odd, None, None)
