"""Vendors that are slow, uneven, or say it byte by byte (faults catalogue, D-45)."""

from __future__ import annotations

from pathlib import Path

import pytest

from targon_gw.rehearsal.telling import ECHO
from tests.live.rig import V3, Wishes, started
from tests.live.test_clients import sdk

pytestmark = pytest.mark.live

WORDS = "one 二 three 😀 four " * 8


@pytest.mark.parametrize("fault", ["slow-first-token:0.7", "jitter:0.2", "byte-by-byte"])
def test_the_answer_is_the_same(tmp_path: Path, fault: str) -> None:
    """D-45: whatever the pace and the pieces, streamed or not, the client has it whole and word for word."""
    with started(tmp_path, Wishes(dialect="openai")) as rig:
        client = sdk(rig)
        rig.misbehave(fault)
        asked = {"model": V3, "messages": [{"role": "user", "content": ECHO + WORDS}], "max_tokens": 500}
        whole = client.chat.completions.create(**asked)  # type: ignore[call-overload]
        chunks = list(client.chat.completions.create(**asked, stream=True))  # type: ignore[call-overload]

        assert whole.choices[0].message.content == WORDS
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == WORDS
        assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
