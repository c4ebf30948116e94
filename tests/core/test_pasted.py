"""Tests of targon_gw/core/pasted.py: where a text has keys, whose they are, and what is none."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.keylike import LONGEST_NOTE, fault_of
from targon_gw.core.pasted import found_in

KEY = [f"sn4_ab12cd34ef56gh78{n:04d}" for n in range(10)]
Told = list[tuple[int, str | None, str | None, str]]


def told(text: str) -> Told:
    """Line, key, account and note of all that is a key."""
    found = [one for one in found_in(text) if one.secret is not None]
    return [(one.line, one.secret.reveal if one.secret else None, one.account, one.note) for one in found]


def faults(text: str) -> list[tuple[int, str]]:
    """Lines of what is none, and why."""
    return [(one.line, one.fault.value) for one in found_in(text) if one.fault is not None]


class LineTests:
    """Texts of lines."""

    def test_lines(self) -> None:
        """One a line, with what is said behind it; comments and empty lines are nothing."""
        text = f"\ufeff{KEY[0]}\r\n\r\n# {KEY[9]}\n{KEY[1]} # spare\n  {KEY[2]}   // of the lab\n---\n"
        assert told(text.replace("\r", "")) == [
            (1, KEY[0], None, ""),
            (4, KEY[1], None, "spare"),
            (5, KEY[2], None, "of the lab"),
        ]
        assert faults(text) == []

    @pytest.mark.parametrize("between", [",", ", ", ";", " ", "\t", " | "])
    def test_many_on_a_line(self, between: str) -> None:
        """Several keys between commas and the like."""
        assert [row[1] for row in told(between.join(KEY[:4]) + between)] == KEY[:4]

    def test_environment(self) -> None:
        """`.env`: what is named as a key is one, and its name is the note; the rest is told to be none."""
        text = (
            f'export TARGON_KEY_1="{KEY[0]}"\nTARGON_KEY_2={KEY[1]} # spare\nDEBUG=1\n'
            f"BASE_URL=https://api.example/v1\nOTHER_KEY=${{ELSEWHERE}}\nDB_PASSWORD=abcdefgh12345678abcdefgh\nSPARE={KEY[2]}"
        )
        assert told(text) == [
            (1, KEY[0], None, "TARGON_KEY_1"),
            (2, KEY[1], None, "spare"),
            (7, KEY[2], None, "SPARE"),
        ]
        assert faults(text) == [(3, "no_key"), (4, "no_key"), (5, "variable"), (6, "no_key")]

    @pytest.mark.parametrize(
        "line", ["KEYS={0},{1}", "export KEYS='{0}'\nKEYS={1}", "a={0},b={1}", "one={0} {1}", "{0} two='{1}'"]
    )
    def test_names_are_no_part_of_keys(self, line: str) -> None:
        """What is before the sign of a `NAME=KEY` among several is left out of the key."""
        assert [row[1] for row in told(line.format(KEY[0], KEY[1]))] == KEY[:2]

    @pytest.mark.parametrize(
        ("line", "account", "note"),
        [
            ("alice: {}", "alice", ""),
            ("alice:{}", "alice", ""),
            ("alice = {}", "alice", ""),
            ('"alice": "{}",', "alice", ""),
            ("alice {}", "alice", ""),
            ("alice, {}, spare one", "alice", "spare one"),
            ("| alice | {} | spare one |", "alice", "spare one"),
            ("ann@example.org: {}", "ann@example.org", ""),
            ("two words {}", None, "two words"),
            ("key: {}", None, ""),
            ("api_key: '{}'", None, ""),
            ("Authorization: Bearer {}", None, ""),
            ("{}: spare one", None, "spare one"),
            ("{} for tests", None, "for tests"),
            ("1. {}", None, ""),
            ("- {}", None, ""),
            ("• `{}`", None, ""),
            ("{}\u200b", None, ""),
        ],
    )
    def test_words_around(self, line: str, account: str | None, note: str) -> None:
        """Whose it is, and what is said of it."""
        assert told(line.format(KEY[0])) == [(1, KEY[0], account, note)]
        assert faults(line.format(KEY[0])) == []

    def test_table(self) -> None:
        """Heads of columns and rules are nothing, in CSV and in Markdown."""
        text = (
            f"account,key,note\nalice,{KEY[0]},hello\n| account | key |\n|:---|---|\n| bob | {KEY[1]} |\n```json\n```"
        )
        assert [(row[0], row[2]) for row in told(text)] == [(2, "alice"), (5, "bob")]
        assert faults(text) == []

    def test_none(self) -> None:
        """Lines without a key say why; a broken one among good ones is told too."""
        assert faults(f"hello world\nsk-short\n{KEY[0]}, {KEY[1]}, oops\n{KEY[2]} sk-…") == [
            (1, "no_key"),
            (2, "short"),
            (3, "no_key"),
            (4, "masked"),
        ]

    def test_two_keys_are_no_pair(self) -> None:
        """Two keys with a colon between them are two keys."""
        assert [row[1] for row in told(f"{KEY[0]}: {KEY[1]}, {KEY[2]}")] == KEY[:3]


class ListTests:
    """YAML's lists, as keys.yaml has them."""

    def test_keys_yaml(self) -> None:
        """Our own file: accounts hold for the keys below them, and end where their entry does."""
        text = (
            f"targon:\n  - {KEY[0]}\n  - account: alice\n    weight: 2\n    keys:\n      - {KEY[1]}\n"
            f"      - {{secret: {KEY[2]}, note: spare}}\n      - {{secret_file: /run/k3}}\n"
            f"  - secret: {KEY[3]}\n    note: four\n    account: bob\n  - {KEY[4]}\n"
        )
        assert told(text) == [
            (2, KEY[0], None, ""),
            (6, KEY[1], "alice", ""),
            (7, KEY[2], "alice", "spare"),
            (9, KEY[3], "bob", "four"),
            (12, KEY[4], None, ""),
        ]
        assert faults(text) == [(8, "elsewhere")]

    def test_flow(self) -> None:
        """A list behind a name."""
        assert [row[1] for row in told(f"acme: [{KEY[0]}, {KEY[1]}]\nkeys = [\n  '{KEY[2]}',\n]")] == KEY[:3]


SHAPES = ["{0}\n{1}", '["{0}", "{1}"]', "A_KEY={0}\nB_KEY={1}", "- {0}\n- {1}", "{0},{1}", "alice: {0}\nbob: {1}"]
SECRETS = st.from_regex(r"sn4_[A-Za-z0-9]{10,60}", fullmatch=True).filter(lambda text: len(set(text[4:])) > 1)


class AnyTests:
    """Whatever is pasted."""

    @given(st.text(max_size=400))
    def test_never_raises(self, text: str) -> None:
        """Any text is read, lines count from 1, and nothing is a key and none at once."""
        for found in found_in(text):
            assert 1 <= found.line <= text.count("\n") + 1
            assert (found.secret is None) is (found.fault is not None)
            assert found.note.isprintable() and len(found.note) <= LONGEST_NOTE

    @given(st.lists(st.sampled_from(["[", "]", "{", "}", ":", ",", '"', "'", "\\", "\n", "- ", "a", "=", "#", KEY[0]])))
    def test_any_punctuation(self, parts: list[str]) -> None:
        """However brackets and quotes are thrown together."""
        for found in found_in("".join(parts)):
            assert found.secret is None or fault_of(found.secret.reveal) is None

    @given(SECRETS, SECRETS, st.sampled_from(SHAPES))
    def test_finds_what_is_there(self, one: str, other: str, shape: str) -> None:
        """Two keys in any of the shapes are those two keys."""
        assert [row[1] for row in told(shape.format(one, other))] == [one, other]

    @pytest.mark.parametrize(
        "text",
        [
            "[" * 400_000,
            '{"a":' * 80_000,
            '"' * 400_000,
            "a=" * 200_000,
            "a " * 200_000,
            "{" + "a " * 200_000,
            "-=`" * 130_000 + "!",
            "a_" * 200_000 + "!=x",
            "your-" * 80_000,
            "<" * 400_000,
            '["' + "\\" * 400_000,
            "\n".join(" " * (n % 60) + "- account: a" for n in range(15_000)),
        ],
    )
    def test_time(self, text: str) -> None:
        """F-20: what is made to take long takes no longer than other texts of its length."""
        began = time.process_time()
        found_in(text)
        assert time.process_time() - began < 2.0

    def test_shows_nothing(self) -> None:
        """P19: nothing that is found shows its key, note or account by itself."""
        shown = repr(found_in(f"alice: {KEY[0]} # hush"))
        assert not [word for word in (KEY[0], "alice", "hush") if word in shown]
