"""Streams that are cut and gone on with, behind the OpenAI SDK: it has the whole answer, or raises."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.live.rig import R1, V3, Rig, Wishes, started
from tests.live.test_clients import sdk

QUESTION = [{"role": "user", "content": "用中文介绍一下负载均衡 🙂"}]
TOOL = {
    "type": "function",
    "function": {"name": "look_up", "parameters": {"type": "object", "properties": {"what": {"type": "string"}}}},
}
ASKED: dict[str, dict[str, Any]] = {
    "text": {"model": V3},
    "reasoning": {"model": R1},
    "tool call": {"model": V3, "tools": [TOOL]},
    "reasoning and tool call": {"model": R1, "tools": [TOOL]},
    "choices": {"model": V3, "n": 2},
}
PLENTY = {"retries": {"attempts": 3, "budget": "100%"}}
"""The budget of retries holds for rescues too; here they are all that there is."""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway before a vendor of one key, which is asked again after a pause."""
    wishes = Wishes(dialect="openai", upstream={"timeouts": {"idle": "1s", "first_token": "2s"}}, gateway=PLENTY)
    with started(tmp_path_factory.mktemp("rescue"), wishes) as found:
        yield found


def listen(client: openai.OpenAI, **asked: Any) -> tuple[list[Any], int]:
    """One streamed answer as the SDK puts it together: each choice's texts, calls and end; and its tokens."""
    stream = client.chat.completions.create(
        **{"messages": QUESTION, "seed": 3, "max_tokens": 40, **asked},
        stream=True,
        stream_options={"include_usage": True},
    )
    told: dict[int, dict[str, Any]] = {}
    tops, tokens = set(), 0
    for chunk in stream:
        tops.add((chunk.id, chunk.created, chunk.model))
        tokens = chunk.usage.completion_tokens if chunk.usage else tokens
        for choice in chunk.choices:
            one = told.setdefault(choice.index, {"role": 0, "thought": "", "text": "", "calls": {}, "end": None})
            one["role"] += choice.delta.role is not None
            one["thought"] += getattr(choice.delta, "reasoning_content", None) or ""
            one["text"] += choice.delta.content or ""
            for call in choice.delta.tool_calls or ():
                name, arguments, ids = one["calls"].get(call.index, ("", "", 0))
                assert call.function is not None
                name, arguments = name + (call.function.name or ""), arguments + (call.function.arguments or "")
                one["calls"][call.index] = name, arguments, ids + (call.id is not None)
            one["end"] = choice.finish_reason or one["end"]
    assert len(tops) == 1, "one answer has one id, one time, one model"
    return [told[index] for index in sorted(told)], tokens


def entries(rig: Rig) -> list[dict[str, Any]]:
    """The ledger's lines so far."""
    files = sorted((rig.folder / "state" / "ledger").iterdir())
    return [json.loads(line[2:]) for file in files for line in file.read_text().splitlines()]


@pytest.mark.parametrize("cut", ["fin-midway", "reset-midway"])
@pytest.mark.parametrize("what", list(ASKED))
def test_cut_at_many_events(rig: Rig, what: str, cut: str) -> None:
    """D-10, D-11, D-48: wherever an answer is cut, the SDK has the whole of it, once, and counts its tokens once."""
    client = sdk(rig)
    whole = listen(client, **ASKED[what])
    assert all(choice["end"] and choice["role"] == 1 for choice in whole[0])
    for at in (1, 2, 3, 5, 8, 13, 21, 34, 40):
        rig.misbehave(f"{cut}:{at}", times=1)
        assert listen(client, **ASKED[what]) == whole, f"cut behind {at} events"
        rig.behave()


def test_cut_at_bytes(rig: Rig) -> None:
    """D-11: cut within events, too, the answer is whole."""
    client = sdk(rig)
    whole = listen(client, model=R1)
    for at in range(300, 3000, 171):
        rig.misbehave(f"fin-midway:{at}b", times=1)
        assert listen(client, model=R1) == whole, f"cut behind {at} bytes"
        rig.behave()


@pytest.mark.parametrize("fault", ["stall:7", "error-midway:openai@7", "error-midway:anthropic@7", "no-finish:7"])
def test_other_ends(rig: Rig, fault: str) -> None:
    """D-09, D-21, D-23: silence, an error event and an end without a finish_reason are cuts like any other."""
    client = sdk(rig)
    whole = listen(client, model=V3)
    rig.misbehave(fault, times=1)

    assert listen(client, model=V3) == whole
    rig.behave()


def test_never_spliced(rig: Rig) -> None:
    """D-48: what is not deterministic is not asked for again: the SDK raises, and has what came as what came."""
    rig.misbehave("fin-midway:9", times=1)
    with pytest.raises(openai.APIError, match="broke off"):
        listen(sdk(rig), model=V3, seed=None)
    rig.behave()


def test_all_cut(rig: Rig) -> None:
    """Where every further try is cut as well, the SDK raises; the next call is served."""
    client = sdk(rig)
    rig.misbehave("fin-midway:9", times=3)
    with pytest.raises(openai.APIError, match="broke off"):
        listen(client, model=V3)
    rig.behave()

    assert listen(client, model=V3)[0]


def test_ledger_and_metrics(rig: Rig) -> None:
    """D-51: one line for the call, one for the cut attempt, which costs nobody anything; the rescue is counted."""
    whole = listen(sdk(rig), model=V3)
    rig.misbehave("fin-midway:9", times=1)
    listen(sdk(rig), model=V3)
    rig.behave()
    cut, call = [line for line in entries(rig) if line["kind"] in ("call", "attempt")][-2:]

    assert (call["kind"], call["ending"], call["attempts"], call["note"]) == ("call", "served", 2, "rescued: replay")
    assert (call["completion"], call["source"]) == (whole[1], "upstream")
    assert (cut["kind"], cut["id"], cut["note"]) == ("attempt", call["id"], "the stream was cut: broken")
    assert (cut["source"], "cost" in cut) == ("counted", False)
    assert cut["completion"] < call["completion"]


@pytest.mark.parametrize(("dialect", "way"), [("vllm", "vllm"), ("openai", "deepseek")])
def test_prefill(tmp_path: Path, dialect: str, way: str) -> None:
    """A vendor that can is given what was said and goes on; the SDK has one answer, and its tokens."""
    upstream = {"rescue": {"replay": "never", "prefill": way}}
    with started(tmp_path, Wishes(dialect=dialect, upstream=upstream, gateway=PLENTY)) as rig:
        client = sdk(rig)
        whole = listen(client, model=V3)
        for at in (3, 8, 21, 34):
            rig.misbehave(f"fin-midway:{at}", times=1)
            assert listen(client, model=V3) == whole, f"cut behind {at} events"
            rig.behave()
        notes = [line.get("note") for line in entries(rig) if line["kind"] == "call"]
        assert notes == [None, *["rescued: prefill"] * 4]


def test_prefill_turned_down(tmp_path: Path) -> None:
    """A vendor that does not know the way says so once; its words never reach the client, who is told of the cut."""
    upstream = {"rescue": {"replay": "never", "prefill": "vllm"}}
    with started(tmp_path, Wishes(dialect="openai", upstream=upstream, gateway=PLENTY)) as rig:
        client = sdk(rig)
        for _ in range(2):
            rig.misbehave("fin-midway:9", times=1)
            with pytest.raises(openai.APIError) as raised:
                listen(client, model=V3)
            assert "continue_final_message" not in str(raised.value)
            rig.behave()
            assert listen(client, model=V3)[0]
        asked = [line for line in entries(rig) if line["kind"] == "attempt"]
        assert len(asked) == 1
