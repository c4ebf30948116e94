"""What looks like a key's trouble and is everybody's, or one request's: with real processes."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from targon_gw.core.config import Secret
from tests.live.rig import R1, V3, Rig, Wishes, started, wait_until
from tests.live.test_clients import sdk
from tests.promises.stand_in import Asked, StandIn

ACCOUNTS = {name: [f"sn4_witness_{name}_{'x' * 24}"[:32]] for name in ("alice", "bob", "carol", "dave", "erin", "fred")}
MODELS: list[dict[str, Any]] = [{"id": R1}, {"id": V3, "fallback": R1}]


@contextmanager
def running(
    folder: Path, models: list[dict[str, Any]] | None = None, flush: str = "5s", **upstream: Any
) -> Iterator[Rig]:
    """Six accounts."""
    plan = {"draw": "round_robin", **upstream}
    admin = {"admin": {"socket": "admin.sock"}, "flush": flush}
    with started(
        folder, Wishes(ACCOUNTS, "openai", models=models or [{"id": V3}], upstream=plan, gateway=admin)
    ) as rig:
        wait_until(lambda: len(rig.admin("log")["served"]) >= len(ACCOUNTS), 10)  # each has been probed
        yield rig


def asked(rig: Rig, words: str, model: str = V3) -> tuple[int, Any]:
    """The status of one call, and what it brought."""
    client = sdk(rig)
    try:
        question = [{"role": "user", "content": words}]
        return 200, client.chat.completions.create(model=model, messages=question, max_tokens=3)  # type: ignore[call-overload]
    except openai.APIStatusError as error:
        return error.status_code, error


def changes(rig: Rig) -> list[str]:
    """What has changed in anybody's health, as the log has it."""
    return [line["msg"] for line in rig.events() if " -> " in line.get("msg", "")]


def keys(rig: Rig) -> dict[str, Any]:
    """What /health counts."""
    try:
        with urllib.request.urlopen(f"{rig.url}/health", timeout=5) as answer:
            told: dict[str, Any] = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        told = json.loads(error.read())
    counted: dict[str, Any] = told["keys"]
    return counted


@pytest.mark.parametrize("fault", ["forbidden", "throttled:4", "payment-required"])
def test_everybody_is_turned_down(tmp_path: Path, fault: str) -> None:
    """All keys get the same 403, 429 or 402: none is out for it, the log says what it looks like, and when it is over
    calls are served within seconds, though no credit would have been half an hour (D-32, D-36)."""
    with running(tmp_path) as rig, ThreadPoolExecutor(8) as crowd:
        assert asked(rig, "warm")[0] == 200
        rig.misbehave(fault)
        calls = [crowd.submit(asked, rig, f"number {number}") for number in range(4)]
        wait_until(lambda: "taken back: others fail alike" in "\n".join(changes(rig)), 15)
        assert "accounts alike and none served" in "\n".join(changes(rig))
        wait_until(lambda: keys(rig)["usable"] == len(ACCOUNTS), 5)

        rig.behave()
        began = time.monotonic()
        wait_until(lambda: asked(rig, "again")[0] == 200, 30)
        assert time.monotonic() - began < 30
        assert {call.result()[0] for call in calls} <= {200, 503}
        whys = [rig.verb("keys", "why", Secret(each[0]).fingerprint) for each in ACCOUNTS.values()]
        assert not any(why.returncode for why in whys)
        assert any("taken back: others fail alike" in why.stdout for why in whys)
        assert all("accounts alike and none served" in why.stdout for why in whys)


def test_one_key_among_good_ones_is_guilty(tmp_path: Path) -> None:
    """One is forbidden and the others serve: it is barred, and nobody else is touched (D-36)."""
    with running(tmp_path, probe={"every": "1s"}) as rig:
        rig.misbehave("forbidden", key=ACCOUNTS["bob"][0])
        assert {asked(rig, f"number {number}")[0] for number in range(12)} == {200}
        wait_until(lambda: keys(rig)["barred"] == 1, 10)
        assert keys(rig)["usable"] == len(ACCOUNTS) - 1
        assert not [line for line in changes(rig) if "alike" in line]


async def choosy(said: Asked, writer: asyncio.StreamWriter) -> None:
    """A vendor that fails at one text, and answers any other."""
    status, told = b"500 Oops", {"error": {"message": "internal error"}}
    if said.words != "poison":
        message = {"role": "assistant", "content": "Hello."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        told = {"id": "c", "object": "chat.completion", "created": 1, "model": V3, "choices": [choice], "usage": usage}
        status = b"200 OK"
    body = json.dumps(told).encode()
    await asyncio.sleep(0.02)
    writer.write(b"HTTP/1.1 %b\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))


def test_poison(tmp_path: Path) -> None:
    """A request that the vendor fails at, whoever asks, while others are served: a 422 after two attempts or three, one
    attempt when it is sent again; no key is out at the end, and no breaker was ever open."""
    with StandIn(choosy) as vendor, ThreadPoolExecutor(4) as crowd:
        plan = {"base_url": f"{vendor.url}/v1"}
        with started(tmp_path, Wishes(ACCOUNTS, "openai", models=[{"id": V3}], upstream=plan)) as rig:
            until = time.monotonic() + 6.0

            def others() -> set[int]:
                seen = set()
                while time.monotonic() < until:
                    seen.add(asked(rig, f"fine at {time.monotonic()}")[0])
                return seen

            busy = [crowd.submit(others) for _ in range(3)]
            time.sleep(0.5)
            told: list[tuple[int, int]] = []
            while time.monotonic() < until - 3.0:
                status, error = asked(rig, "poison")
                told.append((status, int(error.response.headers.get("x-targon-attempts", "1"))))
                time.sleep(0.1)
            assert set().union(*(one.result() for one in busy)) == {200}

            assert told[0][1] in (2, 3)
            assert set(told[2:]) == {(422, 1)}, told
            wait_until(lambda: keys(rig)["usable"] == len(ACCOUNTS), 5)
            assert not [line for line in changes(rig) if line.startswith("model ")]


def test_flapping(tmp_path: Path) -> None:
    """Up for four seconds, down for four: while it is down the fallback serves and the answer names it; the model is
    left within a few calls, and used again once it is up."""
    with running(tmp_path, MODELS) as rig:
        rig.admin("faults", {"fault": "flapping", "arg": "4", "model": V3})
        time.sleep(-time.time() % 8.0)  # it goes up then
        began, served = time.monotonic(), list[tuple[float, str]]()
        while (lasted := time.monotonic() - began) < 12.0 or (not _used_again(served) and lasted < 40.0):
            status, answer = asked(rig, f"at {time.monotonic()}")
            assert status == 200, answer
            served.append((time.time(), answer.model))
            time.sleep(0.1)

        tried = [one for one in rig.admin("log")["served"] if one["model"] == V3]
        failed = sum(one["status"] != 200 for one in tried)
        by = [model for _, model in served]
        assert by.count(R1) > 10
        assert by.count(V3) > 10
        assert _used_again(served)
        down = [at for at, model in served if int(at // 4) % 2 and model == R1]
        assert len(down) > 10
        assert failed < 0.25 * len(served)
        assert keys(rig)["usable"] == len(ACCOUNTS)


def _used_again(served: list[tuple[float, str]]) -> bool:
    """Whether the model has served since its fallback first did."""
    by = [model for _, model in served]
    return R1 in by and V3 in by[by.index(R1) :]


def test_cut_streams(tmp_path: Path) -> None:
    """A vendor that cuts every stream is left: its fallback serves whole ones, and no key is out for it (D-10)."""
    with running(tmp_path, MODELS, rescue={"replay": "never"}) as rig:
        rig.admin("faults", {"fault": "reset-midway", "arg": "3", "model": V3})
        ends = [_streamed(rig, f"number {number}") for number in range(12)]

        assert ends[:3] == ["cut"] * 3
        assert ends.count("cut") <= 5
        assert ends.count(R1) >= 7
        assert keys(rig)["usable"] == len(ACCOUNTS)


def _streamed(rig: Rig, words: str) -> str:
    """The model that served a stream whole, or `cut`."""
    question = [{"role": "user", "content": words}]
    try:
        stream = sdk(rig).chat.completions.create(model=V3, messages=question, max_tokens=20, stream=True)  # type: ignore[call-overload]
        chunks = list(stream)
    except openai.APIError:
        return "cut"
    return str(chunks[-1].model)


def test_known_after_a_kill(tmp_path: Path) -> None:
    """An account without credit is known as such after kill -9, though no state was written since: the ledger told."""
    with running(tmp_path, flush="1h") as rig:
        rig.misbehave("payment-required", key=ACCOUNTS["carol"][0])
        assert {asked(rig, f"number {number}")[0] for number in range(12)} == {200}
        assert keys(rig)["exhausted"] == 1
        rig.gateway.kill()
        rig.ended()
        rig.admin("log", method="DELETE")
        rig.again()

        assert keys(rig)["exhausted"] == 1
        assert {asked(rig, f"again {number}")[0] for number in range(12)} == {200}
        tried = [one for one in rig.admin("log")["served"] if one["account"] == "carol" and one["request_id"]]
        assert not [one for one in tried if one["request_id"].startswith("req_")]
