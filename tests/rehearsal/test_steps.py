"""How far a script is performed."""

from __future__ import annotations

from unittest import TestCase

from targon_gw.rehearsal.steps import Bytes, Events, Send, Step, Wait, as_far_as


class AsFarAsTests(TestCase):
    """The beginning of a script."""

    STEPS: tuple[Step, ...] = (Send(b"abc", 1), Wait(1.0), Send(b"def", 1), Wait(1.0), Send(b"ghi", 1))

    def test_events(self) -> None:
        """So many sends, and no wait after the last."""
        assert list(as_far_as(Events(2), self.STEPS)) == list(self.STEPS[:3])
        assert list(as_far_as(Events(0), self.STEPS)) == []
        assert list(as_far_as(Events(9), self.STEPS)) == list(self.STEPS)

    def test_bytes(self) -> None:
        """So many bytes, wherever that is."""
        for count in range(10):
            sent = b"".join(step.data for step in as_far_as(Bytes(count), self.STEPS) if isinstance(step, Send))
            assert sent == b"abcdefghi"[:count]
