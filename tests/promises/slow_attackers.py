"""Slow attackers are not felt by the others (promise P18; faults catalogue, A-12, A-13, A-15, A-16).

slowhttptest brings five hundred clients whose request never ends, in its head (-H) or in its body (-B), and five
hundred that read their answer a few bytes at a time (-X); beside them a hundred with a key of their own, who ask for
streams and read none of it. A healthy client calls by the clock all the while. Rounds with and without attackers
alternate, so that what the machine does otherwise touches both alike; compared are the medians of their p99. The
gateway has a processor of its own where there are two, and the attackers' programs step back behind everybody's.
`python -m tests.promises.slow_attackers [--connections N] [--seconds N] [--rounds N]`
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import pytest
from attrs import define, field

from bench import machine
from bench.crowd import Crowd
from tests.live.rig import CLIENT_KEY, Rig, Wishes, started, wait_until
from tests.live.streams import request
from tests.needs import need
from tests.promises import verdict
from tests.promises.verdict import Measured, percentile
from tests.promises.witness import ADMIN, PRICED, asked, chat, headers

TIMES = 2.0
FLOOR = 0.002
"""Seconds: below this a p99 is the machine's own unrest, and twice of it means nothing."""
EVERY = 0.01
"""Seconds between two calls of the healthy client."""
UNREAD = 100
NOTHING = subprocess.DEVNULL
GREEDY = "sk-tg-the-one-that-never-reads"
ATTACKS = {
    "-H": ("-i", "1"),
    "-B": ("-i", "1", "-s", "8192", "-f", "application/json"),
    "-X": ("-n", "1", "-w", "1", "-y", "16", "-z", "4", "-k", "3"),
}
"""Ways of slowhttptest, and what each is told beside: every client moves once a second."""
PATHS = {"-H": "/v1/models", "-B": "/v1/chat/completions", "-X": "/health"}


@define(eq=False)
class Found:
    """The healthy client's seconds a call, by round; how many attackers were connected at most."""

    quiet: list[float] = field(factory=list)
    attacked: list[float] = field(factory=list)
    calls: int = 0
    attackers: int = 0

    def times(self, floor: float) -> float:
        """How many times as long p99 is under attack."""
        return max(floor, median(self.attacked)) / max(floor, median(self.quiet))


def prove(folder: Path, connections: int, seconds: float, rounds: int, floor: float = FLOOR) -> Found:
    """Attack and call; raises AssertionError where the healthy client feels it."""
    tool, found = need("slowhttptest"), Found()
    wishes = Wishes(
        dialect="openai",
        models=PRICED,
        upstream={"per_key": {"concurrent": 1000}},
        gateway={**ADMIN, "limits": {"connections_per_address": 10 * connections}},
        clients=[{"name": "tester", "key": CLIENT_KEY}, {"name": "greedy", "key": GREEDY}],
    )
    with started(folder, wishes) as rig:
        os.sched_setaffinity(rig.gateway.pid, {machine.processors()[0]})
        _called(rig, 1.0)
        for _ in range(rounds):
            found.quiet.append(percentile(_called(rig, seconds), 0.99))
            with attack(rig, tool, connections, seconds):
                time.sleep(1.0)  # they need that long to be there
                found.attackers = max(found.attackers, _connected(rig))
                times = _called(rig, seconds)
            found.attacked.append(percentile(times, 0.99))
            found.calls += len(times)
            wait_until(lambda: asked(rig, "/status")["in_flight"] == 0, 15)
    assert found.attackers >= 1.5 * connections, f"only {found.attackers} attackers got through"
    assert found.times(floor) <= TIMES, f"p99 by rounds without {found.quiet} and with attackers {found.attacked}"
    return found


@contextmanager
def attack(rig: Rig, tool: str, connections: int, seconds: float) -> Iterator[None]:
    """While all of them are there; each way is a process of its own."""
    with ExitStack() as ends, tempfile.TemporaryFile() as out:
        for way, more in ATTACKS.items():
            count = connections if way == "-X" else connections // 2
            command = [tool, way, "-c", str(count), "-r", str(count), "-l", str(int(seconds) + 3), "-p", "3", "-v", "0"]
            target = [*more, "-t", "POST" if way == "-B" else "GET", "-u", f"{rig.url}{PATHS[way]}"]
            process = subprocess.Popen(["nice", "-n", "19", *command, *target], stdout=out, stderr=out, stdin=NOTHING)
            os.sched_setaffinity(process.pid, {machine.processors()[1]})
            ends.callback(_end, process)
        crowd = Crowd(int(rig.url.rpartition(":")[2]), room=4096)
        ends.callback(crowd.leave)
        crowd.join(UNREAD, request(2000, key=GREEDY))
        yield


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _connected(rig: Rig) -> int:
    """Connections that the gateway has open."""
    port = int(rig.url.rpartition(":")[2])
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "01" for line in lines)


def _called(rig: Rig, seconds: float) -> list[float]:
    """Call by the clock on one connection; how long each took from when it was due. A refusal is an error."""
    body = chat("Hello", 1, False)
    lines = {**headers(CLIENT_KEY), "Host": "gw", "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    sent = f"POST /v1/chat/completions HTTP/1.1\r\n{head}\r\n".encode() + body
    took, due = [], time.monotonic()
    ends = due + seconds
    with rig.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while due < ends:
            time.sleep(max(0.0, due - time.monotonic()))
            client.sendall(sent)
            got = client.recv(65536)
            while b"\r\n\r\n" not in got or not got.endswith(b"}"):
                got += client.recv(65536)
            assert got.startswith(b"HTTP/1.1 200 "), got[:300]
            took.append(time.monotonic() - due)
            due += EVERY
    return took


@pytest.mark.live
def test_slow_attackers(tmp_path: Path) -> None:
    """A healthy client's p99 is not doubled by 150 slow heads and bodies and 150 slow readers (A-12, A-13, A-16)."""
    prove(tmp_path, 150, 2.0, 1, floor=0.010)  # of so few calls p99 is the worst two


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    found = prove(folder, options.connections, options.seconds, options.rounds)
    rows = (
        ("connections of attackers at once, at most", found.attackers),
        ("calls of the healthy client meanwhile", f"{found.calls:,}"),
        ("p99 without them, ms, by rounds", ", ".join(f"{one * 1000:.1f}" for one in found.quiet)),
        ("p99 with them, ms, by rounds", ", ".join(f"{one * 1000:.1f}" for one in found.attacked)),
    )
    p99s = median(found.quiet) * 1000, median(found.attacked) * 1000
    return Measured(f"p99 {p99s[0]:.1f} ms, with {found.attackers} attackers {p99s[1]:.1f} ms", rows)


def main() -> int:
    """Print the figures."""
    return verdict.concluded("slow_attackers", __doc__, {"connections": 500, "seconds": 10.0, "rounds": 3}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
