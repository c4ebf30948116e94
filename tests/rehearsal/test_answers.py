"""The shapes of answers, streamed and whole, in both dialects."""

from __future__ import annotations

import base64
import math
import struct
from typing import Any
from unittest import TestCase

from targon_gw.core.config import Dialect

from .stage import EMBEDDER, THINKER, post, response, stage

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["c", "f"]}}
        },
    },
}


def said(chunks: list[dict[str, Any]], field: str, index: int = 0) -> str:
    """One field's text over the chunks of one choice."""
    parts = [part for chunk in chunks for part in chunk["choices"] if part["index"] == index]
    return "".join((part["delta"].get(field) or "") for part in parts)


class StreamTests(TestCase):
    """Streams of chat completions."""

    def test_openai_stream(self) -> None:
        """A role, pieces, a finish_reason, `[DONE]`; no usage unless asked for."""
        got = response(stage().ask())
        chunks = got.chunks
        assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
        assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
        assert got.payloads[-1] == "[DONE]"
        assert not any("usage" in chunk for chunk in chunks)
        assert len({chunk["id"] for chunk in chunks}) == 1

    def test_targon_stream(self) -> None:
        """SGLang's chunks: `""` and null for "not yet", no `[DONE]`, a blank line too many."""
        got = response(stage(Dialect.TARGON).ask())
        chunks = got.chunks
        assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [""] * (len(chunks) - 1) + ["stop"]
        assert all(chunk["usage"] is None for chunk in chunks)
        assert "[DONE]" not in got.payloads
        assert got.body.endswith(b"}\n\n\n")

    def test_usage_comes_last_and_alone(self) -> None:
        """Usage stands in a last chunk without choices and counts the pieces."""
        for dialect in Dialect:
            chunks = response(stage(dialect).ask(stream_options={"include_usage": True})).chunks
            assert chunks[-1]["choices"] == []
            assert all(chunk["usage"] is None for chunk in chunks[:-1])
            usage = chunks[-1]["usage"]
            pieces = sum(1 for chunk in chunks[:-1] if chunk["choices"][0]["delta"].get("content"))
            assert usage["completion_tokens"] == pieces
            assert usage["total_tokens"] == usage["prompt_tokens"] + pieces

    def test_reasoning_comes_first(self) -> None:
        """A reasoning model thinks before it speaks, and both are counted."""
        chunks = response(stage().ask(THINKER, stream_options={"include_usage": True})).chunks
        fields = [next(iter(chunk["choices"][0]["delta"]), None) for chunk in chunks[1:-2]]
        turn = fields.index("content")
        assert set(fields[:turn]) == {"reasoning_content"}
        assert set(fields[turn:]) == {"content"}
        assert chunks[-1]["usage"]["completion_tokens_details"]["reasoning_tokens"] == turn

    def test_stream_says_what_the_whole_says(self) -> None:
        """The same order streamed and not says the same, thoughts too; in every dialect."""
        for dialect in Dialect:
            scene = stage(dialect)
            whole = response(scene.ask(THINKER, stream=False)).json["choices"][0]["message"]
            chunks = response(scene.ask(THINKER)).chunks
            assert said(chunks, "content") == whole["content"]
            assert said(chunks, "reasoning_content") == whole["reasoning_content"]

    def test_choices_take_turns(self) -> None:
        """Several choices are told at once, each ends by itself, and they differ."""
        chunks = response(stage().ask(n=3)).chunks
        assert [chunk["choices"][0]["index"] for chunk in chunks[:6]] == [0, 1, 2, 0, 1, 2]
        assert len({said(chunks, "content", index) for index in range(3)}) == 3
        assert sum(1 for chunk in chunks if chunk["choices"][0]["finish_reason"]) == 3

    def test_max_tokens(self) -> None:
        """After so many pieces the answer ends with `length`, thoughts counted."""
        scene = stage()
        for model in ("plain", THINKER):
            got = response(scene.ask(model, max_tokens=5, stream=False)).json
            assert got["choices"][0]["finish_reason"] == "length"
            assert got["usage"]["completion_tokens"] == 5

    def test_legacy_form(self) -> None:
        """Completions have text, streamed and not."""
        for dialect in (Dialect.OPENAI, Dialect.TARGON):
            scene = stage(dialect)
            wish = {"model": "plain", "prompt": "once", "temperature": 0}
            scene.say(post("/v1/completions", {**wish, "stream": False}))
            whole = response(scene.line.take()).json
            scene.say(post("/v1/completions", {**wish, "stream": True}))
            chunks = response(scene.line.take()).chunks
            assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == whole["choices"][0]["text"] != ""
            assert whole["object"] == chunks[0]["object"] == "text_completion"


class DeterminismTests(TestCase):
    """The same question, and whether it has the same answer."""

    def test_same_body_same_text(self) -> None:
        """With temperature 0 or a seed another vendor of the same make says the same."""
        for fixed in ({"temperature": 0}, {"temperature": 1, "seed": 5}):
            first, second = (response(stage().ask(**fixed)).text for _ in range(2))
            assert first == second

    def test_otherwise_it_varies(self) -> None:
        """Without either it does not; ids never are the same."""
        scene = stage()
        first, second = (response(scene.ask(temperature=1)) for _ in range(2))
        assert first.text != second.text
        assert first.chunks[0]["id"] != second.chunks[0]["id"]

    def test_a_fault_does_not_change_the_text(self) -> None:
        """What a cut stream began, the next answer begins too: a replay can be compared."""
        scene = stage()
        cut = response(scene.ask("plain!fin-midway:9")).text
        scene.connect()
        assert cut
        assert response(scene.ask()).text.startswith(cut)

    def test_going_on(self) -> None:
        """vLLM goes on from the assistant's words; OpenAI will not hear of it."""
        question = {"role": "user", "content": "tell me"}
        scene = stage(Dialect.VLLM)
        whole = response(scene.ask(messages=[question])).text
        for place in (1, 10, 33):
            begun = [question, {"role": "assistant", "content": whole[:place]}]
            rest = response(scene.ask(messages=begun, continue_final_message=True)).text
            assert rest == whole[place:]
        refused = response(stage().ask(messages=begun, continue_final_message=True))
        assert refused.json["error"]["param"] == "continue_final_message"


class ToolTests(TestCase):
    """Tool calls."""

    def test_first_tool_is_called(self) -> None:
        """Arguments have the types of the schema, texts echo the question."""
        call = response(stage().ask(stream=False, tools=[TOOL])).json["choices"][0]
        assert call["finish_reason"] == "tool_calls"
        function = call["message"]["tool_calls"][0]["function"]
        assert (function["name"], function["arguments"]) == (
            "weather", '{"city": "hello there", "days": 1, "unit": "c"}')  # fmt: skip

    def test_streamed_call(self) -> None:
        """The name comes first, the arguments in pieces."""
        chunks = response(stage().ask(tools=[TOOL])).chunks
        calls = [chunk["choices"][0]["delta"]["tool_calls"][0] for chunk in chunks[1:-1]]
        assert calls[0]["function"] == {"name": "weather", "arguments": ""}
        assert "".join(call["function"]["arguments"] for call in calls).startswith('{"city"')
        assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"

    def test_no_call(self) -> None:
        """After a tool's answer, or where none may be called, there are words."""
        scene = stage()
        answered = [{"role": "user", "content": "?"}, {"role": "tool", "content": "rain", "tool_call_id": "c"}]
        for more in ({"messages": answered}, {"tool_choice": "none"}):
            assert response(scene.ask(stream=False, tools=[TOOL], **more)).text

    def test_named_tool(self) -> None:
        """The tool that is named is the one that is called."""
        other = {"type": "function", "function": {"name": "other"}}
        choice = {"type": "function", "function": {"name": "other"}}
        got = response(stage().ask(stream=False, tools=[TOOL, other], tool_choice=choice)).json
        assert got["choices"][0]["message"]["tool_calls"][0]["function"] == {"name": "other", "arguments": "{}"}


class EmbeddingTests(TestCase):
    """Embeddings."""

    def embed(self, dialect: Dialect = Dialect.OPENAI, **body: Any) -> Any:
        """The response to a wish."""
        scene = stage(dialect)
        scene.say(post("/v1/embeddings", {"model": EMBEDDER, **body}))
        return response(scene.line.take())

    def test_vectors(self) -> None:
        """Each text has its own vector of length 1, always the same, in order."""
        data = self.embed(input=["a", "b", "a"]).json["data"]
        first, second, third = (each["embedding"] for each in data)
        assert first == third != second
        assert math.isclose(math.hypot(*first), 1.0)
        assert [each["index"] for each in data] == [0, 1, 2]

    def test_base64(self) -> None:
        """Packed, it is the same vector in 32 bits."""
        plain = self.embed(input="a").json["data"][0]["embedding"]
        packed = self.embed(input="a", encoding_format="base64").json["data"][0]["embedding"]
        for one, other in zip(plain, struct.unpack("<16f", base64.b64decode(packed)), strict=True):
            assert math.isclose(one, other, rel_tol=1e-6)

    def test_not_everywhere(self) -> None:
        """Targon has no such endpoint; a model of words is no model of vectors, nor the other way round."""
        assert self.embed(Dialect.TARGON, input="a").status == 404
        assert self.embed(input="a", model="plain").status == 404
        assert response(stage().ask(EMBEDDER)).status == 404
