"""The end of a daemon, and who may begin where it was: SIGTERM, a second daemon, a damaged ledger (E-15, E-22, P5)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from targon_gw.store.folder import StateFolder
from targon_gw.store.recovery import recover
from tests.live.rig import Rig, Wishes, started, wait_until
from tests.live.streams import Listener, ask, call, get, probe_socket, request

pytestmark = pytest.mark.live

DRAIN = 2.0
PACE = 20.0
"""Events a second."""


def wishes(drain: float = DRAIN) -> Wishes:
    """A daemon that gives running calls that many seconds."""
    gateway = {"drain": f"{drain:g}s", "flush": "10m", "admin": {"socket": "admin.sock"}}
    return Wishes(events_per_second=PACE, gateway=gateway)


def refuses(rig: Rig) -> bool:
    """Whether nobody listens any more."""
    try:
        rig.connect().close()
    except OSError:
        return True
    return False


def head_of(answer: bytes) -> str:
    """The status line."""
    return answer.partition(b"\r\n")[0].decode()


def ledger_lines(rig: Rig) -> list[dict[str, object]]:
    """What is in the ledger's files, in order."""
    files = sorted((rig.folder / "state" / "ledger").iterdir())
    return [json.loads(line[2:]) for file in files for line in file.read_text().splitlines()]


class DrainTests:
    def test_short_streams_end_and_long_ones_are_told(self, tmp_path: Path) -> None:
        """SIGTERM: nobody new comes in, what ends within `drain` ends well, the rest visibly; the state is written."""
        with started(tmp_path, wishes()) as rig:
            assert call(rig).status == 200
            open_one, busy_one = probe_socket(rig), probe_socket(rig)
            short = Listener(rig, request(8)).start()
            long = Listener(rig, request(400)).start()
            wait_until(lambda: short.speaking and long.speaking, 5)
            rig.signal(signal.SIGTERM)
            asked = time.monotonic()

            assert wait_until(lambda: refuses(rig), 2) < 1.0
            ready = ask(open_one, "/health/ready")
            assert head_of(ready) == "HTTP/1.1 503 Service Unavailable" and b'"draining"' in ready
            busy_one.sendall(request(8))
            refused = busy_one.recv(65536)
            assert head_of(refused) == "HTTP/1.1 503 Service Unavailable" and b'"draining"' in refused
            assert b"retry-after: " in refused.lower()

            assert short.wait().whole
            assert long.wait().cut_visibly, bytes(long.got[-300:])
            assert b'"code":"draining"' in long.got
            assert long.ended is not None and DRAIN - 0.1 <= long.ended - asked < DRAIN + 1.0
            assert rig.ended() in (0, -signal.SIGTERM)
            assert time.monotonic() - asked < DRAIN + 2.0
            for client in (open_one, busy_one):
                client.close()

            lines = ledger_lines(rig)
            assert [line["ending"] for line in lines if line["kind"] == "call"] == ["served", "served", "truncated"]
            folder = StateFolder(str(tmp_path / "state"))
            folder.open()
            found = recover(folder, touch=False)
            assert found.n == lines[-1]["n"] and list(found.lines) == []
            folder.close()

            told = len(rig.log.read_text())
            rig.again()
            assert call(rig).status == 200
            assert get(rig, "/v1/key").body["data"]["requests"] == 4
            later = [json.loads(line) for line in rig.log.read_text()[told:].splitlines()]
            assert [line["msg"] for line in later if line.get("level") in ("warn", "error", "critical")] == []

    def test_with_nothing_running_it_ends_at_once(self, tmp_path: Path) -> None:
        """`drain` is the most that is waited for, not what is waited."""
        with started(tmp_path, wishes(drain=30.0)) as rig:
            assert call(rig).status == 200
            idle = probe_socket(rig)
            asked = time.monotonic()
            drain = rig.verb("drain")
            assert (drain.returncode, drain.stdout) == (0, "draining, 0 calls under way\n")
            assert rig.ended() in (0, -signal.SIGTERM)
            assert time.monotonic() - asked < 3.0
            idle.close()


class SecondDaemonTests:
    def test_one_daemon_to_a_folder(self, tmp_path: Path) -> None:
        """The second exits 75 and says why; the first serves on, with its lock and its admin socket (E-15)."""
        with started(tmp_path, wishes()) as rig:
            assert call(rig).status == 200
            second = subprocess.run(rig.run, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False)
            assert second.returncode == 75, second.stdout + second.stderr
            assert str(tmp_path / "state") in second.stdout + second.stderr

            assert call(rig).status == 200
            assert rig.verb("status").returncode == 0
            assert [line["n"] for line in ledger_lines(rig)] == list(range(1, len(ledger_lines(rig)) + 1))


class DamageTests:
    def test_a_damaged_ledger_is_not_passed_over(self, tmp_path: Path) -> None:
        """It exits 78 and names file and line, and touches nothing; with --recover it goes on (E-08)."""
        with started(tmp_path, wishes()) as rig:
            for number in range(6):
                assert call(rig, f"Hello {number}").status == 200
            rig.signal(signal.SIGKILL)
            rig.ended()
            [book] = (tmp_path / "state" / "ledger").iterdir()
            lines = book.read_bytes().splitlines(keepends=True)
            lines[2] = lines[2].replace(b'"kind"', b'"kinb"')
            book.write_bytes(b"".join(lines))

            refused = subprocess.run(rig.run, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False)
            assert refused.returncode == 78, refused.stdout + refused.stderr
            assert f"{book}:3: " in refused.stdout + refused.stderr
            assert book.read_bytes() == b"".join(lines)
            assert os.listdir(book.parent) == [book.name]

            rig.again("--recover")
            assert call(rig).status == 200
            known = get(rig, "/v1/key").body["data"]["requests"]
            assert known in (6, 7), known
