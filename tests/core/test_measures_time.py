"""The time of a call that no vendor was waited for."""

from __future__ import annotations

import pytest

from targon_gw.core.attempts import (
    Served,
    VendorFault,
)
from targon_gw.core.call import Wait
from targon_gw.core.ledger import Ending
from tests import fakes

from .measured import Calls


class OverheadTests:
    """The time that no vendor was waited for."""

    def test_before_and_behind_a_whole_answer(self) -> None:
        """What lies before the sending and behind the arrival counts; what the vendor took does not."""
        calls = Calls()
        call = calls.begin()
        calls.now += 0.25
        call.begin(calls.now)
        calls.now += 9.0
        call.judge(Served(), calls.now)
        calls.now += 0.5
        calls.end(call, Ending.SERVED)

        assert calls.spent() == pytest.approx(0.75)

    def test_stream_up_to_its_first_event(self) -> None:
        """Behind its first event a stream's time is not told apart, and none of it counts."""
        calls = Calls()
        call = calls.begin(fakes.ask(stream=True))
        calls.now += 0.25
        call.begin(calls.now)
        calls.now += 9.0
        call.judge(Served(), calls.now)
        calls.now += 60.0
        calls.end(call, Ending.SERVED)

        assert calls.spent() == pytest.approx(0.25)

    def test_pause_between_tries(self) -> None:
        """A pause that we make before trying again is our own time."""
        calls = Calls(fakes.config(fakes.upstream(1)))
        call = calls.begin()
        call.begin(calls.now)
        calls.now += 3.0
        step = call.judge(VendorFault(), calls.now)
        assert isinstance(step, Wait)
        calls.now += 0.125
        call.resume(calls.now)
        calls.now += 3.0
        call.judge(Served(), calls.now)
        calls.end(call, Ending.SERVED)

        assert calls.spent() == pytest.approx(0.125)

    def test_left_while_a_vendor_was_waited_for(self) -> None:
        """Where the client leaves before the vendor has answered, the wait was the vendor's."""
        calls = Calls()
        call = calls.begin()
        call.begin(calls.now)
        calls.now += 4.0
        calls.end(call, Ending.ABANDONED, status=None)

        assert calls.spent() == 0.0

    def test_nobody_asked(self) -> None:
        """Where nobody was asked all of it is ours."""
        calls = Calls()
        call = calls.begin()
        calls.now += 0.5
        calls.end(call, Ending.ABANDONED, status=None)

        assert calls.spent() == pytest.approx(0.5)
