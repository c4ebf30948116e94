"""What the bench asks of the machine: ports, processors, processes and what they have used. Linux only."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from attrs import define


def processors() -> tuple[int, int]:
    """One processor for the server under test, another for the load; the same one where there is but one."""
    ours = sorted(os.sched_getaffinity(0))
    return ours[0], ours[-1]


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listening(port: int, seconds: float, process: "subprocess.Popen[bytes]") -> bool:
    """Whether `port` answers within `seconds`; at once False where `process` has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return True
        except OSError:
            time.sleep(0.02)
    return False


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    out = [pid]
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            out += family(int(path.parent.name))
    return out


def cpu_seconds(pid: int) -> float:
    """User and system time that a process and its descendants have taken so far."""
    ticks = 0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Memory that a process and its descendants hold, in MiB."""
    pages = 0
    for one in family(pid):
        try:
            pages += int(Path(f"/proc/{one}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def finished(command: Sequence[str], processor: int) -> "subprocess.CompletedProcess[str]":
    """`command`, run on `processor` to its end, with what it printed."""
    return subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=pin(processor))


def pin(processor: int) -> Callable[[], None]:
    """What a child does before it becomes the command. Safe here: this program has one thread."""
    return lambda: os.sched_setaffinity(0, {processor})


@define(eq=False)
class Running:
    """A process that this run started, in a session of its own, with its output in a file."""

    process: "subprocess.Popen[bytes]"
    output: IO[bytes]

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        processor: int,
        output: Path,
        folder: Path | None = None,
        surroundings: Mapping[str, str] | None = None,
    ) -> "Running":
        """Start `command` on `processor`, in `folder`, with `surroundings` added to the environment."""
        file = output.open("ab")
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            cwd=folder,
            env={**os.environ, **(surroundings or {})},
            preexec_fn=pin(processor),
        )
        return cls(process, file)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def stop(self) -> None:
        """End it and what it started: by SIGTERM, after 10 s by SIGKILL."""
        try:
            os.killpg(self.pid, signal.SIGTERM)
            self.process.wait(10)
        except ProcessLookupError:
            self.process.wait()
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()
        self.output.close()
