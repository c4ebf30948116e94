"""Keys are rotated, and settings broken and mended, while calls run: nothing is cut, nothing is lost (P4)."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from targon_gw.core.config import Secret
from tests.live.rig import CLIENT_KEY, Rig, Wishes, started, wait_until
from tests.live.streams import call, get, listeners

pytestmark = pytest.mark.live

SECRETS = [f"sn4_live_key_for_rotation_{number:08d}" for number in range(4)]
IDS = [Secret(secret).fingerprint for secret in SECRETS]
OWNERS = ("alice", "bob", "carol", "dave")
GUEST_KEY = "sk-tg-live-test-guest-key"
WITHIN = 1.0
"""Seconds from a save to its effect."""


def keys(*numbers: int, **more: Any) -> dict[str, Any]:
    """A keys.yaml with those keys."""
    return {"vendor": [{"account": OWNERS[number], "keys": [SECRETS[number]]} for number in numbers], **more}


def wishes(**more: Any) -> Wishes:
    """Three keys in the settings, of three accounts, and a fourth that the vendor knows."""
    accounts = {OWNERS[number]: [SECRETS[number]] for number in range(3)}
    gateway = {"admin": {"socket": "admin.sock"}}
    return Wishes(accounts=accounts, spare={OWNERS[3]: [SECRETS[3]]}, gateway=gateway, **more)


def served_by(rig: Rig, streams_only: bool = False) -> list[str]:
    """Whose key each call bore, as the vendor saw it."""
    served = rig.admin("log")["served"]
    return [entry["key"] for entry in served if "/completions" in entry["path"] and entry["stream"] >= streams_only]


def changes(rig: Rig) -> list[str]:
    """What the log says of settings, oldest first."""
    return [event["msg"] for event in rig.events() if "settings applied" in event.get("msg", "")]


def test_keys_are_rotated_under_a_hundred_streams(tmp_path: Path) -> None:
    """By a save, then by SIGHUP a hundred times in a second: no stream is cut, no call fails (P4, E-23)."""
    upstream = {"per_key": {"concurrent": 128}}
    with started(tmp_path, wishes(events_per_second=10.0, upstream=upstream)) as rig:
        streams = listeners(rig, 100, max_tokens=70)
        wait_until(lambda: all(stream.speaking for stream in streams), 15)
        running = served_by(rig, streams_only=True).count(IDS[0])
        assert running >= 20

        rig.save("keys.yaml", keys(1, 2, 3))
        saved, statuses = time.monotonic(), []
        while IDS[3] not in served_by(rig):
            statuses.append(call(rig, f"Are you new? {len(statuses)}").status)
            assert time.monotonic() - saved < WITHIN, changes(rig)
        before = served_by(rig).count(IDS[0])
        statuses += [call(rig, f"And now? {number}").status for number in range(6)]
        assert served_by(rig).count(IDS[0]) == before
        [line] = wait_until_told(rig, 1)
        assert f"+1 key {IDS[3]}" in line and f"−1 key {IDS[0]} ({running} calls to finish)" in line

        hang_up_often(rig)
        statuses += [call(rig, f"Still there? {number}").status for number in range(6)]
        assert {*statuses} == {200}
        assert sum(stream.ended is None for stream in streams) > 50, "they were over before it was"
        for stream in streams:
            assert stream.wait().whole, bytes(stream.got[-300:])
        assert 1 <= len(changes(rig)) - 1 <= 15  # a hundred signals are a handful of readings
        assert rig.admin("log")["keys"][IDS[0]]["requests"] >= running


def hang_up_often(rig: Rig) -> None:
    """A hundred signals in a second, and every tenth time other keys; at the end those of the first rotation."""
    for number in range(100):
        if number % 10 == 0:
            rig.save("keys.yaml", keys(0, 1, 2, 3) if number % 20 == 0 else keys(1, 2, 3))
        rig.signal(signal.SIGHUP)
        time.sleep(0.01)
    rig.save("keys.yaml", keys(1, 2, 3))
    rig.signal(signal.SIGHUP)


def wait_until_told(rig: Rig, count: int) -> list[str]:
    """The log's lines of settings applied, once there are so many."""
    wait_until(lambda: len(changes(rig)) >= count, 2, lambda: rig.log.read_text())
    return changes(rig)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway for the tests that leave its settings as they found them."""
    with started(tmp_path_factory.mktemp("settings"), wishes(dialect="openai")) as rig:
        clients = [{"name": "tester", "key": CLIENT_KEY}, {"name": "guest", "key": GUEST_KEY}]
        rig.save("clients.yaml", {"clients": clients})
        wait_until(lambda: call(rig, key=GUEST_KEY).status == 200, 3)
        yield rig


def in_force(rig: Rig) -> bool:
    """Whether /health says that the files are what the gateway goes by."""
    return "settings" not in get(rig, "/health").body


class SettingsTests:
    """What a save may do, and what it may not."""

    def test_half_of_the_keys_do_not_leave_by_mistake(self, shared: Rig) -> None:
        """A save that takes two of three keys is refused; one that says that it is meant is not."""
        rig = shared
        rig.save("keys.yaml", keys(0))
        wait_until(lambda: not in_force(rig), 2)
        told = get(rig, "/health").body
        assert told["keys"]["total"] == 3
        assert told["settings"]["taken"] is False
        assert abs(told["settings"]["since"] - time.time()) < 5
        assert "this would take away 2 of 3 usable keys" in rig.log.read_text()
        before = len(served_by(rig))
        assert {call(rig, f"Anybody? {number}").status for number in range(9)} == {200}
        assert {*served_by(rig)[before:]} == {*IDS[:3]}

        rig.save("keys.yaml", keys(0, confirm_removal=2))
        assert wait_until(lambda: get(rig, "/health").body["keys"]["total"] == 1, 2) < WITHIN
        assert in_force(rig)
        rig.save("keys.yaml", keys(0, 1, 2))
        wait_until(lambda: get(rig, "/health").body["keys"]["total"] == 3, 2)

    def test_a_broken_file_changes_nothing(self, shared: Rig) -> None:
        """The last good settings stay in force; /health, status and reload say so, reload with line and column."""
        rig = shared
        assert "not taken" not in rig.verb("status").stdout
        rig.save("keys.yaml", "vendor:\n  - account: alice\n    keyz:\n      - sn4_live_key_of_nobody_000000000009\n")
        wait_until(lambda: not in_force(rig), 2)
        since = get(rig, "/health").body["settings"]["since"]
        assert call(rig, "Are you well?").status == 200

        reload = rig.verb("reload")
        assert reload.returncode == 78
        assert f"{rig.folder / 'keys.yaml'}:3:5: " in reload.stderr
        assert "sn4_live_key_of_nobody" not in reload.stderr + rig.log.read_text()
        status = rig.verb("status").stdout
        assert "a later save was not taken" in status and " ago" in status and "keys.yaml:3:5" in status
        assert get(rig, "/health").body["settings"]["since"] == since

        rig.save("keys.yaml", keys(0, 1, 2))
        assert wait_until(lambda: in_force(rig), 2) < WITHIN
        assert "not taken" not in rig.verb("status").stdout
        assert rig.verb("reload").returncode == 0

    def test_a_revoked_client_is_refused(self, shared: Rig) -> None:
        """Within a second of the save that leaves it out; the others notice nothing (C-14)."""
        rig = shared
        both = (rig.folder / "clients.yaml").read_text()
        assert call(rig, key=GUEST_KEY).status == 200
        rig.save("clients.yaml", {"clients": [{"name": "tester", "key": CLIENT_KEY}]})
        assert wait_until(lambda: call(rig, key=GUEST_KEY).status == 401, 2) < WITHIN
        assert call(rig, key=GUEST_KEY).code == "invalid_api_key"
        assert call(rig).status == 200
        rig.save("clients.yaml", both)
        assert wait_until(lambda: call(rig, key=GUEST_KEY).status == 200, 2) < WITHIN
