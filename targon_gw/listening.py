"""What the daemon listens on, in endpoint strings; the socket that a killed daemon left; the last descriptor."""

from __future__ import annotations

import os
import socket
from typing import Final, Protocol

from attrs import define, field
from twisted.internet import tcp
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.python.filepath import FilePath

BACKLOG: Final = 4096
"""Connections that may wait to be accepted: after a restart all clients come back at once (faults catalogue, A-32)."""

RESERVED_EVERY: Final = 1.0
"""Seconds."""

SPARES: Final = 8
"""Descriptors: as many times in one rush the reserved one can be lost to a thread."""


def with_backlog(address: str) -> str:
    """An endpoint string with our backlog, where it has none; Twisted's is 50."""
    kind = _kind(address)
    return address if "backlog=" in address or kind not in ("tcp", "tcp6", "ssl") else f"{address}:backlog={BACKLOG}"


def is_handed(address: str) -> bool:
    """Whether an endpoint string is of a socket that systemd keeps."""
    return _kind(address) == "systemd"


def _kind(address: str) -> str:
    return address.removeprefix("haproxy:").partition(":")[0]


def clear_dead(path: str) -> None:
    """Take away the socket that a killed daemon has left, and Twisted's lock of it.

    The lock goes by the process's number, which may be somebody else's by now; in a container it is our own.
    """
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(1.0)
        try:
            asking.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            pass
        except OSError:
            return
        else:
            return
    if FilePath(path).isSocket():  # whatever else is of that name is not ours
        os.unlink(path)
    if os.path.islink(f"{path}.lock"):
        os.unlink(f"{path}.lock")


class Reservation(Protocol):
    """A descriptor that is held for later."""

    def available(self) -> bool: ...

    def reserve(self) -> None: ...


def _open_one() -> int | None:
    """A descriptor; None where none is left."""
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


@define(eq=False)
class Reserve:
    """Sees to it that the reserved descriptor is there, and keeps some to replace it.

    Where no descriptor is left, Twisted gives up one that it keeps, so as to accept whoever knocks and close the
    connection. A thread that opens a file in that moment gets it instead, and Twisted never asks for another: from then
    on nobody is turned away, and the loop spins before clients that it can't accept (faults catalogue, E-17). Nor would
    asking help: what the thread closes again goes to whoever knocks next. So a spare one is given up for it.
    """

    clock: IReactorTime
    reservation: Reservation = tcp._reservedFD
    _spares: list[int] = field(factory=list)
    _loop: LoopingCall | None = None

    def start(self) -> None:
        """Begin to look, at once."""
        self._loop = LoopingCall(self._look)
        self._loop.clock = self.clock
        self._loop.start(RESERVED_EVERY)

    def stop(self) -> None:
        """End, and close the spare ones."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()
        while self._spares:
            os.close(self._spares.pop())

    def _look(self) -> None:
        while len(self._spares) < SPARES and (opened := _open_one()) is not None:
            self._spares.append(opened)
        if self._spares and not self.reservation.available():
            os.close(self._spares.pop())
            self.reservation.reserve()
