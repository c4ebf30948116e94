"""What systemd is told of the daemon: that it is ready, reads its settings, ends; how it does; that it is well.

The protocol is a datagram of `NAME=value` lines to the socket that the environment names (sd_notify(3)). Whoever starts
the daemon in another way is told nothing, and nothing ticks. What can't be told is let go: no trouble with the socket
reaches the daemon. The watchdog (E-19) is answered by a timer of the reactor, so that a loop which stands still is
silent by itself; it is silent, too, where the loop has been late, or what was written does not reach the disk. What
systemd does then is its affair: it sends SIGABRT, and the stacks of all threads go to standard error.
"""

# mypy: disallow-untyped-calls=False
# Twisted is not typed throughout.

from __future__ import annotations

import faulthandler
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, Protocol

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

log = Logger()

BEATS: Final = 4
"""In the watchdog's time: sd_watchdog_enabled(3) asks for two, and one may be late."""
SOON: Final = 20
"""In the watchdog's time, a beat behind one that was not told: who is well again is not killed for what has been."""
STATUS_EVERY: Final = 10.0
"""Seconds between two lines of `systemctl status`."""
OVER: Final = 15.0
"""Seconds beyond what the calls may take, until the process is gone: the last flush, and a slow disk."""

Tell = Callable[[str], object]


class Subject(Protocol):
    """Whom systemd is told of."""

    def status(self) -> tuple[str, int]:
        """How it does in a few words, and how many calls it has ended in all."""

    def behind(self) -> float:
        """For how many seconds something written has not reached the disk."""


def teller(environ: Mapping[str, str]) -> Tell | None:
    """What sends lines to the socket that `environ` names; `None` where it names none that we know.

    A name that begins with `@` is one of the abstract namespace (unix(7)); `vsock:` is for whole machines.
    """
    name = environ.get("NOTIFY_SOCKET", "")
    if not name.startswith(("/", "@")) or len(name) < 2:
        return None
    address = "\0" + name[1:] if name.startswith("@") else name

    def tell(lines: str) -> bool:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.sendto(lines.encode("utf-8", "replace"), address)
        except (OSError, ValueError):  # nobody there, a full queue, a name that is too long
            return False
        return True

    return tell


def watchdog_of(environ: Mapping[str, str], pid: int) -> float | None:
    """Within how many seconds the process `pid` must be heard of; `None`: nobody listens (sd_watchdog_enabled(3))."""
    microseconds, for_whom = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(pid))
    if not (microseconds.isascii() and microseconds.isdigit()) or for_whom != str(pid):
        return None
    return int(microseconds) / 1e6 or None


def dump_stacks_when_killed() -> None:
    """Have SIGABRT and its kin tell where each thread is, on standard error; names of files and lines, no values."""
    if not faulthandler.is_enabled() and sys.__stderr__ is not None:
        with suppress(OSError, ValueError, RuntimeError):  # a standard error that is no file, or closed
            faulthandler.enable(sys.__stderr__)


def _one_line(text: str) -> str:
    return " ".join(text.split())


@define(eq=False)
class Supervision:
    """Tells of one daemon from `ready` to `ended`. `now` is monotonic seconds.

    `tell` sends lines (`None`: nobody listens); `watchdog` is within how many seconds something must be heard.
    """

    clock: IReactorTime
    now: Callable[[], float]
    tell: Tell | None = None
    watchdog: float | None = None
    _subject: Subject | None = None
    _timers: dict[str, IDelayedCall] = field(factory=dict)
    _due: float = 0.0
    _ended: int = 0
    """Calls, when the status was last told, and when that was."""
    _told_at: float = 0.0
    _uneasy: bool = False

    @classmethod
    def of(cls, clock: IReactorTime, now: Callable[[], float], environ: Mapping[str, str]) -> Supervision:
        """As `environ` asks for it."""
        tell = teller(environ)
        return cls(clock, now, tell, None if tell is None else watchdog_of(environ, os.getpid()))

    def starting(self, what: str) -> None:
        """Say what is being done before the daemon is ready."""
        self._say(f"STATUS={_one_line(what)}")

    def ready(self, subject: Subject) -> None:
        """It listens, and serves from now on."""
        if self.tell is None:
            return
        self._subject = subject
        words, self._ended = subject.status()
        self._told_at = self.now()
        self._say(f"READY=1\nSTATUS={_one_line(words)}")
        self._later("status", STATUS_EVERY, self._tell_status)
        if self.watchdog is not None:
            self._due = self.now()
            self._beat()

    def reloading(self, under_way: bool) -> None:
        """Settings are being read, or have been. systemd wants to know since when, by the monotonic clock."""
        if self._subject is not None:
            self._say(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}" if under_way else "READY=1")

    def stopping(self, seconds: float) -> None:
        """It ends, and calls may take so many seconds more: systemd gives it as much, whatever its unit says."""
        self._cancel("status")
        self._say(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={int((seconds + OVER) * 1e6)}\nSTATUS=ending, calls are finishing")

    def ended(self) -> None:
        """Nothing more is told, and nothing ticks."""
        self._subject = None
        for name in list(self._timers):
            self._cancel(name)

    def _say(self, lines: str) -> None:
        if self.tell is not None:
            self.tell(lines)

    def _later(self, name: str, seconds: float, what: Callable[[], object]) -> None:
        self._timers[name] = self.clock.callLater(seconds, what)

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None and timer.active():
            timer.cancel()

    def _tell_status(self) -> None:
        self._later("status", STATUS_EVERY, self._tell_status)
        assert self._subject is not None
        words, ended = self._subject.status()
        now = self.now()
        pace = max(0, ended - self._ended) / max(now - self._told_at, 0.001)
        self._ended, self._told_at = ended, now
        self._say(f"STATUS={_one_line(words)}, {pace:.1f} calls/s")

    def _beat(self) -> None:
        """Say that all is well, if it is."""
        assert self.watchdog is not None and self._subject is not None
        now = self.now()
        trouble = self._trouble(now - self._due, self._subject.behind(), self.watchdog)
        if trouble is None:
            self._say("WATCHDOG=1")
        elif not self._uneasy:
            log.error("the watchdog is not answered: {trouble}", trouble=trouble)
        self._uneasy = trouble is not None
        pause = self.watchdog / (SOON if self._uneasy else BEATS)
        self._due = now + pause
        self._later("beat", pause, self._beat)

    @staticmethod
    def _trouble(late: float, behind: float, watchdog: float) -> str | None:
        """What is wrong where this beat comes so late, and what was written waits for the disk that long."""
        if behind > watchdog:
            return f"for {behind:.0f} s nothing has reached the disk"
        return f"the loop stood still for {late:.1f} s" if late > watchdog / 2 else None
