"""A request whose steps are taken in the phases of a turn: what may happen between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, field
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from targon_gw.core.ledger import Ending
from targon_gw.turn import Turn
from targon_gw.web.phases import AT_ONCE

from .house import ANSWER, DONE, House, finish, says


@define(eq=False)
class Turning:
    """A house whose connection waits for the end of a turn; `phase` by phase, if wanted."""

    house: House = field(factory=House)
    turn: Turn = field(factory=Turn)

    def __attrs_post_init__(self) -> None:
        self.house.talk.channel.phases = self.turn

    def end(self) -> None:
        """One turn ends."""
        self.turn.end()

    def between(self, phase: str, then: Callable[[], object]) -> None:
        """Have `then` happen in that phase, before what is put into it from now on."""
        getattr(self.turn, phase)((then, self))

    def processingFailed(self, failure: Failure) -> None:
        """What should happen has raised that."""
        raise failure.value


class WholeTests:
    """Calls that go their way."""

    def test_nothing_before_the_end_of_the_turn(self) -> None:
        """A request that has come is not looked at while the turn lasts; then the vendor is asked."""
        turning = Turning()
        turning.house.call()
        assert turning.house.vendor.asked == []
        turning.end()

        assert len(turning.house.vendor.asked) == 1

    @pytest.mark.parametrize("stream", [False, True])
    def test_settled_then_answered(self, stream: bool) -> None:
        """What has come of the call is on file when the phase of answers begins, and is the client's at its end."""
        turning = Turning()
        house = turning.house
        house.call(stream=stream)
        turning.end()
        if stream:
            house.vendor.begins(says("Hi"), finish(), DONE)
        else:
            house.vendor.answers(ANSWER)
        assert house.entry.ending is Ending.SERVED
        assert house.talk.wire.value() == b""
        turning.end()

        assert house.heard.status == 200
        assert house.quiet()

    def test_the_next_request_is_the_next_turns(self) -> None:
        """Two requests in one read: the second is read once the first is answered, and has its own phases."""
        turning = Turning()
        house = turning.house
        house.call()
        house.call()
        turning.end()
        house.vendor.answers(ANSWER)
        turning.end()
        assert len(house.vendor.asked) == 1
        turning.end()
        house.vendor.answers(ANSWER)
        turning.end()

        assert [answer.status for answer in house.talk.heard()] == [200, 200]
        assert house.quiet()


class LeavingTests:
    """A-17: the client may leave between any two phases."""

    def test_before_it_is_looked_at(self) -> None:
        """Nobody is asked, and nothing is on file: there was no call."""
        turning = Turning()
        turning.house.call()
        turning.house.talk.leave()
        turning.end()

        assert turning.house.vendor.asked == []
        assert turning.house.entries == []

    @pytest.mark.parametrize("full", [False, True], ids=["on file", "the disk is full"])
    def test_between_admission_and_the_vendor(self, full: bool) -> None:
        """The call is settled at nothing, as abandoned, and no vendor is asked; its hold is released."""
        turning = Turning()
        house = turning.house
        house.full = full
        turning.between("carry", house.talk.leave)
        house.call()
        turning.end()

        assert house.vendor.asked == []
        assert not house.gateway.calls
        if not full:
            assert (house.entry.ending, house.entry.status, house.entry.completion) == (Ending.ABANDONED, None, 0)
        assert house.quiet()

    @pytest.mark.parametrize("stream", [False, True])
    def test_between_the_books_and_the_answer(self, stream: bool) -> None:
        """What is on file stays; nothing is written to nobody."""
        turning = Turning()
        house = turning.house
        house.call(stream=stream)
        turning.end()
        turning.between("answer", house.talk.leave)
        if stream:
            house.vendor.begins(says("Hi"), finish(), DONE)
        else:
            house.vendor.answers(ANSWER)
        turning.end()

        assert house.entry.ending is Ending.SERVED
        assert house.talk.wire.value() == b""
        assert house.quiet()


class BugTests:
    """E-21: a bug in a phase is answered like one anywhere."""

    def test_while_a_call_begins(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """E-21: the client gets a 500, and the call is settled at nothing."""
        turning = Turning()
        house = turning.house

        def broken(*words: Any) -> None:
            raise ValueError("a bug")

        monkeypatch.setattr(type(house.api), "_relay", broken)
        house.call()
        with capturedLogs():
            turning.end()

        assert house.heard.status == 500
        assert (house.entry.ending, house.entry.status) == (Ending.FAILED, 500)
        assert house.quiet()

    @pytest.mark.parametrize("turned", [False, True], ids=["at once", "in its phase"])
    def test_while_it_is_answered(self, monkeypatch: pytest.MonkeyPatch, turned: bool) -> None:
        """So does one whose answer can't be made; the call stays settled."""
        turning = Turning()
        house = turning.house
        if not turned:
            house.talk.channel.phases = AT_ONCE

        def broken(*words: Any) -> None:
            raise ValueError("a bug")

        house.call()
        turning.end()
        monkeypatch.setattr("targon_gw.web.relay.head_lines", broken)
        with capturedLogs():
            house.vendor.answers(ANSWER)
            turning.end()

        assert house.heard.status == 500
        assert house.entry.ending is Ending.SERVED
