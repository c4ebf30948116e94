"""What the daemon listens on: endpoint strings (Twisted's), and the socket that a killed daemon left."""

from __future__ import annotations

import os
import socket
from typing import Final

from twisted.python.filepath import FilePath

BACKLOG: Final = 4096
"""Connections that may wait to be accepted: after a restart all clients come back at once (faults catalogue, A-32)."""


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
