"""When no new call is taken, by figures that are told (faults catalogue, A-32, E-18)."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from targon_gw import strain
from targon_gw.core.gateway import Gateway
from targon_gw.strain import FEW, FULL, IN_TIME, LATE, MOST_CALLS, ROOM, Statm, Strain, memory_limit
from tests import fakes
from tests.fakes import rolls

GIB = 1 << 30


def watched(limit: int | None = None, memory: int = 0) -> tuple[Gateway, Strain]:
    """A gateway, and what watches it; the process may have `limit` bytes, and has so many."""
    gateway = fakes.gateway()
    return gateway, Strain(gateway, limit, lambda: memory)


class StrainTests:
    def test_late(self) -> None:
        """A reactor that is a second late, twice, takes no call until it is in time again: not just under a second."""
        gateway, watch = watched()
        seen = []
        for late in (LATE, 0.0, LATE, LATE - 0.01, LATE, LATE, IN_TIME + 0.01, IN_TIME - 0.01, LATE, LATE - 0.01):
            watch.look(late)
            seen.append(gateway.strained is not None)

        assert seen == [False] * 5 + [True, True] + [False] * 3

    def test_too_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A-32: as many as may be under way, waiting ones included; one fewer, and the next is taken."""
        monkeypatch.setattr(strain, "MOST_CALLS", 3)
        gateway, watch = watched()
        calls = [fakes.call(gateway) for _ in range(3)]
        watch.look(0.0)
        assert gateway.strained is not None
        gateway.calls.remove(calls[0])
        watch.look(0.0)

        assert gateway.strained is None
        assert MOST_CALLS == 10_000

    @pytest.mark.parametrize("number", [0, FEW - 1, FEW])
    def test_memory(self, number: int) -> None:
        """E-18: near the limit nothing new is taken but a few calls at a time; there is room again at less."""
        gateway = fakes.gateway()
        memory = [int(FULL * GIB) + 1]
        watch = Strain(gateway, GIB, lambda: memory[0])
        for _ in range(number):
            fakes.call(gateway)
        watch.look(0.0)
        assert (gateway.strained is not None) is (number >= FEW)
        memory[0] = int(ROOM * GIB) + 1
        watch.look(0.0)
        assert (gateway.strained is not None) is (number >= FEW)
        memory[0] = int(ROOM * GIB) - 1
        watch.look(0.0)

        assert gateway.strained is None

    def test_nobody_says(self) -> None:
        """Where no limit is known, memory is not looked at."""
        gateway, watch = watched(None, 1 << 40)
        watch.look(0.0)

        assert gateway.strained is None

    def test_come_again_at_different_times(self) -> None:
        """A-32: one to five seconds, as the die falls."""
        waits = [fakes.gateway(roll=rolls(at)).too_much("why").wait for at in (0.0, 0.5, 0.99)]

        assert waits == [0.0, 2.5, 4.95]  # which headers tell as 1, 3 and 5


class LimitTests:
    """What the process may have."""

    def files(self, folder: Path, cgroup: str, contents: dict[str, str]) -> tuple[Path, Path]:
        """A made-up /proc and /sys/fs/cgroup; the latter's files by their path."""
        proc, cgroups = folder / "proc", folder / "cgroups"
        (proc / "self").mkdir(parents=True)
        (proc / "self" / "cgroup").write_text(cgroup)
        (proc / "meminfo").write_text("MemTotal:       16777216 kB\nMemFree: 5 kB\n")
        for name, content in contents.items():
            path = cgroups / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content + "\n")
        return proc, cgroups

    def test_version_two(self, tmp_path: Path) -> None:
        """The least of its own group's and those above it; `max` is none."""
        proc, cgroups = self.files(
            tmp_path,
            "0::/system.slice/targon-gw.service\n",
            {
                "system.slice/targon-gw.service/memory.high": "1073741824",
                "system.slice/targon-gw.service/memory.max": "2147483648",
                "system.slice/memory.max": "max",
            },
        )

        assert memory_limit(proc, cgroups) == GIB

    def test_version_one(self, tmp_path: Path) -> None:
        """Beside other kinds of groups; a group that the container does not see leaves the one at the top."""
        proc, cgroups = self.files(
            tmp_path,
            "12:cpu:/x\n4:memory:/docker/0123\n0::/\n",
            {"memory/memory.limit_in_bytes": "3221225472", "cpu/memory.limit_in_bytes": "5"},
        )

        assert memory_limit(proc, cgroups) == 3 * GIB

    def test_none(self, tmp_path: Path) -> None:
        """A group without a limit: what the machine has; nothing readable: nobody says."""
        proc, cgroups = self.files(tmp_path, "4:memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712"})
        assert memory_limit(proc, cgroups) == 16 * GIB

        assert memory_limit(tmp_path / "no", tmp_path / "no") is None

    def test_this_process(self) -> None:
        """The real ones: it has some, and less than it may."""
        limit, read = memory_limit(), Statm()
        before = read()
        held = bytearray(64 << 20)

        assert 0 < before < before + len(held) // 2 < read() < (limit or 1 << 60)


class DescriptorTests:
    def test_as_many_as_it_may(self) -> None:
        """The soft limit becomes the hard one; a second time nothing changes."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        lower = max(128, soft // 2)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lower, hard))
        try:
            found = strain.raise_descriptors()
            assert found == resource.getrlimit(resource.RLIMIT_NOFILE)[0] > lower
            assert strain.raise_descriptors() == found
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
