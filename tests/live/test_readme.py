"""The READMEs' client blocks, run as they stand against a gateway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.rig import CLIENT_KEY, ROOT, Rig, Wishes, started
from tests.live.test_clients import NODE
from tests.needs import lacking, need
from tests.promises.witness import ADMIN
from tests.readme_blocks import named

READMES = ["README.rst", "README.zh.rst"]


def run(rig: Rig, command: list[str], **more: str) -> str:
    """What `command` prints, with the environment that the README asks for."""
    environ = {**os.environ, "TARGON_GW_URL": rig.base_url, "TARGON_GW_KEY": CLIENT_KEY, **more}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environ, check=False)
    assert done.returncode == 0, done.stderr or done.stdout
    return done.stdout


@pytest.mark.parametrize("readme", READMES)
class ReadmeTests:
    """One test for each block that calls the gateway."""

    def test_curl(self, rig: Rig, readme: str) -> None:
        """The curl block answers with a completion."""
        need("curl")
        assert '"finish_reason"' in run(rig, ["sh", "-c", named(ROOT / readme, "curl").text])

    def test_python(self, rig: Rig, readme: str) -> None:
        """The Python block prints text."""
        assert run(rig, [sys.executable, "-c", named(ROOT / readme, "python").text]).strip()

    def test_node(self, rig: Rig, readme: str, tmp_path: Path) -> None:
        """The Node block prints text."""
        node = need("node")
        if not (NODE / "node_modules" / "openai").exists():
            lacking("the Node SDK is not installed; `make test` does it")
        (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
        program = tmp_path / "hello.mjs"
        program.write_text(named(ROOT / readme, "node").text)
        assert run(rig, [node, str(program)]).strip()

    def test_first_admin(self, tmp_path: Path, readme: str) -> None:
        """The block that makes the first admin asks for a password, twice, and then there is one who may do all."""
        with started(tmp_path, Wishes(gateway=ADMIN)) as rig:
            (tmp_path / "conf").symlink_to(rig.folder)
            program = tmp_path / ".venv" / "bin" / "targon-gw"
            program.parent.mkdir(parents=True)
            program.write_text(
                f'#!/bin/sh\nexec {sys.executable} -c "from targon_gw.cli.main import main; main()" "$@"\n'
            )
            program.chmod(0o755)
            ours, theirs = os.openpty()
            command = ["sh", "-c", named(ROOT / readme, "first-admin").text]
            asking = subprocess.Popen(command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs)
            os.close(theirs)
            shown = b""
            for asked in (b"assword", b"onfirm"):
                while asked not in shown:
                    shown += os.read(ours, 4096)
                os.write(ours, b"correct horse battery\n")
            assert b"correct" not in shown
            assert asking.wait(20) == 0
            os.close(ours)
            (root,) = json.loads(rig.verb("clients", "list", "--json").stdout)["users"]
            assert (root["name"], root["admin"]) == ("root", True)
