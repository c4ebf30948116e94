"""Memory that is free is given back to the system.

glibc gives back what is free at the heap's end alone. Large answers and bodies, and settings read anew, leave holes
below what came after them, and the pages of a hole stay the process's for good: large faults of a vendor took a heap of
14 MiB to 60. Once a minute every hole is given back (`malloc_trim`, a tenth of a millisecond for each MiB of them); who
needs one next is given it anew. It decides nothing, and where the C library has no such call (musl, macOS) nothing
happens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import define
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

EVERY: Final = 60.0
"""Seconds: no call notices the milliseconds, and no peak stays for long."""
Trim = Callable[[int], object]
"""Gives back all but so many bytes at the heap's end, and whole pages wherever else they are free."""


def trim_of_libc() -> Trim | None:
    """`malloc_trim` of the C library in use; None where it has none."""
    try:
        import ctypes

        trim = ctypes.CDLL(None).malloc_trim
    except (ImportError, OSError, AttributeError, MemoryError):  # no libffi, or none that may be; no such libc or call
        return None
    trim.argtypes = (ctypes.c_size_t,)
    found: Trim = trim
    return found


@define(eq=False)
class Heap:
    """Gives back from `start` to `stop`, every `EVERY` seconds."""

    clock: IReactorTime
    trim: Trim | None
    _loop: LoopingCall | None = None

    def start(self) -> None:
        """Begin; where there is nothing to call, nothing ticks."""
        if self.trim is not None:
            self._loop = LoopingCall(self.trim, 0)
            self._loop.clock = self.clock
            self._loop.start(EVERY, now=False)

    def stop(self) -> None:
        """End."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()
