"""The comparison's command line and its plans; llmbench compiles; a run is recorded whole."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bench import compare, record, summary
from tests.needs import need

from .test_summary import result


class PlanTests:
    """The command line."""

    def test_quick_is_under_a_minute(self) -> None:
        """Two systems, with 1.5 s for each start and stop, in all rounds of the quick plan."""
        plan = compare.planned(compare.arguments(["--quick"]))
        round_seconds = 2 * (plan.seconds + plan.warm_seconds + 1.5 / 2) + plan.paced_seconds + 1.5

        assert 2 * plan.rounds * round_seconds < 60
        assert [name for name, _ in compare.chosen("true", quick=True, only=frozenset())] == ["gateway", "plain"]

    def test_unknown_kind_is_refused(self) -> None:
        """A kind that does not exist is named."""
        with pytest.raises(SystemExit, match="no such kind: brust"):
            compare.planned(compare.arguments(["--kinds", "unary,brust"]))

    def test_gateway_without_counting_is_there_when_asked_for(self) -> None:
        """By --variants or by its name; else a run does not spend the time."""
        everybody = [name for name, _ in compare.chosen("true", quick=False, only=frozenset(), variants=True)]
        named = [name for name, _ in compare.chosen("true", quick=True, only=frozenset({"gateway", "gateway-bare"}))]

        assert everybody[:2] == ["gateway", "gateway-bare"]
        assert named == ["gateway", "gateway-bare"]
        assert "gateway-bare" not in [name for name, _ in compare.chosen("true", quick=False, only=frozenset())]

    def test_gateway_started_otherwise_stands_beside_it(self) -> None:
        """As often as asked for, each by a name of its own, which says that it is the gateway."""
        args = compare.arguments(["--quick", "--also", "jit=env PYTHON_JIT=1 x {settings}", "--also", "old=y"])
        also = compare.named(args.also)

        assert also == {"jit": "env PYTHON_JIT=1 x {settings}", "old": "y"}
        assert [name for name, _ in compare.chosen("true", quick=True, only=frozenset(), also=also)] == [
            "gateway",
            "gateway-jit",
            "gateway-old",
            "plain",
        ]

    @pytest.mark.parametrize("given", [["jit"], ["=x"], ["jit="], ["jit=x", "jit=y"], ["bare=x"]])
    def test_gateway_started_otherwise_has_a_name_and_a_command(self, given: list[str]) -> None:
        """Else the run ends before it begins."""
        with pytest.raises(SystemExit, match="NAME=COMMAND"):
            compare.named(given)

    def test_no_command_leaves_the_gateway_out(self) -> None:
        """What is left is everybody else."""
        assert "gateway" not in [name for name, _ in compare.chosen("", quick=False, only=frozenset(), variants=True)]


class RecordTests:
    """What --json writes."""

    def test_run_is_recorded_whole(self, tmp_path: Path) -> None:
        """The plan, every round and what was made of them, under the head that figures mean nothing without."""
        results = {"unary": {"gateway": [result(300.0), result(200.0)], "portkey": [result(10.0), result(10.0)]}}

        record.save(tmp_path / "new" / "run.json", compare.written(compare.QUICK, results))
        read = record.load(tmp_path / "new" / "run.json")

        assert read["rounds"] == results
        assert read["medians"] == json.loads(json.dumps(summary.summary(results)))
        assert (read["plan"]["rounds"], read["plan"]["seconds"]) == (compare.QUICK.rounds, compare.QUICK.seconds)
        assert list(read["versions"]) == ["portkey"]
        assert {"cpu", "kernel", "python", "packages"} <= set(read["machine"])


class BuildTests:
    """llmbench."""

    def test_compiles_without_a_warning(self, tmp_path: Path) -> None:
        """The compiler has nothing to say about it."""
        sources = [str(compare.HERE / name) for name in compare.SOURCES]
        command = [need("cc"), "-O1", "-Wall", "-Werror", "-o", str(tmp_path / "llmbench"), *sources]

        built = subprocess.run(command, capture_output=True, text=True, check=False)

        assert (built.returncode, built.stderr) == (0, "")
