"""What systemd is told: over a real datagram socket, and by a clock that is turned by hand."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define, field
from twisted.internet.task import Clock

from targon_gw.systemd import BEATS, OVER, SOON, STATUS_EVERY, Supervision, teller, watchdog_of

WATCHDOG = 20.0


@define(eq=False)
class Subject:
    """A daemon that is as well as the test says."""

    words: str = "12/14 keys usable"
    calls: int = 0
    waits: float = 0.0

    def status(self) -> tuple[str, int]:
        """As it says."""
        return self.words, self.calls

    def behind(self) -> float:
        """As it says."""
        return self.waits


@define(eq=False)
class Stage:
    """A supervision, and what it has told."""

    watchdog: float | None = WATCHDOG
    clock: Clock = field(factory=Clock)
    subject: Subject = field(factory=Subject)
    told: list[str] = field(factory=list)
    supervision: Supervision = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.supervision = Supervision(self.clock, self.clock.seconds, self.told.append, self.watchdog)

    def beats(self, seconds: float) -> int:
        """How often the watchdog was answered in so many seconds."""
        before = self.told.count("WATCHDOG=1")
        self.clock.pump([0.25] * round(seconds * 4))
        return self.told.count("WATCHDOG=1") - before


class TellerTests:
    """The socket."""

    @pytest.fixture(params=["path", "abstract"])
    def listening(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
        """A socket that hears, and its name as systemd writes it."""
        name = str(tmp_path / "notify") if request.param == "path" else f"@targon-gw-test-{os.getpid()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hearing:
            hearing.bind(name.replace("@", "\0", 1))
            hearing.settimeout(2)
            yield hearing, name

    def test_sends(self, listening: tuple[socket.socket, str]) -> None:
        """One datagram has all lines, at a path as in the abstract namespace."""
        hearing, name = listening
        tell = teller({"NOTIFY_SOCKET": name})

        assert tell is not None and tell("READY=1\nSTATUS=well") is True
        assert hearing.recv(1000) == b"READY=1\nSTATUS=well"

    @pytest.mark.parametrize("name", ["", "@", "/", "relative", "vsock:2:1234"])
    def test_nobody(self, name: str) -> None:
        """Without a socket that we know there is nobody to tell."""
        assert teller({"NOTIFY_SOCKET": name} if name else {}) is None

    def test_never_fails(self, tmp_path: Path) -> None:
        """A socket that is gone, a name that is none and a queue that is full keep nobody from their work."""
        for name in (str(tmp_path / "gone"), f"/{'x' * 200}", "/a\0b"):
            tell = teller({"NOTIFY_SOCKET": name})
            assert tell is not None and tell("READY=1") is False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
            deaf.bind(str(tmp_path / "deaf"))
            tell = teller({"NOTIFY_SOCKET": str(tmp_path / "deaf")})
            assert tell is not None
            assert False in [tell("WATCHDOG=1") for _ in range(10_000)]


class WatchdogOfTests:
    """What the environment says of a watchdog."""

    def test_is_read(self) -> None:
        """Microseconds, for the process that is named or for whoever reads it."""
        assert watchdog_of({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "7"}, 7) == 20.0
        assert watchdog_of({"WATCHDOG_USEC": "500000"}, 7) == 0.5

    @pytest.mark.parametrize(
        "environ",
        [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "-1"}, {"WATCHDOG_PID": "7"}],
    )
    def test_there_is_none(self, environ: dict[str, str]) -> None:
        """Without a time that is one, there is no watchdog."""
        assert watchdog_of(environ, 7) is None

    def test_is_anothers(self) -> None:
        """What another process was told is not ours."""
        assert watchdog_of({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "8"}, 7) is None


class SupervisionTests:
    """What is told, and when."""

    def test_from_start_to_end(self) -> None:
        """Starting, ready, reloading, stopping, in systemd's words; then nothing ticks any more."""
        stage = Stage(watchdog=None)
        stage.supervision.starting("reading the ledger")
        stage.supervision.ready(stage.subject)
        stage.supervision.reloading(True)
        stage.supervision.reloading(False)
        stage.supervision.stopping(30.0)
        stage.supervision.ended()

        began = stage.told.pop(2).split("\n")
        assert began[0] == "RELOADING=1" and began[1].startswith("MONOTONIC_USEC=") and began[1][15:].isdigit()
        assert stage.told == [
            "STATUS=reading the ledger",
            "READY=1\nSTATUS=12/14 keys usable",
            "READY=1",
            f"STOPPING=1\nEXTEND_TIMEOUT_USEC={int((30 + OVER) * 1e6)}\nSTATUS=ending, calls are finishing",
        ]
        assert stage.clock.getDelayedCalls() == []

    def test_status_has_the_pace(self) -> None:
        """Now and then the status says how many keys are usable, and how many calls a second there were since."""
        stage = Stage(watchdog=None, subject=Subject(calls=1000))
        stage.supervision.ready(stage.subject)
        stage.subject.calls += 31
        stage.clock.advance(STATUS_EVERY)
        stage.subject.words = "13/14 keys\nREADY=1 usable"
        stage.clock.advance(STATUS_EVERY)

        assert stage.told[1:] == [
            "STATUS=12/14 keys usable, 3.1 calls/s",
            "STATUS=13/14 keys READY=1 usable, 0.0 calls/s",
        ]

    def test_nobody_listens(self) -> None:
        """Where the environment names no socket nothing ticks, watchdog or not."""
        clock = Clock()
        supervision = Supervision.of(clock, clock.seconds, {"WATCHDOG_USEC": "20000000"})
        supervision.starting("reading")
        supervision.ready(Subject())
        supervision.reloading(True)
        supervision.stopping(1.0)

        assert clock.getDelayedCalls() == []
        assert supervision.watchdog is None

    def test_of_the_environment(self, tmp_path: Path) -> None:
        """The socket and the watchdog are those that the environment names."""
        clock = Clock()
        environ = {"NOTIFY_SOCKET": str(tmp_path / "s"), "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}

        assert Supervision.of(clock, clock.seconds, environ).watchdog == 3.0

    def test_not_ready_is_not_reloading(self) -> None:
        """What is read before the daemon is ready, or after its end, is no change of its state."""
        stage = Stage()
        stage.supervision.reloading(True)
        stage.supervision.ready(stage.subject)
        stage.supervision.ended()
        told = len(stage.told)
        stage.supervision.reloading(True)
        stage.supervision.reloading(False)

        assert len(stage.told) == told
        assert "RELOADING" not in "".join(stage.told)


class WatchdogTests:
    """E-19: what answers the watchdog, and what keeps it from doing so."""

    def test_well(self) -> None:
        """A loop that turns answers four times in the watchdog's time, also while the daemon ends."""
        stage = Stage()
        stage.supervision.ready(stage.subject)

        assert stage.told.count("WATCHDOG=1") == 1
        assert stage.beats(WATCHDOG) == BEATS
        stage.supervision.stopping(30.0)
        assert stage.beats(WATCHDOG) == BEATS
        stage.supervision.ended()
        assert stage.beats(WATCHDOG) == 0

    def test_blocked(self) -> None:
        """A loop that stood still for more than half of the time is not called well at once, and soon is."""
        stage = Stage()
        stage.supervision.ready(stage.subject)
        stage.clock.advance(WATCHDOG / BEATS + WATCHDOG / 2 + 0.1)
        assert stage.told.count("WATCHDOG=1") == 1
        stage.clock.advance(WATCHDOG / SOON)

        assert stage.told.count("WATCHDOG=1") == 2

    def test_always_late(self) -> None:
        """A loop that comes round only now and then is never called well, though its timers are called."""
        stage = Stage()
        stage.supervision.ready(stage.subject)
        for _ in range(6):
            stage.clock.advance(WATCHDOG * 0.8)

        assert stage.told.count("WATCHDOG=1") == 1

    def test_disk_hangs(self) -> None:
        """What was written and does not reach the disk in the watchdog's time keeps it unanswered, until it does."""
        stage = Stage()
        stage.supervision.ready(stage.subject)
        stage.subject.waits = WATCHDOG + 1
        assert stage.beats(2 * WATCHDOG) == 0
        stage.subject.waits = 0.5
        assert stage.beats(WATCHDOG) >= BEATS
