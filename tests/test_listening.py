"""What the daemon listens on."""

from __future__ import annotations

import io
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from twisted.internet import tcp
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from targon_gw.listening import BACKLOG, RESERVED_EVERY, SPARES, Reserve, clear_dead, is_handed, with_backlog


class BacklogTests:
    """`with_backlog`."""

    @pytest.mark.parametrize("address", ["tcp:80", "haproxy:tcp:80", "tcp6:80", "ssl:443"])
    def test_ours(self, address: str) -> None:
        """A-32: an address that can have a backlog and has none gets ours."""
        assert with_backlog(address) == f"{address}:backlog={BACKLOG}"

    @pytest.mark.parametrize("address", ["tcp:80:backlog=9", "systemd:domain=INET:name=http", "unix:/run/x"])
    def test_as_it_is(self, address: str) -> None:
        """One that has its own, or can't have any, stays."""
        assert with_backlog(address) == address


class HandedTests:
    """`is_handed`."""

    @pytest.mark.parametrize("address", ["systemd:domain=INET:index=0", "haproxy:systemd:domain=INET:name=http"])
    def test_systemds(self, address: str) -> None:
        """An endpoint of systemd's, with the PROXY protocol or without."""
        assert is_handed(address)

    @pytest.mark.parametrize("address", ["tcp:3811", "haproxy:tcp:3811", "unix:/run/systemd"])
    def test_ours(self, address: str) -> None:
        """Anything else is ours."""
        assert not is_handed(address)


class DeadTests:
    """`clear_dead`."""

    @pytest.mark.parametrize("alive", [False, True])
    def test_a_socket(self, tmp_path: Path, alive: bool) -> None:
        """That of a killed daemon goes, with its lock, whoever has that number now; one that answers stays."""
        path, lock = tmp_path / "admin.sock", tmp_path / "admin.sock.lock"
        lock.symlink_to(str(os.getpid()))
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
            listening.listen()
            if not alive:
                listening.close()
            clear_dead(str(path))
        assert (path.exists(), lock.is_symlink()) == (alive, alive)

    def test_something_else(self, tmp_path: Path) -> None:
        """A file of that name is not ours."""
        (tmp_path / "admin.sock").write_text("mine")
        clear_dead(str(tmp_path / "admin.sock"))
        assert (tmp_path / "admin.sock").read_text() == "mine"


def taken() -> int:
    """A descriptor that is somebody else's now."""
    return os.open(os.devnull, os.O_RDONLY)


@contextmanager
def few() -> Iterator[list[int]]:
    """A process that may open few; what of these others have, which is closed at the end."""
    others: list[int] = []
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 20, before[1]))
    try:
        yield others
    finally:
        for each in others:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


class ReserveTests:
    """E-17: the descriptor that is kept to turn people away."""

    def test_lost_while_none_is_left(self) -> None:
        """Where a thread has got it while it was given up, a spare one is given up for it: nobody has to leave."""
        clock = Clock()
        reservation = tcp._FileDescriptorReservation(Path(os.devnull).open)  # type: ignore[no-untyped-call]
        reserve = Reserve(clock, reservation)
        with few() as others, capturedLogs() as logs:
            reservation.reserve()
            reserve.start()
            with suppress(OSError):
                while True:
                    others.append(taken())
            for times in range(1, SPARES + 2):
                with reservation:
                    others.append(taken())
                assert not reservation.available()
                clock.advance(RESERVED_EVERY)
                assert reservation.available() == (times <= SPARES)
            told = len(logs)
            clock.pump([RESERVED_EVERY] * 3)
            assert not reservation.available() and len(logs) == told, "a line each second"
            os.close(others.pop())
            clock.advance(RESERVED_EVERY)
            assert reservation.available()

        reserve.stop()
        assert clock.getDelayedCalls() == []
        reserve.stop()
        with reservation:
            reservation._fileFactory = io.BytesIO  # none is kept behind the test

    def test_the_process_has_some_left(self) -> None:
        """What it keeps does not grow, and is closed at the end."""
        before = len(os.listdir("/proc/self/fd"))
        clock = Clock()
        reserve = Reserve(clock)
        reserve.start()
        clock.pump([RESERVED_EVERY] * 5)
        assert len(os.listdir("/proc/self/fd")) <= before + 1 + SPARES
        reserve.stop()

        assert reserve.reservation.available()
        assert len(os.listdir("/proc/self/fd")) <= before + 1
