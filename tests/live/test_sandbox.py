"""The daemon inside the unit's sandbox, as far as it can be set up without systemd: it does all that it does outside.

P26. How exposed the unit is by systemd's own reckoning is in tests/test_packaging.py; what this sandbox lacks of the
unit's is told in docs/operations.rst.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.rig import CLIENT_KEY, ROOT, Rig, Wishes, started, wait_until
from tests.live.sandbox import NOBODY
from tests.live.streams import Listener, call, get, request
from tests.live.test_metrics import scraped
from tests.live.tls import Authority, Front
from tests.needs import lacking, need
from tests.web.scraping import figure

pytestmark = pytest.mark.live
KEYS = {"alice": ["sn4_live_key_of_alice_000000000001"]}
SPARE = {"bob": ["sn4_live_key_of_bob_00000000000001"]}


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway in the sandbox, before a vendor that is reached over TLS."""
    for tool in ("unshare", "setpriv", "mount", "systemd-analyze"):
        need(tool)
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        lacking("the right to make namespaces (root's)")
    folder = tmp_path_factory.mktemp("sandbox")
    authority = Authority(folder)
    front = Front(authority.serving()).start()
    wishes = Wishes(
        KEYS,
        events_per_second=50.0,
        upstream={"base_url": f"https://127.0.0.1:{front.port}/v1"},
        spare=SPARE,
        gateway={"admin": {"socket": "run/admin.sock"}, "flush": "250ms", "drain": "2s"},
    )
    (folder / "run").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", authority.bundle)
        with started(folder, wishes) as rig:
            front.lead_to(rig.vendor_url)
            rig.signal(signal.SIGTERM)
            rig.ended()
            own(folder)
            rig.run = sandboxed(folder, rig.run)
            rig.again()
            yield rig
    front.close()


def own(folder: Path) -> None:
    """Settings that the daemon may read; folders that are its own."""
    folder.chmod(0o755)
    for path in folder.iterdir():
        if path.is_file():
            os.chown(path, 0, NOBODY)
            path.chmod(0o640)
    for name in ("state", "run", "keys.d", "clients.d"):
        (folder / name).mkdir(0o700, exist_ok=True)
        for path in [folder / name, *(folder / name).rglob("*")]:
            os.chown(path, NOBODY, NOBODY)


def sandboxed(folder: Path, run: list[str]) -> list[str]:
    """The command `run` in the sandbox."""
    prefixes = {
        str(ROOT),
        sys.prefix,
        sys.base_prefix,
        os.path.dirname(os.path.dirname(os.path.realpath(sys.executable))),
    }
    settings = {
        "folder": str(folder),
        "root": str(ROOT),
        "needed": sorted({*prefixes, str(folder)}),
        "writable": [str(folder / name) for name in ("state", "run", "keys.d", "clients.d")],
    }
    apart = ["unshare", "--mount", "--uts", "--ipc", "--propagation", "private"]
    return [*apart, sys.executable, "-m", "tests.live.sandbox", json.dumps(settings), "--", *run]


class SandboxTests:
    """P26: inside."""

    def test_is_one(self, inside: Rig) -> None:
        """The process is nobody's, has no capability and gains none, is filtered, and writes to its folders alone."""
        told = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{inside.gateway.pid}/status").read_text().splitlines()
        )
        assert told["Uid"].split() == [str(NOBODY)] * 4
        assert {told[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
        assert (told["NoNewPrivs"], told["Seccomp"], told["Umask"]) == ("1", "2", "0077")
        limits = Path(f"/proc/{inside.gateway.pid}/limits").read_text()
        assert "Max core file size        0 " in limits
        mounts = [line.split() for line in Path(f"/proc/{inside.gateway.pid}/mountinfo").read_text().splitlines()]
        writable = {fields[4] for fields in mounts if "rw" in fields[5].split(",")}
        own_ones = {str(inside.folder / name) for name in ("state", "run", "keys.d", "clients.d")}
        assert own_ones <= writable
        assert not {"/", str(inside.folder), str(ROOT)} & writable

    def test_holds(self, inside: Rig) -> None:
        """What the unit forbids is refused inside: each of these succeeds for root outside."""
        forbidden = {
            "a file of the system": "open('/etc/targon-gw-was-here', 'w')",
            "a settings file": f"open({str(inside.folder / 'keys.yaml')!r}, 'a')",
            "a program": f"open({str(ROOT / 'targon_gw' / 'was-here')!r}, 'w')",
            "another family": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
            "a namespace": "os.check(libc.unshare(0x10000000))",
            "a mount": "os.check(libc.mount(b'tmpfs', b'/mnt', b'tmpfs', 0, 0))",
            "another user": "os.setuid(0)",
            "a set-user-id program": "(open('s', 'w').close(), os.chmod('s', 0o4755))",
            "the clock": "time.clock_settime(time.CLOCK_REALTIME, time.time())",
            "more priority": "os.setpriority(os.PRIO_PROCESS, 0, -5)",
            "another process": "open('/proc/1/status')",
            "a device": "open('/dev/kmsg')",
            "the kernel's log": "os.check(libc.syscall(103, 3, 0, 0))",
        }
        program = (
            "import ctypes, json, os, socket, sys, time; libc = ctypes.CDLL(None)\n"
            "def check(result):\n    if result < 0: raise OSError('refused')\n"
            "os.check = check; os.chdir('run'); found = []\n"
            "for name, code in json.loads(sys.argv[1]).items():\n"
            "    try: exec(code)\n    except OSError: continue\n    found.append(name)\n"
            "print(json.dumps(found))"
        )
        command = sandboxed(inside.folder, [sys.executable, "-c", program, json.dumps(forbidden)])
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)

        assert (told.stdout, told.stderr) == ("[]\n", "")

    def test_serves(self, inside: Rig) -> None:
        """Calls and streams through a vendor's TLS, counted and on file; figures of the process; the admin socket."""
        assert call(inside).status == 200
        assert Listener(inside, request(5)).start().wait().whole
        assert get(inside, "/v1/key").body["data"]["requests"] == 2
        told = scraped(inside)
        assert figure(told, "process_open_fds") > 5 and figure(told, "process_resident_memory_bytes") > 1 << 20
        wait_until(lambda: figure(scraped(inside), "targon_gw_flush_seconds_count", result="written") > 0, 10)
        assert inside.verb("status").returncode == 0

    def test_takes_settings(self, inside: Rig) -> None:
        """A save is noticed, SIGHUP obeyed; a key added over the socket is written to keys.d, and nowhere else."""
        inside.save(
            "clients.yaml", {"clients": [{"name": "tester", "key": CLIENT_KEY}, {"name": "x", "key": "sk-tg-x1234567"}]}
        )
        os.chmod(inside.folder / "clients.yaml", 0o644)
        wait_until(
            lambda: get(inside, "/v1/key", "sk-tg-x1234567").status == 200, 5, lambda: inside.log.read_text()[-2000:]
        )
        inside.signal(signal.SIGHUP)
        wait_until(lambda: "settings applied (SIGHUP)" in inside.log.read_text(), 5)
        secret = inside.folder / "spare"
        secret.write_text(SPARE["bob"][0])
        added = inside.verb("keys", "add", "vendor", "--from", str(secret))
        assert added.returncode == 0, added.stderr
        [file] = (inside.folder / "keys.d").iterdir()
        assert file.stat().st_uid == NOBODY and file.stat().st_mode & 0o777 == 0o600

    def test_ends_and_begins(self, inside: Rig) -> None:
        """It drains, writes its state, and the next one goes on from it."""
        before = get(inside, "/v1/key").body["data"]["requests"]
        stream = Listener(inside, request(20)).start()
        wait_until(lambda: stream.speaking, 5)
        inside.signal(signal.SIGTERM)
        assert stream.wait().whole
        assert inside.ended() in (0, -signal.SIGTERM)
        inside.again()
        assert get(inside, "/v1/key").body["data"]["requests"] == before + 1
        assert not [line for line in inside.events() if line.get("level") in ("error", "critical")]
