"""How long a wrong key takes to be refused tells nothing about the right one (promise P20; faults catalogue, C-05).

Two kinds of wrong keys, one that begins as a client's does and is wrong at its end, one that is wrong throughout, are
shown by turns, in random order, from one address of loopback after another, so that nobody is refused for trying too
often. Whether one kind takes longer is asked by the test of Mann and Whitney, which knows nothing of how times are
spread. Chance alone comes below 0.01 once in a hundred runs: a difference counts where it is found three times.
`python -m tests.promises.timing [--samples N]`
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from attrs import define, field

from tests.live.rig import Rig, Wishes, started
from tests.promises import verdict
from tests.promises.verdict import Measured, percentile
from tests.promises.witness import ADMIN

KEY = "sk-tg-" + "k7Qm2xV9" * 5
"""A client's."""
LIKELY = 0.01
TIMES = 3
"""Tries in which a difference must be found."""
A_VISIT = 8
"""Pairs of wrong keys from one address."""
RIGHT = len(KEY) - 8
"""How much of the client's key a wrong one may begin with."""


@define(eq=False)
class Samples:
    """Seconds of each refusal, by kind: right at its beginning, wrong throughout."""

    near: list[float] = field(factory=list)
    far: list[float] = field(factory=list)


def mann_whitney(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """p, two-sided, by the normal approximation with its corrections for ties and continuity; and P(one > other)."""
    many, more = len(one), len(other)
    total, ranks, ties, place = many + more, 0.0, 0.0, 0
    marked = sorted(itertools.chain(((value, 1) for value in one), ((value, 0) for value in other)))
    for _, group in itertools.groupby(marked, key=lambda pair: pair[0]):
        marks = [mark for _, mark in group]
        ranks += sum(marks) * (place + (len(marks) + 1) / 2)
        ties += len(marks) ** 3 - len(marks)
        place += len(marks)
    above = ranks - many * (many + 1) / 2
    spread = math.sqrt(many * more / 12 * (total + 1 - ties / (total * (total - 1))))
    z = (abs(above - many * more / 2) - 0.5) / spread if spread else 0.0
    return min(1.0, math.erfc(max(0.0, z) / math.sqrt(2))), above / (many * more)


def addresses() -> Iterator[str]:
    """Addresses of loopback, one after the other."""
    for number in itertools.count(1):
        yield f"127.{1 + number // 62500 % 254}.{number // 250 % 250 + 1}.{number % 250 + 1}"


def wrong_keys(luck: random.Random) -> list[tuple[bool, bytes]]:
    """The keys of one visit, each with whether it begins as the client's does; of one length, none used before."""
    keys = []
    for _ in range(A_VISIT):
        tail = secrets.token_hex(len(KEY))
        pair = [(True, KEY[:RIGHT] + tail[: len(KEY) - RIGHT]), (False, tail[: len(KEY)])]
        keys += luck.sample(pair, 2)
    return [(near, key.encode()) for near, key in keys]


def visit(rig: Rig, address: str, luck: random.Random, samples: Samples) -> None:
    """Show wrong keys from one address, and take down how long each took to be refused."""
    host, _, port = rig.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 10, (address, 0)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _ask(client, b"GET /health/live HTTP/1.1\r\nHost: gw\r\n\r\n")  # what a connection costs is not a key's
        for near, key in wrong_keys(luck):
            request = b"GET /v1/models HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer %s\r\n\r\n" % key
            began = time.perf_counter()
            answer = _ask(client, request)
            took = time.perf_counter() - began
            assert answer.startswith(b"HTTP/1.1 401 "), answer[:200]
            (samples.near if near else samples.far).append(took)


def _ask(client: socket.socket, request: bytes) -> bytes:
    client.sendall(request)
    got = client.recv(65536)
    while not got.endswith((b"}", b"}\n")):
        got += client.recv(65536)
    return got


def measured(rig: Rig, count: int, luck: random.Random, whence: Iterator[str]) -> Samples:
    """So many of each kind."""
    samples = Samples()
    while len(samples.near) < count:
        visit(rig, next(whence), luck, samples)
    return samples


@define(eq=False)
class Found:
    """Of each try: p, and how often one that begins well took longer than one that doesn't."""

    tries: list[tuple[float, float]] = field(factory=list)
    medians: tuple[float, float] = (0.0, 0.0)


def prove(folder: Path, count: int, seed: int) -> Found:
    """Look for a difference; raises AssertionError where it is found each time."""
    found, luck, whence = Found(), random.Random(seed), addresses()
    with started(folder, Wishes(clients=[{"name": "tester", "key": KEY}], gateway=ADMIN)) as rig:
        measured(rig, 200, luck, whence)
        for _ in range(TIMES):
            samples = measured(rig, count, luck, whence)
            found.tries.append(mann_whitney(samples.near, samples.far))
            found.medians = percentile(samples.near, 0.5), percentile(samples.far, 0.5)
            if found.tries[-1][0] > LIKELY:
                return found
    raise AssertionError(f"a wrong key that begins well is told from others: p, share longer: {found.tries}")


@pytest.mark.live
def test_timing(tmp_path: Path) -> None:
    """1,500 wrong keys that begin well take as long to be refused as 1,500 others (C-05)."""
    prove(tmp_path, 1500, 1)


class TestTests:
    """The test itself can tell."""

    def test_against_figures_of_a_book(self) -> None:
        """Two samples whose U is counted by hand, with ties."""
        p, share = mann_whitney([1, 2, 2, 3], [2, 4, 5, 6])
        assert share == (0 + 0.5 + 0.5 + 1) / 16
        assert 0.05 < p < 0.15

    def test_a_difference_of_one_part_in_a_hundred(self) -> None:
        """Of 20,000 each is found; of none at all none is."""
        luck = random.Random(1)
        one = [luck.lognormvariate(0, 0.2) for _ in range(20_000)]
        assert mann_whitney(one, [luck.lognormvariate(0.01, 0.2) for _ in one])[0] < LIKELY
        assert mann_whitney(one, [luck.lognormvariate(0, 0.2) for _ in one])[0] > LIKELY


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    found = prove(folder, options.samples, options.seed)
    p, share = found.tries[-1]
    rows = (
        ("samples of each kind", f"{options.samples:,}"),
        ("median of those that begin well, ms", f"{found.medians[0] * 1000:.4f}"),
        ("median of the others, ms", f"{found.medians[1] * 1000:.4f}"),
        ("one that begins well took longer in", f"{share:.2%} of all pairs"),
        ("tries, and p of each", f"{len(found.tries)}: {', '.join(f'{p:.3f}' for p, _ in found.tries)}"),
    )
    return Measured(f"p {p:.2f}, {options.samples:,} each", rows)


def main() -> int:
    """Print the figures."""
    return verdict.concluded("timing", __doc__, {"samples": 20_000}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
