"""The head of a record: which machine, which day, which revision; and what is no record is refused."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from bench import record


class HeadTests:
    """What stands above the figures."""

    def test_head_says_where_and_when(self) -> None:
        """The date is UTC and readable; Twisted's version is there; what was measured keeps its own names."""
        written = record.record("lag", {"worst_ms": 3.1})

        assert (written["measure"], written["worst_ms"]) == ("lag", 3.1)
        assert datetime.fromisoformat(written["date"]).utcoffset() is not None
        assert written["machine"]["packages"]["twisted"]
        assert written["machine"]["memory_mib"] > 100

    def test_processor_is_named(self) -> None:
        """By its model, wherever the line stands; a machine that names none is not guessed."""
        assert (
            record.cpu_model("processor : 0\nmodel name\t: A Processor @ 2 GHz\nflags : fpu\n") == "A Processor @ 2 GHz"
        )
        assert record.cpu_model("processor : 0\n") == ""

    def test_no_repository_has_no_revision(self, tmp_path: Path) -> None:
        """An unpacked release is measured without one."""
        assert record.revision(tmp_path) is None


class LoadTests:
    """Reading."""

    @pytest.mark.parametrize("text", ["[]", "{}", "{"])
    def test_what_is_no_record_is_refused(self, tmp_path: Path, text: str) -> None:
        """By the file's name, not by a traceback."""
        (tmp_path / "x.json").write_text(text)

        with pytest.raises(SystemExit, match=r"x\.json"):
            record.load(tmp_path / "x.json")
