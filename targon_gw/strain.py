"""Whether the process has as much to do as it can: then no new call is taken, so that those under way end well.

Looked at ten times a second, beside the reactor's lag, and never by a call itself. Three things may be too much: calls
under way; the reactor, which comes to nothing in time; memory, close to what the process may have at all. What runs
goes on; what is new is told to come again in one to five seconds, each another (faults catalogue, A-32, E-18). It is no
state to be stuck in: a process that has grown and gives nothing back to the system still takes a few calls at a time.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from attrs import define, field
from twisted.logger import Logger

from targon_gw.core.gateway import Gateway

log = Logger()

MOST_CALLS: Final = 10_000
"""Calls under way, and waiting ones: some 64 KiB each, beside their bodies."""
LATE: Final = 1.0
"""Seconds by which the reactor is too late, at two looks in a row: each call waits that long for each of its steps.
What stood still once, as a machine does that is moved, has not too much to do."""
IN_TIME: Final = 0.25
"""Seconds by which it may be late and is well again."""
FULL: Final = 0.90
"""Share of the memory at which nothing more is taken; the system would begin to reclaim, or end us, at 1."""
ROOM: Final = 0.85
FEW: Final = 16
"""Calls that are always let run, whatever memory there is: what they end with may be what is missing."""

TOO_MUCH: Final = "This gateway has as much to do as it can do in time. Try again in a moment."

_NO_LIMIT: Final = 1 << 50
"""Bytes; what the system calls a limit above that is none."""


def memory_limit(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that this process may have: the least limit of its control groups, or what the machine has; `None` where
    nobody says."""
    found = [*_limits(proc, cgroups), *_total(proc)]
    return min((limit for limit in found if 0 < limit < _NO_LIMIT), default=None)


def _limits(proc: Path, cgroups: Path) -> Iterator[int]:
    for line in _read(proc / "self" / "cgroup").splitlines():
        _, kinds, path = line.split(":", 2)
        if kinds not in ("", "memory"):
            continue
        root = cgroups if not kinds else cgroups / kinds
        here = root / path.strip("/")
        while True:
            for name in ("memory.high", "memory.max", "memory.limit_in_bytes"):
                text = _read(here / name).strip()
                if text.isdigit():
                    yield int(text)
            if here == root or root not in here.parents:
                break
            here = here.parent


def _total(proc: Path) -> Iterator[int]:
    for line in _read(proc / "meminfo").splitlines():
        if line.startswith("MemTotal:"):
            yield int(line.split()[1]) * 1024


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""


class Statm:
    """Bytes of memory that this process has; its file stays open, so that it can be read when no other can be."""

    def __init__(self) -> None:
        self._file = open("/proc/self/statm", "rb", buffering=0)  # noqa: SIM115 - it stays open
        self._page = resource.getpagesize()

    def __call__(self) -> int:
        self._file.seek(0)
        return int(self._file.read(128).split()[1]) * self._page


@define(eq=False)
class Strain:
    """Says to `gateway` when it is too much. `look` is to be told of each look at the reactor's lag."""

    gateway: Gateway
    limit: int | None = field(factory=memory_limit)
    resident: Callable[[], int] = field(factory=Statm)
    _late: bool = False
    _before: bool = False
    """Late at the look before."""
    _full: bool = False

    def look(self, late: float) -> None:
        """The reactor was late by so many seconds."""
        again, self._before = self._before, late >= LATE
        self._late = late >= IN_TIME if self._late else self._before and again
        if self.limit is not None:
            self._full = self.resident() >= (ROOM if self._full else FULL) * self.limit
        calls = len(self.gateway.calls)
        why = self._why(calls)
        if (why is None) is not (self.gateway.strained is None):
            self.gateway.strained = None if why is None else TOO_MUCH
            self._tell(why, late, calls)

    def _why(self, calls: int) -> str | None:
        if calls >= MOST_CALLS:
            return "too many calls are under way"
        if self._late:
            return "the reactor is late"
        if self._full and calls >= FEW:
            return "memory is short"
        return None

    def _tell(self, why: str | None, late: float, calls: int) -> None:
        if why is None:
            log.info("calls are taken again", calls=calls)
        else:
            log.warn("no call is taken for now: {reason}", reason=why, calls=calls, late_s=round(late, 3))


def raise_descriptors(most: int = 1 << 20) -> int:
    """Have as many descriptors as this process may give itself; how many that is.

    A shell's usual bound of 1024 keeps programs that use select() well; we use epoll.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most if hard == resource.RLIM_INFINITY else min(hard, most)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft
