"""A loss of power costs the records of one second at most (promise P1; faults catalogue, E-01, E-03).

strace writes down each write and each finished fdatasync of a gateway under load, which is then killed. What a loss of
power at any moment of that life would have left of the ledger is known from it: what had been written when the last
sync that had ended by then had begun. The age of the oldest line that was not yet safe is the cost of the loss at that
moment. Then the ledger is cut at its last safe byte, and a new gateway goes on from there: it knows of every call that
a client saw whole until a second before the end. `python -m tests.promises.power_loss [--rounds N]`
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from attrs import define, field, frozen

from tests.live.rig import CLIENT_KEY, Rig, Wishes, started
from tests.needs import need
from tests.promises import verdict
from tests.promises.verdict import Measured
from tests.promises.witness import ADMIN, PRICED, Load, Worker, asked, lines_of, settled

MOST = 1.0
"""Seconds of records."""
OF_A_SYNC = 0.1
"""Seconds that a sync itself may take under strace; what it takes is told."""
WORKERS = 2
WISHES = Wishes(dialect="openai", events_per_second=1500.0, models=PRICED, gateway=ADMIN)
_CALL = re.compile(
    r"^\d+\s+(?P<at>\d+\.\d+) (?P<name>write|fdatasync)\(\d+<(?P<path>[^>]*/ledger/[^>]*)>.*\) = (?P<result>-?\d+) "
    r"?<(?P<took>[\d.]+)>$"
)
_BEGUN = re.compile(r"^(?P<pid>\d+)\s+(?P<at>\d+\.\d+) fdatasync\(\d+<(?P<path>[^>]*/ledger/[^>]*)> <unfinished")
_ENDED = re.compile(r"^(?P<pid>\d+)\s+(?P<at>\d+\.\d+) <\.\.\. fdatasync resumed>\)\s*= 0 ?<(?P<took>[\d.]+)>$")


@frozen
class Act:
    """A write of so many bytes to the ledger, or (`size` None) a sync that went well; Unix seconds."""

    began: float
    ended: float
    size: int | None


@define(eq=False)
class Found:
    """What each life would have lost, and what syncs took."""

    costs: list[float] = field(factory=list)
    syncs: list[float] = field(factory=list)
    lines: int = 0
    cut: int = 0
    """Lines that were cut off."""


def acts(trace: Iterable[str]) -> list[Act]:
    """What strace has seen of the ledger, in the order in which it was begun."""
    found: list[Act] = []
    open_: dict[str, float] = {}
    for line in trace:
        if whole := _CALL.match(line):
            began, took, result = float(whole["at"]), float(whole["took"]), int(whole["result"])
            size = result if whole["name"] == "write" else None
            if result >= 0:
                found.append(Act(began, began + took, size))
        elif begun := _BEGUN.match(line):
            open_[begun["pid"]] = float(begun["at"])
        elif (ended := _ENDED.match(line)) and ended["pid"] in open_:
            began = open_.pop(ended["pid"])
            found.append(Act(began, began + float(ended["took"]), None))
    return sorted(found, key=lambda act: act.began)


def cost(found: list[Act]) -> tuple[float, int]:
    """The greatest age of a line that was not safe, at any moment; and how many bytes were safe in the end."""
    oldest, worst, safe, written = None, 0.0, 0, 0
    unsafe: list[Act] = []
    for act in found:
        if act.size is not None:
            unsafe.append(act)
            written += act.size
            continue
        covered = [one for one in unsafe if one.ended <= act.began]
        if covered:
            worst = max(worst, act.ended - covered[0].began)
        safe += sum(one.size or 0 for one in covered)
        unsafe = [one for one in unsafe if one.ended > act.began]
    oldest = unsafe[0].began if unsafe else None
    last = max((act.ended for act in found), default=0.0)
    return max(worst, last - oldest if oldest is not None else 0.0), safe


def prove(folder: Path, rounds: int, seed: int) -> Found:
    """Lose power so often; raises AssertionError where more is lost than promised."""
    strace, luck, found = need("strace"), random.Random(seed), Found()
    for number in range(rounds):
        (folder / str(number)).mkdir()
        with started(folder / str(number), WISHES) as rig:
            _life(rig, strace, luck, found)
    worst = max(found.costs)
    assert worst <= MOST + OF_A_SYNC, (
        f"{worst:.3f} s of records would have been lost; syncs took {max(found.syncs):.3f} s"
    )
    return found


def _life(rig: Rig, strace: str, luck: random.Random, found: Found) -> None:
    """Watch one life, end it, and see what the next one makes of what was safe."""
    rig.signal(signal.SIGTERM)
    rig.ended()
    plain, trace = rig.run, rig.folder / "trace"
    before = sum(path.stat().st_size for path in _ledger(rig))
    rig.run = [strace, "-f", "-y", "-ttt", "-T", "-qq", "-e", "trace=write,fdatasync", "-o", str(trace), *plain]
    rig.again()
    settled(rig)
    workers = [Worker(rig, CLIENT_KEY, random.Random(luck.random()), pause=0.01) for _ in range(WORKERS)]
    with Load(workers) as load:
        time.sleep(luck.uniform(2.0, 4.0))
        seen = [one.id for one in load.seen if one.whole]
        time.sleep(MOST + OF_A_SYNC)  # what was seen whole until then must be safe
        _kill(rig)
    history = acts(trace.read_text().splitlines())
    worst, safe = cost(history)
    found.costs.append(worst)
    found.syncs += [act.ended - act.began for act in history if act.size is None]
    found.lines += len(lines_of(rig.folder))
    found.cut += _cut(rig, before + safe)
    rig.run = plain
    rig.again()
    settled(rig)
    kept = {entry.id for _, entry in lines_of(rig.folder)}
    lost = [name for name in seen if name not in kept]
    assert not lost, f"{len(lost)} calls are gone that were seen whole more than {MOST} s before"
    assert asked(rig, "/state")["n"] == len(lines_of(rig.folder))


def _kill(rig: Rig) -> None:
    """End the gateway, whose parent is strace, at once."""
    for child in Path(f"/proc/{rig.gateway.pid}/task/{rig.gateway.pid}/children").read_text().split():
        os.kill(int(child), signal.SIGKILL)
    rig.gateway.wait(10)


def _ledger(rig: Rig) -> list[Path]:
    """Its files; that the day changes in the middle of this is not looked for."""
    return sorted((rig.folder / "state" / "ledger").glob("*.yaml"))


def _cut(rig: Rig, safe: int) -> int:
    """Leave so many bytes of the ledger; how many lines that took away."""
    path, before = _ledger(rig)[-1], len(lines_of(rig.folder))
    with path.open("r+b") as file:
        file.truncate(safe)
    return before - path.read_bytes().count(b"\n")


@pytest.mark.live
def test_power_loss(tmp_path: Path) -> None:
    """What is cut off at the last safe byte is a second of records at most, and the next start goes on (E-01, E-03)."""
    found = prove(tmp_path, 1, 1)

    assert found.lines > 50 and found.syncs


class CostTests:
    """The reckoning."""

    def test_a_line_that_waited(self) -> None:
        """A line is safe when a sync has ended that began after it was written; its age is told until then."""
        history = [Act(0.0, 0.1, 10), Act(0.5, 0.6, 10), Act(0.55, 1.0, None), Act(1.2, 1.3, 10), Act(1.5, 1.6, None)]

        assert cost(history[:3]) == (1.0, 10)
        worst, safe = cost(history)
        assert (round(worst, 6), safe) == (1.1, 30)

    def test_what_strace_says(self) -> None:
        """Calls that another one interrupts are put together."""
        trace = [
            '7 100.5 write(9</s/ledger/2026-11-22.yaml>, "- {}", 4) = 4 <0.000010>',
            '7 100.6 write(1</dev/null>, "x", 1) = 1 <0.000010>',
            "8 101.0 fdatasync(9</s/ledger/2026-11-22.yaml> <unfinished ...>",
            '7 101.1 write(9</s/ledger/2026-11-22.yaml>, "- {}", 4) = 4 <0.000010>',
            "8 101.2 <... fdatasync resumed>) = 0 <0.200000>",
        ]
        assert [(act.began, act.size) for act in acts(trace)] == [(100.5, 4), (101.0, None), (101.1, 4)]


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    found = prove(folder, options.rounds, options.seed)
    rows = (
        ("lives, and lines written", f"{options.rounds}, {found.lines:,}"),
        ("lines cut off behind the last safe byte", found.cut),
        ("oldest record lost at any moment, seconds", f"{max(found.costs):.3f}"),
        ("a sync took, seconds, at most", f"{max(found.syncs):.4f}"),
    )
    worst = max(found.costs)
    return Measured(f"{worst:.2f} s of records, of {len(found.syncs)} syncs", rows, kept=worst <= MOST)


def main() -> int:
    """Print the figures."""
    return verdict.concluded("power_loss", __doc__, {"rounds": 20}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
