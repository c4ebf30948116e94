"""The daemon's reactor, not installed: turned by hand, over real descriptors."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.error import ConnectionDone, ReactorNotRunning
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from targon_gw.reactor import GATHERED, Reactor, install


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    """A fresh one, which lets go of its descriptors."""
    made = Reactor()
    yield made
    for reader in made.removeAll():
        reader.connectionLost(Failure(ConnectionDone()))
    made._poller.close()


@define(eq=False)
class Ear:
    """One end of a pair of sockets, as a reactor sees it; `then` is what it does with what it hears."""

    reactor: Reactor
    then: Callable[[bytes], object] = lambda heard: None
    heard: list[bytes] = field(factory=list)
    lost: list[Any] = field(factory=list)
    wrote: int = 0
    near: socket.socket = field(init=False)
    far: socket.socket = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.near.setblocking(False)
        self.reactor.addReader(self)  # type: ignore[arg-type]

    def fileno(self) -> int:
        """Of the socket."""
        return self.near.fileno()

    def logPrefix(self) -> str:
        """For Twisted's way."""
        return "ear"

    def doRead(self) -> object:
        """Something is to be read, or the end."""
        data = self.near.recv(1 << 16)
        self.heard.append(data)
        return self.then(data) if data else ConnectionDone()

    def doWrite(self) -> None:
        """There is room."""
        self.wrote += 1
        self.reactor.removeWriter(self)  # type: ignore[arg-type]

    def connectionLost(self, reason: Failure) -> None:
        """It is over."""
        self.lost.append(reason.value)
        self.near.close()
        self.far.close()


def turn(reactor: Reactor, timeout: float | None = 0.0) -> None:
    """One turn."""
    reactor.doIteration(timeout)


class EventTests:
    """What the kernel tells, and who hears of it."""

    def test_its_clock_is_nobodys(self, reactor: Reactor) -> None:
        """E-16: the reactor's time is the machine's, from before the first timer on."""
        assert abs(reactor.seconds() - time.monotonic()) < 60

    def test_each_reads_what_came(self, reactor: Reactor) -> None:
        """All that have something to read do, once a turn; who has nothing is not asked."""
        ears = [Ear(reactor) for _ in range(3)]
        ears[0].far.send(b"a")
        ears[2].far.send(b"c")
        turn(reactor)
        turn(reactor)

        assert [ear.heard for ear in ears] == [[b"a"], [], [b"c"]]

    def test_who_says_so_is_lost(self, reactor: Reactor) -> None:
        """What `doRead` returns is why it is over; it is asked no more."""
        ear = Ear(reactor, lambda heard: ConnectionDone())
        ear.far.send(b"a")
        turn(reactor)
        turn(reactor)

        assert ear.heard == [b"a"]
        assert [type(why) for why in ear.lost] == [ConnectionDone]

    def test_a_bug_costs_its_own_connection(self, reactor: Reactor) -> None:
        """Who raises is lost with that, and it is logged; the others read."""
        bug = ValueError("a bug")

        def broken(heard: bytes) -> None:
            raise bug

        ears = [Ear(reactor), Ear(reactor, broken), Ear(reactor)]
        for ear in ears:
            ear.far.send(b"a")
        with capturedLogs() as logs:
            turn(reactor)

        assert [ear.lost for ear in ears] == [[], [bug], []]
        assert [ear.heard for ear in ears] == [[b"a"]] * 3
        assert [event["log_failure"].value for event in logs] == [bug]

    def test_who_was_closed_meanwhile_is_passed_over(self, reactor: Reactor) -> None:
        """Of two that have something to read the first closes the other: it is not asked, nor is its descriptor."""
        ears: list[Ear] = []

        def close_the_others(heard: bytes) -> None:
            for ear in ears:
                if not ear.heard:
                    reactor.removeReader(ear)  # type: ignore[arg-type]

        ears += [Ear(reactor, close_the_others) for _ in range(2)]
        for ear in ears:
            ear.far.send(b"a")
        turn(reactor)

        assert sorted(ear.heard for ear in ears) == [[], [b"a"]]

    def test_an_end_comes_behind_what_was_sent(self, reactor: Reactor) -> None:
        """A peer that writes and leaves at once: both are heard, in that order."""
        ear = Ear(reactor)
        ear.far.send(b"last words")
        ear.far.close()
        for _ in range(3):
            turn(reactor)

        assert ear.heard[0] == b"last words"
        assert len(ear.lost) == 1

    def test_writers(self, reactor: Reactor) -> None:
        """Who waits for room is told, also where there is something to read at the same time."""
        ear = Ear(reactor)
        reactor.addWriter(ear)  # type: ignore[arg-type]
        ear.far.send(b"a")
        turn(reactor)

        assert ear.wrote == 1
        assert ear.heard == [b"a"]


class EndTests:
    """`end_turn`."""

    def test_behind_all_events(self, reactor: Reactor) -> None:
        """What several have read is at hand when the turn ends."""
        ears = [Ear(reactor) for _ in range(2)]
        seen: list[int] = []
        reactor.end_turn = lambda: bool(seen.append(sum(len(ear.heard) for ear in ears)))
        for ear in ears:
            ear.far.send(b"a")
        turn(reactor)

        assert seen == [0, 2]

    def test_behind_who_comes_meanwhile(self, reactor: Reactor) -> None:
        """Who can be read while others are belongs to their turn; who has been read waits for the next."""
        ears: list[Ear] = []

        def answer(heard: bytes) -> None:
            for ear in ears if heard == b"a" else ():
                ear.far.send(b"b")

        ears += [Ear(reactor, answer), Ear(reactor)]
        seen: list[list[list[bytes]]] = []
        reactor.end_turn = lambda: bool(seen.append([ear.heard.copy() for ear in ears]))
        ears[0].far.send(b"a")
        turn(reactor)
        turn(reactor)

        assert seen[:2] == [[[], []], [[b"a"], [b"b"]]]
        assert ears[0].heard == [b"a", b"b"]

    def test_nobody_puts_it_off(self, reactor: Reactor) -> None:
        """A turn ends, also where there is always somebody more to be read: the others are the next one's."""
        ears: list[Ear] = []

        def pass_on(heard: bytes) -> None:
            ears[len(heard)].far.send(heard + b"a")

        ears += [Ear(reactor, pass_on) for _ in range(3 * GATHERED)]
        seen: list[int] = []
        reactor.end_turn = lambda: bool(seen.append(sum(len(ear.heard) for ear in ears)))
        ears[0].far.send(b"a")
        turn(reactor)
        turn(reactor)

        assert seen == [0, GATHERED, GATHERED, 2 * GATHERED]

    def test_a_busy_one_is_not_waited_behind(self, reactor: Reactor) -> None:
        """What timers have brought is done before the kernel is looked at, and that waits for nothing then."""
        left = ["a timer's"]
        reactor.end_turn = lambda: bool(left and left.pop())
        began = time.monotonic()
        turn(reactor, 3.0)

        assert left == []
        assert time.monotonic() - began < 2

    def test_an_idle_one_waits(self, reactor: Reactor) -> None:
        """Where there is nothing to do the loop does not spin."""
        began = time.monotonic()
        turn(reactor, 0.05)

        assert time.monotonic() - began >= 0.04


def test_the_first_reactor_stays() -> None:
    """A process that has one keeps it: `twistd --reactor` has the first word."""
    from twisted.internet import reactor

    install()

    from twisted.internet import reactor as after

    assert after is reactor


class StopTests:
    """`stop`."""

    def test_asked_again(self, reactor: Reactor) -> None:
        """A signal while it is ending is no error, and ends nothing twice."""
        ended: list[str] = []
        reactor.addSystemEventTrigger("before", "shutdown", ended.append, "once")
        reactor.startRunning(installSignalHandlers=False)
        with capturedLogs() as logs:
            reactor.sigInt(2)
            reactor.runUntilCurrent()
            reactor.sigInt(2)
            reactor.runUntilCurrent()
            reactor.runUntilCurrent()

        assert ended == ["once"] and not reactor.running
        assert not [event for event in logs if "log_failure" in event]

    def test_never_begun(self, reactor: Reactor) -> None:
        """What does not run can't be ended, as with any reactor."""
        with pytest.raises(ReactorNotRunning):
            reactor.stop()
