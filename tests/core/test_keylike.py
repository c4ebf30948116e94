"""Tests of targon_gw/core/keylike.py: words that are keys, words that are none, and what stands beside them."""

from __future__ import annotations

import pytest

from targon_gw.core.keylike import LONGEST, LONGEST_NOTE, SAYS, Fault, account_of, fault_of, note_of, read_pair

KEY = "sn4_ab12cd34ef56gh780000"


class FaultTests:
    """`fault_of`: what looks like a key."""

    @pytest.mark.parametrize(
        "word",
        ["sk-abc123def4567890", "sn4_0000000000000001", "0123456789abcdef0123456789abcdef", "gsk_a1b2c3d4e5f6g7h8i9j0"],
    )
    def test_keys(self, word: str) -> None:
        """What vendors issue."""
        assert fault_of(word) is None

    @pytest.mark.parametrize(
        ("word", "fault"),
        [
            ("sk-abc", Fault.SHORT),
            ("abc123", Fault.SHORT),
            ("sn4_…wxyz", Fault.MASKED),
            ("sk-****************1234", Fault.MASKED),
            ("sk-abcd...wxyz", Fault.MASKED),
            ("$TARGON_KEY_NUMBER_1", Fault.VARIABLE),
            ("${TARGON_KEY}", Fault.VARIABLE),
            ("sk-xxxxxxxxxxxxxxxxxxxx", Fault.PLACEHOLDER),
            ("sk-your-key-here-1234567", Fault.PLACEHOLDER),
            ("<your key>", Fault.PLACEHOLDER),
            ("sk-é" + "1" * 20, Fault.CHARACTERS),
            ("only-words-and-no-digits", Fault.NONE),
            ("deepseek-ai/DeepSeek-V3", Fault.NONE),
            ("https://api.example/v1/key123", Fault.NONE),
            ("ann@example.org.1234567890", Fault.NONE),
            ("1" * 40, Fault.NONE),
            ("a1" * LONGEST, Fault.LONG),
        ],
    )
    def test_none(self, word: str, fault: Fault) -> None:
        """What is none, and why."""
        assert fault_of(word) is fault


class NoteTests:
    """`note_of`."""

    def test_note(self) -> None:
        """One line, short, and with no key in it."""
        assert note_of(f"of\tann\x1b[2J {KEY}") == "of ann [2J …"
        assert len(note_of("x" * 9999)) == LONGEST_NOTE


class BesideTests:
    """`account_of` and `read_pair`."""

    @pytest.mark.parametrize(
        ("word", "account"), [("alice", "alice"), ("'a@b.c'", "a@b.c"), ("two words", None), (KEY, None), ("", None)]
    )
    def test_account(self, word: str, account: str | None) -> None:
        """A name is one word; a key is no name."""
        assert account_of(word) == account

    @pytest.mark.parametrize(
        ("name", "value", "found"),
        [
            ("api_key", KEY, (KEY, "", None, None)),
            ("TARGON_KEY_3", KEY, (KEY, "TARGON_KEY_3", None, None)),
            ("alice", KEY, (KEY, "", "alice", None)),
            (KEY, "spare", (KEY, "spare", None, None)),
            ("key", "sk-…", (None, "", None, Fault.MASKED)),
            ("PASSWORD", "abcdefgh12345678abcdefgh", (None, "PASSWORD", None, Fault.NONE)),
            ("secret_file", "/run/key", (None, "", None, Fault.ELSEWHERE)),
        ],
    )
    def test_pair(self, name: str, value: str, found: tuple[str | None, str, str | None, Fault | None]) -> None:
        """What a name says of its value."""
        row = read_pair(7, name, value)
        assert row is not None and row.line == 7
        assert (row.secret and row.secret.reveal, row.note, row.account, row.fault) == found

    def test_about_something_else(self) -> None:
        """A member that is not about keys is nothing."""
        assert read_pair(1, "weight", "2") is None

    def test_reasons(self) -> None:
        """Each reason has words."""
        assert set(SAYS) == set(Fault)
