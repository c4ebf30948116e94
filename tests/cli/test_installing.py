"""Tests of targon_gw/cli/installing.py."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from targon_gw.cli.main import main
from tests.settings.folder import written

UNIT = "etc/systemd/system/targon-gw.service"
SOCKET = "etc/systemd/system/targon-gw.socket"
HANDED = {"gateway.yaml": "listen: systemd:domain=INET:index=0\n"}


def installed(*words: str) -> Result:
    """What `targon-gw install-service` answers."""
    return CliRunner().invoke(main, ["install-service", *words])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with settings that have systemd keep the socket."""
    written(tmp_path / "etc" / "targon-gw", HANDED)
    return tmp_path


def files_of(root: Path) -> dict[str, str]:
    """All that was written, by path below the root, but for the settings."""
    found = [path for path in root.rglob("*") if path.is_file() and path.suffix != ".yaml"]
    return {path.relative_to(root).as_posix(): path.read_text() for path in found}


class InstallServiceTests:
    """`targon-gw install-service`."""

    def test_writes(self, root: Path) -> None:
        """Units, user and folders are written, readable by all; nothing half-written is left."""
        result = installed("--root", str(root))

        assert result.exit_code == 0, result.output
        assert set(files_of(root)) == {UNIT, SOCKET, "etc/sysusers.d/targon-gw.conf", "etc/tmpfiles.d/targon-gw.conf"}
        assert all(os.stat(root / name).st_mode & 0o777 == 0o644 for name in files_of(root))
        assert "Requires=targon-gw.socket" in files_of(root)[UNIT]
        assert "ListenStream=127.0.0.1:3811\n" in files_of(root)[SOCKET]

    def test_twice_is_once(self, root: Path) -> None:
        """What is there already is left as it is, to the file's number."""
        installed("--root", str(root))
        before = {name: os.stat(root / name).st_ino for name in files_of(root)}
        result = installed("--root", str(root))

        assert result.exit_code == 0
        assert result.stderr.count("unchanged") == 4
        assert {name: os.stat(root / name).st_ino for name in files_of(root)} == before

    def test_keeps_what_was_edited(self, root: Path) -> None:
        """A unit that was edited is not written over, and nothing else is written, until --force."""
        installed("--root", str(root))
        (root / UNIT).write_text("[Service]\nExecStart=/bin/mine\n")
        (root / SOCKET).unlink()
        result = installed("--root", str(root))
        assert result.exit_code == 1
        assert str(root / UNIT) in result.stderr and "--force" in result.stderr
        assert "/bin/mine" in files_of(root)[UNIT] and SOCKET not in files_of(root)

        assert installed("--root", str(root), "--force").exit_code == 0
        assert "/bin/mine" not in files_of(root)[UNIT] and SOCKET in files_of(root)

    def test_dry_run(self, root: Path) -> None:
        """It prints what it would write, and says of each file how it stands; nothing is written."""
        result = installed("--root", str(root), "--dry-run")

        assert result.exit_code == 0
        assert files_of(root) == {}
        assert f"# --- {root}/{UNIT} (new)\n" in result.stdout
        assert "Type=notify" in result.stdout and "ListenStream=" in result.stdout

    def test_goes_by_the_settings(self, tmp_path: Path) -> None:
        """A daemon that listens by itself gets no socket unit, which would be in its way; how to have one is said."""
        written(tmp_path / "etc" / "targon-gw", {"gateway.yaml": "listen: tcp:3900:interface=127.0.0.1\n"})
        result = installed("--root", str(tmp_path))
        assert SOCKET not in files_of(tmp_path)
        assert "listen: systemd:domain=INET:index=0" in result.stdout

        result = installed("--root", str(tmp_path), "--socket", "--force")
        assert "ListenStream=127.0.0.1:3900\n" in files_of(tmp_path)[SOCKET]
        assert "must say: listen: systemd:domain=INET:index=0" in result.stdout

    def test_listens_where_it_is_told(self, root: Path) -> None:
        """--listen says where the socket is; --no-socket that there is none."""
        installed("--root", str(root), "--listen", "[::1]:80")
        assert "ListenStream=[::1]:80\n" in files_of(root)[SOCKET]

        result = installed("--root", str(root), "--no-socket", "--dry-run")
        assert "ListenStream" not in result.stdout

    def test_says_what_comes_next(self, root: Path) -> None:
        """On the machine itself the commands are told in order, the check before the start; for a tree none are."""
        from targon_gw.cli import installing

        told = installing._next("/opt/gw/bin", "/etc/x/gateway.yaml", "127.0.0.1:1", "/")
        assert [line.split()[0] for line in told] == [
            "systemd-sysusers", "systemd-tmpfiles", "/opt/gw/bin/targon-gw", "systemctl", "systemctl", "systemctl",
        ]  # fmt: skip
        assert told[4] == "systemctl enable --now targon-gw.socket targon-gw.service"
        assert installed("--root", str(root)).stdout.strip() == ""

    def test_json(self, root: Path) -> None:
        """With --json the files and the commands are JSON."""
        told = json.loads(installed("--root", str(root), "--json").stdout)

        assert [file["was"] for file in told["files"]] == ["new"] * 4
        assert told["next"] == []

    def test_awkward_places(self, root: Path) -> None:
        """A path that a unit can't have is refused as what was typed, and nothing is written."""
        result = installed("--root", str(root), "--bin", "/opt/with blank/bin")

        assert result.exit_code == 2
        assert files_of(root) == {}

    def test_no_such_root(self, tmp_path: Path) -> None:
        """A tree that is not there is said, not made."""
        result = installed("--root", str(tmp_path / "nowhere"))

        assert result.exit_code == 1
        assert not (tmp_path / "nowhere").exists()
