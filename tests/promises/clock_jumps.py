"""The clock may leap: no quota begins anew for it, no timer waits for it (promise P23; faults catalogue, E-16, C-13).

A gateway runs under libfaketime, which leaps by an hour and by a day, back and forth, while streams run, stall and are
left, keys rest and clients are told to wait. Then it is started again under clocks that are wrong, and under the right
one again. What was used stays used; each wait ends when it should; what clients are told to wait is a wait and no date
of another day; the ledger's lines stay numbered. `python -m tests.promises.clock_jumps [--rounds N]`
"""

from __future__ import annotations

import argparse
import glob
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from tests.live.rig import CLIENT_KEY, Rig, Wishes, started, wait_until
from tests.live.streams import Listener, call, get, request
from tests.needs import lacking
from tests.promises import verdict
from tests.promises.verdict import Measured
from tests.promises.witness import ADMIN, PRICED, lines_of, own, settled

LEAPS = ("+1h", "-1h", "+1d", "-1d", "+0")
WRONG = ("-1d", "+1h", "+1d")
"""Clocks of a start."""
IDLE = 1.0
"""Seconds of silence that end a stream."""
LATE = 1.5
"""Seconds by which whatever has a time may be late: a leap, a pulse, a busy machine."""
NARROW = "sk-tg-the-one-with-a-narrow-limit"
CLIENTS = [
    {"name": "tester", "key": CLIENT_KEY, "quota": {"tokens": 1_000_000, "per": "total"}},
    {"name": "narrow", "key": NARROW, "limits": {"requests_per_minute": 1}, "quota": {"tokens": 10_000, "per": "day"}},
]


def library() -> str:
    """The path of libfaketime."""
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1") + glob.glob("/usr/local/lib/faketime/libfaketime.so.1")
    return found[0] if found else lacking("libfaketime is not installed (Debian: apt install faketime)")


@define(eq=False)
class Found:
    """How often the clock leapt, and what was late at most, seconds."""

    leaps: int = 0
    starts: int = 0
    late: dict[str, float] = field(factory=dict)
    waits: list[int] = field(factory=list)
    """What clients were told to wait, seconds."""

    def was(self, what: str, late: float) -> None:
        """Note by how much something was late."""
        assert late <= LATE, f"{what} is {late:.1f} s late"
        self.late[what] = max(late, self.late.get(what, 0.0))


@define(eq=False)
class Clock:
    """The clock of a gateway; a leap is there at once."""

    path: Path

    def leap(self, by: str) -> None:
        """Go wrong by so much from now on."""
        self.path.write_text(f"{by}\n")

    def environ(self) -> list[str]:
        """What a gateway is to be started with."""
        return [
            "env",
            f"LD_PRELOAD={library()}",
            f"FAKETIME_TIMESTAMP_FILE={self.path}",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            "FAKETIME_NO_CACHE=1",
        ]


def prove(folder: Path, leaps: Sequence[str], starts: Sequence[str]) -> Found:
    """Leap, start and look; raises AssertionError where anything goes by the wrong clock."""
    found, clock = Found(), Clock(folder / "clock")
    clock.leap("+0")
    wishes = Wishes(
        dialect="openai",
        events_per_second=20.0,
        models=PRICED,
        upstream={"timeouts": {"idle": f"{IDLE}s", "first_token": "2s"}, "rescue": {"replay": "never"}},
        gateway={**ADMIN, "flush": "300ms"},
        clients=CLIENTS,
    )
    with started(folder, wishes) as rig:
        plain = rig.run
        _started_again(rig, [*clock.environ(), *plain])
        for by in leaps:
            _leap(rig, clock, by, found)
        clock.leap("+0")
        for by in starts:
            _start_wrong(rig, clock, by, found)
        numbers = [n for n, _ in lines_of(rig.folder)]
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), "the ledger's lines are not numbered without a gap"
    return found


def _started_again(rig: Rig, run: list[str]) -> None:
    settled(rig)
    rig.signal(signal.SIGTERM)
    rig.ended(20)
    rig.run = run
    rig.again()
    settled(rig)


def _leap(rig: Rig, clock: Clock, by: str, found: Found) -> None:
    """One leap, while a stream runs, one has fallen silent and a client has been told to wait."""
    before = used(rig)
    running = Listener(rig, request(60, "Go on.")).start()  # three seconds of events
    wait_until(lambda: running.speaking, 5)
    rig.misbehave("stall", times=1)
    silent = Listener(rig, request(40, "Fall silent.")).start()
    wait_until(lambda: silent.speaking, 5)
    state = (rig.folder / "state" / "state.yaml").stat().st_mtime_ns
    began = time.monotonic()
    clock.leap(by)
    found.leaps += 1
    answer = call(rig)
    assert answer.status == 200, answer
    found.was("a call after the leap", answer.took - 0.2)
    silent.wait(10)
    assert silent.ended is not None and not silent.whole
    found.was("the end of a silent stream", silent.ended - began - IDLE)
    running.wait(10)
    assert running.whole and running.ended is not None, bytes(running.got[-200:])
    found.was("a running stream", running.ended - began - 3.0)
    _is_told_to_wait(rig, found)
    wait_until(lambda: (rig.folder / "state" / "state.yaml").stat().st_mtime_ns != state, 5)
    settled(rig)
    found.was("the end of all calls", time.monotonic() - began - 5.0)
    assert before < used(rig) <= before + 400, f"used {before} before the leap {by} and {used(rig)} after it"


def _is_told_to_wait(rig: Rig, found: Found) -> None:
    """Of two calls in a row the second is too many: it is told to wait for a minute at most."""
    call(rig, key=NARROW)
    refused = call(rig, key=NARROW)
    assert (refused.status, refused.code) == (429, "rate_limit_exceeded"), refused
    wait = int(refused.headers["retry-after"])
    assert 1 <= wait <= 60, refused.headers
    found.waits.append(wait)
    resets = own(rig, NARROW)[1]["quota"]["resets_at"]
    assert resets is None or isinstance(resets, int | float | str)


def _start_wrong(rig: Rig, clock: Clock, by: str, found: Found) -> None:
    """Start by a clock that is wrong, call, and start by the right one: the day's use is what it was, and more."""
    day = daily(rig)
    assert day > 0
    total = used(rig)
    clock.leap(by)
    _started_again(rig, rig.run)
    assert get(rig, "/health").status == 200
    assert call(rig).status == 200
    assert used(rig) > total
    clock.leap("+0")
    _started_again(rig, rig.run)
    found.starts += 2
    assert daily(rig) >= day, f"{day} tokens were used today; after a start at {by} it is {daily(rig)}"
    assert used(rig) > total and call(rig).status == 200


def used(rig: Rig) -> int:
    """What is used of the quota that never begins anew."""
    quota: dict[str, Any] = own(rig, CLIENT_KEY)[1]["quota"]
    return int(quota["used"])


def daily(rig: Rig) -> int:
    """What is used of the quota of a day."""
    quota: dict[str, Any] = own(rig, NARROW)[1]["quota"]
    return int(quota["used"])


@pytest.mark.live
def test_clock_jumps(tmp_path: Path) -> None:
    """Two leaps and two starts by a wrong and the right clock change nothing that is counted or timed (E-16)."""
    found = prove(tmp_path, ("-1h", "+1d"), ("-1d",))

    assert found.leaps == len(found.waits) == found.starts == 2


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    found = prove(folder, LEAPS * options.rounds, WRONG)
    rows = [("leaps of a running gateway's clock", str(found.leaps)), ("starts, by wrong and right", str(found.starts))]
    rows += [(f"{what}, late by at most", f"{late:.2f} s") for what, late in found.late.items()]
    rows += [("told to wait, seconds", f"{min(found.waits)} to {max(found.waits)}")]
    return Measured(f"0 of either in {found.leaps} leaps, {found.starts} starts", tuple(rows))


def main() -> int:
    """Print the figures."""
    return verdict.concluded("clock_jumps", __doc__, {"rounds": 5}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
