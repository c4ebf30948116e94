"""The lines of ours in the head of an answer."""

from __future__ import annotations

from typing import Any

import pytest

from targon_gw.core.attempts import Served, VendorFault
from targon_gw.core.call import Call
from targon_gw.core.config import ModelSettings
from targon_gw.web.heads import head_lines
from tests import fakes


def lines(told: bytes) -> dict[bytes, bytes]:
    """The lines by name."""
    assert told.endswith(b"\r\n")
    return dict(line.split(b": ", 1) for line in told.split(b"\r\n")[:-1])  # type: ignore[misc]


def begun(model: str = fakes.MODEL) -> Call:
    """A call, admitted and sent at 10 s."""
    settings = fakes.config(fakes.upstream(2), models=[ModelSettings(model)])
    one = fakes.call(fakes.gateway(settings), 10.0, fakes.ask(model))
    fakes.attempt_of(one.begin(10.0))
    return one


class HeadLinesTests:
    """What a client reads of its call's way."""

    def test_times(self) -> None:
        """How long it took in all, and which part of that was the vendor's; nothing where no vendor answered."""
        one = begun()
        one.judge(Served(), 12.5)
        told = lines(head_lines(one, None, 13.0, one.attempts[0]))
        refused = lines(head_lines(one, None, 13.0))

        assert told[b"openai-processing-ms"] == b"3000"
        assert told[b"server-timing"] == b"gw;dur=500.0, upstream;dur=2500.0"
        assert refused[b"server-timing"] == b"gw;dur=3000.0, upstream;dur=0.0"
        assert b"x-targon-model" not in refused

    def test_attempts(self) -> None:
        """How many there were, where it was more than one."""
        one = begun()
        assert b"x-targon-attempts" not in lines(head_lines(one, None, 11.0))
        one.judge(VendorFault("500"), 11.0)

        assert lines(head_lines(one, None, 11.0))[b"x-targon-attempts"] == b"2"

    @pytest.mark.parametrize(("model", "shown"), [("acme/large", b"acme/large"), ("深度/lärge", b"??/l?rge")])
    def test_model(self, model: str, shown: bytes) -> None:
        """F-02: who served by the catalog's name, which can't become a line of its own."""
        one = begun(model)

        assert lines(head_lines(one, None, 11.0, one.attempts[0]))[b"x-targon-model"] == shown

    def test_limits(self) -> None:
        """How the client's limits stand, asked for this call at this moment."""
        one = begun()
        asked: list[Any] = []

        def limits(call: Call, now: float) -> Any:
            asked.append((call, now))
            return fakes.gateway().limits_of(call, now)

        head_lines(one, limits, 11.0)
        assert asked == [(one, 11.0)]
