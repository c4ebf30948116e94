"""Tests of targon_gw/cli/status.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from targon_gw.core.byhand import disable
from targon_gw.web.admin_desk import InForce
from tests import fakes
from tests.web.office import Office

from .desk import as_json, told, typed


class StatusTests:
    """`targon-gw status`."""

    def test_well(self, tmp_path: Path) -> None:
        """One screen: version, keys, calls, settings, ledger."""
        out = told(Office(tmp_path, fakes.config(fakes.upstream(2))), "status")

        assert "1.2.3, ok, up 0.0 s" in out
        assert "2 of 2 keys usable" in out
        assert "0 a second, 0 under way" in out
        assert "7 lines, snapshot 2.5 s old" in out
        assert "upstream" not in out

    def test_not_well(self, tmp_path: Path) -> None:
        """States are told by number, the upstreams each for itself, and what is wrong in words."""
        office = Office(tmp_path, fakes.config(fakes.upstream(2), fakes.upstream(1, "other")))
        disable(office.pool, office.key().id, None, 0.0)
        office.desk.force = InForce(1000.0, "keys.yaml:3:1: no\n   3 | x", fakes.WALL - 60)
        office.desk.full = True
        out = told(office, "status")

        assert "2 of 3 keys usable, 1 disabled" in out
        assert "a later save was not taken 1 min ago:" in out
        assert "   3 | x" in out
        assert "the disk is full" in out
        assert [line.split()[:3] for line in out.splitlines()[-2:]] == [["acme", "ready", "2"], ["other", "ready", "1"]]

    @pytest.mark.parametrize(("ahead", "said"), [(7200.0, "2 h ahead of"), (-90.0, "1 min 30 s behind"), (59.0, None)])
    def test_clock(self, tmp_path: Path, ahead: float, said: str | None) -> None:
        """A clock that was set since the start is told of; what is less than a minute is nothing."""
        office = Office(tmp_path)
        office.desk.ahead = ahead
        out = told(office, "status")

        assert (said is None) is ("the system's is" not in out) and (said or "") in out
        assert office.get("/status")["clock_ahead"] == ahead

    def test_json(self, tmp_path: Path) -> None:
        """With --json it is what the socket says; a watch of that is a mistake of usage."""
        assert as_json(Office(tmp_path), "status")["version"] == "1.2.3"
        assert typed(Office(tmp_path), "status", "--json", "--watch").exit_code == 2

    def test_watch(self, tmp_path: Path) -> None:
        """It looks again each second, until it is interrupted or nobody answers any more."""
        office = Office(tmp_path)
        looks = []

        def answer(method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
            looks.append(target)
            if len(looks) > 1:
                raise ConnectionRefusedError
            found = office.ask(method, target)
            return found.status, found.body

        result = typed(answer, "status", "--watch")

        assert (looks, result.exit_code) == (["/status", "/status"], 1)
        assert "1.2.3" in result.stdout


class StartTests:
    """How it starts."""

    def test_loads_little(self, tmp_path: Path) -> None:
        """It loads neither Twisted nor the server, nor what reads settings."""
        (tmp_path / "gateway.yaml").write_text("admin: {socket: admin.sock}\n")
        program = (
            "import sys\n"
            "from targon_gw.cli.main import main\n"
            "try:\n    main()\n"
            "finally:\n"
            "    rooms = {'.'.join(name.split('.')[:2]) for name in sys.modules if name.startswith('targon_gw.')}\n"
            "    heavy = {'twisted', 'klein', 'treq', 'attrs', 'msgspec', 'cattrs'} & set(sys.modules)\n"
            "    print('LOADED', sorted(rooms), sorted(heavy), file=sys.stderr)\n"
        )
        ran = subprocess.run(
            [sys.executable, "-c", program, "status", "-c", str(tmp_path / "gateway.yaml")],
            capture_output=True,
            text=True,
            check=False,
            env=dict(os.environ),
        )

        assert ran.returncode == 1
        assert ran.stderr.endswith("LOADED ['targon_gw.cli'] []\n")
