"""What breaks behind the gateway is not seen in front of it, where another key can step in."""

from __future__ import annotations

import json
import time
from pathlib import Path

import openai
import pytest

from tests.live.rig import CLIENT_KEY, V3, Wishes, started, wait_until
from tests.live.test_clients import sdk

KEYS = {
    name: [f"sn4_live_{name}_{'x' * 24}"[:32]]
    for name in ("barred", "good1", "throttled", "good2", "slow", "reset", "good3")
}
QUESTION = [{"role": "user", "content": "Hello!"}]


def test_bad_keys_beside_good_ones(tmp_path: Path) -> None:
    """One key answers 401, one 429 with Retry-After, one is silent, one resets: 60 calls see only good answers.

    And the log says what happened to each of the four (faults catalogue, D-05, D-07, D-32, D-36).
    """
    upstream = {"timeouts": {"first_token": "2s"}, "draw": "round_robin", "probe": {"every": "1s"}}
    with started(tmp_path, Wishes(KEYS, upstream=upstream, events_per_second=500.0)) as rig:
        for name, fault in (
            ("barred", "unauthorized"),
            ("throttled", "throttled:30"),
            ("slow", "silent"),
            ("reset", "reset-before-head"),
        ):
            rig.misbehave(fault, key=KEYS[name][0])
        client = sdk(rig)
        for number in range(60):
            question = [{"role": "user", "content": f"Hello, {number}!"}]  # the same would go to the same key
            if number % 2:
                chunks = list(client.chat.completions.create(model=V3, messages=question, stream=True, max_tokens=5))  # type: ignore[call-overload]
                assert chunks[-1].choices[0].finish_reason == "length"
            else:
                whole = client.chat.completions.create(model=V3, messages=question, max_tokens=5)  # type: ignore[call-overload]
                assert whole.choices[0].finish_reason == "length"
        wait_until(lambda: rig.log.read_text().count('"event":"call"') >= 60, 5)
        wait_until(lambda: "suspect -> barred" in rig.log.read_text(), 5)

        lines = [json.loads(line) for line in rig.log.read_text().splitlines() if line.startswith("{")]
        changes = "\n".join(line["msg"] for line in lines if " -> " in line.get("msg", ""))
        calls = [line for line in lines if line.get("event") == "call"]
        assert {call["ending"] for call in calls} == {"served"}
        assert "suspect -> barred, 401: key not accepted" in changes
        assert "account throttled of vendor: ready -> cooling, 429: too many requests" in changes
        assert "no first token in time, where another key served" in changes
        assert "closed" in changes
        served_by = {call["account"] for call in calls}
        assert served_by == {"good1", "good2", "good3"}


def test_a_whole_outage_is_told_quickly_and_truly(tmp_path: Path) -> None:
    """Every key gone: the client gets 503 with a time to come back, within a second, not a wait (D-05, D-47)."""
    with started(tmp_path, Wishes()) as rig:
        rig.misbehave("reset-before-head")
        client = sdk(rig)
        refused = []
        for _ in range(6):
            with pytest.raises(openai.APIStatusError) as failed:
                client.chat.completions.create(model=V3, messages=QUESTION)  # type: ignore[call-overload]
            refused.append(failed.value)

        assert refused[0].status_code == 502
        assert refused[-1].status_code == 503
        assert 1 <= int(refused[-1].response.headers["retry-after"]) <= 120
        assert refused[-1].response.headers["x-should-retry"] == "true"

        rig.behave()
        began = time.monotonic()
        client = openai.OpenAI(base_url=rig.base_url, api_key=CLIENT_KEY, max_retries=4)
        assert client.chat.completions.create(model=V3, messages=QUESTION).choices  # type: ignore[call-overload]
        assert time.monotonic() - began < 30


def test_every_fault_of_one_key_is_mended_by_another(tmp_path: Path) -> None:
    """For each fault that the vendor knows, charged to one of two keys: no answer is ever wrong or cut unseen.

    What comes before the first event is mended; what comes after is at least an error that the SDK raises (group D).
    """
    accounts = {"bad": ["sn4_live_bad_key_00000000000000001"], "good": ["sn4_live_good_key_0000000000000001"]}
    upstream = {"timeouts": {"first_token": "1s", "idle": "1s"}, "draw": "round_robin"}
    with started(tmp_path, Wishes(accounts, upstream=upstream, dialect="openai")) as rig:
        client = sdk(rig)
        names = [fault["name"] for fault in rig.admin("catalogue")]
        assert len(names) > 50
        wrong = {}
        for name in names:
            rig.misbehave(name, key=accounts["bad"][0])
            for streamed in (False, True):
                for _ in range(2):
                    verdict = ask(client, streamed)
                    if verdict not in ("whole", "raised"):
                        wrong[f"{name}, {'streamed' if streamed else 'unary'}"] = verdict
            rig.behave()
        assert not wrong


def ask(client: openai.OpenAI, streamed: bool) -> str:
    """What one call came to: `whole`, `raised`, or what was wrong with it."""
    try:
        if not streamed:
            whole = client.chat.completions.create(model=V3, messages=QUESTION, max_tokens=6, seed=7)  # type: ignore[call-overload]
            return "whole" if whole.choices[0].finish_reason in ("length", "stop") else "no finish"
        chunks = list(
            client.chat.completions.create(model=V3, messages=QUESTION, max_tokens=6, seed=7, stream=True)  # type: ignore[call-overload]
        )
    except openai.APIError:
        return "raised"
    except Exception as error:  # what the SDK lets through of httpx is a visible failure, too
        return "raised" if type(error).__module__.startswith("httpx") else f"{type(error).__name__}: {error}"
    finish = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
    return "whole" if finish else f"{len(chunks)} chunks without a finish_reason, and no error"
