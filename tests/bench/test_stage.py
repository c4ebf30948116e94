"""What all measures share: the table and the record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import stage


class TableTests:
    """Figures for people."""

    def test_columns_are_as_wide_as_they_must(self) -> None:
        """Words to the left, figures to the right, as many digits as tell something, and a dash where there is none."""
        shown = stage.table("waits", ("", "ms"), [("short", 1.234), ("very long", 1234.5), ("none", None)])

        assert shown.splitlines()[1:] == [
            "waits",
            "                ms",
            "  short       1.23",
            "  very long   1234",
            "  none           -",
        ]


class WrittenTests:
    """The record."""

    def test_record_has_what_is_told_and_what_is_drawn(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The table is printed and kept, with the machine, the figures and the names of the charts beside it."""
        args = stage.arguments("lag", "What.", ["--json", str(tmp_path / "lag.json")])

        stage.written(args, "lag", "a table", {"a": 1}, {"lag-x.svg": "<svg/>"})

        kept = json.loads((tmp_path / "lag.json").read_text())
        assert (kept["measure"], kept["told"], kept["figures"]) == ("lag", "a table", {"a": 1})
        assert kept["charts"] == ["lag-x.svg"]
        assert (tmp_path / "lag-x.svg").read_text() == "<svg/>"
        assert capsys.readouterr().out == "a table\n"
