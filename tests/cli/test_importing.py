"""Tests of targon_gw/cli/importing.py: what is pasted at a terminal, through the real tree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from targon_gw.cli import importing
from targon_gw.core.attempts import Barred, Served, Throttled, VendorFault
from tests import fakes
from tests.web.office import Office

from .desk import told, transport, typed

KEY = [f"sn4_ab12cd34ef56gh78{n:04d}" for n in range(30)]
BATCH = "imp-20231114-1"
TEXT = f"{KEY[0]}\n{KEY[1]}\n{KEY[0]}\noops\n"


def file_of(tmp_path: Path) -> Path:
    """Where the batch lies."""
    return tmp_path / "keys.d" / "imported-20231114-1.yaml"


class ImportTests:
    """`keys import`."""

    def test_yes(self, tmp_path: Path) -> None:
        """What is in it is told, then all that is new is taken; no key is printed."""
        office = Office(tmp_path)
        result = typed(office, "keys", "import", "--yes", "--note", "winter", input=TEXT)

        assert result.exit_code == 0, result.output
        first, *table, last = result.stdout.splitlines()
        assert first == "acme: lines 4 · new 2 · duplicate 1 (1 in paste) · malformed 1 (line 4)"
        assert [row.split()[1] for row in table[1:]] == ["twice", "malformed"]
        assert last == f"2 keys in use; to take them back: targon-gw keys undo {BATCH}"
        assert not [key for key in KEY if key in result.output]
        assert file_of(tmp_path).read_text().count('"winter"') == 2
        assert office.desk.tried == []

    def test_from_a_file(self, tmp_path: Path) -> None:
        """A file by its name, or - for standard input; of the upstream that is named."""
        office = Office(tmp_path, fakes.config(fakes.upstream(1), fakes.upstream(1, "other")))
        (tmp_path / "some.txt").write_text(KEY[0])
        told(office, "keys", "import", str(tmp_path / "some.txt"), "--upstream", "other", "--yes")
        told(office, "keys", "import", "-", "--upstream", "other", "--yes", input=KEY[1])
        assert '"other"' in file_of(tmp_path).read_text()
        assert "Say which: acme, other" in typed(office, "keys", "import", "--yes", input=KEY[2]).stderr

    def test_not_agreed(self, tmp_path: Path) -> None:
        """Without --yes nothing is done where there is nobody to ask: exit 1."""
        office = Office(tmp_path)
        for words in ((), ("--test",), ("--json",), ("--test", "--json")):
            result = typed(office, "keys", "import", *words, input=TEXT)
            assert result.exit_code == 1
        assert "--yes" in typed(office, "keys", "import", input=TEXT).stderr
        assert not (tmp_path / "keys.d").exists() and office.get("/keys/import") == {"batches": []}

    def test_nothing_new(self, tmp_path: Path) -> None:
        """That is told, and is no failure."""
        office = Office(tmp_path, fakes.config(fakes.upstream(2)))
        secret = office.key(1).secret.reveal
        assert "new 0" in told(office, "keys", "import", "--yes", input=secret)
        result = json.loads(told(office, "keys", "import", "--yes", "--json", input=secret))
        assert result["batch"] is None

    def test_tested(self, tmp_path: Path) -> None:
        """With --test only keys that are well, or will be, are taken; of the others it is told why not."""
        office = Office(tmp_path)
        outcomes = [Served(), Throttled(30.0), Barred("401: key not accepted")]
        office.desk.outcomes.update(zip(KEY, outcomes, strict=False))
        out = told(office, "keys", "import", "--test", "--yes", input="\n".join(KEY[:3]))

        assert "ok 1 · throttled (kept, cooling) 1 · rejected 1\n" in out
        assert "401: key not accepted" in out
        assert f"2 keys in use; to take them back: targon-gw keys undo {BATCH}" in out
        assert KEY[2] not in file_of(tmp_path).read_text()

    def test_none_is_well(self, tmp_path: Path) -> None:
        """Where no key is taken nothing is written: exit 1."""
        office = Office(tmp_path)
        office.desk.outcomes[KEY[0]] = Barred()
        assert typed(office, "keys", "import", "--test", "--yes", input=KEY[0]).exit_code == 1
        assert typed(office, "keys", "import", "--test", "--yes", "--which", "all", input=KEY[0]).exit_code == 0

    def test_json(self, tmp_path: Path) -> None:
        """One document: what was in it, and what became of it."""
        office = Office(tmp_path)
        result = json.loads(told(office, "keys", "import", "--test", "--yes", "--json", input=TEXT))
        assert result["preview"]["counts"]["new"] == 2
        assert (result["batch"]["state"], result["batch"]["written"]) == ("applied", 2)

    def test_waits(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Tests that take a while are waited for; why they have ended early is told."""
        office = Office(tmp_path)
        asked: list[str] = []
        real = transport(office)
        monkeypatch.setattr(importing, "POLL", 0.0)
        office.desk.outcomes.update(dict.fromkeys(KEY, VendorFault("500")))

        def slow(method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
            status, answer = real(method, target, body)
            asked.append(target)
            testing = target.endswith("/test") or (len(asked) < 8 and "since" in target)
            told_: Any = json.loads(answer)
            return status, json.dumps({**told_, "state": "testing"} if testing else told_).encode()

        result = typed(slow, "keys", "import", "--test", "--yes", input="\n".join(KEY))
        assert result.exit_code == 1
        assert len([target for target in asked if "since" in target]) > 2
        assert "tests in a row were not answered (500)" in result.stderr


class UndoTests:
    """`keys undo`."""

    def test_undo(self, tmp_path: Path) -> None:
        """The batch goes, by its name; without one they are listed."""
        office = Office(tmp_path)
        told(office, "keys", "import", "--yes", input=TEXT)
        head, line = told(office, "keys", "undo").splitlines()
        assert head.split() == ["batch", "state", "keys", "upstream", "at"]
        assert line.split()[:4] == [BATCH, "applied", "2", "acme"]
        assert told(office, "keys", "undo", BATCH).startswith(f"{BATCH} is undone")
        assert not file_of(tmp_path).exists()
        assert json.loads(told(office, "keys", "undo", "--json"))["batches"][0]["state"] == "undone"

    def test_confirm(self, tmp_path: Path) -> None:
        """What takes too many away is confirmed by their number."""
        office = Office(tmp_path)
        told(office, "keys", "import", "--yes", input=TEXT)
        office.desk.problems = ["… write 'confirm_removal: 2' at the top …"]
        result = typed(office, "keys", "undo", BATCH)
        assert result.exit_code == 1 and "--confirm-removal 2" in result.stderr
        assert typed(office, "keys", "undo", BATCH, "--json").exit_code == 1
        office.desk.problems = []
        assert json.loads(told(office, "keys", "undo", BATCH, "--confirm-removal", "2", "--json"))["undone"] is True
