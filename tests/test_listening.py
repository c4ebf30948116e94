"""What the daemon listens on."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from targon_gw.listening import BACKLOG, clear_dead, is_handed, with_backlog


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
