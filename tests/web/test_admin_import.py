"""Tests of targon_gw/web/admin_import.py: from what was pasted to a batch that can be undone, at the real tree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from targon_gw.core.attempts import Barred, Served, Throttled, VendorFault
from targon_gw.core.config import Secret
from targon_gw.core.intake import LARGEST
from targon_gw.web.admin_desk import Objection
from targon_gw.web.admin_import import AT_ONCE
from tests import fakes

from .office import Office

KEY = [f"sn4_ab12cd34ef56gh78{n:04d}" for n in range(30)]
ID = [Secret(key).fingerprint for key in KEY]
BATCH = "imp-20231114-1"


def begun(office: Office, keys: int = 3, extra: str = "") -> str:
    """A batch of that many new keys."""
    told = office.post("/keys/import", {"text": "\n".join(KEY[:keys]) + extra}, 201)
    return str(told["batch"])


def outcome_of(office: Office, *outcomes: Any) -> str:
    """A batch whose keys came out like that."""
    office.desk.outcomes.update(zip(KEY, outcomes, strict=False))
    batch = begun(office, len(outcomes))
    office.post(f"/keys/import/{batch}/test", {}, 202)
    return batch


def file_of(tmp_path: Path, number: int = 1) -> Path:
    """Where the n-th batch of the day lies."""
    return tmp_path / "keys.d" / f"imported-20231114-{number}.yaml"


class PreviewTests:
    """`POST /keys/import/preview`."""

    def test_preview(self, tmp_path: Path) -> None:
        """What is in it, row by row, with no secret; nothing is kept, written or asked."""
        office = Office(tmp_path, fakes.config(fakes.upstream(2)))
        known = office.key(1).secret.reveal
        answer = office.ask("POST", "/keys/import/preview", {"text": f"{KEY[0]}\n{known}\n{KEY[0]}\noops"})
        told = json.loads(answer.body)

        assert told["upstream"] == "acme"
        assert told["summary"].startswith("lines 4 · new 1 · duplicate 2 (1 in paste, 1 in pool: ")
        assert [row["verdict"] for row in told["rows"]] == ["new", "known", "twice", "malformed"]
        assert told["rows"][0]["id"] == ID[0] and KEY[0].encode() not in answer.body
        assert office.get("/keys/import") == {"batches": []}
        assert (office.desk.tried, office.desk.acts, list(tmp_path.iterdir())) == ([], [], [])

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({"text": KEY[0], "upstream": "nobody"}, 404, "unknown"),
            ({"text": KEY[0]}, 404, "unknown"),
            ({"text": "x" * (LARGEST + 1), "upstream": "acme"}, 413, "too_much"),
            ({"text": "x" * (2 * LARGEST + 1), "upstream": "acme"}, 413, "too_much"),
            ({"text": 5}, 400, "invalid_body"),
            ({"text": "", "more": 1}, 400, "invalid_body"),
        ],
    )
    def test_objections(self, tmp_path: Path, body: object, status: int, code: str) -> None:
        """What can't be read: an upstream that there is not, or none named among several; too much; no text."""
        office = Office(tmp_path, fakes.config(fakes.upstream(1), fakes.upstream(1, "other")))
        assert office.post("/keys/import/preview", body, status)["error"]["code"] == code


class BatchTests:
    """`POST /keys/import` and what can be asked of a batch."""

    def test_begin(self, tmp_path: Path) -> None:
        """It is called by its day; nothing is live, nothing written."""
        office = Office(tmp_path)
        assert begun(office) == BATCH
        told = office.get(f"/keys/import/{BATCH}")

        assert (told["state"], told["counts"]["new"], told["counts"]["untried"]) == ("read", 3, 3)
        assert begun(office) == "imp-20231114-2"
        assert [each["batch"] for each in office.get("/keys/import")["batches"]] == ["imp-20231114-2", BATCH]
        assert office.desk.reloads == [] and not (tmp_path / "keys.d").exists()

    def test_nothing_new(self, tmp_path: Path) -> None:
        """A batch of nothing is none; neither is one with a note of several lines."""
        office = Office(tmp_path)
        assert office.post("/keys/import", {"text": "oops"}, 409)["error"]["code"] == "nothing_new"
        assert office.post("/keys/import", {"text": KEY[0], "note": "a\nb"}, 400)["error"]["code"] == "invalid_value"

    @pytest.mark.parametrize("batch", ["imp-20231114-9", "..%2Fkeys", "x"])
    def test_unknown(self, tmp_path: Path, batch: str) -> None:
        """A batch that there is not can't be asked, tested, applied or undone; nor can a path."""
        office = Office(tmp_path)
        (tmp_path / "keys.yaml").write_text("acme: []\n")
        for method, act in (("GET", ""), ("POST", "/test"), ("POST", "/apply"), ("POST", "/undo"), ("DELETE", "")):
            answer = office.ask(method, f"/keys/import/{batch}{act}", {} if method == "POST" else None)
            assert answer.status == 404, (method, act)
        assert (tmp_path / "keys.yaml").exists()

    def test_forget(self, tmp_path: Path) -> None:
        """What is forgotten is not tested any further, and is gone."""
        office = Office(tmp_path)
        waits: list[Deferred[Any]] = [Deferred() for _ in KEY]
        office.desk.outcomes.update(zip(KEY, waits, strict=True))
        batch = begun(office, 20)
        office.post(f"/keys/import/{batch}/test", {}, 202)
        assert office.ask("DELETE", f"/keys/import/{batch}").status == 200
        for wait in waits:
            wait.callback((Served(), 0.1))
        assert len(office.desk.tried) == AT_ONCE
        assert office.ask("GET", f"/keys/import/{batch}").status == 404


class TestingTests:
    """`POST /keys/import/{batch}/test`."""

    def test_outcomes(self, tmp_path: Path) -> None:
        """Each new key is asked with once; how it came out is told, and what it means for the import."""
        office = Office(tmp_path)
        batch = outcome_of(office, Served(), Throttled(30.0, "429: too many requests"), Barred("401: key not accepted"))
        told = office.get(f"/keys/import/{batch}")

        assert (told["state"], told["summary"]) == ("tested", "ok 1 · throttled (kept, cooling) 1 · rejected 1")
        assert [row["result"] for row in told["rows"]] == ["ok", "throttled", "rejected"]
        assert told["rows"][2]["reason"] == "401: key not accepted"
        assert office.desk.tried == KEY[:3]
        assert office.desk.acts == [f"tested 3 keys to be imported ({batch})"]

    def test_ten_at_a_time(self, tmp_path: Path) -> None:
        """So many are under way and no more; who asks sees it grow, by turns."""
        office = Office(tmp_path)
        waits: list[Deferred[Any]] = [Deferred() for _ in KEY]
        office.desk.outcomes.update(zip(KEY, waits, strict=True))
        batch = begun(office, 25)
        assert office.post(f"/keys/import/{batch}/test", {}, 202)["state"] == "testing"
        assert len(office.desk.tried) == AT_ONCE
        waits[3].callback((Served(), 0.1))
        assert len(office.desk.tried) == AT_ONCE + 1
        told = office.get(f"/keys/import/{batch}?since=0")
        assert told["counts"]["ok"] == 1 and told["turn"] == 1
        assert office.get(f"/keys/import/{batch}?since=1")["rows"] == []
        office.post(f"/keys/import/{batch}/test", {}, 202)  # asking again begins nothing twice
        for wait in waits[:25]:
            if not wait.called:
                wait.callback((Served(), 0.1))

        assert office.get(f"/keys/import/{batch}")["state"] == "tested"
        assert sorted(office.desk.tried) == KEY[:25]

    def test_stop(self, tmp_path: Path) -> None:
        """A stop lets those under way end; testing again takes up the rest."""
        office = Office(tmp_path)
        waits: list[Deferred[Any]] = [Deferred() for _ in KEY]
        office.desk.outcomes.update(zip(KEY, waits, strict=True))
        batch = begun(office, 12)
        office.post(f"/keys/import/{batch}/test", {}, 202)
        office.post(f"/keys/import/{batch}/stop", {}, 202)
        for wait in waits:
            wait.callback((Served(), 0.1))
        assert office.get(f"/keys/import/{batch}")["counts"]["untried"] == 2
        office.desk.outcomes.clear()
        office.post(f"/keys/import/{batch}/test", {}, 202)
        assert office.get(f"/keys/import/{batch}")["counts"]["ok"] == 12

    def test_nothing_to_ask(self, tmp_path: Path) -> None:
        """Where the vendor can't be asked at all, the batch says why."""
        office = Office(tmp_path)
        waits: Deferred[Any] = Deferred()
        office.desk.outcomes[KEY[0]] = waits
        batch = begun(office, 1)
        office.post(f"/keys/import/{batch}/test", {}, 202)
        waits.errback(Objection(409, "nothing_to_ask", "acme: no model."))
        told = office.get(f"/keys/import/{batch}")
        assert (told["state"], told["problem"]) == ("read", "acme: no model.")


class ApplyTests:
    """`POST /keys/import/{batch}/apply`."""

    def test_apply(self, tmp_path: Path) -> None:
        """One file, one reload, one act; what the tests have found the pool is told, as far as it is still so."""
        office = Office(tmp_path)
        batch = outcome_of(office, Served(), Throttled(30.0), Barred(), VendorFault(), Served())
        office.talk.clock.advance(10.0)
        told = office.post(f"/keys/import/{batch}/apply", {"which": "ok_and_throttled"})

        assert (told["state"], told["written"], told["changes"]) == ("applied", 3, ["+1"])
        assert file_of(tmp_path).stat().st_mode & 0o777 == 0o600
        text = file_of(tmp_path).read_text()
        assert all(key in text for key in KEY[:2]) and KEY[2] not in text
        assert office.desk.reloads == [f"imported 3 keys ({batch})"]
        assert office.desk.acts[-1] == f"imported 3 keys of acme ({batch})"
        assert [key for _, key, _ in office.desk.evidence] == [ID[0], ID[1], ID[4]]
        assert office.desk.evidence[1] == ("acme", ID[1], Throttled(20.0))

    def test_untested(self, tmp_path: Path) -> None:
        """`all` takes what was not tested, with accounts and notes."""
        office = Office(tmp_path)
        text = f"alice: {KEY[0]} # one\nalice: {KEY[1]}\n{KEY[2]}"
        batch = office.post("/keys/import", {"text": text, "note": "winter"}, 201)["batch"]
        office.post(f"/keys/import/{batch}/apply", {"which": "all"})
        lines = [json.loads(line[4:]) for line in file_of(tmp_path).read_text().splitlines() if line.startswith("  - ")]

        assert lines == [
            {"secret": KEY[2], "note": "winter"},
            {"account": "alice", "keys": [{"secret": KEY[0], "note": "one"}, {"secret": KEY[1], "note": "winter"}]},
        ]
        assert office.desk.evidence == []

    @pytest.mark.parametrize(("which", "status"), [("ok", 409), ("some", 400)])
    def test_nothing_such(self, tmp_path: Path, which: str, status: int) -> None:
        """Nothing is written where no key is such, or where nobody knows what is meant."""
        office = Office(tmp_path)
        batch = outcome_of(office, Barred())
        office.post(f"/keys/import/{batch}/apply", {"which": which}, status)
        assert not (tmp_path / "keys.d").exists()

    def test_not_taken(self, tmp_path: Path) -> None:
        """Where the reload does not take it the file is gone again, the batch is as it was and may be applied later."""
        office = Office(tmp_path)
        batch = outcome_of(office, Served())
        office.desk.problems = ["keys.yaml:1:1: no"]
        told = office.post(f"/keys/import/{batch}/apply", {}, 409)
        assert told["error"]["code"] == "not_applied" and not file_of(tmp_path).exists()
        assert office.get(f"/keys/import/{batch}")["state"] == "tested" and office.desk.evidence == []
        office.desk.problems = []
        assert office.post(f"/keys/import/{batch}/apply", {})["state"] == "applied"

    def test_once(self, tmp_path: Path) -> None:
        """A batch is applied once, not while it is being tested, and not by two at a time."""
        office = Office(tmp_path)
        office.desk.outcomes[KEY[1]] = Deferred()
        batch = outcome_of(office, Served(), Deferred())
        assert office.post(f"/keys/import/{batch}/apply", {}, 409)["error"]["code"] == "testing"
        other = office.post("/keys/import", {"text": KEY[5]}, 201)["batch"]
        office.post(f"/keys/import/{other}/test", {}, 202)
        office.desk.reloading = Deferred()
        office.ask("POST", f"/keys/import/{other}/apply", {})
        office.talk.leave()  # whoever asked leaves; it goes on all the same
        office.desk.reloading.callback(None)
        assert office.desk.acts[-1] == f"imported 1 keys of acme ({other})"

    def test_file_is_there(self, tmp_path: Path) -> None:
        """A file of that name that came meanwhile is not written over."""
        office = Office(tmp_path)
        batch = outcome_of(office, Served())
        file_of(tmp_path).parent.mkdir()
        file_of(tmp_path).write_text("# Written by targon-gw.\nacme: [sn4_of_somebody_else_0001]\n")
        assert office.post(f"/keys/import/{batch}/apply", {}, 409)["error"]["code"] == "applied"
        assert "somebody_else" in file_of(tmp_path).read_text()


class UndoTests:
    """`POST /keys/import/{batch}/undo`."""

    def test_undo(self, tmp_path: Path) -> None:
        """The file goes, with its keys, and the act is noted."""
        office = Office(tmp_path)
        batch = outcome_of(office, Served(), Served())
        office.post(f"/keys/import/{batch}/apply", {})
        told = office.post(f"/keys/import/{batch}/undo", {})

        assert told == {"batch": batch, "undone": True, "file": str(file_of(tmp_path)), "changes": ["+1"]}
        assert list((tmp_path / "keys.d").iterdir()) == []
        assert office.get(f"/keys/import/{batch}")["state"] == "undone"
        assert office.desk.acts[-1] == f"undone the import {batch}"

    def test_after_a_restart(self, tmp_path: Path) -> None:
        """A batch is known by its file: it is listed, and can be undone, by a daemon that has not made it."""
        office = Office(tmp_path)
        office.post(f"/keys/import/{outcome_of(office, Served(), Served())}/apply", {})
        later = Office(tmp_path)
        (told,) = later.get("/keys/import")["batches"]
        assert (told["batch"], told["upstream"], told["keys"], told["state"]) == (BATCH, "acme", 2, "applied")
        assert begun(later) == "imp-20231114-2"  # the name is taken
        later.post(f"/keys/import/{BATCH}/undo", {})
        assert not file_of(tmp_path).exists()

    def test_confirm_removal(self, tmp_path: Path) -> None:
        """What takes too many keys away is done only where it is confirmed; the file says so for that reload alone."""
        office = Office(tmp_path)
        batch = outcome_of(office, Served())
        office.post(f"/keys/import/{batch}/apply", {})
        office.desk.problems = ["this would take away 1 of 1 usable keys; … write 'confirm_removal: 1' at the top …"]
        assert office.post(f"/keys/import/{batch}/undo", {}, 409)["error"]["code"] == "confirm_removal"
        assert KEY[0] in file_of(tmp_path).read_text()

        office.desk.problems = []
        office.desk.reloading = Deferred()
        office.ask("POST", f"/keys/import/{batch}/undo", {"confirm_removal": 1})
        assert "\nconfirm_removal: 1\n" in file_of(tmp_path).read_text()
        office.desk.reloading.callback(None)
        assert not file_of(tmp_path).exists()

    def test_bad_number(self, tmp_path: Path) -> None:
        """A number of keys is more than none."""
        assert Office(tmp_path).post(f"/keys/import/{BATCH}/undo", {"confirm_removal": 0}, 400)
