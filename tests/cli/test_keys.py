"""Tests of targon_gw/cli/keys.py: what is typed, through the real socket's tree, to a real pool."""

from __future__ import annotations

from pathlib import Path

from targon_gw.core.attempts import Throttled
from targon_gw.core.config import Dialect
from targon_gw.core.health import Disabled, Ready
from tests import fakes
from tests.web.office import TODAY, Office

from .desk import as_json, told, typed

SECRET = "sn4_aaaaaaaaaaaaaaaaaaaaaaaa"


def resting(tmp_path: Path) -> Office:
    """An office whose first key's account rests for 30 s."""
    office = Office(tmp_path, fakes.config(fakes.upstream(2, dialect=Dialect.TARGON)))
    office.pool.give_back(fakes.lease_of(office.pool, 0, 0.0), Throttled(30.0, "429: too many requests"), 0.0)
    return office


class LookingTests:
    """`keys list` and `keys why`."""

    def test_list(self, tmp_path: Path) -> None:
        """A line a key: state, when it is back, and why."""
        office = resting(tmp_path)
        head, first, second = told(office, "keys", "list").splitlines()

        assert head.split()[:3] == ["key", "state", "back"]
        assert first.startswith(f"{office.key(0).id}  cooling  in 30 s")
        assert "429: too many requests" in first
        assert second.split()[:2] == [office.key(1).id, "usable"]

    def test_json(self, tmp_path: Path) -> None:
        """With --json it is what the socket says; of one upstream where one is named."""
        office = Office(tmp_path, fakes.config(fakes.upstream(2), fakes.upstream(1, "other")))

        assert len(as_json(office, "keys", "list")["keys"]) == 3
        assert len(as_json(office, "keys", "list", "--upstream", "other")["keys"]) == 1

    def test_why(self, tmp_path: Path) -> None:
        """The state, what it hangs on, and the changes that led there."""
        office = resting(tmp_path)
        out = told(office, "keys", "why", office.key().id)

        assert f"{office.key().id}" in out.splitlines()[0]
        assert "cooling for 30 s more" in out.splitlines()[0]
        assert f"account {office.key().id}" in out
        assert "429: too many requests" in out.splitlines()[-1]

    def test_unknown(self, tmp_path: Path) -> None:
        """A key that there is not: exit 1, and where to look."""
        result = typed(Office(tmp_path), "keys", "why", "k-00000000")

        assert (result.exit_code, result.stdout) == (1, "")
        assert "keys list" in result.stderr


class MovingTests:
    """`keys disable`, `enable` and `test`."""

    def test_disable_for(self, tmp_path: Path) -> None:
        """Out for as long as was said, and back by hand."""
        office = Office(tmp_path)
        key = office.key()
        assert told(office, "keys", "disable", key.id, "--for", "2h").startswith(f"{key.id} is disabled until ")
        assert key.standing.health == Disabled(7200.0)
        assert told(office, "keys", "enable", key.id) == f"{key.id} is usable\n"

        assert key.standing.health == Ready()
        assert typed(office, "keys", "disable", key.id, "--for", "soon").exit_code == 2

    def test_disable_for_good(self, tmp_path: Path) -> None:
        """Without a span it stays out."""
        office = Office(tmp_path)

        assert as_json(office, "keys", "disable", office.key().id)["until"] is None
        assert office.key().standing.health == Disabled(None)

    def test_test(self, tmp_path: Path) -> None:
        """The verdict and what it changed; exit 1 where it was not served."""
        office = resting(tmp_path)
        key = office.key().id
        assert told(office, "keys", "test", key) == f"{key} served: served\nits rest is over; it is usable now\n"
        office.desk.verdict = {"outcome": "barred", "reason": "401", "status": 401, "took": 0.2}
        result = typed(office, "keys", "test", key)

        assert (result.exit_code, result.stdout) == (1, f"{key} barred in 0.2 s: 401\nit is usable now\n")


class AddingTests:
    """`keys add` and `keys rm`."""

    def test_add(self, tmp_path: Path) -> None:
        """The secret comes on standard input and is shown nowhere; the file is of our own."""
        office = Office(tmp_path)
        result = typed(office, "keys", "add", "acme", "--account", "alice", "--note", "spare", input=f"{SECRET}\n")
        path = tmp_path / "keys.d" / f"added-{TODAY}.yaml"

        assert result.exit_code == 0
        assert SECRET not in result.output
        assert str(path) in result.stdout
        assert all(word in path.read_text() for word in (SECRET, "alice", "spare"))

    def test_from_a_file(self, tmp_path: Path) -> None:
        """A file's first line is the key."""
        (tmp_path / "key").write_text(f"{SECRET}\r\n# not this\n")
        told(Office(tmp_path), "keys", "add", "acme", "--from", str(tmp_path / "key"))

        assert f'"{SECRET}"' in (tmp_path / "keys.d" / f"added-{TODAY}.yaml").read_text()

    def test_not_taken(self, tmp_path: Path) -> None:
        """Settings that can't be used are told line by line, and nothing is changed."""
        office = Office(tmp_path)
        office.desk.problems = ["keys.yaml:1:1: no", "   1 | x"]
        result = typed(office, "keys", "add", "acme", input=f"{SECRET}\n")

        assert result.exit_code == 1
        assert result.stderr.splitlines()[-2:] == office.desk.problems
        assert list((tmp_path / "keys.d").iterdir()) == []

    def test_rm_of_the_operators_file(self, tmp_path: Path) -> None:
        """P21: a key of the operator's own file is left to them, with the line to edit."""
        office = Office(tmp_path)
        text = f"acme:\n  - {office.key().secret.reveal}\n"
        (tmp_path / "keys.yaml").write_text(text)
        result = typed(office, "keys", "rm", office.key().id)

        assert result.exit_code == 1
        assert "keys.yaml, line 2, which is yours: take it out there" in result.stderr
        assert (tmp_path / "keys.yaml").read_text() == text

    def test_rm(self, tmp_path: Path) -> None:
        """A key of a file of ours goes from it."""
        office = Office(tmp_path)
        folder = tmp_path / "keys.d"
        folder.mkdir()
        (folder / "imported-1.yaml").write_text(f"# Written by targon-gw.\nacme: [{office.key().secret.reveal}]\n")

        assert "is gone from" in told(office, "keys", "rm", office.key().id)
        assert list(folder.iterdir()) == []
