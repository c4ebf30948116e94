"""Users at a real daemon: registered, killed, restored from a backup, and tried by a crowd of wrong passwords."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import threading
import time
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from tests.live.rig import Rig, Wishes, started
from tests.promises.witness import ADMIN, own

pytestmark = pytest.mark.live

WISHES = Wishes(gateway={**ADMIN, "registration": "open", "trusted_proxies": ["127.0.0.1/32"]})
PASSWORD = "correct horse"
EVE = {"name": "eve", "password": PASSWORD}


@define(eq=False)
class Browser:
    """One at a daemon; `address` is what the proxy in front says of it."""

    rig: Rig
    address: str = "203.0.113.5"
    cookies: dict[str, str] = field(factory=dict)
    token: str = ""

    def ask(self, method: str, target: str, body: object = None) -> tuple[int, Any]:
        """Status and JSON of the answer, on a connection of its own."""
        host = self.rig.url.removeprefix("http://")
        line = http.client.HTTPConnection(host, timeout=20)
        headers = {"Origin": self.rig.url, "X-Csrf-Token": self.token, "X-Forwarded-For": self.address}
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = None if body is None else json.dumps(body)
        try:
            line.request(method, target, sent, {**headers, **({"Content-Type": "application/json"} if sent else {})})
            answer = line.getresponse()
            told = json.loads(answer.read() or b"null")
        finally:
            line.close()
        for name, kept in SimpleCookie(answer.headers.get("Set-Cookie", "")).items():
            self.cookies[name] = kept.value
        if isinstance(told, dict):
            self.token = told.get("csrf", self.token)
        return answer.status, told

    def here(self) -> Browser:
        """It has been here, and has its token."""
        assert self.ask("GET", "/api/me")[0] == 200
        return self


class KillTests:
    """E-01: what was answered is there."""

    def test_killed_at_the_answer(self, tmp_path: Path) -> None:
        """The key is good, is shown, and the browser is signed in, though the daemon died when it had answered."""
        with started(tmp_path, WISHES) as rig:
            browser = Browser(rig).here()
            status, told = browser.ask("POST", "/api/register", EVE)
            rig.signal(signal.SIGKILL)
            rig.ended()
            rig.again()

            assert status == 201
            assert own(rig, told["secret"])[0] == 200
            assert browser.ask("GET", "/api/me/key") == (200, {"key": told["secret"]})
            assert browser.ask("GET", "/api/me")[1]["csrf"] == told["csrf"], "an open page goes on"
            assert "eve" in rig.verb("clients", "list").stdout
            rotated = browser.ask("POST", "/api/me/key/rotate", {})[1]["key"]
            rig.signal(signal.SIGKILL)
            rig.ended()
            rig.again()
            assert (own(rig, rotated)[0], own(rig, told["secret"])[0]) == (200, 401)
            assert told["secret"][6:] not in rig.log.read_text() and PASSWORD not in rig.log.read_text()

    def test_restored(self, tmp_path: Path) -> None:
        """A backup takes the key file along: elsewhere the key can be shown as well."""
        archive = tmp_path / "backup.tar.gz"
        with started(tmp_path, WISHES) as rig:
            key = Browser(rig).here().ask("POST", "/api/register", EVE)[1]["secret"]
            assert rig.verb("backup", str(archive)).returncode == 0
            rig.signal(signal.SIGTERM)
            rig.ended()
            shutil.rmtree(tmp_path / "state")
            (tmp_path / "state").mkdir(mode=0o700)
            restored = rig.verb("restore", str(archive))
            assert restored.returncode == 0, restored.stderr
            rig.again()
            browser = Browser(rig).here()
            assert browser.ask("POST", "/api/login", EVE)[0] == 200

            assert browser.ask("GET", "/api/me/key") == (200, {"key": key})
            assert own(rig, key)[0] == 200


class CrowdTests:
    """F-10: many passwords at once."""

    def test_calls_do_not_notice(self, tmp_path: Path) -> None:
        """60 people sign in wrongly at the same moment: some are told to wait, nobody is served late meanwhile."""
        with started(tmp_path, WISHES) as rig:
            browsers = [Browser(rig, f"198.51.100.{number}").here() for number in range(60)]
            statuses: list[int] = []

            def try_it(number: int) -> None:
                body = {"name": f"user{number}", "password": "wrong horse"}
                statuses.append(browsers[number].ask("POST", "/api/login", body)[0])

            crowd = [threading.Thread(target=try_it, args=(number,)) for number in range(60)]
            for one in crowd:
                one.start()
            took = []
            while any(one.is_alive() for one in crowd):
                began = time.monotonic()
                assert Browser(rig).ask("GET", "/health")[0] == 200
                took.append(time.monotonic() - began)
                time.sleep(0.01)

            assert set(statuses) == {401, 429} and len(statuses) == 60
            assert sorted(took)[len(took) // 2] < 0.1 and max(took) < 1.0
