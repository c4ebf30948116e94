"""Scenes: the right answer, and parts of it."""

from __future__ import annotations

from unittest import TestCase

from targon_gw.core.config import Dialect
from targon_gw.rehearsal.answers import Event
from targon_gw.rehearsal.framing import LAST_CHUNK
from targon_gw.rehearsal.scene import Pace, Scene, Setting, Streamed, Unary
from targon_gw.rehearsal.steps import Send, Wait

TOLD = [Event({"choices": [{"index": 0, "delta": {"content": letter}}]}, 1) for letter in "abc"]


def scene(content: Streamed | Unary, dialect: Dialect = Dialect.OPENAI) -> Scene:
    """A scene at the beginning of time."""
    return Scene(Setting(dialect, Pace(3.0, 2.0), 0.0), content)


class WholeTests(TestCase):
    """The answer as it should be."""

    def test_stream(self) -> None:
        """Head, wait, then the events with the pace between them, then the last chunk."""
        steps = list(scene(Streamed(lambda: iter(TOLD))).whole())
        assert [type(step) for step in steps] == [Send, Wait, Send, Wait, Send, Wait, Send, Send]
        assert [step.seconds for step in steps if isinstance(step, Wait)] == [3.0, 0.5, 0.5]
        assert [step.tokens for step in steps if isinstance(step, Send)] == [0, 1, 1, 1, 0]
        assert steps[-1] == Send(LAST_CHUNK)

    def test_targons_head_waits(self) -> None:
        """Targon's head comes after the wait."""
        steps = list(scene(Streamed(lambda: iter(TOLD)), Dialect.TARGON).whole())
        assert [type(step) for step in steps[:2]] == [Wait, Send]

    def test_unary(self) -> None:
        """One object with its length, after the time that its tokens take."""
        wait, top, body = scene(Unary({"a": 1}, 10)).whole()
        assert wait == Wait(3.0 + 10 * 0.5)
        assert isinstance(top, Send) and b"Content-Length: 7\r\n" in top.data
        assert body == Send(b'{"a":1}', 10)

    def test_tokens(self) -> None:
        """What a stream is billed is what its events bring."""
        assert scene(Streamed(lambda: iter(TOLD))).tokens == 3
        assert scene(Unary({}, 9)).tokens == 9
