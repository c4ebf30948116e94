"""Tests of targon_gw/cli/users.py: users by the verbs of `targon-gw clients`."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from targon_gw.cli import users
from targon_gw.core.users import LONGEST_PASSWORD
from tests import fakes
from tests.web.office import Office
from tests.web.registry import PASSWORD

from .desk import as_json, told, typed


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Without a user, and with a client, ann."""
    return Office(tmp_path)


def hash_of(office: Office, name: str) -> str:
    """What is kept of a user's password."""
    return office.desk.gateway.people.user(name).hash


class AddingTests:
    """`clients add --admin` and `--user`."""

    def test_asked_for(self, office: Office) -> None:
        """Twice, and not shown; the key alone is on standard output."""
        result = typed(office, "clients", "add", "Root", "--admin", input=f"{PASSWORD}\n{PASSWORD}\n")
        key = result.stdout.strip().splitlines()[-1]

        assert result.exit_code == 0, result.output
        assert key.startswith("sk-tg-") and PASSWORD not in result.output
        assert "root is an administrator now" in result.stderr
        assert office.desk.gateway.people.user("root").admin and hash_of(office, "root") == f"hash of {PASSWORD}"

    def test_from_standard_input(self, office: Office) -> None:
        """One line of it; none is a mistake."""
        result = typed(office, "clients", "add", "eve", "--user", "--password-stdin", input=f"{PASSWORD}\r\nrest\n")
        assert result.exit_code == 0 and hash_of(office, "eve") == f"hash of {PASSWORD}"
        assert not office.desk.gateway.people.user("eve").admin
        empty = typed(office, "clients", "add", "bob", "--user", "--password-stdin", input="\n")

        assert (empty.exit_code, empty.stdout) == (1, "")
        assert office.desk.gateway.people.users.get("bob") is None

    def test_made_up(self, office: Office) -> None:
        """Shown this once, behind the key."""
        key, password = told(office, "clients", "add", "eve", "--admin", "--generate").splitlines()
        assert key.startswith("sk-tg-") and hash_of(office, "eve") == f"hash of {password}" and len(password) == 20
        plain = as_json(office, "clients", "add", "bob", "--user", "--generate")

        assert hash_of(office, "bob") == f"hash of {plain['password']}" and plain["secret"].startswith("sk-tg-")

    @pytest.mark.parametrize(
        "words",
        [
            ("--admin", "--concurrent", "3"),
            ("--user", "--model", "x"),
            ("--user", "--quota", "5"),
            ("--admin", "--generate", "--password-stdin"),
            ("--generate",),
            ("--password-stdin",),
        ],
    )
    def test_what_does_not_go_together(self, words: tuple[str, ...], office: Office) -> None:
        """A user has the limits of the settings, a client has no password: said, and nothing done."""
        assert typed(office, "clients", "add", "eve", *words, input=f"{PASSWORD}\n").exit_code == 2
        assert len(office.desk.gateway.people.users) == 0

    def test_refused(self, office: Office) -> None:
        """What the daemon says is said; the password is not."""
        for name, password in (
            ("ann", PASSWORD),
            ("x", PASSWORD),
            ("eve", "short"),
            ("eve", "y" * (LONGEST_PASSWORD + 1)),
        ):
            result = typed(office, "clients", "add", name, "--user", "--password-stdin", input=f"{password}\n")
            assert result.exit_code == 1 and password not in result.output


class VerbTests:
    """What is done with users."""

    @pytest.fixture(autouse=True)
    def eve(self, office: Office) -> None:
        """Who is one."""
        told(office, "clients", "add", "eve", "--user", "--password-stdin", input=f"{PASSWORD}\n")

    def test_list(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        """Beside the clients, all pages of them, with what they are."""
        told(office, "clients", "add", "root", "--admin", "--password-stdin", input=f"{PASSWORD}\n")
        told(office, "clients", "revoke", "eve")
        monkeypatch.setattr(users, "PAGE", 1)
        lines = told(office, "clients", "list").splitlines()

        assert [line.split()[0] for line in lines[1:]] == ["ann", "root", "eve"]
        assert "user, admin" in lines[2] and "sk-tg-…" in lines[2] and "user, disabled" in lines[3]
        assert [user["name"] for user in as_json(office, "clients", "list")["users"]] == ["root", "eve"]

    def test_shadowed(self, office: Office) -> None:
        """A user whose name clients.yaml has, too, is said to be out."""
        gateway = office.desk.gateway
        ann = gateway.config.clients[0]
        gateway.reconfigure(evolve(gateway.config, clients=(ann, evolve(ann, name="eve", digest="cd" * 32))), 0.0)

        assert "out: in clients.yaml" in told(office, "clients", "list")

    def test_show(self, office: Office) -> None:
        """With the default limits, and since when it is one."""
        out = told(office, "clients", "show", "eve")

        assert "60 requests per minute" in out and "user since 2023-11-1" in out and "0 sessions" in out

    def test_rotate_revoke_enable_rm(self, office: Office) -> None:
        """As of clients; and what only a user can be."""
        before = office.desk.gateway.people.user("eve").key
        rotated = typed(office, "clients", "rotate", "eve")
        assert rotated.stdout.startswith("sk-tg-") and "the old key has ended" in rotated.stderr
        assert office.desk.gateway.people.user("eve").key != before
        assert told(office, "clients", "revoke", "eve") == "eve may call no more\n"
        assert not office.desk.gateway.people.user("eve").enabled
        assert "again" in told(office, "clients", "enable", "eve")
        assert office.desk.gateway.people.user("eve").enabled
        assert told(office, "clients", "rm", "eve") == "eve is gone\n"
        assert typed(office, "clients", "rm", "eve").exit_code == 1

    def test_rights(self, office: Office) -> None:
        """Given and taken."""
        told(office, "clients", "admin", "eve")
        assert office.desk.gateway.people.user("eve").admin
        assert "no more" in told(office, "clients", "admin", "eve", "--off")
        assert not office.desk.gateway.people.user("eve").admin

    def test_password(self, office: Office) -> None:
        """Asked for, read, or made up; only the last is shown."""
        typed(office, "clients", "password", "eve", input="battery staple\nbattery staple\n")
        assert hash_of(office, "eve") == "hash of battery staple"
        result = typed(office, "clients", "password", "eve", "--generate")
        assert hash_of(office, "eve") == f"hash of {result.stdout.strip()}" and "signed out" in result.stderr
        plain = as_json(office, "clients", "password", "eve", "--generate")
        assert hash_of(office, "eve") == f"hash of {plain['password']}"


class InviteTests:
    """`clients invite` and `invites`."""

    def test_made_listed_ended(self, office: Office) -> None:
        """The code alone on standard output; the list has its id."""
        result = typed(office, "clients", "invite", "--uses", "3", "--for", "7d", "--note", "friends")
        assert len(result.stdout.strip()) == 16 and "lets 3 persons register within 7 d" in result.stderr
        ((_, invite),) = list(office.desk.gateway.people.invites)
        assert (invite.uses, invite.expires) == (3, fakes.WALL + 7 * 86400)
        (listed,) = as_json(office, "clients", "invites")["invites"]
        assert listed["id"] in result.stderr and listed["id"] in told(office, "clients", "invites")
        assert "is over" in told(office, "clients", "invites", "--rm", listed["id"])

        assert len(office.desk.gateway.people.invites) == 0
