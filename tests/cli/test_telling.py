"""Tests of targon_gw/cli/telling.py."""

from __future__ import annotations

import csv
import io
import json

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.cli.telling import (
    Span,
    cell,
    clean,
    fail,
    many,
    print_json,
    span,
    tell_csv,
    tell_facts,
    tell_table,
    until,
    usd,
)


class SpanTests:
    """Lengths of time."""

    @pytest.mark.parametrize(
        ("typed", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("2h", 7200), ("7d", 604800), ("1.5h", 5400)]
    )
    def test_typed(self, typed: str, seconds: float) -> None:
        """A number with a unit, seconds without."""
        assert Span().convert(typed, None, None) == seconds

    @pytest.mark.parametrize("odd", ["", "0", "0s", "-5m", "5 m", "soon", "1e3", "٣s", "5ms"])
    def test_odd(self, odd: str) -> None:
        """Anything else is a mistake of usage."""
        with pytest.raises(click.BadParameter):
            Span().convert(odd, None, None)

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [
            (0.05, "0.1 s"),
            (-3, "0.0 s"),
            (9.96, "10 s"),
            (59.6, "1 min"),
            (130, "2 min 10 s"),
            (3600, "1 h"),
            (7800, "2 h 10 min"),
            (36000, "10 h"),
            (36060, "10 h"),
            (90000, "1 d 1 h"),
            (864001, "10 d"),
        ],
    )
    def test_told(self, seconds: float, words: str) -> None:
        """In the two largest units that matter."""
        assert span(seconds) == words

    def test_until(self) -> None:
        """How long it still is; nothing where there is no end."""
        assert (until(130.0, 100.0), until(None, 100.0)) == ("in 30 s", "")


class CleanTests:
    """Text of others."""

    @given(st.text())
    def test_nothing_moves_a_terminal(self, text: str) -> None:
        """Escapes, controls and marks of direction are shown as what they are: nothing that is text."""
        shown = clean(text)

        assert shown.isprintable()
        assert clean(shown) == shown

    def test_lines(self) -> None:
        """Line ends stay where they are wanted, and only they."""
        assert clean("a\nb\r\x1b[31m", lines=True) == "a\nb��[31m"


class CsvTests:
    """CSV."""

    @pytest.mark.parametrize("odd", ["=cmd()", "+1", "-1", "@x", "\t=1", "\r=1"])
    def test_formulas(self, odd: str) -> None:
        """F-23: what a spreadsheet would run is a text."""
        assert cell(odd) == f"'{odd}"

    def test_numbers_and_names(self) -> None:
        """Figures stay figures, a negative one too; names stay as they are."""
        assert [cell(value) for value in (-1, 1.5, None, True, "a-b", "")] == [-1, 1.5, None, True, "a-b", ""]

    def test_read_back(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Commas, quotes and line ends in a name come back as they were; columns that a row lacks are empty."""
        tell_csv(["name", "calls"], [{"name": 'a "b",\nc', "calls": 3}, {"name": "d"}])

        rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
        assert rows == [["name", "calls"], ['a "b",\nc', "3"], ["d", ""]]


class TableTests:
    """Tables."""

    def test_piped(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Through a pipe nothing is cut and nothing is coloured, and a name is no markup."""
        tell_table(["key", ">calls"], [("k-" + "1" * 100, 3), ("[red]x[/red]", None)], wide=("key",))
        head, first, second = capsys.readouterr().out.splitlines()

        assert head.split() == ["key", "calls"]
        assert first.split() == ["k-" + "1" * 100, "3"]
        assert second.strip() == "[red]x[/red]"

    def test_facts(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Names stand in a column of their own; a second line goes on below the first."""
        tell_facts([("a", "one\ntwo"), ("long", "x")])

        assert capsys.readouterr().out == "a     one\n      two\nlong  x\n"


class SmallTests:
    """Numbers and errors."""

    def test_money(self) -> None:
        """Whole cents are written so; less is written to the micro-dollar."""
        assert [usd(micro) for micro in (0, 10_000, 37, 1_234_560_000)] == ["0.00", "0.01", "0.000037", "1,234.56"]

    def test_many(self) -> None:
        """One is one."""
        assert (many(1, "key"), many(2, "key"), many(1234, "key")) == ("1 key", "2 keys", "1,234 keys")

    def test_fail(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A failure is a sentence on standard error and an exit code."""
        with pytest.raises(SystemExit) as ended:
            fail("no", 75)

        assert ended.value.code == 75
        assert capsys.readouterr() == ("", "targon-gw: no\n")

    def test_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        """JSON is written as people read it, in any script."""
        print_json({"name": "名"})

        out = capsys.readouterr().out
        assert (json.loads(out), "名" in out) == ({"name": "名"}, True)
