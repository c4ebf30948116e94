"""For an hour, with faults: nothing piles up (promise P24; faults catalogue, E-27).

Clients call without a pause, leave, fall silent, come back; the vendor commits one fault of its catalogue after the
other, settings are saved, metrics are read. Meanwhile open files and memory of the gateway are taken down; in the end,
when all have gone, nothing is under way, and its log has no error that nobody handled. The slope of memory is that of
the best straight line through what is left of it, the least of each minute, in the second half. A minute is how often
the gateway gives back what is free (`heap.EVERY`): a body of megabytes shows in between, and where in the half one
comes is chance. What a process needs at first it needs once: hence the half; and the figures over time, which have
fixed room, are full from the beginning, for by themselves they take an hour and a half.
`python -m tests.promises.soak [--minutes N]`
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from attrs import define, field, frozen

from targon_gw import heap
from targon_gw.core.gateway import Gateway
from targon_gw.core.history import Settled
from targon_gw.core.ledger import Ending, Entry, Kind
from targon_gw.settings.loading import load
from targon_gw.store.snapshot import encoded
from tests.live.rig import CLIENT_KEY, V3, Rig, Wishes, started, wait_until
from tests.promises import verdict
from tests.promises.canaries import SMALL
from tests.promises.verdict import Measured
from tests.promises.witness import ADMIN, PRICED, Load, Worker, asked, settled

FILES, MIB_AN_HOUR = 5, 1.0
PAST, STEP, CALLS = 5400, 5, 60
"""Seconds of the past that is made up, and how many calls there were in how many."""
EVERY = 1.0
"""Seconds between two looks at the process."""
A_FAULT = 1.0
"""Seconds for which the vendor commits one; then it is well for as long."""
WORKERS = 6
ACCOUNTS = {name: [f"sn4_soak_key_of_{name}_000000000{at}" for at in range(2)] for name in ("alice", "bob", "carol")}
SEVERE = ("refuse-connection", "early-413")
"""Faults that come before a model is named: few of them."""


@frozen
class Look:
    """The process at a moment."""

    at: float
    files: int
    mib: float


@define(eq=False)
class Found:
    """All looks, and what was done meanwhile."""

    looks: list[Look] = field(factory=list)
    before: Look | None = None
    after: Look | None = None
    calls: int = 0
    whole: int = 0
    faults: Counter[str] = field(factory=Counter)
    unhandled: int = 0
    in_flight: int = 0

    @property
    def grown_files(self) -> int:
        """Open files more than before, when all have gone."""
        assert self.before is not None and self.after is not None
        return self.after.files - self.before.files

    @property
    def half(self) -> list[Look]:
        """The second half."""
        return self.looks[len(self.looks) // 2 :]

    @property
    def slope(self) -> float:
        """MiB an hour, of what is left in each minute of the second half."""
        return slope(floor(self.half)) * 3600


def floor(looks: Sequence[Look]) -> list[Look]:
    """The look of each period between two trims of the heap at which the process was smallest."""
    since = looks[0].at
    periods = itertools.groupby(looks, lambda look: (look.at - since) // heap.EVERY)
    return [min(some, key=lambda look: look.mib) for _, some in periods]


def slope(looks: Sequence[Look]) -> float:
    """MiB a second of the best straight line."""
    count = len(looks)
    middle, mean = sum(look.at for look in looks) / count, sum(look.mib for look in looks) / count
    spread = sum((look.at - middle) ** 2 for look in looks)
    return sum((look.at - middle) * (look.mib - mean) for look in looks) / spread if spread else 0.0


def looked(rig: Rig) -> Look:
    """At the gateway; connections that it keeps to the vendor are not counted, for they have an end of their own."""
    vendor = int(rig.vendor_url.rpartition(":")[2])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    kept = sum(row[2].endswith(f":{vendor:04X}") and row[3] == "01" for row in rows)
    files = len(os.listdir(f"/proc/{rig.gateway.pid}/fd")) - kept
    return Look(time.monotonic(), files, rig.memory() / 2**20)


def prove(folder: Path, seconds: float, seed: int) -> Found:
    """Go on for so long; raises AssertionError where calls are left, or an error was not handled."""
    luck, found = random.Random(seed), Found()
    wishes = Wishes(
        accounts=ACCOUNTS,
        models=PRICED,
        dialect="openai",
        events_per_second=400.0,
        upstream={"timeouts": {"first_token": "500ms", "idle": "500ms", "total": "5s"}},
        gateway={**ADMIN, "flush": "1s"},
    )
    with started(folder, wishes, with_a_past) as rig:
        wait_until(lambda: (folder / "admin.sock").exists(), 5)
        settled(rig)
        found.before = looked(rig)
        workers = [
            Worker(rig, CLIENT_KEY, random.Random(luck.random()), leaves=0.2, pause=luck.choice((0.0, 0.02, 0.1)))
            for _ in range(WORKERS)
        ]
        stop = threading.Event()
        trouble = threading.Thread(target=_trouble, args=(rig, luck, found, stop), daemon=True)
        with Load(workers) as load:
            trouble.start()
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                time.sleep(EVERY)
                found.looks.append(looked(rig))
                _forgotten(workers, found)
            stop.set()
            trouble.join(20)
        rig.behave()
        _forgotten(workers, found)
        assert not load.seen
        _ended(rig, found)
    found.unhandled = rig.log.read_text().count("Unhandled error")
    assert not found.unhandled, "an error that nobody handled is in the log"
    assert not found.in_flight, f"{found.in_flight} calls are under way"
    assert found.grown_files <= FILES, f"{found.grown_files} open files more than before"
    return found


def with_a_past(path: Path) -> None:
    """Give the gateway of these settings a state with an hour and a half of calls in its figures."""
    config, luck, until = load(str(path)).config, random.Random(0), int(time.time())
    gateway = Gateway.of(config, time.time() - time.monotonic(), luck.random)
    for at in range(until - PAST, until, STEP):
        gateway.history.take([_made_up(at, luck) for _ in range(CALLS)], gateway.catalog.find)
    state = Path(config.state)
    state.mkdir(mode=0o700, exist_ok=True)
    with open(os.open(state / "state.yaml", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.writelines(encoded(gateway.to_state(time.monotonic()), 0))


def _made_up(at: int, luck: random.Random) -> Settled:
    """A call that ended in those five seconds, well or not, sooner or later."""
    ending = luck.choices(list(Ending), (20, 1, 1, 1, 1))[0]
    took = luck.lognormvariate(-2.0, 1.5)
    first = took if luck.random() < 0.5 else None
    entry = Entry(
        at + luck.random(),
        "req_1",
        Kind.CALL,
        model=V3,
        served=V3,
        stream=first is not None,
        status=200 if ending is Ending.SERVED else 502,
        ending=ending,
        first=first,
        took=took,
    )
    return entry, None, 0.0, ()


def _forgotten(workers: Sequence[Worker], found: Found) -> None:
    """Count what clients have seen, and forget it: an hour has a million of them."""
    for worker in workers:
        seen, worker.seen = worker.seen, []
        found.calls += len(seen)
        found.whole += sum(one.whole for one in seen)


def _ended(rig: Rig, found: Found) -> None:
    """When all have gone."""
    settled(rig)
    found.in_flight = asked(rig, "/status")["in_flight"]
    ends = time.monotonic() + 15
    while time.monotonic() < ends:
        found.after = looked(rig)
        if found.grown_files <= FILES:
            return
        time.sleep(0.5)


def _trouble(rig: Rig, luck: random.Random, found: Found, stop: threading.Event) -> None:
    """One fault after the other; settings are saved and metrics read between them."""
    names = [fault["name"] for fault in rig.admin("catalogue")]
    keys = {"vendor": [{"account": name, "keys": keys} for name, keys in ACCOUNTS.items()]}
    for number in itertools.count():
        name = names[number % len(names)] if number >= len(names) else luck.choice(names)
        found.faults[name] += 1
        with suppress(OSError):  # the vendor itself refuses, now and then: it was asked to
            rig.misbehave(f"{name}:{SMALL[name]}" if name in SMALL else name, times=2 if name in SEVERE else 20)
            if stop.wait(A_FAULT):
                return
            rig.behave()
            keys["vendor"][0]["keys"] = luck.sample(ACCOUNTS["alice"], 1 + number % 2)
            rig.save("keys.yaml", keys)
            with urllib.request.urlopen(f"{rig.url}/metrics", timeout=5) as page:
                page.read()
        if stop.wait(A_FAULT):
            return


@pytest.mark.live
def test_soak(tmp_path: Path) -> None:
    """After eight seconds of faults, calls and saves no file is left open and nothing is under way (E-27)."""
    found = prove(tmp_path, 8.0, 1)

    assert found.whole > 100 and len(found.faults) >= 3


class SlopeTests:
    """The straight line."""

    def test_a_leak(self) -> None:
        """What grows by 2 MiB an hour is told from what goes up and down, and from a peak that is given back."""
        leak = [Look(at, 10, 80 + at * 2 / 3600 + (at % 7) / 10) for at in range(3600)]
        wave = [Look(at, 10, 80 + (at % 60) / 60) for at in range(3600)]
        peak = [Look(at, 10, 80 + 8 * (3300 < at < 3350)) for at in range(1800, 3600)]

        assert slope(floor(leak)) * 3600 == pytest.approx(2.0, abs=0.05)
        assert abs(slope(floor(wave)) * 3600) < MIB_AN_HOUR / 2
        assert slope(floor(peak)) == 0.0 and slope(peak) * 3600 > MIB_AN_HOUR

    def test_what_stays(self) -> None:
        """A step that is not given back is a slope."""
        step = [Look(at, 10, 80 + 2 * (at > 2700)) for at in range(1800, 3600)]

        assert slope(floor(step)) * 3600 > MIB_AN_HOUR


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    found = prove(folder, options.minutes * 60, options.seed)
    assert found.before is not None and found.after is not None
    rows = (
        ("calls, and of these whole", f"{found.calls:,}, {found.whole:,}"),
        ("faults of so many kinds", f"{found.faults.total()} of {len(found.faults)}"),
        ("open files before and after", f"{found.before.files}, {found.after.files}"),
        ("MiB after half of the time, and in the end", f"{found.half[0].mib:.1f}, {found.looks[-1].mib:.1f}"),
        ("slope of the second half, MiB an hour", f"{found.slope:.2f}"),
        ("the same with all peaks", f"{slope(found.half) * 3600:.2f}"),
        ("calls under way in the end", found.in_flight),
        ("errors that nobody handled", found.unhandled),
    )
    told = (
        f"{options.minutes:g} min: {found.grown_files:+d} files, {found.slope:+.1f} MiB an hour, {found.in_flight} left"
    )
    return Measured(told, rows, kept=found.slope <= MIB_AN_HOUR)


def main() -> int:
    """Print the figures."""
    return verdict.concluded("soak", __doc__, {"minutes": 60.0}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
