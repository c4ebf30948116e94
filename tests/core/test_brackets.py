"""Tests of targon_gw/core/brackets.py: keys in JSON and what looks like it."""

from __future__ import annotations

import json

from targon_gw.core.brackets import DEEPEST, in_brackets

KEY = [f"sn4_ab12cd34ef56gh78{n:04d}" for n in range(10)]


def told(text: str) -> list[tuple[int, str | None, str | None, str]]:
    """Line, key, account and note of all that is a key."""
    found = [one for one in in_brackets(text, 1) if one.secret is not None]
    return [(one.line, one.secret.reveal if one.secret else None, one.account, one.note) for one in found]


def faults(text: str) -> list[tuple[int, str]]:
    """Lines of what is none, and why."""
    return [(one.line, one.fault.value) for one in in_brackets(text, 1) if one.fault is not None]


class BracketTests:
    """JSON and what looks like it."""

    def test_array(self) -> None:
        """Strings in an array, each on its line."""
        assert told(json.dumps(KEY[:2], indent=1)) == [(2, KEY[0], None, ""), (3, KEY[1], None, "")]

    def test_objects(self) -> None:
        """Members by their usual names; others are not about keys."""
        text = json.dumps(
            [{"id": 7, "key": KEY[0], "account": "alice", "note": "x"}, {"apiKey": KEY[1], "ok": True}, {"id": 5}]
        )
        assert told(text) == [(1, KEY[0], "alice", "x"), (1, KEY[1], None, "")]
        assert faults(text) == [(1, "no_key")]

    def test_by_account(self) -> None:
        """An object of names and keys, and one as our file is."""
        assert told(f'{{"alice": "{KEY[0]}", "bob": "{KEY[1]}"}}') == [
            (1, KEY[0], "alice", ""),
            (1, KEY[1], "bob", ""),
        ]
        text = json.dumps({"targon": [{"account": "alice", "keys": KEY[:2]}, KEY[2]]})
        assert [row[2] for row in told(text)] == ["alice", "alice", None]

    def test_lines_of_objects(self) -> None:
        """One object a line."""
        assert [row[:2] for row in told(f'{{"key":"{KEY[0]}"}}\n{{"key":"{KEY[1]}"}}')] == [(1, KEY[0]), (2, KEY[1])]

    def test_cut(self) -> None:
        """What was not copied to its end is read as far as it goes; what is nested beyond reason is told."""
        assert [row[1] for row in told(f'[{{"key": "{KEY[0]}"}}, {{"key": "{KEY[1]}"')] == KEY[:2]
        assert faults("[" * (DEEPEST + 1) + f'"{KEY[0]}"') == [(1, "deep")]

    def test_forgiving(self) -> None:
        """Commas too many, quotes of either kind, words without any, remarks."""
        text = f"[{KEY[0]}, '{KEY[1]}', \"{KEY[2]}\",, # {KEY[9]}\n {{key: {KEY[3]}, note: 'two words'}},]"
        assert [row[1] for row in told(text)] == KEY[:4]
        assert told(text)[3] == (2, KEY[3], None, "two words")

    def test_line(self) -> None:
        """Lines count from the one that it begins on."""
        assert [found.line for found in in_brackets(f'["{KEY[0]}",\n"{KEY[1]}"]', 7)] == [7, 8]
