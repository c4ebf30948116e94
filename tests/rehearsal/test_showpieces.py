"""Answers of a certain kind, by asking."""

from __future__ import annotations

from unittest import TestCase

from targon_gw.rehearsal.showpieces import HOSTILE, LONGEST, MARKDOWN, shown
from targon_gw.rehearsal.text import pieces

from .stage import THINKER, response, stage


def asked(prompt: str, **more: object) -> str:
    """What the vendor answers to `prompt`, streamed."""
    messages = [{"role": "user", "content": prompt}]
    chunks = response(stage().ask(messages=messages, **more)).chunks
    return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"])


class ShownTests(TestCase):
    """`shown`."""

    def test_pieces_by_name(self) -> None:
        """Each piece is had by its name; what is no name is none."""
        assert shown("Show me: markdown") == MARKDOWN
        assert shown("Show me: hostile ") == HOSTILE
        assert (shown("Show me: thoughts") or "").startswith("<think>")
        for other in ("Show me: nothing", "Show me", "show me: markdown", "", "Please show me: markdown"):
            assert shown(other) is None

    def test_long(self) -> None:
        """The long one has the size that was asked for, within bounds, and is Markdown."""
        for prompt, kib in (("long 3", 3), ("long", 16), ("long x", 16), ("long 0", 1), ("long 9999", LONGEST)):
            size = len((shown(f"Show me: {prompt}") or "").encode())
            assert kib * 1024 - 4 < size <= kib * 1024, prompt
        assert (shown("Show me: long 8") or "").startswith(MARKDOWN)

    def test_pieces_are_said_whole(self) -> None:
        """Cut into tokens and joined again, a piece is what it was."""
        for text in (MARKDOWN, HOSTILE):
            assert "".join(pieces(text)) == text


class AnswerTests(TestCase):
    """What the vendor makes of such a prompt."""

    def test_answered(self) -> None:
        """The newest question counts, and the answer is the piece."""
        assert asked("Show me: hostile") == HOSTILE
        assert asked("Show me: nothing") != ""

    def test_reasoning_models_think_first(self) -> None:
        """Thoughts in a field of their own come before the piece."""
        prompt = [{"role": "user", "content": "Show me: markdown"}]
        chunks = response(stage().ask(THINKER, messages=prompt)).chunks
        fields = [next(iter(chunk["choices"][0]["delta"]), "") for chunk in chunks]
        assert fields.index("reasoning_content") < fields.index("content", 1)

    def test_max_tokens_ends_it(self) -> None:
        """A piece is cut where the caller's limit is reached."""
        assert MARKDOWN.startswith(asked("Show me: markdown", max_tokens=9))
