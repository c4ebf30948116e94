"""Tests of targon_gw/web/admin_batches.py: the files of batches, and what a test is still worth."""

from __future__ import annotations

from pathlib import Path

import pytest

from targon_gw.core.attempts import Barred, Exhausted, Outcome, Served, Throttled, VendorFault
from targon_gw.core.batches import Trial
from targon_gw.core.config import Secret
from targon_gw.core.intake import Row, Verdict
from targon_gw.web.admin_batches import REST, TRUE_FOR, evidence, file_of, on_file, still_true, taken_away
from targon_gw.web.admin_desk import Objection

OURS = "# Written by targon-gw.\n"
SECRET = Secret("sn4_ab12cd34ef56gh780001")


def trial(outcome: Outcome | None, at: float = 0.0) -> Trial:
    """A key's test that came out so."""
    return Trial(Row(1, Verdict.NEW, SECRET), SECRET, outcome, at)


class FileTests:
    """Where batches lie."""

    def test_file_of(self) -> None:
        """Beside keys.yaml, by the batch's id, and nowhere else."""
        assert file_of("/etc/gw/keys.yaml", "imp-20261121-3") == "/etc/gw/keys.d/imported-20261121-3.yaml"

    @pytest.mark.parametrize("id", ["imp-../../x-1", "imp-20261121-", "imp-20261121-1\n", "", "k-1"])
    def test_no_id(self, id: str) -> None:
        """F-03: what is no id is no path."""
        with pytest.raises(Objection):
            file_of("/etc/gw/keys.yaml", id)

    def test_on_file(self, tmp_path: Path) -> None:
        """Files of batches with what they hold; others, and those that can't be read, are passed over."""
        keys, folder = str(tmp_path / "keys.yaml"), tmp_path / "keys.d"
        assert on_file(keys) == []
        folder.mkdir()
        (folder / "imported-20261121-1.yaml").write_text(f"{OURS}acme: [a, {{account: x, keys: [b, c]}}]\n")
        (folder / "imported-20261121-2.yaml").write_text(f"{OURS}acme: [[[\n")
        (folder / "imported-20261121-3.yaml").write_text(f"{OURS}confirm_removal: 3\n")
        (folder / "imported-20261121-4.yaml").write_text("# of the operator's own\nacme: [e]\n")
        (folder / "added-2026-11-21.yaml").write_text("acme: [d]\n")
        (found,) = on_file(keys)
        assert (found.id, found.upstream, found.keys) == ("imp-20261121-1", "acme", 3)

    def test_taken_away(self, tmp_path: Path) -> None:
        """What is taken away can be put back as it was."""
        path = tmp_path / "imported-20261121-1.yaml"
        path.write_text(f"{OURS}acme: [a]\n")
        undo = taken_away(str(path), None)
        assert not path.exists()
        undo()
        assert path.read_text() == f"{OURS}acme: [a]\n"
        with pytest.raises(Objection):
            taken_away(str(tmp_path / "none.yaml"), None)

    def test_an_operators_own_file_stays(self, tmp_path: Path) -> None:
        """P21: a file of a batch's name that somebody else has written is not taken away."""
        path = tmp_path / "imported-20261121-1.yaml"
        path.write_text("acme: [a]  # paid until May\n")
        with pytest.raises(Objection, match="not as targon-gw writes it"):
            taken_away(str(path), None)

        assert path.read_text() == "acme: [a]  # paid until May\n"


class StillTrueTests:
    """`still_true`."""

    @pytest.mark.parametrize(
        ("outcome", "age", "left"),
        [
            (Served(), 10.0, Served()),
            (Served(), TRUE_FOR, None),
            (Throttled(30.0), 10.0, Throttled(20.0)),
            (Throttled(30.0), 29.5, None),
            (Throttled(None), REST - 1, Throttled(None)),
            (Throttled(None), REST, None),
            (Barred(), 10.0, Barred()),
            (Exhausted(), 10.0, Exhausted()),
            (VendorFault(), 0.0, None),
            (None, 0.0, None),
        ],
    )
    def test_still(self, outcome: Outcome | None, age: float, left: Outcome | None) -> None:
        """A test holds for a while; a wait is over when its time is up; a vendor's failure says nothing of a key."""
        assert still_true(trial(outcome), age) == left


class EvidenceTests:
    """`evidence`."""

    def kinds(self, *outcomes: Outcome | None) -> str:
        """What is told of keys that came out so: S, or the first letter of what else."""
        trials = []
        for number, outcome in enumerate(outcomes):
            secret = Secret(f"sn4_ab12cd34ef56gh78{number:04d}")
            trials.append(Trial(Row(number + 1, Verdict.NEW, secret), secret, outcome))
        told = evidence(trials, 0.0)
        assert len({key for key, _ in told}) == len(told)
        return "".join(type(outcome).__name__[0] for _, outcome in told)

    def test_order(self) -> None:
        """Failures stand one by one between keys that were served; those for whom there is none left are not told."""
        ok, late, no = Served(), Throttled(30.0), Barred()
        assert self.kinds(late, late, ok, ok, ok, ok) == "STSTSS"
        assert self.kinds(ok, late, no, late, ok) == "STS"
        assert self.kinds(ok, ok, None, VendorFault()) == "SS"
        assert self.kinds(late, no) == ""
        assert self.kinds() == ""
