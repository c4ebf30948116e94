"""The bench measures what it says: its settings are the gateway's, its ratios those of medians of one run."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import compare, machine, systems

from .needs import need


def result(figure: float, p99: float = 1000.0, bad: int = 0) -> compare.Result:
    """What one round says of one system."""
    late = {"p99": p99}
    return {"figure": figure, "latency_us": late, "hop_us": late, "mib": 50.0, "bad": bad, "first_bad": "status 500"}


def eventually(true: Callable[[], bool]) -> bool:
    """Whether `true` comes true within 20 s of a busy machine."""
    end = time.monotonic() + 20
    while not (came := true()) and time.monotonic() < end:
        time.sleep(0.02)
    return came


class SummaryTests:
    """From rounds to a report."""

    def test_ratio_is_of_medians(self) -> None:
        """One lucky round changes nothing: 300 to 100 is three, whatever a third round gave."""
        rounds = {"gateway": [result(300), result(299), result(9000)], "plain": [result(100), result(100), result(1)]}

        report = compare.summary({"unary": rounds})

        assert report["unary"]["plain"]["ratio"] == 3.0
        assert "gateway is 3.00 x" in compare.table(report, 3)

    def test_without_the_gateway_there_is_no_ratio(self) -> None:
        """Others alone are listed with their figures, the fastest first, and no ratio is made up."""
        shown = compare.table(compare.summary({"burst": {"plain": [result(100)], "nginx": [result(900)]}}), 1)

        assert shown.index("nginx") < shown.index("plain")
        assert "gateway" not in shown

    def test_bad_answers_are_shown(self) -> None:
        """A fast system that answers wrongly is not a fast system: how many and what the first was stands beside it."""
        report = compare.summary({"unary": {"plain": [result(100), result(100, bad=7)]}})

        assert report["unary"]["plain"]["bad"] == 7
        assert "7 BAD: status 500" in compare.table(report, 2)


class PlanTests:
    """The command line."""

    def test_quick_is_under_a_minute(self) -> None:
        """Two systems, with 1.5 s for each start and stop, in all rounds of the quick plan."""
        plan = compare.planned(compare.arguments(["--quick"]))
        round_seconds = 2 * (plan.seconds + plan.warm_seconds + 1.5 / 2) + plan.paced_seconds + 1.5

        assert 2 * plan.rounds * round_seconds < 60
        assert [name for name, _ in systems.chosen("true", quick=True, only=frozenset())] == ["gateway", "plain"]

    def test_unknown_kind_is_refused(self) -> None:
        """A kind that does not exist is named."""
        with pytest.raises(SystemExit, match="no such kind: brust"):
            compare.planned(compare.arguments(["--kinds", "unary,brust"]))


class SystemsTests:
    """How systems are started."""

    def test_gateways_settings_are_accepted(self, tmp_path: Path) -> None:
        """The four files are the gateway's own language, and hold what the bench relies on."""
        from targon_gw.settings.loading import load

        path = systems.write_settings(systems.Setting(4001, 4002, tmp_path))
        config = load(str(path)).config

        [upstream] = config.upstreams
        assert upstream.base_url == "http://127.0.0.1:4002/v1"
        assert (upstream.allow_private, upstream.per_key.concurrent, len(upstream.keys)) == (True, 4096, 2)
        assert [model.id for model in config.models] == [systems.MODEL]
        assert config.listen == ("tcp:4001:interface=127.0.0.1:backlog=4096",)
        assert config.limits.connections_per_address > compare.Plan().streams

    def test_command_is_filled_in(self, tmp_path: Path) -> None:
        """Words of the command get the ports and the settings' path; a path with a space stays one word."""
        folder = tmp_path / "a b"

        system = systems.gateway(systems.Setting(4001, 4002, folder), "run {settings} -p {port} -u{upstream}")

        assert system.command == ("run", f"{folder}/gateway.yaml", "-p", "4001", "-u4002")

    def test_own_command_is_the_units(self) -> None:
        """What is measured is what systemd starts, in another place."""
        unit = (Path(__file__).parent.parent / "systemd" / "targon-gw.service").read_text("utf-8")
        options = systems.GATEWAY.split(" ", 1)[1].replace("{settings}", "/etc/targon-gw/gateway.yaml")

        assert f"/twistd {options}\n" in unit


class MachineTests:
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


class BuildTests:
    """llmbench."""

    def test_compiles_without_a_warning(self, tmp_path: Path) -> None:
        """The compiler has nothing to say about it."""
        sources = [str(compare.HERE / name) for name in compare.SOURCES]
        command = [need("cc"), "-O1", "-Wall", "-Werror", "-o", str(tmp_path / "llmbench"), *sources]

        built = subprocess.run(command, capture_output=True, text=True, check=False)

        assert (built.returncode, built.stderr) == (0, "")
