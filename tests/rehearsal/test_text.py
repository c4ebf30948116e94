"""Plausible text and its pieces."""

from __future__ import annotations

import random
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from targon_gw.rehearsal.text import language, pieces, spoken, told, until_stop


class PiecesTests(TestCase):
    """Cutting text into pieces of a token's size."""

    @given(st.text())
    def test_nothing_is_lost(self, text: str) -> None:
        """Joined again, the pieces are the text."""
        assert "".join(pieces(text)) == text

    @given(st.text(min_size=1))
    def test_no_piece_is_empty(self, text: str) -> None:
        """Every piece brings something."""
        assert all(pieces(text))

    def test_sizes(self) -> None:
        """A word with its space is a piece, two ideographs are one, a mark is one."""
        assert pieces("a load balancer, 你好吗") == ["a", " load", " balancer", ",", " ", "你好", "吗"]


class ToldTests(TestCase):
    """Text out of nothing."""

    def test_same_seed_same_text(self) -> None:
        """The text is the seed's."""
        assert told(random.Random(1), "zh", 50) == told(random.Random(1), "zh", 50)
        assert told(random.Random(1), "zh", 50) != told(random.Random(2), "zh", 50)

    def test_is_about_as_long_as_asked(self) -> None:
        """It is at least as long as asked, and ends with its sentence."""
        for tongue, mark in (("en", ". "), ("zh", "。")):
            said = told(random.Random(3), tongue, 60)
            assert 60 <= len(said) < 110
            assert "".join(said).endswith(mark)

    def test_tongue(self) -> None:
        """Chinese is answered in Chinese."""
        assert language("你好") == "zh"
        assert language("hello") == "en"
        assert language("".join(told(random.Random(4), "zh", 20))) == "zh"
        assert language("".join(told(random.Random(4), "en", 20))) == "en"


class UntilStopTests(TestCase):
    """OpenAI's `stop`."""

    def test_first_stop_ends(self) -> None:
        """The text ends before whichever stop comes first; an empty one and an absent one do nothing."""
        said = pieces("one two three")
        assert "".join(until_stop(said, ("three", "two", "", "nine"))) == "one "
        assert until_stop(said, ("nine",)) == said


class SpokenTests(TestCase):
    """The text of a message."""

    def test_parts(self) -> None:
        """Of a list of parts the texts count, whatever else is in it."""
        parts = [{"type": "text", "text": "a"}, {"type": "image_url"}, 3, {"text": 4}, {"type": "text", "text": "b"}]
        assert spoken(parts) == "ab"
        assert spoken("c") == "c"
        assert spoken(None) == ""
