"""In systemd's place: keeps the listening socket, starts the daemon on it, hears what it tells, starts it again.

What a real manager does to a service with a socket unit, and no more: the socket is bound before the first start and
outlives each of them (LISTEN_FDS, sd_listen_fds(3)); the daemon says that it is ready over a datagram socket
(NOTIFY_SOCKET, sd_notify(3)); the next one is started when the one before has gone.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

from tests.live.rig import CLI, Rig, Wishes, vendor_process, wait_until, write_settings

HANDED = "systemd:domain=INET:index=0"
BACKLOG = 4096
_TAKE_OVER = (
    "import os, sys; fd = int(sys.argv[1]); fd == 3 or os.dup2(fd, 3); os.set_inheritable(3, True); "
    "os.environ['LISTEN_PID'] = os.environ['WATCHDOG_PID'] = str(os.getpid()); os.execv(sys.argv[2], sys.argv[2:])"
)


@define(eq=False)
class Keeper:
    """One daemon after another on one socket; `rig` is the one that runs."""

    rig: Rig
    listening: socket.socket
    hearing: socket.socket
    notify: str
    environ: dict[str, str] = field(factory=dict)
    heard: list[str] = field(factory=list)
    """All that was told, a line each."""

    def start(self) -> float:
        """Start a daemon, and wait until it says that it is ready; the seconds that took."""
        began = time.monotonic()
        environ = {
            **os.environ,
            "LISTEN_FDS": "1",
            "LISTEN_FDNAMES": "http",
            "NOTIFY_SOCKET": self.notify,
            **self.environ,
        }
        fd = self.listening.fileno()
        command = [sys.executable, "-S", "-E", "-c", _TAKE_OVER, str(fd), *self.rig.run]
        with self.rig.log.open("ab") as out:
            self.rig.gateway = subprocess.Popen(
                command, stdout=out, stderr=out, cwd=self.rig.folder, env=environ, pass_fds=(fd,)
            )
        self.hear_until("READY=1")
        return time.monotonic() - began

    def hear(self) -> None:
        """Take what has been told so far."""
        while True:
            try:
                self.heard += self.hearing.recv(4096).decode().split("\n")
            except BlockingIOError:
                return

    def hear_until(self, line: str, seconds: float = 20.0) -> None:
        """Wait until this `line` is told, anew."""
        before = len(self.heard)

        def told() -> bool:
            self.hear()
            if self.rig.gateway.poll() is not None:
                raise AssertionError(f"the daemon ended: {self.rig.log.read_text()[-2000:]}")
            return line in self.heard[before:]

        wait_until(told, seconds, lambda: f"told: {self.heard[before:]}")

    def stop(self, seconds: float = 60.0) -> int:
        """End the daemon as systemd does; its exit code."""
        self.rig.signal(signal.SIGTERM)
        return self.rig.ended(seconds)


@contextmanager
def kept(folder: Path, wishes: Wishes, **environ: str) -> Iterator[Keeper]:
    """A vendor, and a keeper that has started a daemon; all are ended afterwards."""
    notify = str(folder / "notify")
    with (
        vendor_process(wishes) as (vendor, vendor_url),
        socket.socket() as listening,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hearing,
    ):
        listening.bind(("127.0.0.1", 0))
        listening.listen(BACKLOG)
        hearing.bind(notify)
        hearing.setblocking(False)
        port, log = listening.getsockname()[1], folder / "gateway.log"
        path = write_settings(folder, wishes, port, vendor_url)
        told = json.loads(path.read_text())
        path.write_text(json.dumps({**told, "listen": HANDED}))
        run = [*CLI, "run", "-c", str(path)]
        nobody: subprocess.Popen[bytes] = subprocess.Popen([sys.executable, "-S", "-c", ""])
        nobody.wait()
        rig = Rig(f"http://127.0.0.1:{port}", vendor_url, vendor, nobody, log, run)
        keeper = Keeper(rig, listening, hearing, notify, environ)
        try:
            keeper.start()
            yield keeper
        finally:
            if rig.gateway.poll() is None:
                rig.gateway.terminate()
                try:
                    rig.ended(20)
                except subprocess.TimeoutExpired:
                    rig.gateway.kill()
        assert "Unhandled error" not in log.read_text(), log.read_text()
