"""Tests of targon_gw/settings/marks.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.settings.marks import Document, Guess, parse, resolved
from targon_gw.settings.problems import Place, Source


def document(text: str) -> Document:
    """`text` as a file."""
    return parse(Source("a.yaml", text=text))


def messages(text: str) -> list[tuple[int, int, str]]:
    """Line, column and message of all that is wrong with `text`."""
    return [(problem.line, problem.column, problem.message) for problem in document(text).problems]


class ResolvedTests:
    """What a plain scalar means."""

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("true", True),
            ("false", False),
            ("null", None),
            ("~", None),
            ("", None),
            ("0", 0),
            ("-12", -12),
            ("3.5", 3.5),
            ("1e3", 1000.0),
            ("30s", "30s"),
            ("20%", "20%"),
            ("tcp:3811", "tcp:3811"),
            ("deepseek-ai/DeepSeek-R1", "deepseek-ai/DeepSeek-R1"),
        ],
    )
    def test_plain_scalars(self, text: str, value: object) -> None:
        """true, false, null and decimal numbers are themselves, the rest is text."""
        assert resolved(text) == value
        assert type(resolved(text)) is type(value)

    @pytest.mark.parametrize(
        ("text", "reading"),
        [
            ("no", "true or false"),
            ("on", "true or false"),
            ("Yes", "true or false"),
            ("True", "true or false"),
            ("NULL", "nothing"),
            ("010", "another number"),
            ("0x1f", "another number"),
            ("0o17", "another number"),
            ("089", "another number"),
            ("1_000", "another number"),
            ("12:30", "another number"),
            ("12:30:45", "another number"),
            (".5", "a number"),
            (".inf", "a number"),
            ("2027-01-01", "a date"),
        ],
    )
    def test_traps(self, text: str, reading: str) -> None:
        """What YAML 1.1 takes for something else is told apart (faults catalogue, E-12)."""
        found = resolved(text)

        assert isinstance(found, Guess)
        assert (str(found), found.reading) == (text, reading)

    def test_numbers_that_python_refuses(self) -> None:
        """A number of 5,000 digits, or one beyond any float, is text and raises nothing."""
        assert resolved("9" * 5000) == "9" * 5000
        assert isinstance(resolved("1e999"), str)


class ParseTests:
    """Places, and what is refused."""

    def test_places(self) -> None:
        """Each value and each name keeps the line and column at which it begins."""
        found = document("a: 1\nb:\n  - x\n  - {c: 中}\n")

        assert found.plain == {"a": 1, "b": ["x", {"c": "中"}]}
        assert found.place(("b", 1, "c")) == Place(3, 8)
        assert found.place(("b", 1, "c"), name=True) == Place(3, 5)
        assert found.place(("b", 1, "missing")) == Place(3, 4)

    @pytest.mark.parametrize(
        ("text", "line", "column", "said"),
        [
            ("a: 1\nb: 2\na: 3\n", 3, 1, "set twice: it is already on line 1"),
            ("a: &x 1\n", 1, 4, "anchors"),
            ("a: *x\n", 1, 4, "aliases"),
            ("a: !!python/object/apply:os.system [ls]\n", 1, 4, "tags"),
            ("a: !!str 1\n", 1, 4, "tags"),
            ("a: {<<: 1}\n", 1, 5, "merge keys"),
            ("no: 1\n", 1, 1, "a name that YAML reads as true or false: quote it"),
            ("12: 1\n", 1, 1, "a name that YAML reads as a number"),
            ("? [a]\n: 1\n", 1, 3, "a setting's name is a word"),
            ("a: 1\n---\nb: 1\n", 2, 1, "a second document"),
            ("a: [1\n", 2, 1, "while parsing a flow sequence"),
            ("a:\n\tb: 1\n", 2, 1, "cannot start any token"),
            ("a: 1\nb: \x1b[31m\n", 2, 4, "not allowed"),
            ("[" * 500, 1, 25, "nested more than 24 levels"),
        ],
    )
    def test_refusals(self, text: str, line: int, column: int, said: str) -> None:
        """What these files do not use is told with its place (faults catalogue, E-12)."""
        found = messages(text)

        assert [each[:2] for each in found][:1] == [(line, column)]
        assert said in found[0][2]

    def test_alias_bomb(self) -> None:
        """Aliases are never followed, so that ten lines cannot become gigabytes (faults catalogue, E-12)."""
        lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]

        assert len(messages("\n".join(lines))) == 60 + 2 * 59

    def test_quoted_traps_are_text(self) -> None:
        """A quoted scalar is the text that it shows."""
        plain = document("a: 'no'\nb: \"010\"\nc: '2027-01-01'\n").plain

        assert plain == {"a": "no", "b": "010", "c": "2027-01-01"}
        assert not any(isinstance(value, Guess) for value in plain.values())

    @given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=200))
    def test_any_text(self, text: str) -> None:
        """No text raises; whatever is wrong is a problem."""
        found = document(text)

        assert found.is_broken <= bool(found.problems)

    @given(st.text(alphabet="ab:- \n[]{}&*!?#'\"|>%@`,<\t0", max_size=60))
    def test_any_punctuation(self, text: str) -> None:
        """No heap of YAML's own signs raises."""
        assert isinstance(document(text), Document)
