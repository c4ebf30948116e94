"""A disk without room refuses, a disk that fails ends (promise P22; faults catalogue, E-05 to E-07).

A running gateway has its state on a small disk of its own. A stranger fills it, again and again: calls are refused
within a second, what was acknowledged is kept, and as soon as there is room calls are taken again by themselves. Then
every kind of write that the ledger makes fails by EIO: the process ends, and the next one finds all that was
acknowledged. The everyday form is tests/live/test_disk.py, whose parts these are. `python -m tests.promises.disk_full
[--rounds N]`
"""

from __future__ import annotations

import argparse
import signal
import time
from contextlib import suppress
from pathlib import Path

from attrs import define, field

from tests.live.rig import Rig, started, wait_until
from tests.live.streams import call, get
from tests.live.test_disk import fill, injecting, recorded, request_id, small_disk, until_refused, wishes
from tests.needs import need
from tests.promises import verdict
from tests.promises.verdict import Measured

REFUSED, AGAIN = 1.0, 5.0
"""Seconds: until a call is refused, and until one is taken once there is room."""
FAILING = (("fdatasync", 2), ("fdatasync", 3), ("write", 4), ("write", 7))
"""The ledger's call that fails, from the one of that number on."""


@define(eq=False)
class Found:
    """Seconds until a call was refused, until one was taken again; calls on file; EIO that ended the process."""

    refused: list[float] = field(factory=list)
    again: list[float] = field(factory=list)
    served: int = 0
    ended: int = 0


def prove(folder: Path, rounds: int) -> Found:
    """Both; raises AssertionError where anything is otherwise than promised."""
    found = Found()
    (folder / "full").mkdir()
    with small_disk(folder / "full") as disk:
        _fill_and_free(folder / "full", disk, rounds, found)
    for number, (failing, when) in enumerate(FAILING):
        (folder / str(number)).mkdir()
        _fail(folder / str(number), failing, when, found)
    assert max(found.refused) <= REFUSED, found.refused
    assert max(found.again) <= AGAIN, found.again
    return found


def _fill_and_free(folder: Path, disk: Path, rounds: int, found: Found) -> None:
    state = disk / "state"
    with started(folder, wishes(str(state))) as rig:
        acknowledged = [request_id(rig)]
        for _ in range(rounds):
            stranger = fill(disk)
            acknowledged += until_refused(rig, state)
            refused = call(rig)
            assert (refused.status, refused.code) == (503, "overloaded"), refused
            found.refused.append(refused.took)
            assert get(rig, "/v1/models").status == 200
            stranger.unlink()
            found.again.append(wait_until(lambda: call(rig).status == 200, 4 * AGAIN))
        rig.gateway.kill()
        rig.ended()
        kept = {one["id"] for one in recorded(state) if one["ending"] == "served"}
        assert kept.issuperset(acknowledged)
        found.served += len(kept)
        rig.again()


def _fail(folder: Path, failing: str, when: int, found: Found) -> None:
    """Have the ledger's disk fail: the end, and a new beginning that knows of all."""
    strace = need("strace")
    with started(folder, wishes()) as rig:
        served = [request_id(rig) for _ in range(3)]
        rig.signal(signal.SIGTERM)
        rig.ended()
        plain, rig.run = rig.run, [*injecting(strace, folder, failing, when), *rig.run]
        rig.again()
        served += _until_the_end(rig)
        assert rig.ended() == 1
        rig.run = plain
        rig.again()
        kept = [one["id"] for one in recorded(folder / "state")]
        assert kept[: len(served)] == served, f"of {len(served)} acknowledged calls some are lost"
        found.served, found.ended = found.served + len(served), found.ended + 1


def _until_the_end(rig: Rig) -> list[str]:
    """Call until the gateway has gone; the calls that were served."""
    served, ends = [], time.monotonic() + 15
    while rig.gateway.poll() is None and time.monotonic() < ends:
        with suppress(OSError):
            served.append(request_id(rig))
    return served


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    found = prove(folder, options.rounds)
    rows = (
        ("times that the disk was full", len(found.refused)),
        ("seconds until a call was refused, at most", f"{max(found.refused):.3f}"),
        ("seconds until one was taken again, at most", f"{max(found.again):.2f}"),
        ("times that it failed, and the process ended", found.ended),
        ("calls acknowledged, none lost", found.served),
    )
    return Measured(f"{max(found.refused) * 1000:.0f} ms, {max(found.again):.1f} s; EIO ended {found.ended} of 4", rows)


def main() -> int:
    """Print the figures."""
    return verdict.concluded("disk_full", __doc__, {"rounds": 10}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
