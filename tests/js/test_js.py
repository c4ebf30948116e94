"""The pages' scripts, as far as they need no browser: every tests/js/**/*.test.mjs under node's own test runner."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.needs import need

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("**/*.test.mjs"))


class ScriptTests:
    """`node --test`."""

    @pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HERE)))
    def test_scripts(self, path: Path) -> None:
        """All that a file tests holds, and it tests something."""
        command = [need("node"), "--test", "--test-reporter=tap", str(path)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=120)

        assert run.returncode == 0, run.stdout + run.stderr
        assert "# pass 0" not in run.stdout.splitlines(), run.stdout

    def test_there_are_some(self) -> None:
        """The files are found where they are looked for."""
        assert FILES
