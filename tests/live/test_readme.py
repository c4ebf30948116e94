"""The READMEs' client blocks, run as they stand against a gateway."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.rig import CLIENT_KEY, ROOT, Rig
from tests.live.test_clients import NODE
from tests.needs import lacking, need
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
