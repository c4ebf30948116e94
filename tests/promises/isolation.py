"""Nobody is ever sent what was meant for another (promise P25; faults catalogue, D-31, F-24, F-25).

Forty clients at once, each asking to have its own canary repeated, streamed or not, alone or two requests at a time on
kept connections; every fifth request is left at a random moment. The vendor meanwhile breaks HTTP's framing by turns:
answers that nobody asked for behind good ones and before them, lengths that are wrong, bytes behind the end, ends that
are none. Whatever a client is sent begins with what it asked for and holds nothing else; no canary is in the log; in
the end nothing is under way.

A vendor that answers a request itself by something else cannot be found out by that answer. It is by the right one,
which follows: the connection ends, so that one such mistake costs one answer, and never puts all that follow out of
step. `python -m tests.promises.isolation [--requests N] [--seed N]`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from attrs import define, field

from tests.live.rig import Rig, Wishes, started
from tests.promises.tenants import CANARY, LEAVING, Heard, Tenant, Wish
from tests.promises.witness import ADMIN, PRICED, settled, told

TENANTS = 40
WELL = (
    "stale-answer", "length-and-chunked", "data-after-done", "two-dones", "close-delimited", "http-1.0",
    "gzip", "byte-by-byte", "lone-cr", "other-fields", "no-done", "stale-answer", "stale-answer", "stale-answer",
)  # fmt: skip
"""Faults beside which the answer itself is right."""
BADLY = (
    "fin-midway", "reset-midway:300b", "fin-in-chunk", "no-last-chunk", "bad-chunk-size", "garbage", "length-too-long",
    "length-too-short:1", "two-lengths", "closed-race",
)  # fmt: skip
"""Faults that spoil an answer: so few that no key and no model is given up for them."""
LATER = "stale-answer-later"
"""The vendor answers a request by something else, and then by what was asked for."""
APART = 12
"""Requests between two orders."""
TIMES = 6
"""Requests that one order of a fault is for."""


Faults = Callable[[random.Random], str]
"""Which fault is next."""


@define(eq=False)
class Found:
    """What all of them came to."""

    foreign: list[str] = field(factory=list)
    came: Counter[str] = field(factory=Counter)
    leaving: int = 0
    """Requests that were left; the answers of some had come whole by then."""
    faults: Counter[str] = field(factory=Counter)
    seconds: float = 0.0


async def play(rig: Rig, requests: int, luck: random.Random, faults: Faults) -> Found:
    """Have all of them ask, so many times in all."""
    found = Found()
    host, _, port = rig.url.removeprefix("http://").partition(":")
    tenants = [Tenant(number, host, int(port), random.Random(luck.random())) for number in range(TENANTS)]
    began = time.monotonic()
    mischief = asyncio.create_task(_misbehave(rig, luck, found, faults, lambda: sum(t.came.total() for t in tenants)))
    try:
        await asyncio.gather(*(tenant.run(requests // TENANTS) for tenant in tenants))
    finally:
        mischief.cancel()
        with suppress(asyncio.CancelledError):
            await mischief
    found.seconds = time.monotonic() - began
    for tenant in tenants:
        found.foreign += tenant.foreign
        found.came.update(tenant.came)
        found.leaving += tenant.leaving
    return found


async def _misbehave(rig: Rig, luck: random.Random, found: Found, faults: Faults, asked: Callable[[], int]) -> None:
    """Order one fault after the other, for each a few of the requests that have been `asked` by then: on a machine that
    is slow they would else be more than a vendor is not left for."""
    while True:
        fault = faults(luck)
        times = TIMES if fault in WELL else 1
        await asyncio.to_thread(rig.misbehave, fault, times=times)
        found.faults[fault.partition(":")[0]] += times
        due = asked() + luck.randint(1, 2 * APART)
        while asked() < due:
            await asyncio.sleep(0.002)


def mixed(luck: random.Random) -> str:
    """Nineteen in twenty that leave the answer right."""
    return luck.choice(WELL if luck.random() < 0.95 else BADLY)


def later(luck: random.Random) -> str:
    """Answers out of step, and nothing else."""
    return LATER


def prove(folder: Path, requests: int, seed: int, faults: Faults = mixed) -> Found:
    """Play; raises AssertionError where anybody is sent what is another's."""
    luck = random.Random(seed)
    accounts = {f"account-{number}": [f"sn4_live_key_of_account_{number:09}"] for number in range(4)}
    clients = [{"name": tenant.name, "key": tenant.key} for tenant in (Tenant(n, "", 0, luck) for n in range(TENANTS))]
    wishes = Wishes(accounts, dialect="openai", models=PRICED, gateway=ADMIN, clients=clients)
    with started(folder, wishes) as rig:
        found = asyncio.run(play(rig, requests, luck, faults))
        rig.behave()
        settled(rig)
        log = rig.log.read_text(errors="replace")
    assert not found.foreign, "\n".join(found.foreign[:5])
    assert not CANARY.search(log)
    asked, stale = sum(found.came.values()), found.came["stale"]
    assert stale <= found.faults[LATER], (stale, found.faults)
    assert asked >= requests and found.came["whole"] > asked * 0.6, found.came
    assert found.leaving > asked * LEAVING * 0.8, found.came
    return found


@pytest.mark.live
def test_isolation(tmp_path: Path) -> None:
    """Of 3,000 interleaved requests, a fifth of them left, none is answered with another's words (P25)."""
    found = prove(tmp_path, 3_000, 1)

    assert len(found.faults) > 5 and found.faults["stale-answer"] > 20, found.faults


@pytest.mark.live
def test_one_mistake_costs_one_answer(tmp_path: Path) -> None:
    """D-31: an answer in the place of another is the last of its connection; those behind it are right."""
    found = prove(tmp_path, 1_000, 2, later)

    assert found.faults[LATER] > 5


class JudgeTests:
    """The judge can tell."""

    OWN, OTHER = "canary-1-7- canary-1-7- ", "canary-2-7- canary-2-7- "

    def judged(self, status: int, stream: bool, body: str, ended: bool = True) -> tuple[str, int]:
        """How an answer to tenant 1 is taken, and how much of it is foreign."""
        tenant = Tenant(1, "", 0, random.Random(0))
        wish = Wish("canary-1-7-", self.OWN, stream)
        came = tenant.judged(wish, Heard(status, ended, [body.encode()]), leaves=False)
        return came, len(tenant.foreign)

    def event(self, text: str) -> str:
        """One event."""
        return "data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}) + "\n\n"

    def test_streams(self) -> None:
        """One's own, whole and cut, is; another's is not, nor more than was asked for, nor less with an end mark."""
        done = "data: [DONE]\n\n"
        assert self.judged(200, True, self.event(self.OWN[:13]) + self.event(self.OWN[13:]) + done) == ("whole", 0)
        assert self.judged(200, True, self.event(self.OWN[:13]), ended=False) == ("cut", 0)
        assert self.judged(200, True, self.event(self.OWN) + self.event(self.OTHER) + done) == ("whole", 1)
        assert self.judged(200, True, self.event(self.OTHER[:14]), ended=False) == ("cut", 1)
        assert self.judged(200, True, self.event(self.OWN[:13]) + done) == ("whole", 1)

    def test_whole_answers_and_errors(self) -> None:
        """The same of what is not streamed, and of what a refusal says."""
        answer = {"choices": [{"message": {"content": self.OTHER}}]}
        assert self.judged(200, False, json.dumps(answer)) == ("whole", 1)
        assert self.judged(503, False, f"busy with {self.OTHER}") == ("503", 1)
        assert self.judged(503, False, "busy") == ("503", 0)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    print(f"{options.requests:,} requests of {TENANTS} clients, seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        found = prove(Path(folder), options.requests, options.seed)
    told(
        (
            ("requests by how they ended", dict(found.came.most_common())),
            ("requests that were left", found.leaving),
            ("requests that a fault was ordered for", dict(found.faults.most_common())),
            ("answers that held what was another's", len(found.foreign)),
            ("requests a second", f"{sum(found.came.values()) / found.seconds:.0f}"),
        )
    )


if __name__ == "__main__":
    main()
