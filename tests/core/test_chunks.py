"""What one event of a stream says (faults catalogue, D-21, D-27 and D-28)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.chunks import Choice, Delta, read_chunk, said_in
from targon_gw.core.openai import Endpoint

PLAIN = b'{"choices":[{"index":1,"delta":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}'


class ReadChunkTests:
    """From bytes to what is looked at."""

    @pytest.mark.parametrize(
        "event",
        [
            b"data: " + PLAIN + b"\n\n",
            b"data:" + PLAIN + b"\r\n\r\n",
            b"id: 1\ndata: " + PLAIN + b"\r\r",
            b"data: " + PLAIN.replace(b',"usage"', b',\ndata: "usage"') + b"\n\n",
            b"event: message\ndata: " + PLAIN + b"\n\n",
        ],
    )
    def test_framing_does_not_matter(self, event: bytes) -> None:
        """D-27: however its lines are written, an event says the same."""
        chunk = read_chunk(event)

        assert chunk is not None
        assert chunk.choices == [Choice(1, Delta("hi"), finish_reason="stop")]
        assert chunk.usage == {"prompt_tokens": 1}

    @pytest.mark.parametrize(
        "event",
        [
            b"id: 12" + PLAIN + b"\n\n",
            b"data: \n" + PLAIN + b"\n\n",
            b"data: " + PLAIN[:-1] + b"\n}\n\n",
            b"data: " + PLAIN[:-1] + b"\r}\n\n",
            b"data: " + PLAIN + PLAIN + b"\n\n",
            b"data: [DONE]\n\n",
            b"event: error\ndata: " + PLAIN + b"\n\n",
        ],
    )
    def test_what_is_no_data_is_not_read(self, event: bytes) -> None:
        """D-28: JSON in other lines, in two lines, or twice; and an error by its name says nothing else."""
        assert read_chunk(event) is None

    def test_members_of_other_types_are_as_if_absent(self) -> None:
        """D-28: the others are read."""
        odd = b'{"choices":[{"index":"x","delta":{"content":"a","tool_calls":5},"finish_reason":7},3],"usage":"many"}'
        chunk = read_chunk(b"data: " + odd + b"\n\n")

        assert chunk is not None and chunk.usage is None and chunk.choices is not None
        assert chunk.choices[0].delta is not None and chunk.choices[0].delta.content == "a"
        assert [(choice.index, choice.finish_reason) for choice in chunk.choices] == [(0, None), (0, None)]

    @given(st.binary(max_size=60), st.sampled_from([b"data: %b\n\n", b"event: error\ndata:%b\r\r", b"%b"]))
    def test_nothing_is_raised(self, data: bytes, frame: bytes) -> None:
        """Whatever comes is read, or it is not."""
        chunk = read_chunk(frame % data)
        assert chunk is None or chunk.choices is None or isinstance(chunk.choices, list)


class SaidInTests:
    """Something of the answer, or of the reasoning."""

    @pytest.mark.parametrize(
        ("delta", "told"),
        [
            ({"role": "assistant", "content": ""}, (False, False)),
            ({"content": "a"}, (True, False)),
            ({"tool_calls": [{}]}, (True, False)),
            ({"refusal": "no"}, (True, False)),
            ({"function_call": {"name": "f"}}, (True, False)),
            ({"audio": {"data": "x"}}, (True, False)),
            ({"content": "", "reasoning_content": "hm"}, (False, True)),
            ({"reasoning": "hm"}, (False, True)),
            ({"content": "a", "reasoning": "hm"}, (True, True)),
        ],
    )
    def test_what_a_delta_says(self, delta: dict[str, Any], told: tuple[bool, bool]) -> None:
        """D-25: each member that an answer is made of; empty ones are nothing."""
        chunk = read_chunk(b"data: " + json.dumps({"choices": [{}, {"delta": delta}]}).encode() + b"\n\n")

        assert chunk is not None and chunk.choices is not None
        assert said_in(Endpoint.CHAT, chunk.choices) == told
        assert said_in(Endpoint.COMPLETIONS, chunk.choices) == (False, False)

    def test_completions_have_texts(self) -> None:
        """The legacy form has `text`, which in a chat is nothing."""
        assert said_in(Endpoint.COMPLETIONS, [Choice(text="a")]) == (True, False)
        assert said_in(Endpoint.CHAT, [Choice(text="a")]) == (False, False)
