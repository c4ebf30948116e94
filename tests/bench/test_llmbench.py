"""The load generator's options that a measure relies on: keys in turn, and a ramp that does not count."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from bench import compare, machine
from tests.needs import need

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(scope="module")
def llmbench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program."""
    need("cc")
    return compare.build(tmp_path_factory.mktemp("llmbench"))


def load(llmbench: Path, port: int, *options: str) -> compare.Result:
    """What a load saw."""
    command = [str(llmbench), "load", "-p", str(port), "-j", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    result: compare.Result = json.loads(done.stdout)
    return result


@pytest.mark.live
class LoadTests:
    """llmbench load."""

    def test_keys_are_used_in_turn(self, llmbench: Path) -> None:
        """With three keys the calls are made with 0, 1, 2, 0, 1, 2 behind the prefix, from any of them on."""
        keys: list[bytes] = []
        with socket.create_server(("127.0.0.1", 0)) as listening:

            def serve() -> None:
                connection, _ = listening.accept()
                with connection, suppress(ConnectionResetError):  # it leaves with answers unread
                    while got := connection.recv(65536):
                        keys.extend(re.findall(rb"Bearer (\S+)", got))
                        connection.sendall(ANSWER)

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            result = load(llmbench, listening.getsockname()[1], "-c", "1", "-d", "0.1", "-k", "sk-x-", "-K", "3")
            thread.join(5)

        assert result["bad"] == 0
        first = int(keys[0][-6:])
        assert keys[:4] == [b"sk-x-%06d" % ((first + at) % 3) for at in range(4)]

    def test_ramp_does_not_count(self, llmbench: Path, tmp_path: Path) -> None:
        """Streams that ended while the connections began are the vendor's to count, and not in the figures."""
        port = machine.free_port()
        command = (str(llmbench), "serve", "-p", str(port), "-i", "2000")
        vendor = machine.Running.start(command, machine.processors()[1], tmp_path / "log")
        try:
            assert machine.listening(port, 5, vendor.process)
            result = load(llmbench, port, "-c", "4", "-d", "0.2", "-r", "0.3", "-s", "-t", "5")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats") as answer:
                streams = json.load(answer)["streams"]
        finally:
            vendor.stop()

        assert result["bad"] == 0
        assert 0 < result["good"] < streams
        assert result["seconds"] < 0.3
        assert result["ttft_us"]["p50"] >= 2000
