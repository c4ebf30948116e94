"""Pressure and leaving: a slow reader holds the vendor back, one that goes frees it."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from tests.live.rig import CLIENT_KEY, V3, Rig, Wishes, started, wait_until

MIB = 1 << 20


def request(streamed: bool, more: str = "") -> bytes:
    """A call as bytes."""
    body = json.dumps({"model": V3, "messages": [{"role": "user", "content": "Hi"}], "stream": streamed}).encode()
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: gw\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %s\r\n%sContent-Length: %d\r\n\r\n%s"
        % (CLIENT_KEY.encode(), more.encode(), len(body), body)
    )


def answering(rig: Rig) -> int:
    """Answers that the vendor has under way."""
    return int(rig.admin("connections")["answering"])


def test_a_slow_reader_holds_the_vendor_back(tmp_path: Path) -> None:
    """64 MiB to a client that reads little: the gateway's memory stays flat, and all arrives in the end (A-15)."""
    with started(tmp_path, Wishes(dialect="openai")) as rig:
        with rig.connect() as warm:  # what a first call brings in is not what 64 MiB bring
            warm.sendall(request(False))
            assert warm.recv(65536).startswith(b"HTTP/1.1 200")
        rig.misbehave("flood:64")
        with rig.connect() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            before = rig.memory()
            client.sendall(request(True))
            most, got = 0, 0
            for _ in range(40):
                got += len(client.recv(65536))
                time.sleep(0.02)
                most = max(most, rig.memory() - before)
            while True:
                piece = client.recv(1 << 20)
                got += len(piece)
                if not piece or piece.endswith(b"0\r\n\r\n"):
                    break
            most = max(most, rig.memory() - before)
        assert got > 64 * MIB
        assert most < 4 * MIB, f"{most / MIB:.1f} MiB"


@pytest.mark.parametrize(
    "phase", ["before the head", "before the first event", "mid-stream", "while pipelining", "unary"]
)
def test_a_client_that_leaves_frees_the_vendor(tmp_path: Path, phase: str) -> None:
    """The vendor's connection is dropped within a second, in every phase (A-17, A-18; P9)."""
    faults = {"before the head": "silent", "before the first event": "silent-after-head", "unary": "silent"}
    with started(tmp_path, Wishes(events_per_second=20.0)) as rig:
        wait_until(lambda: rig.admin("log")["served"] and answering(rig) == 0, 5)  # the first probe
        if phase in faults:
            rig.misbehave(faults[phase])
        client = rig.connect()
        client.sendall(request(phase != "unary"))
        if phase in faults:
            wait_until(lambda: answering(rig) == 1, 5)
        else:
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
        if phase == "while pipelining":
            client.sendall(request(True) * 20)
            time.sleep(0.2)
        client.close()

        assert wait_until(lambda: answering(rig) == 0, 3) <= 1.0
