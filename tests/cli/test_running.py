"""Tests of targon_gw/cli/running.py."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from targon_gw.cli.client import INSTALLED
from targon_gw.cli.main import main
from tests.settings.folder import written
from tests.settings.test_loading import ENVIRON, SAMPLE
from tests.web.office import Office

from .desk import as_json, told, typed


def asked(*words: str) -> Result:
    """What `targon-gw` answers to `words`."""
    return CliRunner().invoke(main, words, env=ENVIRON)


class CheckTests:
    """`targon-gw check`."""

    def test_in_order(self, tmp_path: Path) -> None:
        """Settings in order are told in one line, and exit 0."""
        result = asked("check", "-c", written(tmp_path, SAMPLE))

        assert (result.exit_code, result.stdout) == (0, "4 keys of 2 accounts, 3 models, 1 client\n")
        assert result.stderr == ""

    def test_problems(self, tmp_path: Path) -> None:
        """Problems go to standard error, and exit 78."""
        result = asked("check", "-c", written(tmp_path, {"gateway.yaml": "drain: soon\n", "models.yaml": "[]"}))

        assert (result.exit_code, result.stdout) == (78, "")
        assert result.stderr.startswith(f"{tmp_path}/gateway.yaml:1:8: expected a duration")
        assert "models.yaml:1:1: expected a mapping" in result.stderr

    def test_json(self, tmp_path: Path) -> None:
        """With --json both answers are JSON on standard output, with the same exit codes."""
        good = asked("check", "--json", "-c", written(tmp_path, SAMPLE))
        bad = asked("check", "--json", "-c", written(tmp_path, {"gateway.yaml": "drain: soon\n"}))

        assert json.loads(good.stdout)["found"] == {"keys": 4, "accounts": 2, "models": 3, "clients": 1}
        assert (bad.exit_code, json.loads(bad.stdout)["problems"][0]["line"]) == (78, 1)

    def test_usual_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without -c, conf/gateway.yaml of the working directory is read, else the installed one."""
        monkeypatch.chdir(tmp_path)
        assert INSTALLED in asked("check").stderr

        written(tmp_path / "conf", {})
        assert asked("check").exit_code == 0

    def test_colour(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where colour is possible, NO_COLOR turns it off."""
        path = written(tmp_path, {"gateway.yaml": "drain: soon\n"})
        monkeypatch.delenv("NO_COLOR", raising=False)
        coloured = CliRunner().invoke(main, ["check", "-c", path], color=True)
        plain = CliRunner().invoke(main, ["check", "-c", path], color=True, env={"NO_COLOR": "1"})

        assert "\x1b[" in coloured.stderr
        assert "\x1b[" not in plain.stderr


class ConfigTests:
    """`targon-gw config`."""

    def test_show(self, tmp_path: Path) -> None:
        """What is in force is shown as YAML or JSON, the same in both, without secrets."""
        path = written(tmp_path, SAMPLE)
        shown, as_json = (
            asked("config", "show", "-c", path).stdout,
            asked("config", "show", "--json", "-c", path).stdout,
        )

        assert yaml.safe_load(shown) == json.loads(as_json)
        assert "sn4_" not in shown + as_json

    def test_schema(self) -> None:
        """The schema is JSON."""
        assert "$defs" in json.loads(asked("config", "schema").stdout)


class OrderTests:
    """`targon-gw reload` and `drain`."""

    def test_reload(self, tmp_path: Path) -> None:
        """What has changed is told, a line each; where nothing has, that."""
        office = Office(tmp_path)

        assert told(office, "reload") == "+1\n"
        assert as_json(office, "reload") == {"applied": True, "changes": ["+1"]}
        assert office.desk.reloads == ["asked for by an operator"] * 2

    def test_reload_of_bad_settings(self, tmp_path: Path) -> None:
        """E-10: exit 78 with every problem on standard error, or in JSON; the last good settings stay."""
        office = Office(tmp_path)
        office.desk.problems = ["keys.yaml:1:1: no\n  1 | x\n    ^"]
        result, in_json = typed(office, "reload"), typed(office, "reload", "--json")

        assert (result.exit_code, result.stdout) == (78, "")
        assert result.stderr == "keys.yaml:1:1: no\n  1 | x\n    ^\nthe last good settings stay in force\n"
        assert (in_json.exit_code, json.loads(in_json.stdout)["applied"]) == (78, False)

    def test_drain(self, tmp_path: Path) -> None:
        """It is begun, and how many calls it waits for is told."""
        office = Office(tmp_path)

        assert told(office, "drain") == "draining, 0 calls under way\n"
        assert office.desk.drains == 1


class RehearseTests:
    """`targon-gw rehearse`."""

    def test_address_of_another_machine(self) -> None:
        """A rehearsal that cannot listen fails with 1 and a sentence; one on port 70000 is a mistake of usage."""
        program = "from targon_gw.cli.main import main; main()"
        ran = subprocess.run(
            [sys.executable, "-c", program, "rehearse", "--host", "192.0.2.1"],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

        assert (ran.returncode, ran.stdout) == (1, "")
        assert ran.stderr.startswith("targon-gw: ")
        assert "Traceback" not in ran.stderr
        assert asked("rehearse", "--port", "70000").exit_code == 2
