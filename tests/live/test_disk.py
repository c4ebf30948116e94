"""A running gateway whose disk is full, and one whose disk fails (P22): nothing that was acknowledged is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.live.rig import Rig, Wishes, started, wait_until
from tests.live.streams import Listener, call, get, request
from tests.needs import lacking, need

pytestmark = pytest.mark.live

SIZE = 128 << 10
"""Bytes of the small disk: a ledger, two states, and the room that is asked for before a full disk counts as free."""


@contextmanager
def small_disk(folder: Path, size: int = SIZE) -> Iterator[Path]:
    """A disk of so many bytes in that folder."""
    if os.geteuid() != 0:
        lacking("mounting a small disk needs root")
    mount = need("mount")
    path = folder / "disk"
    path.mkdir(mode=0o700)
    made = subprocess.run([mount, "-t", "tmpfs", "-o", f"size={size},mode=700", "none", str(path)], capture_output=True)
    if made.returncode:
        lacking("a small disk can't be mounted here")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Such a disk."""
    with small_disk(tmp_path) as path:
        yield path


def wishes(state: str = "state") -> Wishes:
    """A gateway that writes its state there, often."""
    return Wishes(
        events_per_second=20.0,
        gateway={"state": state, "flush": "500ms", "drain": "1s", "admin": {"socket": "admin.sock"}},
    )


def fill(disk: Path) -> Path:
    """A stranger's file that leaves no byte free: whole pages at first, then what is left in the ledger's own."""
    stranger = disk / "stranger"
    with open(stranger, "ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return stranger


def recorded(state: Path) -> list[dict[str, Any]]:
    """The calls in the ledger."""
    files = sorted((state / "ledger").glob("*.yaml"))
    lines = [json.loads(line[2:]) for file in files for line in file.read_text().splitlines()]
    assert [line["n"] for line in lines] == list(range(1, len(lines) + 1))
    return [line for line in lines if line["kind"] == "call"]


class FullDiskTests:
    def test_metered_calls_are_refused_until_there_is_room(self, tmp_path: Path, disk: Path) -> None:
        """503 within a second, said by /health; well again within five seconds of there being room; twice (E-05)."""
        state = disk / "state"
        with started(tmp_path, wishes(str(state))) as rig:
            acknowledged = [request_id(rig)]
            for _ in range(2):
                stream = speaking(rig)
                stranger = fill(disk)
                acknowledged += until_refused(rig, state)
                refused = call(rig)
                assert (refused.status, refused.code) == (503, "overloaded")
                assert refused.took < 1.0
                assert 1 <= int(refused.headers["retry-after"]) <= 120
                assert "recorded" in refused.body["error"]["message"]
                wait_until(lambda: get(rig, "/health").body.get("recording") is False, 2)
                assert get(rig, "/health/ready").status == 503
                assert get(rig, "/v1/models").status == 200
                assert "the disk is full" in rig.verb("status").stdout
                assert not stream.wait().whole  # what can't be on file is not seen whole

                stranger.unlink()
                assert wait_until(lambda: get(rig, "/health/ready").status == 200, 8) < 5.0
                acknowledged.append(request_id(rig))
                assert "recording" not in get(rig, "/health").body
            known = get(rig, "/v1/key").body["data"]
            rig.gateway.kill()
            rig.ended()
            assert [one["id"] for one in recorded(state) if one["ending"] == "served"] == acknowledged

            rig.again()
            assert get(rig, "/v1/key").body["data"] == known


def speaking(rig: Rig) -> Listener:
    """A stream of which something has come."""
    stream = Listener(rig, request(60)).start()
    wait_until(lambda: stream.speaking, 3)
    return stream


def request_id(rig: Rig) -> str:
    """The id of a call that was served."""
    answer = call(rig)
    assert answer.status == 200, answer
    return answer.headers["x-request-id"]


def until_refused(rig: Rig, state: Path) -> list[str]:
    """Use up what is left of the ledger's last page; the calls that were served meanwhile."""
    served = []
    for _ in range(40):
        answer = call(rig)
        if answer.status != 200:
            return served
        served.append(answer.headers["x-request-id"])
        fill(state.parent)  # a state that was written anew has left a page
    raise AssertionError("the disk never filled up")


class FailedDiskTests:
    @pytest.mark.parametrize(("failing", "when"), [("fdatasync", 2), ("write", 5)])
    def test_a_disk_that_fails_ends_the_process(self, tmp_path: Path, failing: str, when: int) -> None:
        """EIO: exit code 1 and no answer that was not on file; the restart finds all that was acknowledged (E-07)."""
        strace = need("strace")
        with started(tmp_path, wishes()) as rig:
            served = [request_id(rig) for _ in range(5)]
            rig.signal(signal.SIGTERM)
            rig.ended()
            plain, rig.run = rig.run, [*injecting(strace, tmp_path, failing, when), *rig.run]
            rig.again()
            began = time.monotonic()
            while rig.gateway.poll() is None and time.monotonic() - began < 10:
                with suppress(OSError):
                    served.append(request_id(rig))
            assert rig.ended() == 1
            assert len(served) > 5
            reason = next(line for line in rig.log.read_text().splitlines() if line.startswith("targon-gw: "))
            assert "state/ledger/" in reason and "Input/output error" in reason

            rig.run = plain
            rig.again()
            assert [one["id"] for one in recorded(tmp_path / "state")][: len(served)] == served
            before = get(rig, "/v1/key").body["data"]["requests"]
            assert before - len(served) in (0, 1)  # one may have been on file, and its client not told
            request_id(rig)
            assert get(rig, "/v1/key").body["data"]["requests"] == before + 1


def injecting(strace: str, folder: Path, failing: str, when: int) -> list[str]:
    """What has that system call fail, where it is about the ledger, from the one of that number on."""
    [book] = (folder / "state" / "ledger").iterdir()
    trace = ["-e", f"trace={failing}", "-e", f"inject={failing}:error=EIO:when={when}+"]
    return [strace, "-f", "-qq", "-o", str(folder / "strace.log"), "-P", str(book), *trace]
