"""What people look at, wired: each room is there, and none stands in another's way."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from targon_gw.front import LIVE
from targon_gw.web.pages import PAGES
from tests.daemon import FILES, GATEWAY, Daemon, Place, connected
from tests.web.conversation import Answer, Conversation, ask

OPEN = {**FILES, "gateway.yaml": GATEWAY + "registration: open\ncontact: ann@example.org\n"}


def asked(daemon: Daemon, target: str, lines: str = "", method: str = "GET", body: bytes = b"") -> Answer:
    """What the daemon answers on a connection of its own."""
    channel, transport = connected(daemon.wiring)
    channel.dataReceived(ask(lines, body, target, method))
    daemon.reactor.turn(0.25)
    reader: Any = Conversation()
    reader.wire = transport
    channel.connectionLost(Failure(ConnectionDone()))
    (answer,) = reader.heard()
    found: Answer = answer
    return found


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """A daemon that has not started; anybody may register."""
    return Daemon(Place(tmp_path, dict(OPEN)))


class RoomsTests:
    """`rooms`."""

    @pytest.mark.parametrize("path", PAGES)
    def test_pages(self, daemon: Daemon, path: str) -> None:
        """Every page is there, with the settings in force, and all that it loads is."""
        with daemon.running():
            answer = asked(daemon, path)
            assert answer.status == 200 and answer.headers[b"content-type"] == b"text/html; charset=utf-8"
            assert b'data-registration="open" data-contact="yes"' in answer.body
            loaded = re.findall(r'(?:src|href)="(/static/[^"#]+|/favicon\.svg)["#]', answer.body.decode())
            assert len(loaded) >= 3
            for address in set(loaded):
                assert asked(daemon, address).status == 200, address

    def test_settings_that_change(self, daemon: Daemon) -> None:
        """A page follows a reload."""
        with daemon.running():
            assert b"ann@example.org" in asked(daemon, "/").body
            daemon.place.write(gateway=OPEN["gateway.yaml"].replace("ann@", "bob@"))
            daemon.reactor.turn(12)
            assert b"bob@example.org" in asked(daemon, "/").body

    @pytest.mark.parametrize(
        ("path", "status"),
        [("/api/me", 200), ("/api/overview", 200), ("/api/models", 200), ("/openapi.json", 200), ("/health", 200)],
    )
    def test_what_pages_ask(self, daemon: Daemon, path: str, status: int) -> None:
        """The rooms of figures and accounts are there, and so is what was there before."""
        with daemon.running():
            answer = asked(daemon, path)
            assert answer.status == status and isinstance(json.loads(answer.body), dict)

    def test_administration_is_closed(self, daemon: Daemon) -> None:
        """Nobody who is not signed in sees any of it; its page holds nothing."""
        with daemon.running():
            assert json.loads(asked(daemon, "/api/admin/keys").body)["error"]["code"] == "not_signed_in"
            assert b"canary" not in asked(daemon, "/admin").body

    def test_lost(self, daemon: Daemon) -> None:
        """Persons are told with a page what programs are told in JSON."""
        with daemon.running():
            lost = asked(daemon, "/nowhere", "Accept: text/html\r\n")
            assert lost.status == 404 and b"<h1>" in lost.body
            assert json.loads(asked(daemon, "/nowhere").body)["error"]["code"] == "unknown_url"

    def test_settings_are_no_files_of_pages(self, daemon: Daemon) -> None:
        """Neither the settings nor the state have an address (F-03)."""
        with daemon.running():
            for path in ("/static/../keys.yaml", "/static/%2e%2e/keys.yaml", "/keys.yaml", "/state/state.yaml"):
                answer = asked(daemon, path)
                assert answer.status == 404 and b"canary" not in answer.body

    @pytest.mark.parametrize(("value", "kept"), [("1", b"no-cache"), ("0", b"public, max-age=31536000, immutable")])
    def test_live(self, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, value: str, kept: bytes) -> None:
        """While files are worked on, no browser keeps them; else each does."""
        monkeypatch.setenv(LIVE, value)
        with daemon.running():
            address = re.search(r'href="(/static/[^"]+\.css)"', asked(daemon, "/").body.decode())
            assert address is not None
            assert asked(daemon, address[1]).headers[b"cache-control"] == kept
