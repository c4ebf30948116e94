"""The state, with each of its system calls failing or killing the process: what was acknowledged is there, once.

Each point is one run of `state_writer` under strace, which makes the k-th call of a kind fail, fail from then on, or
never return. Some points are run by default; `CRASH_POINTS=all`, or `python -m tests.promises.crash_points`, runs every
one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from targon_gw.store.folder import StateFolder
from targon_gw.store.recovery import recover, verify
from tests.live.state_writer import CALLS, FLUSHED_AT, MARK, NOON, RECORDED, folded
from tests.needs import need
from tests.store.stage import entry, text_of

pytestmark = pytest.mark.live

ROOT = Path(__file__).resolve().parents[2]
CALLED = ("write", "pwrite64", "fsync", "fdatasync", "rename", "unlink", "openat", "ftruncate", "mkdir", "flock")
WAYS = {
    "eio": "error=EIO:when={k}",
    "enospc": "error=ENOSPC:when={k}",
    "enospc-for-good": "error=ENOSPC:when={k}+",
    "kill": "signal=KILL:when={k}",
}
STEP = 1 if os.environ.get("CRASH_POINTS") == "all" else 41
BEFORE = ("sound", "torn", "bad-snapshot")
"""What an earlier run has left: all well; a torn last line; a snapshot that is not whole, with a good one before it."""
ENV = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}


@frozen
class Point:
    """The k-th system call of that name, and what becomes of it."""

    name: str
    k: int
    way: str


@frozen
class Place:
    """A state folder and the record of what was acknowledged in it."""

    root: Path

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def record(self) -> Path:
        return self.root / "record"

    def run(self, *before: str) -> int:
        """Run the writer, behind that command; answers with its exit status."""
        command = [*before, sys.executable, "-m", "tests.live.state_writer", str(self.state), str(self.record)]
        return subprocess.run(command, cwd=ROOT, env=ENV, timeout=60, stderr=subprocess.DEVNULL).returncode

    def acknowledged(self) -> set[str]:
        """The ids of the calls that append has returned for."""
        return {f"req_{number}" for number, told in enumerate(self.record.read_bytes()) if told}

    def recovered(self) -> tuple[int, list[str]]:
        """The line up to which the snapshot goes, and all ids that are found; the totals agree with them."""
        folder = StateFolder(str(self.state))
        folder.open()
        try:
            found = recover(folder)
            ledger, ids = folded(found)
        finally:
            folder.close()
        assert ledger.n == len(ids)
        assert sum(sums.calls for sums in ledger.totals["day"].values()) == len(ids)
        return found.n, ids


def prepared(root: Path, before: str) -> Place:
    """A place as one run has left it, and as `before` says."""
    place = Place(root)
    root.mkdir()
    place.record.write_bytes(bytes(RECORDED))
    assert place.run() == 0
    assert len(place.acknowledged()) == CALLS
    last = max((place.state / "ledger").iterdir())
    if before == "torn":
        last.write_bytes(last.read_bytes() + text_of([CALLS + 1])[:25])
    if before == "bad-snapshot":
        (place.state / "state.yaml").write_bytes(b"")
    return place


def copy_of(place: Place, root: Path) -> Place:
    """The same place again."""
    shutil.copytree(place.root, root)
    return Place(root)


def calls_of(place: Place, root: Path, strace: str) -> tuple[Counter[str], Counter[str]]:
    """How many calls of each kind the interpreter makes before the writer begins, and how many the writer makes."""
    traced = copy_of(place, root)
    out = root / "trace"
    assert traced.run(strace, "-f", "-o", str(out), "-e", f"trace={','.join(CALLED)},newfstatat,stat,access") == 0
    before, _, after = out.read_text().partition(MARK)
    return _counted(before), _counted(after)


def _counted(trace: str) -> Counter[str]:
    return Counter(
        name for line in trace.splitlines() for name in CALLED if line.split(None, 1)[-1].startswith(f"{name}(")
    )


def points(before: Counter[str], own: Counter[str], step: int) -> Iterator[Point]:
    """Every call of the writer's own, in every way; of these each `step`-th."""
    every = [Point(name, before[name] + i, way) for way in WAYS for name in CALLED for i in range(1, own[name] + 1)]
    yield from every[::step]


def injected(place: Place, point: Point, strace: str) -> int:
    """Run the writer with that point's call failing, or killing it; its exit status."""
    inject = f"inject={point.name}:{WAYS[point.way].format(k=point.k)}"
    return place.run(strace, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={point.name}", "-e", inject)


class CrashPointTests:
    @pytest.mark.parametrize("before", BEFORE)
    def test_the_old_state_or_the_new_one(self, tmp_path: Path, before: str) -> None:
        """Whatever call fails or kills, each acknowledged line is found once and the next run goes on (E-01 to 09)."""
        strace = need("strace")
        start = prepared(tmp_path / "start", before)
        counted, own = calls_of(start, tmp_path / "count", strace)
        assert own["write"] >= CALLS + 2 and own["rename"] >= 3, own
        ends: Counter[tuple[str, int]] = Counter()

        for number, point in enumerate(points(counted, own, STEP)):
            place = copy_of(start, tmp_path / str(number))
            ends[point.way, injected(place, point, strace)] += 1
            self.check(place, point)
            shutil.rmtree(place.root)

        if STEP == 1:
            assert ends["kill", -9] == sum(own.values())
            assert ends["eio", 1] >= own["fdatasync"]
            assert ends["enospc", 0] >= own["rename"]

    def check(self, place: Place, point: Point) -> None:
        """The promise, after the crash and after the next start."""
        told = place.acknowledged()
        n, ids = place.recovered()
        assert ids == [f"req_{number}" for number in range(len(ids))], point
        assert told <= set(ids), point
        assert len(ids) - len(told) <= 1, point
        assert n in {start + flushed for start in (0, CALLS) for flushed in FLUSHED_AT}, (point, n)

        assert place.run() == 0, point
        assert len(place.acknowledged() | set(ids)) == len(ids) + CALLS, point
        assert place.recovered()[1] == [f"req_{number}" for number in range(len(ids) + CALLS)], point
        assert verify(StateFolder(str(place.state))) == [], point

    def test_the_check_can_fail(self, tmp_path: Path) -> None:
        """A line that was acknowledged and is gone, or is there twice, does not pass."""
        place = prepared(tmp_path / "place", "sound")
        assert entry(0, NOON).id in place.acknowledged()
        last = max((place.state / "ledger").iterdir())
        last.write_bytes(b"")
        for name in ("state.yaml", "state.yaml.1"):
            (place.state / name).unlink()

        with pytest.raises(AssertionError):
            self.check(place, Point("write", 1, "kill"))
