"""Usage outlives `kill -9` (promise P1; faults catalogue, E-01 and E-25).

Four clients call without a pause, a gateway is killed at a random moment of its first second and started again on the
same folder, again and again. Then: each call that a client saw whole is in the ledger, once; the lines are numbered
without a gap; the sums, the quota and the bill are those of the lines; and for each call that was served, the vendor's
own log has the same figures. `python -m tests.promises.kill_nine [--rounds N] [--seed N]`
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from targon_gw.core.ledger import Ending, Entry, Kind, figures_of
from targon_gw.core.meter import Usage
from tests.live.rig import CLIENT_KEY, Rig, Wishes, started
from tests.promises import verdict
from tests.promises.verdict import Measured
from tests.promises.witness import (
    ADMIN,
    PRICED,
    Load,
    Seen,
    Worker,
    asked,
    disagreements,
    lines_of,
    own,
    settled,
    tokens,
    vendors,
)

WORKERS = 4
READY = 2.0
"""Seconds from the start of the process to its first connection."""
WISHES = Wishes(
    dialect="openai",
    first_token=0.004,
    events_per_second=1500.0,
    models=PRICED,
    gateway={**ADMIN, "flush": "100ms"},  # so that many a kill falls into the writing of the state
    clients=[{"name": "tester", "key": CLIENT_KEY, "quota": {"tokens": 10**12, "per": "total"}}],
)


@define(eq=False, slots=False)
class Found:
    """What was seen in all rounds."""

    seen: list[Seen]
    vendor: list[dict[str, Any]]
    ready: list[float]
    lines: list[tuple[int, Entry]] = field(factory=list)
    wrong: list[str] = field(factory=list)
    lost: int = 0

    @cached_property
    def calls(self) -> dict[str, list[Entry]]:
        """The ledger's calls by their ids."""
        found: dict[str, list[Entry]] = {}
        for _, entry in self.lines:
            if entry.kind is Kind.CALL:
                found.setdefault(entry.id, []).append(entry)
        return found

    @property
    def missing(self) -> list[str]:
        """Calls that were seen whole and are not in the ledger."""
        return [seen.id for seen in self.seen if seen.whole and seen.id not in self.calls]

    @property
    def twice(self) -> list[str]:
        """Calls that are in the ledger more than once."""
        return [name for name, entries in self.calls.items() if len(entries) > 1]

    @property
    def orphans(self) -> list[dict[str, Any]]:
        """What the vendor served and nobody is charged with: the gateway died over it (D-50)."""
        calls = self.calls
        return [entry for entry in self.vendor if entry["request_id"] not in calls]


def prove(folder: Path, rounds: int, seed: int) -> Found:
    """Kill and start again, `rounds` times; raises AssertionError where what is found then is not as promised."""
    luck = random.Random(seed)
    with started(folder, WISHES) as rig:
        workers = [Worker(rig, CLIENT_KEY, random.Random(f"{seed}/{i}"), leaves=0.1) for i in range(WORKERS)]
        found = Found([], [], [])
        with Load(workers) as load:
            for _ in range(rounds):
                time.sleep(luck.uniform(0.05, 1.0))
                rig.gateway.kill()
                rig.gateway.wait(10)
                found.vendor += vendors(rig)
                began = time.monotonic()
                rig.again()
                found.ready.append(time.monotonic() - began)
            time.sleep(0.3)
        found.seen, found.lost = load.seen, sum(worker.lost for worker in workers)
        settled(rig)
        found.vendor += vendors(rig)
        found.lines = lines_of(rig.folder)
        found.wrong = [*_of_ids(found), *_of_figures(found), *_of_sums(rig, found)]
    assert not found.wrong, "\n".join(found.wrong)
    _was_a_trial(found, rounds)
    return found


def _of_ids(found: Found) -> list[str]:
    """What is wrong with the calls that are in the ledger, and with its numbers."""
    calls, wrong = found.calls, []
    numbers = [n for n, _ in found.lines]
    if numbers != list(range(1, len(numbers) + 1)):
        wrong.append("the lines are not numbered from 1 on without a gap")
    wrong += [f"{name} was seen whole and is not in the ledger" for name in found.missing]
    wrong += [f"{name} is in the ledger more than once" for name in found.twice]
    for seen in found.seen:
        if seen.whole and seen.id in calls and calls[seen.id][0].ending is not Ending.SERVED:
            wrong.append(f"{seen.id} was seen whole and is {calls[seen.id][0].ending} in the ledger")
    wrong += [f"{seen.id} was answered with {seen.status}" for seen in found.seen if seen.status != 200]
    return wrong


def _of_figures(found: Found) -> list[str]:
    """Where the ledger and the vendor's log differ about a call that was served."""
    prompt: Counter[str] = Counter()
    completion: Counter[str] = Counter()
    for entry in found.vendor:
        prompt[entry["request_id"]] += entry["prompt_tokens"]
        completion[entry["request_id"]] += entry["completion_tokens"]
    wrong = []
    for name, entries in found.calls.items():
        usages = [entry.usage for entry in entries if entry.usage is not None]
        mine = sum(usage.prompt for usage in usages), sum(usage.completion for usage in usages)
        bill = prompt[name], completion[name]
        served = entries[0].ending is Ending.SERVED
        if served and mine != bill:
            wrong.append(f"{name} is charged with {mine} tokens, and the vendor billed {bill}")
        elif not served and mine[1] > bill[1]:
            wrong.append(f"{name} was left, and is charged with {mine[1]} tokens where the vendor sent {bill[1]}")
    return wrong


def _of_sums(rig: Rig, found: Found) -> list[str]:
    """Where the gateway's own sums, and what its client is told, differ from the lines; nothing is held any more."""
    entries = [entry for _, entry in found.lines]
    wrong = disagreements(rig, entries)
    if asked(rig, "/state")["n"] != len(entries):
        wrong.append(f"the gateway is at line {asked(rig, '/state')['n']}, its files at {len(entries)}")
    spent = sum(tokens(entry) for entry in entries if entry.kind is Kind.CALL)
    quota = own(rig, CLIENT_KEY)[1]["quota"]
    if (quota["used"], quota["held"]) != (spent, 0):
        wrong.append(f"of the quota {quota['used']} are used and {quota['held']} held; by the lines {spent} and 0")
    return wrong


def _was_a_trial(found: Found, rounds: int) -> None:
    """It was one: many calls, both ways, and kills that hit running ones; and the gateway was soon there again."""
    whole = [seen.stream for seen in found.seen if seen.whole]
    assert min(whole.count(True), whole.count(False)) >= 5 * rounds, len(whole)
    assert len(found.orphans) >= rounds // 2, len(found.orphans)
    assert statistics.median(found.ready) <= READY, found.ready


@pytest.mark.live
def test_kill_nine(tmp_path: Path) -> None:
    """No call that a client saw whole is missing or counted twice after 12 kills (E-01, E-25)."""
    prove(tmp_path, 12, 1)


class CheckTests:
    """What is looked for is found."""

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda lines: lines.pop(), "req_2 was seen whole and is not in the ledger"),
            (lambda lines: lines.append((4, lines[0][1])), "req_0 is in the ledger more than once"),
            (lambda lines: lines.pop(0), "not numbered from 1 on"),
            (lambda lines: lines.__setitem__(1, (2, call(1, Usage(3, 9)))), "req_1 is charged with (3, 9) tokens"),
            (lambda lines: lines.__setitem__(1, (2, call(1, None))), "req_1 is charged with (0, 0) tokens"),
        ],
    )
    def test_a_ledger_that_is_wrong(self, change: Callable[[list[tuple[int, Entry]]], object], said: str) -> None:
        """A line that is missing, there twice or with other figures than the vendor's does not pass."""
        vendor = [{"request_id": f"req_{i}", "prompt_tokens": 3, "completion_tokens": 4} for i in range(3)]
        found = Found([Seen(f"req_{i}", 200, True, True) for i in range(3)], vendor, [])
        found.lines = [(i + 1, call(i, Usage(3, 4))) for i in range(3)]
        assert [*_of_ids(found), *_of_figures(found)] == []

        del found.calls
        change(found.lines)

        assert said in "\n".join([*_of_ids(found), *_of_figures(found)])


def call(number: int, usage: Usage | None) -> Entry:
    """A call that was served."""
    return Entry(1_763_726_400.0, f"req_{number}", Kind.CALL, ending=Ending.SERVED, **figures_of(usage))


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    found = prove(folder, options.rounds, options.seed)
    whole = [seen for seen in found.seen if seen.whole]
    billed = sum(entry["prompt_tokens"] + entry["completion_tokens"] for entry in found.orphans)
    rows = (
        ("calls seen whole", f"{len(whole)} ({sum(seen.stream for seen in whole)} of them streamed)"),
        ("of these missing from the ledger", len(found.missing)),
        ("in the ledger twice", len(found.twice)),
        ("lines, numbered without a gap", len(found.lines)),
        ("tokens charged", sum(tokens(entry) for _, entry in found.lines if entry.kind is Kind.CALL)),
        ("calls under way when killed, charged to nobody", f"{len(found.orphans)}, {billed} tokens of the vendor"),
        ("ready again, seconds", f"median {statistics.median(found.ready):.2f}, longest {max(found.ready):.2f}"),
    )
    return Measured(
        f"{len(found.missing)} lost and {len(found.twice)} twice of {len(whole):,}, {options.rounds} kills", rows
    )


def main() -> int:
    """Print the figures."""
    return verdict.concluded("kill_nine", __doc__, {"rounds": 200}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
