"""What the measures beside `compare` share: the fake vendor, a gateway before it, a load, and the command line.

A measure asks for what it needs and gets it running; all of it is stopped when the stage is left, however that comes.
"""

import argparse
import http.client
import json
import resource
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from bench import compare, machine, record, systems

Result = dict[str, Any]
START_SECONDS = 120.0


class _Unix(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        """Reach the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


@frozen
class Answer:
    """What a server said, and after how many seconds it had been said."""

    status: int
    body: bytes
    took: float


def asked(connection: http.client.HTTPConnection, request: tuple[str, str], **more: Any) -> Answer:
    """One request, `(method, path)`, and its whole answer, on a connection that is closed behind it."""
    began = time.monotonic()
    try:
        connection.request(*request, **more)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    return Answer(answer.status, body, time.monotonic() - began)


@define(eq=False)
class Server:
    """A system that runs. `took` is how long it was from its start to its first answer (seconds)."""

    setting: systems.Setting
    running: machine.Running
    log: Path
    took: float = 0.0

    @property
    def pid(self) -> int:
        """Its process."""
        return self.running.pid

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """What it says there."""
        connection = http.client.HTTPConnection("127.0.0.1", self.setting.port, timeout=60)
        return asked(connection, ("GET", path), headers=headers or {})

    def call(self, key: str, body: bytes) -> Answer:
        """One chat completion."""
        connection = http.client.HTTPConnection("127.0.0.1", self.setting.port, timeout=60)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        return asked(connection, ("POST", "/v1/chat/completions"), body=body, headers=headers)

    def reload(self) -> float:
        """Have the gateway read its settings again; the seconds until they were in force."""
        answer = asked(_Unix(self.setting.folder / "admin.sock", 120), ("POST", "/reload"))
        if answer.status != 200:
            raise SystemExit(f"the settings were not taken: {answer.body.decode(errors='replace')}")
        return answer.took


@define(eq=False)
class Stage:
    """One run: its folder, the compiled load and the processors; what it has started ends with it."""

    folder: Path
    binary: Path
    server: int
    loader: int
    _running: list[machine.Running] = field(factory=list)

    def vendor(self, pause_us: int = 0) -> int:
        """A fake vendor that waits `pause_us` between two events; its port."""
        port = machine.free_port()
        command = (str(self.binary), "serve", "-p", str(port), "-i", str(pause_us))
        running = self._started(command, self.loader, self.folder / "vendor.log")
        if not machine.listening(port, 5, running.process):
            raise SystemExit(f"the fake vendor did not start; see {self.folder}/vendor.log")
        return port

    def setting(self, vendor: int, name: str) -> systems.Setting:
        """Where a system of that name is to listen, and its folder."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return systems.Setting(machine.free_port(), vendor, folder)

    def start(self, system: systems.System, setting: systems.Setting, ask: str = "") -> Server:
        """Start a system and wait until it listens; where `ask` is a path, until that is answered."""
        log = setting.folder / "log"
        began = time.monotonic()
        server = Server(setting, self._started(system.command, self.server, log, system), log)
        end = began + max(system.start_seconds, START_SECONDS)
        while not (machine.listening(setting.port, 1, server.running.process) and (not ask or _answers(server, ask))):
            if server.running.process.poll() is not None or time.monotonic() > end:
                tail = log.read_text(errors="replace")[-2000:]
                raise SystemExit(f"{system.name} did not start; the end of its output:\n{tail}")
        server.took = time.monotonic() - began
        return server

    def stop(self, server: Server) -> None:
        """End it before the run does."""
        self._running.remove(server.running)
        server.running.stop()

    def load(self, port: int, *options: str) -> Result:
        """What a load saw of whoever listens on `port`."""
        done = machine.finished([str(self.binary), "load", "-p", str(port), "-j", *options], self.loader)
        try:
            result: Result = json.loads(done.stdout)
        except ValueError:
            raise SystemExit(f"the load failed: {done.stderr or done.stdout}") from None
        if result["bad"]:
            raise SystemExit(f"{result['bad']} answers were bad; the first: {result['first_bad']}")
        return result

    def end(self) -> None:
        """Stop all that runs, the last first."""
        while self._running:
            self._running.pop().stop()

    def _started(
        self, command: Sequence[str], processor: int, output: Path, system: systems.System | None = None
    ) -> machine.Running:
        folder, surroundings = (system.folder, system.surroundings) if system is not None else (systems.ROOT, {})
        running = machine.Running.start(command, processor, output, folder, surroundings)
        self._running.append(running)
        return running


def _answers(server: Server, path: str) -> bool:
    try:
        return server.get(path).status == 200
    except (OSError, http.client.HTTPException):
        return False


@contextmanager
def staged() -> Iterator[Stage]:
    """A stage, with as many open files as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="targon-gw-bench-") as name:
        stage = Stage(Path(name), compare.build(Path(name)), *machine.processors())
        try:
            yield stage
        finally:
            stage.end()


def arguments(module: str, told: str | None, argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line that all measures take: `quick` and `json`."""
    parser = argparse.ArgumentParser(prog=f"python -m bench.{module}", description=(told or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="less of it, in less than 40 s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a record there, and what is drawn beside it")
    return parser.parse_args(argv)


def written(args: argparse.Namespace, measure: str, told: str, figures: object, charts: Mapping[str, str]) -> None:
    """Print what is told of the figures; where a file is wanted, write it as a record, with the charts beside it."""
    print(told)
    if args.json:
        record.save(args.json, record.record(measure, {"told": told, "charts": list(charts), "figures": figures}))
        for name, chart in charts.items():
            args.json.with_name(name).write_text(chart, "utf-8")


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table for people: the first column to the left, figures to the right, None as a dash."""
    shown = [[_cell(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in [list(heads), *shown]) for at in range(len(heads))]
    lines = [f"\n{title}"]
    for row in [list(heads), *shown]:
        first, *rest = (
            cell.ljust(width) if not at else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  " + "   ".join([first, *rest]).rstrip())
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return str(value)
