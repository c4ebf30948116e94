"""Nobody gets more than the quota (promise P6; faults catalogue, C-11).

Two hundred calls at once against a quota for ten: ten are admitted, 190 are told `insufficient_quota`. Answers are of
random length, some clients leave, and in some rounds the gateway is killed over it and started again. When all have
ended, what they did not use is there again, to the token: of another two hundred as many are admitted as there is room
for. At no moment is more used and held than the limit. `python -m tests.promises.overspend [--rounds N] [--seed N]`
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen

from targon_gw.core.ledger import Entry, Kind
from targon_gw.core.openai import Endpoint, read
from tests.live.rig import Rig, Wishes, started
from tests.promises import verdict
from tests.promises.crowd import Crowd, until
from tests.promises.verdict import Measured
from tests.promises.witness import ADMIN, PRICED, asked, chat, lines_of, own, settled, tokens

AT_ONCE, ROOM = 200, 10
KILL_EVERY = 5
"""Of so many rounds one has a kill."""
SHORTEST, LONGEST = 20, 120
"""What `max_tokens` says; answers are of 40 to 160 tokens where it lets them."""
SLOWLY = 0.8
"""Seconds to the first token: all are judged before the first ends and gives back what it did not use."""
PROMPT = "Say something about quotas."


@frozen
class Round:
    """One client's, with a quota of its own; `most` is the `max_tokens` of its calls."""

    number: int
    most: int

    @property
    def name(self) -> str:
        """The client's."""
        return f"round-{self.number}"

    @property
    def key(self) -> str:
        """The client's."""
        return f"sk-tg-the-client-of-round-{self.number:04}"

    @property
    def claim(self) -> int:
        """What is set aside for one call; what the gateway then says that it holds is compared with it."""
        return read(Endpoint.CHAT, chat(PROMPT, self.most, True)).prompt_estimate + self.most

    @property
    def limit(self) -> int:
        """Of the quota, in tokens."""
        return self.claim * ROOM

    @property
    def client(self) -> dict[str, Any]:
        """The entry of clients.yaml."""
        return {"name": self.name, "key": self.key, "quota": {"tokens": self.limit, "per": "total"}}


@define(eq=False)
class Found:
    """What all rounds came to. `admitted` and `room`: in the first and the second wave of each."""

    rounds: list[Round]
    admitted: list[tuple[int, int]] = field(factory=list)
    room: list[tuple[int, int]] = field(factory=list)
    overtaken: int = 0
    """Waves in which a call ended before the last was judged: there may have been room for more."""
    left: int = 0
    kills: int = 0
    most: int = 0
    """The most that was ever used and held of a limit, in per mille of it."""
    spent: list[tuple[int, int]] = field(factory=list)
    """By round: what is used in the end, and of that what calls used beyond their claims."""


async def play(rig: Rig, rounds: list[Round], luck: random.Random) -> Found:
    """Each round; raises AssertionError at the first that is not as promised."""
    found = Found(rounds)
    for each in rounds:
        kill = each.number % KILL_EVERY == KILL_EVERY // 2
        watch = asyncio.create_task(_watched(rig, each, found))
        try:
            first = await _wave(rig, each, luck, found, kill)
            room = (each.limit - await _used(rig, each)) // each.claim
            second = await _wave(rig, each, luck, found, False, room)
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
        found.admitted.append((first, second))
        found.room.append((ROOM, room))
        found.kills += kill
        await _used(rig, each)
    return found


async def _wave(rig: Rig, each: Round, luck: random.Random, found: Found, kill: bool, room: int = ROOM) -> int:
    """Two hundred at once; how many were admitted, which is `room`. `kill` is for the gateway."""
    used = (await _own(rig, each))["used"]
    bodies = [chat(PROMPT, each.most, luck.random() < 0.5) for _ in range(AT_ONCE)]
    crowd = Crowd(rig.url, each.key, bodies)
    await crowd.ask()
    try:
        await until(lambda: crowd.refused >= AT_ONCE - room or crowd.judged == AT_ONCE, 10)
        quota = await _own(rig, each)
        assert set(crowd.statuses()) <= {None, 200, 429}, (each, crowd.statuses())
        if not crowd.ended:
            assert (quota["used"], quota["held"]) == (used, room * each.claim), (each, room, quota)
        if kill:
            await asyncio.sleep(luck.uniform(0.0, 1.2))
            rig.gateway.kill()
            await asyncio.to_thread(rig.gateway.wait, 10)
        else:
            found.left += await crowd.leave(luck, room // 3)
    finally:
        await crowd.over()
    if kill:
        await asyncio.to_thread(rig.again)
    await asyncio.to_thread(settled, rig)
    admitted = AT_ONCE - crowd.refused
    found.overtaken += crowd.overtaken
    assert crowd.codes() == {"insufficient_quota"}, crowd.codes()
    assert crowd.overtaken or admitted == room, (each, room, crowd.statuses())
    return admitted


async def _own(rig: Rig, each: Round) -> dict[str, Any]:
    status, data = await asyncio.to_thread(own, rig, each.key)
    assert status == 200
    quota: dict[str, Any] = data["quota"]
    return quota


async def _used(rig: Rig, each: Round) -> int:
    """What the client has used when nothing is under way: the quota and the ledger agree about it, nothing is held."""
    quota = await _own(rig, each)
    rows = (await asyncio.to_thread(asked, rig, "/usage?by=client"))["rows"]
    mine = sum(row["prompt"] + row["completion"] for row in rows if row["name"] == each.name)
    assert (quota["used"], quota["held"]) == (mine, 0), (each, quota, mine)
    used: int = quota["used"]
    return used


async def _watched(rig: Rig, each: Round, found: Found) -> None:
    """Look at the quota again and again."""
    while True:
        try:
            quota = await _own(rig, each)
        except OSError:  # it has been killed
            pass
        else:
            found.most = max(found.most, (quota["used"] + quota["held"]) * 1000 // each.limit)
            assert quota["remaining"] >= 0, quota
        await asyncio.sleep(0.05)


def prove(folder: Path, rounds: int, seed: int) -> Found:
    """Play so many rounds; raises AssertionError where more is spent or admitted than promised, or less admitted."""
    luck = random.Random(seed)
    played = [Round(number, luck.randint(SHORTEST, LONGEST)) for number in range(rounds)]
    wishes = Wishes(
        dialect="openai",
        first_token=SLOWLY,
        events_per_second=200.0,
        models=PRICED,
        gateway=ADMIN,
        clients=[each.client for each in played],
    )
    with started(folder, wishes) as rig:
        found = asyncio.run(play(rig, played, luck))
        entries = [entry for _, entry in lines_of(rig.folder) if entry.kind is Kind.CALL]
    found.spent = [_spent(each, entries) for each in played]
    for each, (used, beyond) in zip(played, found.spent, strict=True):
        assert used <= each.limit + beyond, (each, used, beyond)
    assert found.most <= 1000 or any(beyond for _, beyond in found.spent), found.most
    assert found.overtaken * 5 <= rounds, "the machine is too slow for this to prove anything"
    assert found.kills and found.left
    return found


def _spent(each: Round, entries: list[Entry]) -> tuple[int, int]:
    mine = [tokens(entry) for entry in entries if entry.client == each.name]
    return sum(mine), sum(max(0, used - each.claim) for used in mine)


@pytest.mark.live
def test_overspend(tmp_path: Path) -> None:
    """Ten of two hundred are admitted, and no more is spent than the quota, whatever is left or killed (C-11)."""
    prove(tmp_path, 3, 1)


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    found = prove(folder, options.rounds, options.seed)
    first, second = Counter(one for one, _ in found.admitted), [one for _, one in found.admitted]
    shares = [used / each.limit for each, (used, _) in zip(found.rounds, found.spent, strict=True)]
    rows = (
        ("admitted of 200, by rounds", dict(first)),
        ("admitted of 200 more, and room there was", f"{sum(second)}, {sum(room for _, room in found.room)}"),
        ("rounds with a kill; calls that were left", f"{found.kills}; {found.left}"),
        ("waves that the first answer overtook", found.overtaken),
        ("spent of the limit, at the end", f"median {statistics.median(shares):.1%}, most {max(shares):.1%}"),
        ("most used and held of a limit, ever", f"{found.most / 10:.1f} %"),
        ("used beyond what was set aside, tokens", sum(beyond for _, beyond in found.spent)),
    )
    beyond, over = sum(beyond for _, beyond in found.spent), sum(first.values()) * ROOM
    figure = f"{beyond} tokens beyond, {sum(one for one, _ in found.admitted)} admitted where there was room for {over}"
    return Measured(f"{figure}, {options.rounds} rounds", rows)


def main() -> int:
    """Print the figures."""
    return verdict.concluded("overspend", __doc__, {"rounds": 50}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
