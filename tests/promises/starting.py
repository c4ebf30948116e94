"""The gateway is ready two seconds after its start, and after a crash (promise P3; faults catalogue, E-01).

Five thousand clients have called, and the ledger has 64 MiB. Started in two ways: with the state that an orderly end,
or the last flush before a crash, has left; and with the lines of the longest flush between two states behind it, to be
gone over again. A start without any state, with the whole ledger to fold, is told beside it: nothing is promised of
that. Ready is when /health answers. `python -m tests.promises.starting [--clients N] [--mib N] [--rounds N]`
"""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pytest
from attrs import define, evolve, field

from bench import grown, machine, stage, systems
from tests.promises import verdict
from tests.promises.verdict import Measured

READY = 2.0
"""Seconds."""
LOST = "without a state"
DAYS = 10
BEHIND = 20_000
"""Lines that are not in the state: 5 s, the time between two states, at 4,000 calls a second."""


@define(eq=False)
class Found:
    """Seconds from the start to the first answer, by what there was to go on from; and the MiB of the ledger."""

    mib: float = 0.0
    took: dict[str, list[float]] = field(factory=dict)
    worked: list[float] = field(factory=list)
    """Seconds of a processor until then: what it would have taken had nobody else been at work."""

    @property
    def promised(self) -> dict[str, list[float]]:
        """Those of which something is promised."""
        return {name: took for name, took in self.took.items() if name != LOST}


def prove(clients: int, mib: int, rounds: int, lost: bool = True) -> Found:
    """Start again and again."""
    found = Found()
    a_line = len(next(grown.lines(grown.Size(clients=clients, calls_a_day=1), 0, 0.0)))
    size = grown.Size(clients=clients, days=DAYS, calls_a_day=(mib << 20) // a_line // DAYS + 1)
    with stage.staged() as on:
        vendor = on.vendor()
        setting = on.setting(vendor, "flushed")
        path = grown.write(setting, size)
        ledger = setting.folder / "state" / "ledger"
        found.mib = sum(file.stat().st_size for file in ledger.iterdir()) / 2**20
        assert found.mib >= mib, found.mib
        _started(on, setting, path, found, "with its state", rounds)
        for _ in range(rounds):
            _more_lines(setting, size)
            _started(on, setting, path, found, "with lines behind it")
        if lost:
            setting = on.setting(vendor, "lost")
            path = grown.write(setting, evolve(size, lost=True))
            _started(on, setting, path, found, LOST)
    return found


def _started(  # what is started, and where its figures go
    on: stage.Stage, setting: systems.Setting, path: Path, found: Found, name: str, rounds: int = 1
) -> None:
    """Start it, ask, and kill it."""
    for _ in range(rounds):
        system = systems.System("gateway", systems.filled(systems.GATEWAY, setting, path))
        server = on.start(system, setting, "/health")
        found.took.setdefault(name, []).append(server.took)
        if name != LOST:
            found.worked.append(machine.cpu_seconds(server.pid))
        server.running.process.kill()
        server.running.process.wait()
        on.stop(server)


def _more_lines(setting: systems.Setting, size: grown.Size) -> None:
    """Lines of today that no state knows: as a crash leaves them."""
    ledger = setting.folder / "state" / "ledger"
    now = datetime.now(UTC)
    path = ledger / f"{now:%Y-%m-%d}.yaml"
    here = max(_last_number(file) for file in ledger.iterdir())
    seconds = (now - now.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()
    lines = grown.lines(evolve(size, calls_a_day=BEHIND), here, now.timestamp() - min(60.0, seconds))
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, grown.PLAIN), "ab") as file:
        file.write(b"".join(lines))


def _last_number(path: Path) -> int:
    """The number of the file's last line."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        last = file.read().splitlines()[-1]
    return int(last.partition(b'"n":')[2].partition(b",")[0])


@pytest.mark.live
def test_starting() -> None:
    """With 5,000 clients and 8 MiB of ledger a start takes a processor less than two seconds (E-01)."""
    found = prove(5000, 8, 1, lost=False)

    assert len(found.took) == len(found.worked) == 2
    assert max(found.worked) <= READY, found.worked


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    found = prove(options.clients, options.mib, options.rounds)
    rows: list[tuple[str, object]] = [("MiB of ledger", f"{found.mib:.0f}")]
    for name, took in found.took.items():
        rows.append((f"seconds, {name}", f"median {median(took):.2f}, longest {max(took):.2f}"))
    rows.append(("seconds of a processor", f"median {median(found.worked):.2f}, most {max(found.worked):.2f}"))
    slowest = max(found.promised.values(), key=median)
    figure = f"{median(slowest):.2f} s, longest {max(slowest):.2f} s; {found.took[LOST][0]:.1f} s without a state"
    return Measured(figure, tuple(rows), kept=median(slowest) <= READY)


def main() -> int:
    """Print the figures."""
    return verdict.concluded("starting", __doc__, {"clients": 5000, "mib": 64, "rounds": 5}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
