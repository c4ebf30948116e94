"""Tests of targon_gw/core/intake.py: which of what was pasted is new."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.config import Secret
from targon_gw.core.intake import LARGEST, MOST_LINES, Intake, TooMuch, Verdict, masked, take_in

KEY = [f"sn4_ab12cd34ef56gh78{n:04d}" for n in range(40)]
ALIKE = ["sn4_ab12cd34ef56gh78011392", "sn4_ab12cd34ef56gh78048093"]
"""Two that were looked for: their SHA-256 begin alike."""
ID = [Secret(key).fingerprint for key in KEY]


def pool(*numbers: int) -> dict[str, Secret]:
    """Those keys, as a pool has them."""
    return {ID[number]: Secret(KEY[number]) for number in numbers}


def verdicts(intake: Intake) -> list[str]:
    """What the rows are."""
    return [row.verdict.value for row in intake.rows]


class IntakeTests:
    """`take_in`."""

    def test_verdicts(self) -> None:
        """New, twice, known, malformed: each with its line and its reason."""
        found = take_in(f"{KEY[0]}\n{KEY[1]}\n{KEY[0]}\nnonsense\n", pool(1))

        assert verdicts(found) == ["new", "known", "twice", "malformed"]
        assert [row.why for row in found.rows] == [
            "",
            "the gateway has this key already",
            "the same key is on line 1",
            "nothing on it looks like a key",
        ]
        assert found.counts() == {"lines": 4, "new": 1, "twice": 1, "known": 1, "malformed": 1}

    def test_two_of_one_fingerprint(self) -> None:
        """Another key that by chance has the fingerprint of one further up, or of the pool's, is told to be that."""
        same = "k-9c5fd0a7"
        assert Secret(ALIKE[0]).fingerprint == Secret(ALIKE[1]).fingerprint == same
        why = "another key has the same fingerprint: only one of the two can be used"
        found = take_in("\n".join([*ALIKE, ALIKE[0]]), {})
        assert verdicts(found) == ["new", "malformed", "twice"] and found.rows[1].why == why
        found = take_in(ALIKE[1], {same: Secret(ALIKE[0])})
        assert verdicts(found) == ["malformed"] and found.rows[0].why == why

    def test_known_twice(self) -> None:
        """A known key that stands twice is known once."""
        assert verdicts(take_in(f"{KEY[0]}\n{KEY[0]}", pool(0))) == ["known", "twice"]

    def test_line_ends(self) -> None:
        """Whatever ends a line."""
        assert [row.line for row in take_in(f"{KEY[0]}\r\n{KEY[1]}\r{KEY[2]}\n{KEY[3]}", {}).rows] == [1, 2, 3, 4]

    def test_summary(self) -> None:
        """In one line, as it is shown before anything happens."""
        text = "\n".join([*KEY[:10], KEY[0], KEY[3], KEY[3], KEY[11], KEY[12], "oops", "sk-…", "oops"])
        assert take_in(text, pool(11, 12)).summary() == (
            f"lines 18 · new 10 · duplicate 5 (3 in paste, 2 in pool: {ID[11]}, {ID[12]})"
            " · malformed 3 (lines 16, 17, 18)"
        )
        assert take_in("", {}).summary() == "lines 0 · new 0 · duplicate 0 · malformed 0"

    def test_summary_is_short(self) -> None:
        """Of many it names some."""
        assert (
            take_in("oops\n" * 30, {})
            .summary()
            .endswith("malformed 30 (lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 18 more)")
        )

    def test_too_much(self) -> None:
        """More than is looked at is turned away, whole."""
        with pytest.raises(TooMuch, match="in parts"):
            take_in("x" * (LARGEST + 1), {})
        with pytest.raises(TooMuch, match="lines"):
            take_in("\n" * MOST_LINES, {})

    def test_no_secret(self) -> None:
        """P19: what is told of a row has no secret in it, and a row shows none."""
        found = take_in(f"alice: {KEY[0]}", {})
        told = found.rows[0].to_plain()

        assert KEY[0] not in repr(found) and KEY[0] not in json.dumps(told)
        assert (told["id"], told["masked"], told["account"]) == (ID[0], "sn4_…0000", "alice")
        assert masked(Secret("sk-short1234")) == "sk-…34"

    @given(st.lists(st.sampled_from([*KEY[:5], "oops", "", "# no", "sk-…"]), max_size=30), st.sets(st.integers(0, 4)))
    def test_any(self, lines: list[str], numbers: set[int]) -> None:
        """Every key is told as often as it stands there; it is new at most once, and never where it is known."""
        known = pool(*numbers)
        found = take_in("\n".join(lines), known)
        keys = [line for line in lines if line in KEY]
        new = [row.secret.fingerprint for row in found.of(Verdict.NEW) if row.secret]

        assert sum(row.secret is not None for row in found.rows) == len(keys)
        assert sorted(new) == sorted({Secret(key).fingerprint for key in keys} - known.keys())
        assert found.counts()["malformed"] == len([line for line in lines if line in ("oops", "sk-…")])
