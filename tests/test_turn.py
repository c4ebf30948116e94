"""The end of a turn: its phases, by hand; and bytes that leave together, over real sockets without a reactor."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.tcp import Connection
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from targon_gw.turn import MOST, Turn


@define(eq=False)
class Reactor:
    """What a Connection asks of its reactor."""

    writers: list[Any] = field(factory=list)

    def addWriter(self, writer: Any) -> None:
        """Twisted's word for: more is to be sent when the socket takes it."""
        self.writers.append(writer)


@define(eq=False)
class Concerned:
    """Whom a work is for."""

    processingFailed: Callable[[Failure], object]


@define(eq=False)
class Line:
    """A connection, its other end and the turn."""

    turn: Turn
    transport: Connection
    other: socket.socket

    def got(self) -> bytes:
        """What has arrived."""
        try:
            return self.other.recv(1 << 20)
        except BlockingIOError:
            return b""


@pytest.fixture
def line() -> Iterator[Line]:
    """A fresh one."""
    here, there = socket.socketpair()
    here.setblocking(False)
    there.setblocking(False)
    transport: Any = Connection(here, None, Reactor())  # type: ignore[arg-type]
    transport.connected = True
    yield Line(Turn(), transport, there)
    here.close()
    there.close()


class SendTests:
    """What is kept, and when it leaves."""

    def test_all_of_a_turn_leaves_in_order_at_its_end(self, line: Line) -> None:
        """Nothing leaves while the turn lasts; then everything does, and nothing is left ticking."""
        line.turn.send(line.transport, b"head ")
        line.turn.send(line.transport, b"body")
        assert line.got() == b""

        line.turn.end()

        assert line.got() == b"head body"

    def test_release_sends_at_once_and_once(self, line: Line) -> None:
        """Whoever closes has it sent before; the end of the turn has nothing more to send."""
        line.turn.send(line.transport, b"last words")
        line.turn.release(line.transport)
        assert line.got() == b"last words"

        line.turn.end()

        assert line.got() == b""

    def test_much_does_not_wait(self, line: Line) -> None:
        """Beyond `MOST` bytes the turn is not waited for, so that pressure reaches whoever produces them."""
        line.turn.send(line.transport, b"x" * MOST)
        assert line.got() == b""
        line.turn.send(line.transport, b"y")

        assert line.got().startswith(b"x")

    def test_what_the_kernel_does_not_take_goes_twisteds_way(self, line: Line) -> None:
        """A full socket: the rest waits in the transport's own buffer, in order, behind nothing that overtakes it."""
        line.turn.send(line.transport, b"a" * (8 << 20))
        line.turn.end()
        line.turn.send(line.transport, b"z")
        line.turn.end()

        waiting = line.transport.dataBuffer + b"".join(line.transport._tempDataBuffer)
        assert waiting.endswith(b"az")

    def test_a_broken_connection_is_left_to_twisted(self, line: Line) -> None:
        """Where the other end is gone, the reactor is asked to write, and so finds out; the turn goes on."""
        line.other.close()
        line.turn.send(line.transport, b"too late")

        line.turn.end()

        assert line.transport.reactor.writers == [line.transport]

    def test_a_lost_connection_is_passed_over(self, line: Line) -> None:
        """What is kept for a connection that is gone goes nowhere, and the others still get theirs."""
        line.turn.send(line.transport, b"too late")
        line.transport.connected = False

        line.turn.end()

        assert line.got() == b""


@define(eq=False)
class Ends:
    """The ends of turns, brought about by hand."""

    turn: Turn = field(factory=Turn)
    done: list[str] = field(factory=list)
    told: list[str] = field(factory=list)

    def notes(self, what: str, then: Callable[[], object] | None = None) -> tuple[Callable[[], object], Concerned]:
        """A work that notes that it was done and does `then`; whom it concerns tells of what that raises."""

        def work() -> None:
            self.done.append(what)
            if then is not None:
                then()

        return work, Concerned(lambda failure: self.told.append(f"{what}: {failure.value}"))


PHASES = ("admit", "carry", "take", "answer")


class PhaseTests:
    """What is done in which order."""

    def test_each_phase_for_all_before_the_next(self) -> None:
        """Whatever the order in which it came up; in a phase, in that order. Nothing is done before the end."""
        ends = Ends()
        for phase in reversed(PHASES):
            for name in ("a", "b"):
                getattr(ends.turn, phase)(ends.notes(f"{phase} {name}"))
        assert ends.done == []

        assert ends.turn.end()

        assert ends.done == [f"{phase} {name}" for phase in PHASES for name in ("a", "b")]
        assert not ends.turn.end()

    def test_what_leads_on_is_done_in_the_same_turn(self) -> None:
        """A call that is admitted is carried at once; two that come up in their own phase, too."""
        ends = Ends()
        turn = ends.turn
        turn.admit(ends.notes("admit", lambda: turn.carry(ends.notes("carry"))))
        turn.admit(ends.notes("first", lambda: turn.admit(ends.notes("behind it"))))

        ends.turn.end()

        assert ends.done == ["admit", "first", "behind it", "carry"]
        assert not ends.turn.end()

    def test_what_leads_back_waits_for_the_next_turn(self) -> None:
        """An answer that lets the client's next request be read: others come first, and the turn ends."""
        ends = Ends()
        ends.turn.answer(ends.notes("answer", lambda: ends.turn.admit(ends.notes("next"))))

        ends.turn.end()
        assert ends.done == ["answer"]
        ends.turn.end()

        assert ends.done == ["answer", "next"]
        assert not ends.turn.end()

    def test_bytes_leave_last(self, line: Line) -> None:
        """What the phases send leaves behind all of them, together with what was sent before."""
        heard: list[bytes] = []
        line.turn.send(line.transport, b"head ")
        nobody = Concerned(heard.append)
        line.turn.admit((lambda: line.turn.send(line.transport, b"body"), nobody))
        line.turn.answer((lambda: heard.append(line.got()), nobody))

        line.turn.end()

        assert heard == [b""]
        assert line.got() == b"head body"

    def test_a_failure_is_told_and_hurts_nobody_else(self) -> None:
        """Who fails is told of it, also where telling fails; all others have their turn, and so has the next one."""
        ends = Ends()

        def broken() -> None:
            raise ValueError("a bug")

        def deaf(failure: Failure) -> None:
            raise RuntimeError("another")

        ends.turn.admit(ends.notes("a", broken))
        ends.turn.admit((broken, Concerned(deaf)))
        ends.turn.admit(ends.notes("b"))
        with capturedLogs() as logs:
            ends.turn.end()
        ends.turn.carry(ends.notes("c"))
        ends.turn.end()

        assert ends.done == ["a", "b", "c"]
        assert ends.told == ["a: a bug"]
        assert [event["log_format"] for event in logs] == ["nobody could be told of a failure"]

    @given(st.lists(st.tuples(st.sampled_from(PHASES), st.lists(st.sampled_from(PHASES), max_size=3)), max_size=20))
    def test_nothing_is_lost(self, puts: list[tuple[str, list[str]]]) -> None:
        """Whatever is put, from wherever, is done exactly once, in as many turns as it takes."""
        ends = Ends()

        def more(names: list[str]) -> None:
            for name in names:
                getattr(ends.turn, name)(ends.notes(name))

        for phase, then in puts:
            getattr(ends.turn, phase)(ends.notes(phase, partial(more, then)))
        for _ in range(2):
            ends.turn.end()

        assert Counter(ends.done) == Counter(name for phase, then in puts for name in (phase, *then))
        assert not ends.turn.end()
