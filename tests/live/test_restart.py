"""What a restart remembers: totals, quotas, windows, and the health of keys, aged; after SIGTERM and after kill -9."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from targon_gw.core.config import Secret
from tests.live.rig import CLIENT_KEY, V3, Rig, Wishes, started, wait_until
from tests.live.streams import Answer, Listener, call, get, request

pytestmark = pytest.mark.live

SECRETS = {name: f"sn4_live_key_of_{name}_0000000001" for name in ("alice", "bob", "carol")}
IDS = {name: Secret(secret).fingerprint for name, secret in SECRETS.items()}
RATED_KEY = "sk-tg-live-test-rated-key"
REST = 30.0
ENDS = [signal.SIGTERM, signal.SIGKILL]


def wishes(flush: str = "250ms") -> Wishes:
    """Three accounts of one key each; the model has a price; the state is written often."""
    gateway = {"flush": flush, "drain": "1s", "admin": {"socket": "admin.sock"}}
    upstream = {"probe": {"every": "10m"}}
    models = [{"id": V3, "context": 131072, "price": {"prompt": 3.0, "completion": 7.0}}]
    accounts = {name: [secret] for name, secret in SECRETS.items()}
    return Wishes(accounts, gateway=gateway, upstream=upstream, models=models, events_per_second=20.0)


def limited(rig: Rig) -> None:
    """Give the tester a quota of tokens, and another client two requests a minute."""
    clients: list[dict[str, Any]] = [
        {"name": "tester", "key": CLIENT_KEY, "quota": {"tokens": 100_000, "per": "total"}},
        {"name": "rated", "key": RATED_KEY, "limits": {"requests_per_minute": 2}},
    ]
    rig.save("clients.yaml", {"clients": clients})
    wait_until(lambda: call(rig, key=RATED_KEY).status == 200, 3)


def restart(rig: Rig, end: signal.Signals) -> None:
    """End the daemon so, and start it again."""
    rig.signal(end)
    rig.ended()
    rig.again()


def key(rig: Rig) -> dict[str, Any]:
    """What the tester is told of its key."""
    told: dict[str, Any] = get(rig, "/v1/key").body["data"]
    return told


def keys(rig: Rig) -> dict[str, dict[str, Any]]:
    """What the operator is told of each key, by its account."""
    listed = json.loads(rig.verb("keys", "list", "--json").stdout)
    return {one["account"]: one for one in listed["keys"]}


def until_written(rig: Rig) -> None:
    """Until the state has been written with all that is in the ledger."""

    def settled() -> bool:
        text = (
            (rig.folder / "state" / "state.yaml").read_text() if (rig.folder / "state" / "state.yaml").exists() else ""
        )
        [book] = (rig.folder / "state" / "ledger").iterdir()
        last = json.loads(book.read_text().splitlines()[-1][2:])["n"]
        return f'"n":{last},' in text

    wait_until(settled, 3)


class UseTests:
    @pytest.mark.parametrize("end", ENDS, ids=lambda end: end.name)
    def test_use_goes_on(self, tmp_path: Path, end: signal.Signals) -> None:
        """Totals, cost and the quota are after a restart what they were, to the token; nothing stays held (E-01)."""
        with started(tmp_path, wishes()) as rig:
            limited(rig)
            answers = [call(rig, f"Count to {number}.", max_tokens=4) for number in range(5)]
            streams = [Listener(rig, request(6, f"And to {number}.")).start() for number in range(3)]
            assert all(stream.wait().whole for stream in streams)
            before = key(rig)
            assert before["requests"] == 8
            billed = [tokens_of(answer) for answer in answers]
            assert before["tokens"]["total"] > sum(billed) > 0
            assert before["usage"] > 0
            assert before["quota"]["used"] == before["tokens"]["total"] and before["quota"]["held"] == 0

            restart(rig, end)
            assert key(rig) == before
            told = json.loads(rig.verb("usage", "--by", "client", "--json").stdout)
            [mine] = [row for row in told["rows"] if row["name"] == "tester"]
            assert mine["calls"] == 8

            more = tokens_of(call(rig, "Count on.", max_tokens=4))
            after = key(rig)
            assert (after["requests"], after["tokens"]["total"]) == (9, before["tokens"]["total"] + more)
            assert after["quota"]["remaining"] == before["quota"]["remaining"] - more

    def test_a_stream_that_was_killed_is_not_held_for_ever(self, tmp_path: Path) -> None:
        """What ran at a kill -9 was never seen whole: it is charged to nobody and its hold is gone (E-25)."""
        with started(tmp_path, wishes()) as rig:
            limited(rig)
            assert call(rig).status == 200
            stream = Listener(rig, request(400)).start()
            wait_until(lambda: stream.speaking, 3)
            held = key(rig)
            assert held["quota"]["held"] > 0 and held["in_flight"] == 1
            restart(rig, signal.SIGKILL)
            assert not stream.wait().whole
            after = key(rig)
            assert (after["quota"]["held"], after["in_flight"], after["requests"]) == (0, 0, 1)
            assert after["quota"]["used"] == held["quota"]["used"]

    @pytest.mark.parametrize("end", ENDS, ids=lambda end: end.name)
    def test_a_rate_is_not_filled_up_by_a_restart(self, tmp_path: Path, end: signal.Signals) -> None:
        """Two requests a minute are two a minute, whatever happens between them; the wait told is still true."""
        with started(tmp_path, wishes()) as rig:
            limited(rig)
            assert call(rig, key=RATED_KEY).status == 200
            refused = call(rig, key=RATED_KEY)
            assert (refused.status, refused.code) == (429, "rate_limit_exceeded")
            told = int(refused.headers["retry-after"])
            assert 20 <= told <= 30
            at = time.monotonic()
            until_written(rig)

            restart(rig, end)
            again = call(rig, key=RATED_KEY)
            assert (again.status, again.code) == (429, "rate_limit_exceeded")
            aged = told - (time.monotonic() - at)
            assert aged - 2 <= int(again.headers["retry-after"]) <= aged + 2
            assert again.headers["x-ratelimit-remaining-requests"] == "0"


class HealthTests:
    def test_the_health_of_keys_is_remembered_aged(self, tmp_path: Path) -> None:
        """A key that rests until a moment rests until that moment; barred stays barred, switched off stays off."""
        with started(tmp_path, wishes()) as rig:
            rig.misbehave(f"throttled:{REST:g}", IDS["alice"])
            rig.misbehave("unauthorized", IDS["bob"])
            states = {"alice": "cooling", "bob": "barred", "carol": "usable"}
            served = until(rig, lambda: {name: one["state"] for name, one in keys(rig).items()} == states)
            assert {answer.status for answer in served} == {200}
            before = keys(rig)
            assert rig.verb("keys", "disable", IDS["carol"]).returncode == 0
            until_written(rig)
            rig.behave()

            for end in ENDS:
                restart(rig, end)
                after = keys(rig)
                assert [after[name]["state"] for name in SECRETS] == ["cooling", "barred", "disabled"]
                assert after["alice"]["until"] == pytest.approx(before["alice"]["until"], abs=0.5)
                refused = call(rig)
                assert (refused.status, refused.code) == (503, "no_usable_key")
                left = after["alice"]["until"] - time.time()
                assert 0 < left < REST and abs(int(refused.headers["retry-after"]) - left) <= 2

            assert rig.verb("keys", "enable", IDS["carol"]).returncode == 0
            assert call(rig).status == 200
            assert rig.admin("log")["served"][-1]["key"] == IDS["carol"]

    def test_what_a_hand_did_is_written_at_once(self, tmp_path: Path) -> None:
        """A key that the operator took out stays out without waiting for the next flush: a kill -9 does not undo it."""
        with started(tmp_path, wishes(flush="10m")) as rig:
            assert rig.verb("keys", "disable", IDS["bob"]).returncode == 0
            state = rig.folder / "state" / "state.yaml"
            wait_until(lambda: state.exists() and '"disabled"' in state.read_text(), 2)
            restart(rig, signal.SIGKILL)
            assert {name for name, one in keys(rig).items() if one["state"] == "disabled"} == {"bob"}


def until(rig: Rig, true: Callable[[], bool]) -> list[Answer]:
    """Call until it is so; the answers."""
    answers: list[Answer] = []

    def called() -> bool:
        answers.append(call(rig, f"Hello {len(answers)}"))
        return true()

    wait_until(called, 10, lambda: {name: one["state"] for name, one in keys(rig).items()})
    return answers


def tokens_of(answer: Answer) -> int:
    """What the answer says that it cost."""
    return int(answer.body["usage"]["total_tokens"])
