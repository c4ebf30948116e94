"""What leaves the house: the wheel, the plugin that twistd finds, the unit that systemd reads, the news."""

from __future__ import annotations

import ast
import configparser
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from shutil import copy, copytree, ignore_patterns

import pytest

from targon_gw.core.config import Config
from targon_gw.listening import BACKLOG
from tests.needs import need

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = "twisted/plugins/targon_gw_plugin.py"
FIND = (
    "import sys; from twisted.application.service import IServiceMaker; from twisted.plugin import getPlugins; "
    "print([(p.tapname, p.module) for p in getPlugins(IServiceMaker) if p.tapname == 'targon-gw']); "
    "print(sorted(m for m in sys.modules if m.startswith('targon_gw.') or m == 'twisted.internet.reactor'))"
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a build reads, so that building leaves nothing in the project itself."""
    folder = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "README.rst", "LICENSE"):
        copy(ROOT / name, folder)
    for name in ("targon_gw", "twisted", "tests"):
        copytree(ROOT / name, folder / name, ignore=ignore_patterns("__pycache__", "node_modules", "dropin.cache"))
    return folder


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel, built offline by hatchling."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    built = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    [path] = out.glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


class WheelTests:
    """What `pip install targon-gw` brings."""

    def test_plugin_lies_beside_twisteds_own(self, wheel: zipfile.ZipFile) -> None:
        """The plugin's file is there, and no `__init__` that would replace Twisted's."""
        under_twisted = [name for name in wheel.namelist() if name.startswith("twisted/")]

        assert under_twisted == [PLUGIN]

    def test_holds_the_program_and_no_tests(self, wheel: zipfile.ZipFile) -> None:
        """Every module of targon_gw is there, and nothing else but the plugin and the metadata."""
        ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "targon_gw").rglob("*.py")}
        names = set(wheel.namelist())

        assert ours <= names
        assert {name.split("/")[0].rsplit("-", 1)[0] for name in names} == {
            "targon_gw",
            "twisted",
            "targon_gw-0.1.0.dist",
        }

    def test_brings_the_pages(self, wheel: zipfile.ZipFile) -> None:
        """What browsers load, libraries with their licences among it, is there byte for byte."""
        static = ROOT / "targon_gw" / "web" / "static"
        files = [path for path in static.rglob("*") if path.is_file() and not path.name.startswith(".")]

        assert len(files) > 50
        assert [path for path in files if wheel.read(path.relative_to(ROOT).as_posix()) != path.read_bytes()] == []

    def test_brings_the_command(self, wheel: zipfile.ZipFile) -> None:
        """`targon-gw` is a console script."""
        [path] = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
        scripts = configparser.ConfigParser()
        scripts.read_string(wheel.read(path).decode())

        assert dict(scripts["console_scripts"]) == {"targon-gw": "targon_gw.cli.main:main"}

    def test_says_what_it_is(self, wheel: zipfile.ZipFile) -> None:
        """The metadata bear the license, its text, the Python needed and a lower bound for each dependency."""
        [path] = [name for name in wheel.namelist() if name.endswith("METADATA")]
        metadata = Parser().parsestr(wheel.read(path).decode())
        needed = [need for need in metadata.get_all("Requires-Dist", []) if "extra ==" not in need]

        assert metadata["License-Expression"] == "MIT"
        assert metadata["License-File"] == "LICENSE"
        assert metadata["Requires-Python"] == ">=3.11"
        assert len(needed) >= 10
        assert [need for need in needed if ">=" not in need] == []


class PluginTests:
    """What twistd finds."""

    def test_imports_only_what_names_it(self) -> None:
        """It imports ServiceMaker and nothing else: every twistd on the machine runs it."""
        tree = ast.parse((ROOT / PLUGIN).read_text("utf-8"))
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]

        assert [ast.unparse(node) for node in nodes] == ["from twisted.application.service import ServiceMaker"]

    def test_is_found_and_loads_nothing_of_ours(self, tree: Path) -> None:
        """With the project on the path it is discovered, and neither our modules nor a reactor are loaded by that."""
        found = subprocess.run(
            [sys.executable, "-c", FIND],
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(tree)},
            capture_output=True,
            text=True,
            check=True,
        )

        assert found.stdout.splitlines() == ["[('targon-gw', 'targon_gw.twistd')]", "[]"]


class UnitTests:
    """systemd/targon-gw.service."""

    def unit(self) -> configparser.ConfigParser:
        """The unit, read; a setting given twice keeps its last value."""
        unit = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read_string((ROOT / "systemd" / "targon-gw.service").read_text("utf-8"))
        return unit

    def test_starts_what_the_plugin_names(self) -> None:
        """It runs twistd in the foreground, without a pid file, with our observer and our sub-command."""
        command = self.unit()["Service"]["ExecStart"].split()

        assert command[0] == "/opt/targon-gw/bin/twistd"
        assert command[1:5] == ["-n", "--pidfile=", "--logger=targon_gw.logs.observer", "targon-gw"]
        assert command[5:] == ["-c", "/etc/targon-gw/gateway.yaml"]

    def test_does_not_start_again_what_time_does_not_mend(self) -> None:
        """A locked state folder (75) and wrong settings (78) are not retried; anything else is."""
        service = self.unit()["Service"]

        assert service["Restart"] == "on-failure"
        assert service["RestartPreventExitStatus"] == "75 78"

    def test_reload_checks_then_signals(self) -> None:
        """A reload of the unit runs the check first, which fails it where the files are wrong, and then sends HUP."""
        text = (ROOT / "systemd" / "targon-gw.service").read_text("utf-8")
        commands = [line.partition("=")[2] for line in text.splitlines() if line.startswith("ExecReload=")]

        assert commands == [
            "/opt/targon-gw/bin/targon-gw check -c /etc/targon-gw/gateway.yaml",
            "/bin/kill -HUP $MAINPID",
        ]

    def test_leaves_calls_the_time_to_end(self) -> None:
        """systemd waits longer than `drain` does where it is not set, with a margin for the last flush."""
        assert int(self.unit()["Service"]["TimeoutStopSec"]) >= Config().drain + 10

    def test_may_write_what_is_its_own(self) -> None:
        """The state, the socket's folder, and the two folders of what the command line adds; no settings file."""
        service = self.unit()["Service"]

        assert (service["StateDirectory"], service["RuntimeDirectory"]) == ("targon-gw", "targon-gw")
        assert service["ProtectSystem"] == "strict"
        assert service["ReadWritePaths"].split() == ["-/etc/targon-gw/keys.d", "-/etc/targon-gw/clients.d"]

    def test_leaves_no_core_and_no_root(self) -> None:
        """It runs as a user of its own, without privileges, and its memory never lies on the disk."""
        service = self.unit()["Service"]

        assert service["User"] == "targon-gw"
        assert service["LimitCORE"] == "0"
        assert service["NoNewPrivileges"] == "yes"
        assert service["CapabilityBoundingSet"] == ""

    def test_leaves_tls_its_callbacks(self) -> None:
        """Writable and executable memory stays allowed: without it pyOpenSSL cannot verify a vendor's certificate."""
        assert "MemoryDenyWriteExecute" not in self.unit()["Service"]

    def test_tells_how_it_does(self) -> None:
        """systemd waits until it is ready, and ends it where its loop stands still, to start it again (E-19)."""
        service = self.unit()["Service"]

        assert (service["Type"], service["NotifyAccess"]) == ("notify", "main")
        assert int(service["WatchdogSec"]) == 20

    def test_socket_is_its_own(self) -> None:
        """The socket outlives the service, takes many who wait, and is started with it."""
        unit = self.unit()["Unit"]
        socket = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
        socket.read_string((ROOT / "systemd" / "targon-gw.socket").read_text("utf-8"))

        assert unit["Requires"] == "targon-gw.socket" and "targon-gw.socket" in unit["After"].split()
        assert "PartOf" not in socket["Unit"] and "BindsTo" not in socket["Unit"]
        assert int(socket["Socket"]["Backlog"]) == BACKLOG

    def place(self, folder: Path) -> list[str]:
        """The units, copied to `folder`, with programs that are there."""
        for name in ("targon-gw.service", "targon-gw.socket"):
            text = (ROOT / "systemd" / name).read_text("utf-8")
            for program in ("/opt/targon-gw/bin/twistd", "/opt/targon-gw/bin/targon-gw"):
                text = text.replace(program, "/bin/true")
            (folder / name).write_text(text)
        assert "ExecStart=/bin/true " in (folder / "targon-gw.service").read_text()
        return [str(folder / "targon-gw.socket"), str(folder / "targon-gw.service")]

    def test_systemd_agrees(self, tmp_path: Path) -> None:
        """systemd finds nothing to complain of (the program itself is not in /opt)."""
        command = [need("systemd-analyze"), "verify", *self.place(tmp_path)]
        verified = subprocess.run(command, capture_output=True, text=True, check=False)

        assert (verified.returncode, verified.stderr) == (0, "")

    def test_exposure(self, tmp_path: Path) -> None:
        """P26: by systemd's own reckoning, from 0 to 10, the unit is exposed by 1.5 at most."""
        unit = self.place(tmp_path)[1]
        command = [need("systemd-analyze"), "security", "--offline=yes", "--threshold=15", "--no-pager", unit]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        exposure = re.search(r"Overall exposure level for targon-gw.service: ([0-9.]+)", told.stdout)

        assert exposure is not None and float(exposure[1]) <= 1.5, told.stdout + told.stderr
        assert told.returncode == 0


class NewsTests:
    """newsfragments/."""

    def test_each_fragment_is_of_a_known_kind(self) -> None:
        """Every file is named as towncrier reads it, and says something."""
        settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["towncrier"]
        kinds = {kind["directory"] for kind in settings["type"]}
        fragments = [path for path in (ROOT / "newsfragments").iterdir() if path.name != "README.rst"]

        assert settings["start_string"].strip() in (ROOT / "NEWS.rst").read_text("utf-8")
        assert [
            path.name for path in fragments if path.name.split(".")[1:] not in ([kind, "rst"] for kind in kinds)
        ] == []
        assert [path.name for path in fragments if len(path.read_text("utf-8").split()) < 5] == []
