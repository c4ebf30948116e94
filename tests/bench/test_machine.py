"""What a run asks of the machine: processes are measured with their children, and ended."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import machine


def eventually(true: Callable[[], bool]) -> bool:
    """Whether `true` comes true within 20 s of a busy machine."""
    end = time.monotonic() + 20
    while not (came := true()) and time.monotonic() < end:
        time.sleep(0.02)
    return came


class RunningTests:
    """Processes of a run."""

    def test_process_is_measured_and_ended(self, tmp_path: Path) -> None:
        """It and its child are counted while they run; the stop ends it by SIGTERM and waits for that."""
        child = "import time; [None for _ in iter(lambda: time.process_time() < 0.1, False)]; time.sleep(60)"
        script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
        running = machine.Running.start((sys.executable, "-c", script), machine.processors()[0], tmp_path / "log")
        try:
            assert not machine.listening(machine.free_port(), 0.1, running.process)
            assert eventually(lambda: len(machine.family(running.pid)) == 2)
            assert machine.resident_mib(running.pid) > 1
            assert eventually(lambda: machine.cpu_seconds(running.pid) >= 0.1)
        finally:
            running.stop()

        assert machine.cpu_seconds(running.pid) == 0.0
        assert running.process.returncode == -signal.SIGTERM

    def test_surroundings_are_added_to_the_environment(self, tmp_path: Path) -> None:
        """A process has what it was given beside what this one has, and runs where it was told to."""
        script = "import os; print(os.environ['TREE'], 'PATH' in os.environ, os.getcwd())"
        command = (sys.executable, "-c", script)
        running = machine.Running.start(command, machine.processors()[0], tmp_path / "log", tmp_path, {"TREE": "oak"})

        running.process.wait(20)
        running.stop()

        assert (tmp_path / "log").read_text() == f"oak True {tmp_path}\n"
