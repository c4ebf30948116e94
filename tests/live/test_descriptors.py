"""More connections than a process may have, and many that do nothing (faults catalogue, E-17, A-30)."""

from __future__ import annotations

import os
import resource
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live.rig import Rig, Wishes, started, wait_until
from tests.live.streams import call, probe_socket, request

pytestmark = pytest.mark.live

FEW = 80
"""Descriptors that the gateway may have open."""
CROWD = 150
IDLE = 1000
KIB_EACH = 8
"""Of memory for an idle connection, at most; Python's allocator takes it in steps."""


def limit(rig: Rig, most: int) -> None:
    """Give the gateway no more descriptors than that from now on."""
    _, hard = resource.prlimit(rig.gateway.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(rig.gateway.pid, resource.RLIMIT_NOFILE, (most, hard))


def seconds_used(rig: Rig) -> float:
    """Seconds of processor that the gateway has used."""
    fields = Path(f"/proc/{rig.gateway.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def crowd(rig: Rig, held: ExitStack, count: int) -> list[socket.socket]:
    """So many connections that say nothing."""
    return [held.enter_context(rig.connect()) for _ in range(count)]


def answers(rig: Rig) -> bool:
    """Whether a call is served."""
    try:
        return call(rig).status == 200
    except OSError:
        return False


class DescriptorTests:
    """A process that may open no more."""

    def test_no_more_to_be_had(self, tmp_path: Path) -> None:
        """E-17: what is too much is closed, who was there is answered, nothing spins; later all is well again."""
        with started(tmp_path, Wishes(gateway={"limits": {"connections_per_address": 100_000}})) as rig:
            assert answers(rig)
            with ExitStack() as held:
                before_all = held.enter_context(probe_socket(rig))
                limit(rig, FEW)
                rig.gateway.send_signal(signal.SIGSTOP)
                connections = crowd(rig, held, CROWD)  # all in one turn of the loop: there is no time to close any
                rig.gateway.send_signal(signal.SIGCONT)
                wait_until(lambda: sum(map(closed, connections)) >= CROWD - FEW, 5, rig.log.read_text)
                assert "EMFILE encountered" in rig.log.read_text()
                before = seconds_used(rig)
                time.sleep(1.0)
                assert seconds_used(rig) - before < 0.5, "the loop is busy"
                before_all.settimeout(5)
                before_all.sendall(request(1))
                assert int(before_all.recv(65536)[9:12]) in (200, 503)
                assert rig.gateway.poll() is None
            wait_until(lambda: answers(rig), 10, lambda: rig.log.read_text()[-2000:])

    def test_many_that_do_nothing(self, tmp_path: Path) -> None:
        """A-30: a thousand idle connections take little memory each, and a call beside them is as quick as ever."""
        with started(tmp_path, Wishes(gateway={"limits": {"connections_per_address": 100_000}})) as rig:
            assert answers(rig)
            with ExitStack() as held:
                crowd(rig, held, 100)  # what the first of them bring in is not what each costs
                before = rig.memory()
                crowd(rig, held, IDLE)
                began = time.monotonic()
                assert answers(rig)
                assert time.monotonic() - began < 0.5
                assert rig.memory() - before < IDLE * KIB_EACH * 1024


def closed(connection: socket.socket) -> bool:
    """Whether the other end has gone, perhaps with a word of farewell."""
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True
