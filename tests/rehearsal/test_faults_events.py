"""Faults in what is said, as it stands in the stream."""

from __future__ import annotations

import json
from typing import Any
from unittest import TestCase

from .stage import Response, Stage, chat, response, stage


class EventFaultTests(TestCase):
    """Events missing, doubled or untrue."""

    def setUp(self) -> None:
        self.stage: Stage = stage()
        self.right = response(self.stage.ask())

    def told(self, model: str, **more: Any) -> Response:
        """What comes; HTTP is always in order."""
        got = response(self.stage.ask(model, **more))
        assert got.whole
        assert got.rest == b""
        assert got.status == 200
        return got

    def test_error_first(self) -> None:
        """D-20: the first event is an error with its code, and the only one; a unary answer is one."""
        (chunk,) = self.told("fault/error-first:503").chunks
        assert chunk["error"]["code"] == 503
        assert self.told("fault/error-first", stream=False).json["error"]["code"] == 429

    def test_error_midway(self) -> None:
        """D-21: after so many events an error in the style of some vendor, and no `[DONE]`."""
        marks = {"openai": "error", "anthropic": "type", "vllm": "object", "openrouter": "choices"}
        for style, mark in marks.items():
            got = self.told(f"fault/error-midway:{style}@4")
            assert len(got.payloads) == 5
            assert mark in got.chunks[-1]
            assert "[DONE]" not in got.payloads
            assert (b"event: error\n" in got.body) is (style == "anthropic")
        assert len(self.told("fault/error-midway").payloads) == 4

    def test_no_done(self) -> None:
        """D-22: all but `[DONE]`."""
        assert self.told("fault/no-done").payloads[-1].count('"finish_reason":"stop"') == 1

    def test_lingering(self) -> None:
        """D-22: the finish_reason comes, and then no end of any kind."""
        got = response(self.stage.ask("fault/lingering"))
        assert not got.whole
        assert '"finish_reason":"stop"' in got.payloads[-1]
        self.stage.wait(1000)
        assert (self.stage.line.take(), self.stage.line.ended) == (b"", None)

    def test_no_finish(self) -> None:
        """D-23: a clean end after so many events, without a finish_reason or `[DONE]`."""
        got = self.told("fault/no-finish:6")
        assert len(got.payloads) == 6
        assert all(chunk["choices"][0]["finish_reason"] is None for chunk in got.chunks)

    def test_data_after_done(self) -> None:
        """D-24: text goes on after `[DONE]`."""
        payloads = self.told("fault/data-after-done").payloads
        assert payloads.index("[DONE]") == len(payloads) - 3
        assert json.loads(payloads[-1])["choices"][0]["delta"]["content"]

    def test_two_dones(self) -> None:
        """D-24: `[DONE]` comes twice."""
        assert self.told("fault/two-dones").payloads[-2:] == ["[DONE]", "[DONE]"]

    def test_usage_every_chunk(self) -> None:
        """D-25: usage stands in every chunk and grows."""
        counts = [chunk["usage"]["completion_tokens"] for chunk in self.told("fault/usage-every-chunk").chunks]
        assert counts == sorted(counts)
        assert counts[-1] == self.stage.vendor.log[-1].completion_tokens > 0

    def test_usage_missing(self) -> None:
        """D-25: no usage, though it was asked for; none in a unary answer."""
        got = self.told("fault/usage-missing", stream_options={"include_usage": True})
        assert not any(chunk.get("usage") for chunk in got.chunks)
        assert "usage" not in self.told("fault/usage-missing", stream=False).json

    def test_usage_before_finish(self) -> None:
        """D-25: usage comes before the finish_reason, once."""
        chunks = self.told("fault/usage-before-finish", stream_options={"include_usage": True}).chunks
        places = [place for place, chunk in enumerate(chunks) if chunk.get("usage")]
        assert places == [len(chunks) - 2]
        assert chunks[-1]["choices"][0]["finish_reason"] == "stop"

    def test_usage_absurd(self) -> None:
        """D-26: completion_tokens is no count that anybody could believe."""
        for kind, value in (("negative", -5), ("string", "12"), ("huge", 10**12), ("bool", True), ("float", 1.5)):
            usage = self.told(f"fault/usage-absurd:{kind}").chunks[-1]["usage"]["completion_tokens"]
            assert (usage, type(usage)) == (value, type(value))
            assert self.told(f"fault/usage-absurd:{kind}", stream=False).json["usage"]["completion_tokens"] == value

    def test_malformed_event(self) -> None:
        """D-28: one event is no JSON; the others say all."""
        got = self.told("fault/malformed-event:3")
        broken = [place for place, payload in enumerate(got.payloads) if not _is_json(payload)]
        assert broken[0] == 3
        assert len(got.payloads) == len(self.right.payloads) + 1

    def test_endless_line(self) -> None:
        """D-29: one line of so many MiB, drawn as it is read."""
        self.stage.connect(room=64 << 10)
        self.stage.say(chat("fault/endless-line:4"))
        while data := self.stage.line.take():
            assert len(data) < 128 << 10
            assert b"\n\n" not in data
            self.stage.turn()
        assert self.stage.line.taken > 4 << 20

    def test_other_model(self) -> None:
        """D-49: the answer names a model that was not asked for."""
        assert {chunk["model"] for chunk in self.told("fault/other-model").chunks} == {"somebody-elses-model"}
        assert self.told("fault/other-model:gpt", stream=False).json["model"] == "gpt"

    def test_other_id(self) -> None:
        """D-49: no two events have the same id."""
        chunks = self.told("fault/other-id").chunks
        assert len({chunk["id"] for chunk in chunks}) == len(chunks)


def _is_json(payload: str) -> bool:
    try:
        json.loads(payload)
    except ValueError:
        return payload == "[DONE]"
    return True
