"""A stream that is cut is never taken for whole: the OpenAI SDK is the judge (faults catalogue, D-10, D-11; P8)."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import openai
import pytest

from tests.live.rig import V3, Wishes, started
from tests.live.test_clients import sdk

QUESTION = [{"role": "user", "content": "Hello!"}]
CUTS = ("fin-midway", "reset-midway")
STEP = 9
"""Every byte is the turn of `python -m tests.promises.truncation`, which takes a minute for each way to cut."""


@pytest.mark.parametrize("cut", CUTS)
def test_a_stream_cut_anywhere(tmp_path: Path, cut: str) -> None:
    """Cut at every ninth byte of a canonical answer: the SDK raises, or has every piece and a finish_reason."""
    upstream = {"timeouts": {"idle": "5s"}, "rescue": {"replay": "never"}}
    with started(tmp_path, Wishes(dialect="openai", upstream=upstream)) as rig:
        client = sdk(rig)
        text, _ = listen(client)
        assert text
        counts = {"whole": 0, "raised": 0}
        length = answer_length(rig.vendor_url)
        tried = range(0, length + 1, STEP)
        for number, at in enumerate(tried, 1):
            rig.misbehave(f"{cut}:{at}b", times=None)
            got, finished = "", False
            try:
                got, finished = listen(client)
            except Exception as error:  # any error is a visible one
                assert not isinstance(error, AssertionError)
                counts["raised"] += 1
            else:
                assert finished and got == text, f"cut at byte {at}: {got!r} was taken for whole"
                counts["whole"] += 1
            rig.behave()
            if counts["whole"] + counts["raised"] == number and not finished:
                assert listen(client) == (text, True)  # so that nothing is to be given up for the cuts
        assert counts["raised"] > len(tried) * 0.5, counts


def listen(client: openai.OpenAI) -> tuple[str, bool]:
    """The text of one streamed answer, and whether it said that it was finished."""
    stream = client.chat.completions.create(  # type: ignore[call-overload]
        model=V3, messages=QUESTION, max_tokens=4, seed=3, temperature=0, stream=True
    )
    text, finished = "", False
    for chunk in stream:
        text += chunk.choices[0].delta.content or ""
        finished = finished or bool(chunk.choices[0].finish_reason)
    return text, finished


def answer_length(vendor_url: str) -> int:
    """Bytes of the vendor's own answer to that question."""
    key = next(iter(Wishes().accounts.values()))[0]
    body = {"model": V3, "messages": QUESTION, "max_tokens": 4, "seed": 3, "temperature": 0, "stream": True}
    body["stream_options"] = {"include_usage": True}
    request = urllib.request.Request(
        f"{vendor_url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(request) as answer:
        return len(answer.read())
