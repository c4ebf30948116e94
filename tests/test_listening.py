"""What the daemon listens on."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import tcp
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from targon_gw.listening import BACKLOG, RESERVED_EVERY, Reserve, clear_dead, is_handed, with_backlog


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


class ReserveTests:
    """E-17: the descriptor that is kept to turn people away."""

    def test_taken_again(self) -> None:
        """Where a thread has got it while it was given up, it is taken again as soon as there is one, once."""
        clock, left, opened = Clock(), [False], list[Any]()

        def take() -> Any:
            if not left[0]:
                raise OSError(errno.EMFILE, "none left")
            opened.append(socket.socket())
            return opened[-1]

        left[0] = True
        reservation = tcp._FileDescriptorReservation(take)  # type: ignore[no-untyped-call]
        reservation.reserve()
        reserve = Reserve(clock, reservation, lambda: left[0])
        reserve.start()
        with capturedLogs() as logs:
            with reservation:
                left[0] = False
            assert not reservation.available()
            told = len(logs)
            clock.pump([RESERVED_EVERY] * 3)
            assert not reservation.available() and len(logs) == told, "a line each second"
            left[0] = True
            clock.pump([RESERVED_EVERY] * 3)

        assert reservation.available()
        assert len(opened) == 2
        reserve.stop()
        assert clock.getDelayedCalls() == []
        reserve.stop()
        opened[-1].close()

    def test_the_process_has_some_left(self) -> None:
        """The look itself costs no descriptor."""
        before = len(os.listdir("/proc/self/fd"))
        clock = Clock()
        reserve = Reserve(clock)
        reserve.start()
        clock.pump([RESERVED_EVERY] * 5)
        reserve.stop()

        assert reserve.reservation.available()
        assert len(os.listdir("/proc/self/fd")) <= before + 1
