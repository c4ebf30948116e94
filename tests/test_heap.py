"""Free memory goes back to the system."""

from __future__ import annotations

import platform

from twisted.internet.task import Clock

from targon_gw.heap import EVERY, Heap, trim_of_libc

PAGE = 4096


def resident() -> int:
    """Bytes of memory that this process holds."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * PAGE


class HeapTests:
    """`Heap`."""

    def test_each_period(self) -> None:
        """Everything is given back, once a period, from the start to the end."""
        clock, given = Clock(), list[int]()
        heap = Heap(clock, given.append)
        heap.start()
        clock.advance(EVERY - 1)
        assert given == []
        clock.pump([1, EVERY, EVERY])
        assert given == [0, 0, 0]
        heap.stop()
        assert clock.getDelayedCalls() == []
        heap.stop()

    def test_nothing_to_call(self) -> None:
        """Where the C library can't, nothing ticks."""
        clock = Clock()
        heap = Heap(clock, None)
        heap.start()
        assert clock.getDelayedCalls() == []
        heap.stop()


class TrimTests:
    """`trim_of_libc`."""

    def test_holes_are_given_back(self) -> None:
        """A hole below what came after it goes back to the system; glibc alone would keep it."""
        trim = trim_of_libc()
        if platform.libc_ver()[0] != "glibc":
            assert trim is None
            return
        assert trim is not None
        trim(0)
        parts = [bytes(64 << 10) for _ in range(1000)]
        kept = parts[::100]
        del parts
        before = resident()
        trim(0)
        assert before - resident() > 32 << 20 and len(kept) == 10
