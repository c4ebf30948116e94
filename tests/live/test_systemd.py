"""A real daemon before a service manager: what it tells, how a loop that stands still ends, whose the socket is."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.live.keeper import HANDED, kept
from tests.live.rig import CLI, Wishes, free_port, started, wait_until
from tests.live.streams import Listener, call, get, request
from tests.needs import need

pytestmark = pytest.mark.live

QUIET = {"drain": "5s", "flush": "10m", "admin": {"socket": "admin.sock"}}
STANDS_STILL = (
    "import time; from twisted.internet import epollreactor; epollreactor.install(); "
    "from twisted.internet import reactor; reactor.callWhenRunning(reactor.callLater, 2.5, time.sleep, 60); "
    "from targon_gw.cli.main import main; main()"
)
"""The daemon, but for one call that keeps its loop for a minute."""


class NotifyTests:
    """What is told over NOTIFY_SOCKET."""

    def test_a_life(self, tmp_path: Path) -> None:
        """Ready with how many keys are usable; a reload begins and ends; the end is told with the time it needs."""
        with kept(tmp_path, Wishes(events_per_second=20.0, gateway=QUIET)) as keeper:
            assert keeper.heard == ["STATUS=reading the state and the ledger", "READY=1", "STATUS=1/1 keys usable"]
            keeper.heard.clear()
            assert call(keeper.rig).status == 200

            keeper.rig.signal(signal.SIGHUP)
            keeper.hear_until("READY=1")
            assert keeper.heard[0] == "RELOADING=1"
            begun = int(keeper.heard[1].removeprefix("MONOTONIC_USEC=")) / 1e6
            assert 0 <= time.monotonic() - begun < 5

            stream = Listener(keeper.rig, request(20)).start()
            wait_until(lambda: stream.speaking, 5)
            keeper.rig.signal(signal.SIGTERM)
            keeper.hear_until("STOPPING=1")
            extended = next(line for line in keeper.heard if line.startswith("EXTEND_TIMEOUT_USEC="))
            assert int(extended.partition("=")[2]) >= 5_000_000
            assert keeper.rig.ended() in (0, -signal.SIGTERM)
            assert stream.wait().whole

    def test_the_socket_stays(self, tmp_path: Path) -> None:
        """Who connects while no daemon runs is served by the next one, with what the first one counted (P5)."""
        with kept(tmp_path, Wishes(gateway=QUIET)) as keeper:
            assert call(keeper.rig).status == 200
            keeper.stop()
            waiting = Listener(keeper.rig, request(2)).start()
            time.sleep(0.3)
            assert waiting.got == b"" and waiting.ended is None
            keeper.start()

            assert waiting.wait().whole
            assert get(keeper.rig, "/v1/key").body["data"]["requests"] == 2


class WatchdogTests:
    """E-19: WATCHDOG_USEC."""

    def test_a_loop_that_stands_still(self, tmp_path: Path) -> None:
        """While the loop turns the watchdog is answered; when it stands still it is not, and SIGABRT shows where."""
        with kept(tmp_path, Wishes(gateway=QUIET), WATCHDOG_USEC="2000000") as keeper:
            keeper.hear_until("WATCHDOG=1")
            keeper.hear_until("WATCHDOG=1")
            keeper.stop()
            sane = keeper.rig.run
            keeper.rig.run = [sys.executable, "-c", STANDS_STILL, *sane[sane.index("run") :]]
            keeper.start()
            time.sleep(3.0)
            keeper.hear()
            heard = keeper.heard.count("WATCHDOG=1")
            time.sleep(2.5)  # the watchdog's time and more
            keeper.hear()
            assert keeper.heard.count("WATCHDOG=1") == heard
            keeper.rig.signal(signal.SIGABRT)

            assert keeper.rig.ended() == -signal.SIGABRT
            told = keeper.rig.log.read_text()
            assert "Fatal Python error: Aborted" in told
            assert "twisted/internet/base.py" in told.partition("Fatal Python error")[2]
            keeper.rig.run = sane
            keeper.start()
            assert call(keeper.rig).status == 200


class SocketActivateTests:
    """The real systemd-socket-activate."""

    def test_starts_on_the_first_connection(self, tmp_path: Path) -> None:
        """It hands its socket over, and the first who connects is served by the daemon that this starts."""
        tool = need("systemd-socket-activate")
        with started(tmp_path, Wishes(gateway=QUIET)) as rig:
            rig.signal(signal.SIGTERM)
            rig.ended()
            path = tmp_path / "gateway.yaml"
            port = free_port()
            own = rig.url.rpartition(":")[2]
            path.write_text(path.read_text().replace(f"tcp:{own}:interface=127.0.0.1", HANDED))
            assert HANDED in path.read_text()
            command = [tool, "-l", f"127.0.0.1:{port}", "--fdname=http", *CLI, "run", "-c", str(path)]
            with rig.log.open("ab") as out:
                rig.gateway = subprocess.Popen(command, stdout=out, stderr=out, cwd=Path(__file__).parents[2])
            rig.url = f"http://127.0.0.1:{port}"
            wait_until(lambda: _accepts(port), 10)

            assert call(rig).status == 200
            assert os.path.basename(os.readlink(f"/proc/{rig.gateway.pid}/exe")).startswith("python")
            rig.signal(signal.SIGTERM)
            assert rig.ended() in (0, -signal.SIGTERM)


class RefusalTests:
    """A start that can't be."""

    def test_reason_is_on_standard_error(self, tmp_path: Path) -> None:
        """What ends the start stands on standard error as a line of its own, not in the log alone (E-08, E-15)."""
        with started(tmp_path, Wishes(gateway=QUIET)) as rig:
            for code in (75, 78):
                if code == 78:
                    rig.signal(signal.SIGTERM)
                    rig.ended()
                    os.chmod(tmp_path / "state", 0o777)
                refused = subprocess.run(rig.run, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False)
                assert refused.returncode == code, refused.stdout + refused.stderr
                [line] = [line for line in refused.stderr.splitlines() if line.startswith("targon-gw: ")]
                assert str(tmp_path / "state") in line
            os.chmod(tmp_path / "state", 0o700)


def _accepts(port: int) -> bool:
    """Whether somebody listens; the connection that asks is what starts the daemon."""
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True
