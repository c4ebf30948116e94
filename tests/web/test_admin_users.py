"""Users and invites at the admin socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from targon_gw.core.config import ClientSettings, Secret
from targon_gw.core.errors import Refusal
from tests import fakes

from .office import Office
from .registry import PASSWORD


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """One with a user."""
    found = Office(tmp_path)
    found.post("/users", {"name": "Eve", "password": PASSWORD, "admin": True}, 201)
    return found


def is_good(office: Office, key: str) -> bool:
    """Whether one may call with it."""
    try:
        office.desk.gateway.identify(key.encode(), "192.0.2.1", 0.0)
    except Refusal:
        return False
    return True


def sign_in(office: Office, digest: str = "s1") -> None:
    """Have the user signed in."""
    office.desk.gateway.take(office.desk.gateway.people.signed_in("eve", digest, fakes.WALL), 0.0)


class UserTests:
    """What an operator does with them."""

    def test_made(self, office: Office) -> None:
        """The key is told this once, and is good; the act is noted without it."""
        told = office.post("/users", {"name": "bob", "password": PASSWORD}, 201)

        assert is_good(office, told["secret"]) and told["admin"] is False
        assert office.desk.acts == ["added user eve", "added user bob"]
        assert "secret" not in office.get("/users/bob")

    def test_listed(self, office: Office) -> None:
        """In pages, the newest first, and as they are looked for."""
        sign_in(office)
        for number in range(5):
            office.post("/users", {"name": f"user{number}", "password": PASSWORD}, 201)
        first, rest = office.get("/users?limit=4"), office.get("/users?limit=4&offset=4")

        assert [user["name"] for user in first["users"]] == ["user4", "user3", "user2", "user1"]
        assert [user["name"] for user in rest["users"]] == ["user0", "eve"]
        assert (first["total"], rest["total"]) == (6, 6)
        assert [user["name"] for user in office.get("/users?search=EV")["users"]] == ["eve"]
        eve = rest["users"][1]
        assert (eve["admin"], eve["enabled"], eve["sessions"], eve["shadowed"]) == (True, True, 1, False)
        assert eve["key"]["masked"].startswith("sk-tg-…") and eve["key"]["shown"] is True
        assert eve["use"]["requests"] == 3

    def test_disabled_and_enabled(self, office: Office) -> None:
        """Neither key nor session is good; then the key is again."""
        key = office.post("/users/eve/rotate")["key"]
        sign_in(office)
        assert office.post("/users/eve/disable")["enabled"] is False
        assert not is_good(office, key) and office.get("/users/eve")["sessions"] == 0
        assert office.post("/users/eve/enable")["enabled"] is True

        assert is_good(office, key)

    def test_rights(self, office: Office) -> None:
        """F-07: a change of what a user may ends its sessions; what is no change ends none."""
        sign_in(office)
        assert office.post("/users/eve/admin", {"admin": True})["sessions"] == 1
        told = office.post("/users/eve/admin", {"admin": False})

        assert (told["admin"], told["sessions"]) == (False, 0)
        assert office.post("/users/eve/admin", {"admin": True})["admin"] is True

    def test_password(self, office: Office) -> None:
        """It is signed out everywhere; its key stays."""
        key = office.post("/users/eve/rotate")["key"]
        sign_in(office)
        assert office.post("/users/eve/password", {"password": "battery staple"})["sessions"] == 0

        assert office.desk.gateway.people.user("eve").hash == "hash of battery staple"
        assert is_good(office, key)

    def test_removed(self, office: Office) -> None:
        """It is gone, and its key with it."""
        key = office.post("/users/eve/rotate")["key"]
        assert office.ask("DELETE", "/users/eve").status == 200

        assert not is_good(office, key)
        assert office.ask("GET", "/users/eve").status == 404

    @pytest.mark.parametrize(
        ("method", "target", "body", "status", "code"),
        [
            ("POST", "/users", {"name": "EVE", "password": PASSWORD}, 409, "name_taken"),
            ("POST", "/users", {"name": "ann", "password": PASSWORD}, 409, "name_taken"),
            ("POST", "/users", {"name": "bob", "password": "canary"}, 400, "invalid_value"),
            ("POST", "/users", {"name": "bob"}, 400, "invalid_body"),
            ("POST", "/users/bob/disable", None, 404, "not_found"),
            ("POST", "/users/bob/rotate", None, 404, "not_found"),
            ("POST", "/users/bob/password", {"password": PASSWORD}, 404, "not_found"),
            ("POST", "/users/bob/admin", {"admin": True}, 404, "unknown"),
            ("DELETE", "/users/bob", None, 404, "not_found"),
            ("GET", "/users/bob", None, 404, "unknown"),
            ("GET", "/users?limit=5000", None, 400, "invalid_value"),
            ("POST", "/invites", {"uses": 0}, 400, "invalid_body"),
            ("DELETE", "/invites/abc", None, 404, "not_found"),
        ],
    )
    def test_refused(self, method: str, target: str, body: Any, status: int, code: str, office: Office) -> None:
        """Said as everything is at the socket; a password is not repeated, and nothing is noted as done."""
        acts = list(office.desk.acts)
        answer = office.ask(method, target, body)

        assert answer.status == status and f'"code":"{code}"'.encode() in answer.body
        assert b"canary" not in answer.body and office.desk.acts == acts


class ClientTests:
    """Users where clients are asked for."""

    def test_shown(self, office: Office) -> None:
        """As any client, with the default limits, and what it is as a user."""
        told = office.get("/clients/eve")

        assert told["limits"]["requests_per_minute"] == 60
        assert told["plan"] == {"unit": "tokens", "amount": 200_000, "per": "day"}
        assert told["user"]["name"] == "eve" and told["key"].startswith("k-")

    def test_rotated_and_revoked(self, office: Office) -> None:
        """By the verbs of clients; a user has one key at a time."""
        key = office.post("/clients/eve/rotate")["key"]
        assert is_good(office, key)
        assert b"no grace" in office.ask("POST", "/clients/eve/rotate", {"grace": 5.0}).body
        office.post("/clients/eve/revoke")

        assert not is_good(office, key)
        assert office.get("/users/eve")["enabled"] is False

    def test_a_client_by_nearly_that_name(self, office: Office) -> None:
        """`Eve` of clients.yaml and the user `eve` are two: each verb acts on the one that is named."""
        gateway = office.desk.gateway
        clients = (*gateway.config.clients, ClientSettings("Eve", Secret("sk-tg-of-the-client-Eve").digest))
        gateway.reconfigure(evolve(gateway.config, clients=clients), 0.0)
        assert "user" not in office.get("/clients/Eve") and office.get("/clients/eve")["user"]["shadowed"]
        office.post("/clients/eve/revoke")

        assert office.get("/users/eve")["enabled"] is False and is_good(office, "sk-tg-of-the-client-Eve")


class InviteTests:
    """Codes."""

    def test_made_listed_deleted(self, office: Office) -> None:
        """The code is told this once; the list knows it by another name."""
        made = office.post("/invites", {"uses": 2, "seconds": 60, "note": "friends"}, 201)
        (listed,) = office.get("/invites")["invites"]

        assert listed == {
            "id": made["id"], "uses": 2, "since": fakes.WALL, "expires": fakes.WALL + 60, "note": "friends"
        }  # fmt: skip
        assert made["code"] not in str(listed) + str(office.desk.acts)
        assert office.ask("DELETE", f"/invites/{made['id']}").status == 200
        assert office.get("/invites") == {"invites": []}

    def test_over(self, office: Office) -> None:
        """What is over is not listed."""
        office.post("/invites", {"seconds": 60}, 201)
        assert len(office.get("/invites")["invites"]) == 1
        office.talk.clock.advance(61)

        assert office.get("/invites") == {"invites": []}
