"""Tests of targon_gw/settings/masking.py."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.settings.masking import harmless, shown_line, shown_name, shown_value

SECRET = "Qx7pLm2vTz9wRk4bYc8nHd3s"


class ShownLineTests:
    """Source lines beside problems."""

    @pytest.mark.parametrize(
        "line",
        [
            "  - {0}",
            "  - {{secret: {0}, weight: 2}}",
            "  - secret: '{0}'",
            '    key: "{0}"  # {0}',
            "    # {0}",
            "  - {0}: {0}",
            "targon: [{0}, {0}",
            "    note: sk-{0}",
            "    secrt: {0}",
        ],
    )
    def test_secret_is_masked(self, line: str) -> None:
        """A secret is blotted out wherever it stands in a line of keys.yaml, well-formed or not."""
        text = line.format(SECRET)
        shown = shown_line(text, sensitive=True)

        assert SECRET[:8] not in shown
        assert len(shown) == len(text)

    @pytest.mark.parametrize("line", ["  - {{note: spare secret: {0}}}", "    weight: 2 key: {0}", "note: a: {0}"])
    def test_secret_behind_an_open_value(self, line: str) -> None:
        """Where a comma or a line end is missing, what follows a second colon is no part of a harmless value."""
        assert SECRET[:8] not in shown_line(line.format(SECRET), sensitive=True)

    def test_names_and_open_values_stay(self) -> None:
        """What is known to hold no secret is shown, so that the line is still of use."""
        line = f"  - {{secret_file: /run/k3, secret: {SECRET}, weight: two, note: spare}}"

        shown = shown_line(line, sensitive=True)

        assert shown == f"  - {{secret_file: /run/k3, secret: {'…' * len(SECRET)}, weight: two, note: spare}}"

    def test_other_files_are_shown_but_for_credentials(self) -> None:
        """A line of gateway.yaml is shown as it is, but for a password in a URL and what looks like a key."""
        assert shown_line("drain: soon", sensitive=False) == "drain: soon"
        assert shown_line("base_url: https://u:pw@h/", sensitive=False) == "base_url: https://…………@h/"
        assert "sn4_" not in shown_line("contact: sn4_0123456789abcdef", sensitive=False)

    @pytest.mark.parametrize("unseen", ["\x00", "\u200b", "\x1b", "\x85"])
    def test_credentials_with_what_nobody_sees_in_them(self, unseen: str) -> None:
        """A key that was pasted with an invisible character in it is a key all the same (faults catalogue, F-14)."""
        spoilt = "sn4_01" + unseen + "23456789abcdef"

        assert shown_line(f"contact: {spoilt}", sensitive=False) == "contact: " + "…" * len(spoilt)
        assert "0123" not in shown_value(spoilt, False) and "sn4_" not in shown_value(spoilt, False)
        assert shown_line(f"a: b{unseen[0]}c", sensitive=False) == "a: b\ufffdc"

    def test_terminal_signs_are_replaced(self) -> None:
        """ESC and U+202E in a line move no cursor (faults catalogue, F-16)."""
        assert shown_line("a: \x1b[2J\u202e", sensitive=False) == "a: \ufffd[2J\ufffd"

    @given(st.text(max_size=300), st.booleans())
    def test_length_is_kept(self, line: str, sensitive: bool) -> None:
        """Whatever is masked, a caret below still points at its place."""
        assert len(shown_line(line, sensitive)) == len(line)

    @pytest.mark.parametrize(
        "line", ["a" * 100_000, "a:" * 50_000, "://" * 33_000, "sk-" * 33_000, "- " * 50_000, "a: " * 33_000]
    )
    def test_long_lines(self, line: str) -> None:
        """A hostile line of 100 kB takes no time to speak of (faults catalogue, F-20)."""
        start = time.process_time()
        shown_line(line, sensitive=True)

        assert time.process_time() - start < 1.0


class ShownValueTests:
    """Values in messages."""

    def test_values(self) -> None:
        """Each kind of value is named as an operator would."""
        assert shown_value("soon", False) == "'soon'"
        assert shown_value(None, False) == "nothing"
        assert shown_value(True, False) == "true"
        assert shown_value({"a": 1}, False) == "a mapping"
        assert shown_value([], False) == "a list"
        assert shown_value("x" * 1000, False) == "'" + "x" * 63 + "…'"

    def test_sensitive(self) -> None:
        """Out of a file with secrets, no value is repeated, and only such names as look like one."""
        assert shown_value("word", True) == "'…'"
        assert shown_name("secret_fil", True) == "'secret_fil'"
        assert shown_name(SECRET, True) == "'…'"
        assert shown_value(12345678, True) == "…"
        assert not harmless("sk-abcdefghijkl")
