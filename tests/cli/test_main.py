"""Tests of targon_gw/cli/main.py: verbs, exit codes, and what is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from targon_gw.cli.main import FAMILIES, main
from tests.settings.folder import written


def asked(*words: str) -> Result:
    """What `targon-gw` answers to `words`."""
    return CliRunner().invoke(main, words)


def verbs(command: click.Command, context: click.Context, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every verb below `command`, as it is typed."""
    if not isinstance(command, click.Group):
        return [words]
    found = [words] if command.invoke_without_command else []
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        found += verbs(below, context, (*words, name))
    return found


VERBS = verbs(main, click.Context(main))


class UsageTests:
    """Exit codes, and what is imported."""

    def test_codes(self) -> None:
        """Help and version exit 0; an unknown verb or option exits 2."""
        assert asked("--help").exit_code == 0
        assert asked("--version").stdout.startswith("targon-gw ")
        assert asked("chekc").exit_code == 2
        assert asked("check", "--nonsense").exit_code == 2

    @pytest.mark.parametrize("words", VERBS, ids=" ".join)
    def test_help(self, words: tuple[str, ...]) -> None:
        """Each verb says what it does, without a daemon and without settings, in 80 columns."""
        result = CliRunner().invoke(main, [*words, "--help"], terminal_width=80)

        assert result.exit_code == 0, result.output
        assert len(result.stdout.splitlines()) > 4
        assert max(map(len, result.stdout.splitlines())) <= 80

    def test_json_everywhere(self) -> None:
        """Each verb that answers has --json; those that run something have nothing to answer."""
        without = {words for words in VERBS if "--json" not in asked(*words, "--help").stdout}

        assert without == {("run",), ("demo",), ("rehearse",)}
        assert {words[0] for words in VERBS} == set(FAMILIES)

    @pytest.mark.parametrize("words", [["--help"], ["check", "-c", "{}"], ["config", "show", "-c", "{}"]])
    def test_starts_without_reactor_and_server(self, tmp_path: Path, words: list[str]) -> None:
        """What only looks at settings loads neither a reactor nor the server."""
        path = written(tmp_path, {})
        program = (
            "import sys\n"
            "from targon_gw.cli.main import main\n"
            "try:\n    main()\n"
            "finally:\n"
            "    loaded = {'twisted.internet.reactor', 'klein', 'treq', 'targon_gw.service'} & set(sys.modules)\n"
            "    print('LOADED', sorted(loaded), file=sys.stderr)\n"
        )
        ran = subprocess.run(
            [sys.executable, "-c", program, *(word.format(path) for word in words)],
            capture_output=True,
            text=True,
            check=True,
        )

        assert ran.stderr.endswith("LOADED []\n")
