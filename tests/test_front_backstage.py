"""The admin tree at `/api/admin`, wired in a daemon: its token, its sessions, and what is noted of both."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.daemon import FILES, GATEWAY, Daemon, Place
from tests.daemon import collector as collector

from .test_front import asked

TOKEN = "canary-of-the-admin-token-0123456789"
BEARER = f"Authorization: Bearer {TOKEN}\r\n"
JSON = "Content-Type: application/json\r\n"
ORIGIN = "Origin: http://gw\r\n"
PASSWORD = "correct horse battery"


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """A daemon with a token of administration, where anybody may register; it has not started."""
    (tmp_path / "admin.token").write_text(TOKEN)
    (tmp_path / "admin.token").chmod(0o600)
    gateway = GATEWAY.replace("socket: admin.sock", "socket: admin.sock, token_file: admin.token")
    return Daemon(Place(tmp_path, {**FILES, "gateway.yaml": gateway + "registration: open\n"}))


def told(daemon: Daemon, target: str, lines: str, body: object = None) -> tuple[int, Any]:
    """Status and JSON of what `/api/admin` answers; with a body it is posted."""
    sent = b"" if body is None else json.dumps(body).encode()
    answer = asked(daemon, f"/api/admin/{target}", lines + (JSON if sent else ""), "POST" if sent else "GET", sent)
    return answer.status, json.loads(answer.body)


def events(daemon: Daemon) -> list[dict[str, Any]]:
    """What is on file."""
    text = (daemon.place.path / "state" / "audit.yaml").read_text()
    return [json.loads(line.removeprefix("- ")) for line in text.splitlines()]


def browser_of(daemon: Daemon, name: str) -> str:
    """A user registers; the lines of headers that its browser sends from then on."""
    me = asked(daemon, "/api/me")
    visitor = re.search(rb"tg_visitor=[^;]+", me.headers[b"set-cookie"])
    assert visitor is not None
    lines = f"Cookie: {visitor[0].decode()}\r\nX-CSRF-Token: {json.loads(me.body)['csrf']}\r\n{ORIGIN}{JSON}"
    body = json.dumps({"name": name, "password": PASSWORD}).encode()
    answer = asked(daemon, "/api/register", lines, "POST", body)
    assert answer.status == 201, answer.body
    session = re.search(rb"tg_session=[^;]+", answer.headers[b"set-cookie"])
    assert session is not None
    return f"Cookie: {session[0].decode()}\r\nX-CSRF-Token: {json.loads(answer.body)['csrf']}\r\n{ORIGIN}"


class TokenTests:
    """A program with the token."""

    def test_acts(self, daemon: Daemon) -> None:
        """It may do what the socket may, and is noted to have done it."""
        with daemon.running():
            (key,) = daemon.wiring.gateway.pools["acme"].keys
            assert told(daemon, "keys", BEARER)[0] == 200
            assert told(daemon, f"keys/{key}/disable", BEARER, {"for": 60})[1]["state"] == "disabled"
            event = events(daemon)[-1]
            assert (event["who"], event["act"], event["on"]) == ("admin token", "disabled", key)
            assert event["address"]

    def test_wrong(self, daemon: Daemon) -> None:
        """A wrong token opens nothing, and neither does a client's key."""
        with daemon.running():
            for secret in ("wrong-token-0123456789", "sk-tg-a-client-of-the-tests"):
                status, answer = told(daemon, "keys", f"Authorization: Bearer {secret}\r\n")
                assert (status, answer["error"]["code"]) == (401, "invalid_api_key")


class SessionTests:
    """An admin's browser."""

    def test_only_admins(self, daemon: Daemon) -> None:
        """A user gets nothing; that it was made an admin, and by whom, is noted, and no password is."""
        with daemon.running():
            browser = browser_of(daemon, "ann.lee")
            status, answer = told(daemon, "keys", browser)
            assert (status, answer["error"]["code"]) == (403, "admin_only")
            assert told(daemon, "users/ann.lee/admin", BEARER, {"admin": True})[0] == 200
            assert [(event["who"], event["act"]) for event in events(daemon)] == [
                ("ann.lee", "registered"),
                ("admin token", "promoted"),
            ]
            assert not [event for event in events(daemon) if PASSWORD in str(event)]

    def test_page_of_another(self, daemon: Daemon) -> None:
        """F-04: what another page has the browser send is not done; nobody who is not signed in does anything."""
        with daemon.running():
            browser = browser_of(daemon, "ann.lee")
            for change in (lambda lines: lines.replace(ORIGIN, "Origin: http://evil\r\n"), lambda lines: ORIGIN):
                status, answer = told(daemon, "keys/import", change(browser), {"text": "sn4_ab12cd34ef56gh780000"})
                assert status in (401, 403), answer
            assert not (daemon.place.path / "keys.d").exists()


class ImportTests:
    """An import, through the real pieces."""

    def test_apply_and_undo(self, daemon: Daemon) -> None:
        """Keys that are applied are in the pool at once, and out again when that is undone."""
        with daemon.running():
            gateway = daemon.wiring.gateway
            text = "\n".join(f"sn4_ab12cd34ef56gh78{n:04d}" for n in range(3))
            status, batch = told(daemon, "keys/import", BEARER, {"text": text})
            assert (status, batch["counts"]["new"]) == (201, 3) and len(gateway.pools["acme"].keys) == 1
            path = f"keys/import/{batch['batch']}"
            # a reload has a pause behind it; what is asked meanwhile is answered after it
            status, applied = told(daemon, f"{path}/apply", BEARER, {"which": "all"})
            assert (status, applied["state"], applied["written"]) == (200, "applied", 3)
            assert len(gateway.pools["acme"].keys) == 4
            daemon.reactor.turn(1)
            status, answer = told(daemon, f"{path}/undo", BEARER, {})
            assert (status, answer["error"]["code"]) == (409, "confirm_removal")
            assert len(gateway.pools["acme"].keys) == 4
            daemon.reactor.turn(1)
            status, _ = told(daemon, f"{path}/undo", BEARER, {"confirm_removal": 3})
            daemon.reactor.turn(1)
            assert status == 200 and len(gateway.pools["acme"].keys) == 1
            assert list((daemon.place.path / "keys.d").iterdir()) == []
