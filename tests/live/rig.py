"""A gateway and its vendor as real processes, with a folder of settings made for them.

`started(folder, Wishes(…))` runs both; a Rig knows their addresses, talks to the vendor's admin route, and reads the
gateway's log.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

CLIENT_KEY = "sk-tg-live-test-client-key"
V3, R1 = "deepseek-ai/DeepSeek-V3", "deepseek-ai/DeepSeek-R1"
ROOT = Path(__file__).resolve().parents[2]
CLI = [sys.executable, "-c", "from targon_gw.cli.main import main; main()"]


@frozen
class Wishes:
    """What the rig is to be like. `accounts` are the vendor's; `upstream` goes into gateway.yaml as it is."""

    accounts: dict[str, list[str]] = field(factory=lambda: {"alice": ["sn4_live_key_of_alice_000000000001"]})
    dialect: str = "targon"
    events_per_second: float = 0.0
    first_token: float = 0.0
    upstream: dict[str, Any] = field(factory=dict)
    gateway: dict[str, Any] = field(factory=dict)
    models: list[dict[str, Any]] = field(
        factory=lambda: [
            {"id": R1, "kind": "reasoning", "context": 163840},
            {"id": V3, "context": 131072},
            {"id": "deepshield-chat", "alias": V3},
        ]
    )
    spare: dict[str, list[str]] = field(factory=dict)
    """Accounts that the vendor knows and keys.yaml does not name, yet."""
    clients: list[dict[str, Any]] = field(factory=lambda: [{"name": "tester", "key": CLIENT_KEY}])
    """The entries of clients.yaml."""
    listen_also: tuple[str, ...] = ()
    """Addresses of the gateway beside its port of plain TCP."""
    fault_models: tuple[str, ...] = ()
    """Faults to be had by name: `NAME:ARG` makes a model `fault/NAME:ARG`."""


@define(eq=False)
class Rig:
    """Both processes, running."""

    url: str
    vendor_url: str
    vendor: subprocess.Popen[bytes]
    gateway: subprocess.Popen[bytes]
    log: Path
    run: list[str] = field(factory=list)
    """The command that the gateway was started by."""

    @property
    def folder(self) -> Path:
        """Where the settings are, and the folder `state`."""
        return self.log.parent

    def save(self, name: str, content: Any) -> None:
        """Write a file of settings as most editors do: a temporary one, then rename. What is no text becomes JSON."""
        text = content if isinstance(content, str) else json.dumps(content, indent=1) + "\n"
        temporary = self.folder / f".{name}.tmp"
        temporary.write_text(text)
        temporary.rename(self.folder / name)

    def signal(self, number: int) -> None:
        """Send the gateway a signal."""
        self.gateway.send_signal(number)

    def ended(self, seconds: float = 10.0) -> int:
        """The exit code of the gateway, which is about to end."""
        return self.gateway.wait(seconds)

    def again(self, *more: str) -> None:
        """Start the gateway again, which has ended, and wait until it listens."""
        with self.log.open("ab") as out:
            self.gateway = subprocess.Popen([*self.run, *more], stdout=out, stderr=out, cwd=self.folder)
        wait_until(lambda: _listening(self), 20, lambda: self.log.read_text())

    def verb(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a verb of the command line, with this gateway's settings."""
        command = [*CLI, *words, "-c", str(self.folder / "gateway.yaml")]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)

    def events(self) -> list[dict[str, Any]]:
        """The lines of the gateway's log that are JSON."""
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    @property
    def base_url(self) -> str:
        """What an SDK is given."""
        return f"{self.url}/v1"

    def admin(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
        """Ask the vendor's admin route."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.vendor_url}/rehearsal/{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def misbehave(self, fault: str, key: str | None = None, times: int | None = None) -> None:
        """Have the vendor commit `fault` (`NAME` or `NAME:ARG`)."""
        name, _, argument = fault.partition(":")
        charge: dict[str, Any] = {"fault": name, "key": key, "times": times}
        if argument:
            charge["arg"] = argument
        self.admin("faults", charge)

    def behave(self) -> None:
        """Have the vendor commit no fault any more."""
        self.admin("faults", method="DELETE")

    def memory(self) -> int:
        """The gateway's resident memory, in bytes."""
        pages = int(Path(f"/proc/{self.gateway.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def connect(self) -> socket.socket:
        """A socket to the gateway."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        return socket.create_connection((host, int(port)), 10)


def free_port() -> int:
    """A port of loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_settings(folder: Path, wishes: Wishes, port: int, vendor_url: str) -> Path:
    """The four files; JSON is YAML."""
    upstream = {
        "base_url": f"{vendor_url}/v1",
        "dialect": wishes.dialect,
        "allow_private": True,
        **wishes.upstream,
    }
    models = [*wishes.models, *({"id": f"fault/{name}"} for name in wishes.fault_models)]
    files: dict[str, Any] = {
        "gateway.yaml": {
            "listen": [f"tcp:{port}:interface=127.0.0.1", *wishes.listen_also],
            "state": "state",
            "keys": "keys.yaml",
            "clients": "clients.yaml",
            "models": "models.yaml",
            "upstreams": {"vendor": upstream},
            **wishes.gateway,
        },
        "keys.yaml": {"vendor": [{"account": name, "keys": keys} for name, keys in wishes.accounts.items()]},
        "clients.yaml": {"clients": wishes.clients},
        "models.yaml": {"models": models},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=1) + "\n")
    return folder / "gateway.yaml"


@contextmanager
def started(folder: Path, wishes: Wishes, before: Callable[[Path], object] = lambda path: None) -> Iterator[Rig]:
    """Both processes, up and ready; ended afterwards. `before` is done to the settings, by their path, first."""
    with vendor_process(wishes) as (vendor, vendor_url):
        port, log = free_port(), folder / "gateway.log"
        path = write_settings(folder, wishes, port, vendor_url)
        before(path)
        run = [*CLI, "run", "-c", str(path)]
        with log.open("wb") as out, subprocess.Popen(run, stdout=out, stderr=out, cwd=folder) as gateway:
            try:
                rig = Rig(f"http://127.0.0.1:{port}", vendor_url, vendor, gateway, log, run)
                wait_until(lambda: _listening(rig), 20, lambda: log.read_text())
                yield rig
            finally:
                rig.signal(signal.SIGTERM)
                _ended(rig.gateway)
            assert "Unhandled error" not in log.read_text(), log.read_text()


@contextmanager
def vendor_process(wishes: Wishes) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The vendor and its address, at once: who connects before it is up waits for it. Killed afterwards."""
    settings = {
        "accounts": {**wishes.accounts, **wishes.spare},
        "models": [model["id"] for model in wishes.models if "alias" not in model],
        "dialect": wishes.dialect,
        "events_per_second": wishes.events_per_second,
        "first_token": wishes.first_token,
    }
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1024)
        listening.setblocking(False)  # Twisted expects it so
        url, fd = f"http://127.0.0.1:{listening.getsockname()[1]}", listening.fileno()
        command = [sys.executable, "-m", "tests.live.vendor_process", json.dumps(settings), str(fd)]
        vendor = subprocess.Popen(command, cwd=ROOT, pass_fds=(fd,))
    with vendor:
        try:
            yield vendor, url
        finally:
            vendor.kill()


def _listening(rig: Rig) -> bool:
    if rig.gateway.poll() is not None:
        raise AssertionError(f"the gateway ended: {rig.log.read_text()}")
    try:
        rig.connect().close()
    except OSError:
        return False
    return True


def _ended(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()


def wait_until(true: Any, seconds: float, told: Any = lambda: "") -> float:
    """Wait until `true()`; how many seconds that took. Fails after `seconds`."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"not so within {seconds} s; {told()}")
        time.sleep(0.02)
    return time.monotonic() - began
