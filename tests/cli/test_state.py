"""Tests of targon_gw/cli/state.py, on state folders that are written as the store writes them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from targon_gw.cli.main import main
from targon_gw.core.ledger import line_of
from targon_gw.store.folder import StateFolder
from targon_gw.store.recovery import verify
from targon_gw.store.snapshot import encoded
from tests.web.office import line, used


def asked(*words: object) -> Result:
    """What `targon-gw` answers to `words`."""
    return CliRunner().invoke(main, [str(word) for word in words])


def folder(path: Path, calls: int = 3) -> Path:
    """A state folder with a snapshot and a ledger of two days."""
    (path / "ledger").mkdir(parents=True)
    (path / "state.yaml").write_bytes(b"".join(encoded({"calls": calls}, calls)))
    lines = [line_of(line(f"req_{n}", client="=ann", usage=used(n)), n) for n in range(1, calls + 1)]
    (path / "ledger" / "2026-11-20.yaml").write_bytes(lines[0])
    (path / "ledger" / "2026-11-21.yaml").write_bytes(b"".join(lines[1:]))
    for each in (path, path / "ledger"):
        each.chmod(0o700)
    for each in (*path.glob("*.yaml"), *path.glob("ledger/*")):
        each.chmod(0o600)
    return path


class VerifyTests:
    """`targon-gw state verify`."""

    def test_whole(self, tmp_path: Path) -> None:
        """A folder that is whole is told so, and is left as it was."""
        state = folder(tmp_path / "state")
        before = sorted(os.walk(state))

        assert asked("state", "verify", "--state", state).stdout == f"{state} is whole\n"
        assert json.loads(asked("state", "verify", "--state", state, "--json").stdout) == {"ok": True, "problems": []}
        assert sorted(os.walk(state)) == before

    def test_of_the_settings(self, tmp_path: Path) -> None:
        """Without --state it is the folder of the settings."""
        from tests.settings.folder import written

        folder(tmp_path / "state")
        text = "state: state\nupstreams: {targon: {base_url: https://api.targon.com/v1}}\n"

        assert "is whole" in asked("state", "verify", "-c", written(tmp_path, {"gateway.yaml": text})).stdout

    def test_damaged(self, tmp_path: Path) -> None:
        """A flipped byte is found, with file and line, and is exit 1; nothing is mended."""
        state = folder(tmp_path / "state")
        path = state / "ledger" / "2026-11-21.yaml"
        path.write_bytes(path.read_bytes().replace(b'"req_2"', b'"req_4"'))
        result = asked("state", "verify", "--state", state)

        assert (result.exit_code, result.stdout) == (1, "")
        assert f"{path}:1:" in result.stderr

    def test_no_folder(self, tmp_path: Path) -> None:
        """A folder that is not there is a sentence."""
        result = asked("state", "verify", "--state", tmp_path / "none")

        assert (result.exit_code, result.stdout) == (1, "")
        assert "No such file" in result.stderr


class ExportTests:
    """`targon-gw state export`."""

    def test_lines(self, tmp_path: Path) -> None:
        """Every line, oldest first, an object each, with its figures."""
        rows = [
            json.loads(row) for row in asked("state", "export", "--state", folder(tmp_path / "s")).stdout.splitlines()
        ]

        assert [(row["n"], row["id"], row["prompt"]) for row in rows] == [(n, f"req_{n}", n) for n in (1, 2, 3)]

    def test_csv_since(self, tmp_path: Path) -> None:
        """F-23: as CSV a name that a spreadsheet would run is a text; from a day on, where one is named."""
        out = asked("state", "export", "--csv", "--since", "2026-11-21", "--state", folder(tmp_path / "s")).stdout
        rows = list(csv.DictReader(io.StringIO(out)))

        assert [row["n"] for row in rows] == ["2", "3"]
        assert rows[0]["client"] == "'=ann"

    def test_clock_set_back(self, tmp_path: Path) -> None:
        """E-16: days whose numbers are not in the order of the days come out whole, and so do those since a day."""
        state = folder(tmp_path / "s")
        for day, numbers in (("2026-11-19", range(4, 9)), ("2026-11-21", range(9, 11))):
            with (state / "ledger" / f"{day}.yaml").open("ab") as file:
                file.write(b"".join(line_of(line(f"req_{n}"), n) for n in numbers))
        every = asked("state", "export", "--state", state).stdout.splitlines()
        since = asked("state", "export", "--state", state, "--since", "2026-11-20").stdout.splitlines()

        assert sorted(json.loads(row)["n"] for row in every) == list(range(1, 11))
        assert [json.loads(row)["n"] for row in since] == [1, 2, 3, 9, 10]

    def test_packed_and_plain(self, tmp_path: Path) -> None:
        """A day that is being packed stands there twice, and comes out once."""
        state = folder(tmp_path / "s")
        path = state / "ledger" / "2026-11-21.yaml"
        (state / "ledger" / "2026-11-21.yaml.gz").write_bytes(gzip.compress(path.read_bytes()))

        assert len(asked("state", "export", "--state", state).stdout.splitlines()) == 3

    def test_damaged(self, tmp_path: Path) -> None:
        """What is good before the damage comes out, and then exit 1: never a silent half."""
        state = folder(tmp_path / "s")
        (state / "ledger" / "2026-11-21.yaml").write_bytes(b"- nonsense\n")
        result = asked("state", "export", "--state", state)

        assert (result.exit_code, len(result.stdout.splitlines())) == (1, 1)
        assert "state verify" in result.stderr
        lines = asked("state", "export", "--state", state, "--json").stdout.splitlines()
        assert "state verify" in json.loads(lines[-1])["error"]["message"] and json.loads(lines[0])["n"] == 1


class BackupTests:
    """`targon-gw backup` and `restore`."""

    def test_there_and_back(self, tmp_path: Path) -> None:
        """What was backed up is what is restored; what was there is kept beside it."""
        old, new, archive = folder(tmp_path / "old"), folder(tmp_path / "new", 9), tmp_path / "b.tar.gz"
        assert asked("backup", archive, "--state", old).exit_code == 0
        assert archive.stat().st_mode & 0o777 == 0o600
        result = asked("restore", archive, "--state", new, "--json")
        kept = Path(json.loads(result.stdout)["kept"])

        for name in ("state.yaml", "ledger/2026-11-20.yaml", "ledger/2026-11-21.yaml"):
            assert (new / name).read_bytes() == (old / name).read_bytes()
            assert (kept / name).exists()
        assert verify(StateFolder(str(new))) == []
        assert not list(new.glob("restored-*"))

    def test_into_an_empty_place(self, tmp_path: Path) -> None:
        """On a new machine nothing is set aside, and the folder is made."""
        archive = tmp_path / "b.tar.gz"
        asked("backup", archive, "--state", folder(tmp_path / "old"))
        result = asked("restore", archive, "--state", tmp_path / "new", "--json")

        assert (result.exit_code, json.loads(result.stdout)["kept"]) == (0, None)
        assert "is whole" in asked("state", "verify", "--state", tmp_path / "new").stdout

    def test_torn_line_stays_out(self, tmp_path: Path) -> None:
        """A line that the daemon is writing meanwhile is left out, not copied half."""
        state, archive = folder(tmp_path / "old"), tmp_path / "b.tar.gz"
        with (state / "ledger" / "2026-11-21.yaml").open("ab") as file:
            file.write(b'- {"n":4,"at":1')
        asked("backup", archive, "--state", state)
        asked("restore", archive, "--state", tmp_path / "new")

        assert verify(StateFolder(str(tmp_path / "new"))) == []

    def test_what_was_set_aside(self, tmp_path: Path) -> None:
        """Lines and files that a recovery has set aside go along, and what is being written does not: it comes back."""
        state, archive = folder(tmp_path / "old"), tmp_path / "b.tar.gz"
        aside = (
            "2026-11-20.yaml.bad",
            "2026-11-19.yaml.gz.bad-20261121T101500Z",
            "2026-11-19.yaml.gz.bad-20261121T101500Z-2",
        )
        for name in (*aside, ".room", "2026-11-18.yaml.gz.next"):
            (state / "ledger" / name).write_bytes(b"x\n")
        (state / "audit.yaml.1").write_text("- {}\n")
        asked("backup", archive, "--state", state)
        result = asked("restore", archive, "--state", tmp_path / "new")
        there = sorted(path.name for path in (tmp_path / "new" / "ledger").iterdir())

        assert result.exit_code == 0, result.output
        assert there == sorted([*aside, "2026-11-20.yaml", "2026-11-21.yaml"])
        assert (tmp_path / "new" / "audit.yaml.1").read_text() == "- {}\n"

    def test_packed_and_begun_meanwhile(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A day that the daemon packs, and one that begins, while the backup is taken, are in it."""
        state, archive = folder(tmp_path / "old"), tmp_path / "b.tar.gz"
        ledger, add = state / "ledger", tarfile.TarFile.addfile

        def meanwhile(tar: tarfile.TarFile, entry: tarfile.TarInfo, file: Any = None) -> None:
            old = ledger / "2026-11-20.yaml"
            if entry.name == "state.yaml":
                (ledger / "2026-11-22.yaml").write_bytes(line_of(line("req_4"), 4))
            elif old.exists():  # the files of the ledger have been listed; the first of them is being read
                (ledger / "2026-11-23.yaml").write_bytes(line_of(line("req_5"), 5))
                (ledger / "2026-11-19.yaml.gz").write_bytes(gzip.compress(old.read_bytes()))
                (ledger / "2026-11-21.yaml.gz").write_bytes(gzip.compress((ledger / "2026-11-21.yaml").read_bytes()))
                (ledger / "2026-11-21.yaml").unlink()
                old.unlink()
            add(tar, entry, file)

        monkeypatch.setattr(tarfile.TarFile, "addfile", meanwhile)
        files = json.loads(asked("backup", archive, "--state", state, "--json").stdout)["files"]

        assert {"ledger/2026-11-21.yaml.gz", "ledger/2026-11-22.yaml", "ledger/2026-11-23.yaml"} <= set(files)

    def test_unfinished(self, tmp_path: Path) -> None:
        """E-09: where a restore was not finished there is nothing to back up: exit 78, and how to go on."""
        state = folder(tmp_path / "old")
        (state / "restoring").write_text("")
        result = asked("backup", tmp_path / "b.tar.gz", "--state", state)

        assert result.exit_code == 78 and "run 'targon-gw restore' again" in result.stderr
        assert not (tmp_path / "b.tar.gz").exists()

    def test_running_daemon(self, tmp_path: Path) -> None:
        """E-15: a folder that a daemon has is backed up all the same, and never restored into: exit 75."""
        state, archive = folder(tmp_path / "state"), tmp_path / "b.tar.gz"
        daemon = StateFolder(str(state))
        daemon.open()
        try:
            assert asked("backup", archive, "--state", state).exit_code == 0
            assert asked("restore", archive, "--state", state).exit_code == 75
        finally:
            daemon.close()

    def test_never_over_a_file(self, tmp_path: Path) -> None:
        """A backup replaces nothing, and leaves nothing half written behind."""
        archive = tmp_path / "b.tar.gz"
        archive.write_text("mine")
        result = asked("backup", archive, "--state", folder(tmp_path / "s"))

        assert (result.exit_code, archive.read_text()) == (1, "mine")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar.gz", "s"]

    @pytest.mark.parametrize(
        "name", ["../evil", "/etc/evil", "ledger/../../evil", "lock", "ledger/x.yaml", "keys.yaml"]
    )
    def test_hostile_archive(self, tmp_path: Path, name: str) -> None:
        """A name that no backup has is refused, before anything is changed."""
        state, archive = folder(tmp_path / "s"), tmp_path / "b.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.addfile(tarfile.TarInfo(name))
        before = (state / "state.yaml").read_bytes()
        result = asked("restore", archive, "--state", state)

        assert (result.exit_code, result.stdout) == (1, "")
        assert "nothing was changed" in result.stderr
        assert (state / "state.yaml").read_bytes() == before
        assert not list(tmp_path.rglob("evil"))

    def test_damaged_archive(self, tmp_path: Path) -> None:
        """A backup whose lines are damaged, or that is cut, is not restored."""
        bad, good, archive = folder(tmp_path / "bad"), folder(tmp_path / "good", 5), tmp_path / "b.tar.gz"
        path = bad / "ledger" / "2026-11-21.yaml"
        path.write_bytes(path.read_bytes().replace(b'"req_2"', b'"req_4"'))
        asked("backup", archive, "--state", bad)
        before = (good / "state.yaml").read_bytes()
        for content in (archive.read_bytes(), archive.read_bytes()[:-100]):
            archive.write_bytes(content)
            result = asked("restore", archive, "--state", good)
            assert result.exit_code == 1
            assert "nothing was changed" in result.stderr

        assert (good / "state.yaml").read_bytes() == before


class JsonTests:
    """What goes wrong, for programs."""

    def failed(self, *words: object) -> tuple[int, Any]:
        """The exit code, and what stands on standard output."""
        result = asked(*words, "--json")
        assert result.stderr
        return result.exit_code, json.loads(result.stdout)

    def test_folder(self, tmp_path: Path) -> None:
        """A folder that can't be read or used is an error as the other verbs have it, whatever is asked of it."""
        nowhere, archive = tmp_path / "none", tmp_path / "b.tar.gz"
        archive.write_bytes(b"nonsense")
        for words in (("state", "verify"), ("state", "export"), ("backup", tmp_path / "new.tar.gz")):
            code, told = self.failed(*words, "--state", nowhere)
            assert (code, told["error"]["code"]) == (1, "failed")
            assert str(nowhere) in told["error"]["message"] and "No such file" in told["error"]["message"]
        code, told = self.failed("restore", archive, "--state", nowhere / "x")
        assert (code, told["error"]["code"]) == (78, "unusable")

    def test_restore(self, tmp_path: Path) -> None:
        """A backup that is none, or a daemon that runs."""
        state, archive = folder(tmp_path / "state"), tmp_path / "b.tar.gz"
        archive.write_bytes(b"nonsense")
        code, told = self.failed("restore", archive, "--state", state)
        assert (code, told["error"]["code"]) == (1, "failed") and "nothing was changed" in told["error"]["message"]
        daemon = StateFolder(str(state))
        daemon.open()
        try:
            code, told = self.failed("restore", archive, "--state", state)
        finally:
            daemon.close()
        assert (code, told["error"]["code"]) == (75, "locked")

    def test_settings(self, tmp_path: Path) -> None:
        """Where the settings say which folder it is, their problems are told as `check` tells them."""
        result = asked("state", "verify", "-c", tmp_path / "none.yaml", "--json")

        assert result.exit_code == 78
        assert json.loads(result.stdout)["ok"] is False
