"""Nobody is ever sent what was meant for another (promise P25; faults catalogue, D-31, F-24).

Forty clients at once, each asking to have its own canary repeated, streamed or not, alone or two requests at a time on
kept connections; every fifth request is left at a random moment. The vendor meanwhile breaks HTTP's framing by turns:
answers that nobody asked for behind good ones and before them, lengths that are wrong, bytes behind the end, ends that
are none. Whatever a client is sent begins with what it asked for and holds nothing else; no canary is in the log; in
the end nothing is under way. `python -m tests.promises.isolation [--requests N] [--seed N]`
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from attrs import define, field

from tests.live.rig import Rig, Wishes, started
from tests.promises.tenants import LEAVING, Tenant
from tests.promises.witness import ADMIN, PRICED, settled, told

TENANTS = 40
WELL = (
    "stale-answer", "stale-answer-later", "length-too-short:1", "length-and-chunked", "data-after-done", "two-dones", "close-delimited",
    "http-1.0", "closed-race", "gzip", "byte-by-byte", "lone-cr", "other-fields", "no-done", "stale-answer", "stale-answer-later",
)  # fmt: skip
"""Faults beside which the answer itself is right."""
BADLY = ("fin-midway", "reset-midway:300b", "fin-in-chunk", "no-last-chunk", "bad-chunk-size", "garbage", "length-too-long", "two-lengths")
"""Faults that spoil an answer: so few that no key and no model is given up for them."""
TIMES = 6
"""Requests that one order of a fault is for."""


@define(eq=False)
class Found:
    """What all of them came to."""

    foreign: list[str] = field(factory=list)
    came: Counter[str] = field(factory=Counter)
    faults: Counter[str] = field(factory=Counter)
    seconds: float = 0.0


async def play(rig: Rig, requests: int, luck: random.Random) -> Found:
    """Have all of them ask, so many times in all."""
    found = Found()
    host, _, port = rig.url.removeprefix("http://").partition(":")
    tenants = [Tenant(number, host, int(port), random.Random(luck.random())) for number in range(TENANTS)]
    began = time.monotonic()
    mischief = asyncio.create_task(_misbehave(rig, luck, found))
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
    return found


async def _misbehave(rig: Rig, luck: random.Random, found: Found) -> None:
    """Order one fault after the other; that those before are not used up yet only makes them more."""
    while True:
        fault = luck.choice(WELL if luck.random() < 0.9 else BADLY)
        await asyncio.to_thread(rig.misbehave, fault, times=TIMES if fault in WELL else 1)
        found.faults[fault.partition(":")[0]] += 1
        await asyncio.sleep(luck.random() * 0.03)


def prove(folder: Path, requests: int, seed: int) -> Found:
    """Play; raises AssertionError where anybody is sent what is another's."""
    luck = random.Random(seed)
    accounts = {f"account-{number}": [f"sn4_live_key_of_account_{number:09}"] for number in range(4)}
    clients = [{"name": tenant.name, "key": tenant.key} for tenant in (Tenant(n, "", 0, luck) for n in range(TENANTS))]
    wishes = Wishes(accounts, dialect="openai", models=PRICED, gateway=ADMIN, clients=clients)
    with started(folder, wishes) as rig:
        found = asyncio.run(play(rig, requests, luck))
        rig.behave()
        settled(rig)
        log = rig.log.read_text(errors="replace")
    assert not found.foreign, "\n".join(found.foreign[:5])
    assert not re.search(r"canary-\d|STALE", log)
    asked = sum(found.came.values())
    assert asked >= requests and found.came["whole"] > asked * 0.6, found.came
    assert found.came["left"] > asked * LEAVING * 0.4, found.came
    assert len(found.faults) > 5, found.faults
    return found


@pytest.mark.live
def test_isolation(tmp_path: Path) -> None:
    """Of 3,000 interleaved requests, a fifth of them left, none is answered with another's words (P25)."""
    prove(tmp_path, 3_000, 1)


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
            ("faults ordered", dict(found.faults.most_common())),
            ("answers that held what was another's", len(found.foreign)),
            ("requests a second", f"{sum(found.came.values()) / found.seconds:.0f}"),
        )
    )


if __name__ == "__main__":
    main()
