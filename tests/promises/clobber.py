"""The operator's files are the operator's, and what they say is in force at once (promise P21).

keys.yaml and clients.yaml are edited in every way in which editors save, while calls run and the state is flushed
twenty times a second. The files stay byte for byte what was saved, in the very inode that was saved; each valid edit
is live within a second of its save; of an invalid one, or one that is half done, nothing is in force at any time.
`python -m tests.promises.clobber [--rounds N] [--seed N]`
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections import Counter
from pathlib import Path

import pytest
from attrs import define, field

from tests.live.rig import CLIENT_KEY, Rig, Wishes, started
from tests.promises import verdict
from tests.promises.drafts import GUEST, KEPT, SPARE, Clients, Draft, Keys
from tests.promises.editors import WAYS, Way
from tests.promises.verdict import Measured
from tests.promises.witness import ADMIN, PRICED, Flushes, Load, Worker, asked, own

LIVE = 1.0
"""Seconds from the end of a save to its being in force."""
UNMOVED = 0.8
"""Seconds after an invalid save for which is looked whether anything comes of it; a valid one takes about half."""
INVALID = 0.25
"""How many edits are."""
FLUSHES_A_ROUND = 5
OURS = {"gateway.log", "admin.sock", "admin.sock.lock", "state"}
"""What the gateway, and the rig for it, put beside the operator's files."""

Mark = tuple[bytes, int, int, int]


@define(eq=False)
class Found:
    """What came of all edits."""

    waits: list[float] = field(factory=list)
    """Of each valid edit, seconds until it was in force."""
    ways: Counter[str] = field(factory=Counter)
    invalid: int = 0
    looks: int = 0
    """How often a file was looked at, and was what had been saved."""
    flushes: int = 0
    calls: int = 0


@define(eq=False)
class Operator:
    """Edits, and looks after the files."""

    rig: Rig
    luck: random.Random
    found: Found = field(factory=Found)
    ways: list[Way] = field(factory=list)
    marks: dict[str, Mark] = field(factory=dict)
    clients: Clients = field(factory=Clients)
    keys: Keys = field(factory=Keys)

    def look(self) -> None:
        """Take down what the files are like now."""
        names = [path.name for path in self.rig.folder.glob("*.yaml")]
        self.marks = {name: _mark(self.rig.folder / name) for name in names}

    def check(self) -> None:
        """The files are what they were saved as, and nobody has put others beside them."""
        for name, mark in self.marks.items():
            assert _mark(self.rig.folder / name) == mark, f"{name} is not what was saved"
            self.found.looks += 1
        here = {path.name for path in self.rig.folder.iterdir()} - OURS - {"releases", "elsewhere"}
        assert here == set(self.marks), here

    def edit(self) -> None:
        """One edit; after an invalid one, another that puts it right."""
        book = self.luck.choice((self.clients, self.keys))
        if self.luck.random() < INVALID:
            self._save(book.invalid(self.luck))
            self.found.invalid += 1
            ends = time.monotonic() + UNMOVED
            while time.monotonic() < ends:
                assert self._in_force(), "an invalid edit is in force"
                time.sleep(0.02)
            assert self._problem() is not None, "an invalid edit was not read"
        self._save(book.valid(self.luck))
        began = time.monotonic()
        while not self._in_force():
            assert time.monotonic() - began < 5 * LIVE, "a valid edit is not in force"
            time.sleep(0.005)
        self.found.waits.append(time.monotonic() - began)
        assert self._problem() is None

    def _save(self, draft: Draft) -> None:
        """Save in the next way; all of them have their turn before one comes again."""
        if not self.ways:
            self.ways = self.luck.sample(WAYS, len(WAYS))
        way = self.ways.pop()
        self.check()
        path = self.rig.folder / draft.name
        way(path, draft.content, self.luck)
        assert path.read_bytes() == draft.content
        self.marks[draft.name] = _mark(path)
        self.found.ways[way.__name__] += 1

    def _problem(self) -> str | None:
        """What the gateway says is wrong with the files."""
        problem: str | None = asked(self.rig, "/status")["settings"]["problem"]
        return problem

    def _in_force(self) -> bool:
        """Whether exactly what the last valid files say is."""
        for key, may in self.clients.told.items():
            if (own(self.rig, key)[0] == 200) is not may:
                return False
        return {key["id"] for key in asked(self.rig, "/keys")["keys"]} == self.keys.ids


def _mark(path: Path) -> Mark:
    """What the file holds, which one it is, and when it was last changed in any way."""
    seen = path.stat()
    return path.read_bytes(), seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns


def prove(folder: Path, rounds: int, seed: int) -> Found:
    """Edit so many times; raises AssertionError where a file is altered, or an edit is not taken as promised."""
    luck = random.Random(seed)
    wishes = Wishes(
        accounts={"alice": list(KEPT)},
        spare={"bob": list(SPARE)},
        first_token=0.005,
        events_per_second=1000.0,
        models=PRICED,
        gateway={**ADMIN, "flush": "50ms"},
        clients=[{"name": "tester", "key": CLIENT_KEY}, {"name": "guest", "key": GUEST}],
    )
    with started(folder, wishes) as rig:
        operator = Operator(rig, luck)
        operator.look()
        workers = [Worker(rig, CLIENT_KEY, random.Random(f"{seed}/{i}"), pause=0.02) for i in range(2)]
        with Load(workers) as load, Flushes(rig.folder) as flushes:
            while len(operator.found.waits) + operator.found.invalid < rounds:
                operator.edit()
            flushes.wait(rounds * FLUSHES_A_ROUND, 60)
        operator.check()
        found = operator.found
        found.flushes, found.calls = flushes.count, len(load.seen)
        bad = Counter(seen.status for seen in load.seen if seen.status != 200 or not seen.whole)
        assert not bad and not any(worker.lost for worker in workers), f"calls failed meanwhile: {bad}"
        assert max(found.waits) <= LIVE, sorted(found.waits)
    return found


@pytest.mark.live
def test_clobber(tmp_path: Path) -> None:
    """Files stay as they were saved, valid edits are live within a second, invalid ones never."""
    found = prove(tmp_path, 24, 1)

    assert len(found.ways) == len(WAYS)
    assert found.invalid


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    found = prove(folder, options.rounds, options.seed)
    waits = sorted(found.waits)
    rows = (
        ("edits in that many ways", f"{sum(found.ways.values())} in {len(found.ways)}"),
        ("flushes meanwhile, and calls", f"{found.flushes}, {found.calls}"),
        ("looks at a file, each as it was saved", found.looks),
        ("invalid edits, none of them in force", found.invalid),
        ("valid edits, all in force", len(waits)),
        ("seconds until then", f"median {statistics.median(waits):.2f}, longest {waits[-1]:.2f}"),
    )
    figure = f"{found.looks:,} looks, all as saved; in force within {waits[-1]:.2f} s"
    return Measured(f"{figure}; {found.invalid} invalid, none in force", rows)


def main() -> int:
    """Print the figures."""
    return verdict.concluded("clobber", __doc__, {"rounds": 200}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
