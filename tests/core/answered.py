"""Answers of every kind as streams of events, cut into events at random, and a client that puts them together again.

Nothing of the gateway is used: what a client makes of a stream is put together here by the rules of OpenAI's library.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from attrs import frozen
from hypothesis import strategies as st

Token = tuple[str, ...]
"""One UTF-16 code unit of one text of a choice: `("content", "a")`, `("call", "0", "arguments", "{")`; or its end."""

TEXTS = st.text(st.sampled_from('ab \n"\\é漢😀\u2028'), min_size=1, max_size=6)
IDS = {"id": "chatcmpl-1", "created": 1700000000, "model": "acme/large"}


def units(text: str) -> list[str]:
    """Its code units, each a text of its own."""
    raw = text.encode("utf-16-le", "surrogatepass")
    return [raw[at : at + 2].decode("utf-16-le", "surrogatepass") for at in range(0, len(raw), 2)]


def tokens_of(strand: tuple[str, ...], text: str) -> list[Token]:
    """A text, unit by unit."""
    return [(*strand, unit) for unit in units(text)]


@st.composite
def choices(draw: st.DrawFn) -> list[Token]:
    """One choice: perhaps thoughts, perhaps content, perhaps tool calls, and why it is over."""
    said: list[Token] = []
    if draw(st.booleans()):
        said += tokens_of((draw(st.sampled_from(["reasoning_content", "reasoning"])),), draw(TEXTS))
    if draw(st.booleans()):
        said += tokens_of(("content",), draw(TEXTS))
    for number in range(draw(st.integers(0, 2))):
        call = ("call", str(number))
        said += [(*call, "name", f"tool_{number}"), *tokens_of((*call, "arguments"), draw(TEXTS))]
    return [*said, ("finish", draw(st.sampled_from(["stop", "length", "tool_calls"])))]


answers = st.lists(choices(), min_size=1, max_size=3)
"""The choices of a whole answer."""


@st.composite
def streams(draw: st.DrawFn, answer: list[list[Token]], **top: Any) -> list[bytes]:
    """The events that tell `answer`, cut, mixed and framed in some way."""
    queues = [_pieces(draw, choice) for choice in answer]
    call_id = draw(st.sampled_from(["call_a", "call_b"]))
    written = Written({**IDS, **top}, call_id, draw(st.sampled_from(["\n", "\r\n"])))
    events = [written.event(index, {"role": "assistant", "content": ""}) for index in range(len(answer))]
    while any(queues):
        index = draw(st.sampled_from([at for at, queue in enumerate(queues) if queue]))
        events.append(written.piece(index, queues[index].pop(0)))
    return events


def _pieces(draw: st.DrawFn, choice: list[Token]) -> list[list[Token]]:
    """The choice in runs of tokens of one text each, its end with the last of them or alone."""
    pieces: list[list[Token]] = []
    for token in choice:
        new = not pieces or pieces[-1][-1][:-1] != token[:-1] or draw(st.booleans())
        if token[0] == "finish" and pieces and draw(st.booleans()):
            pieces[-1].append(token)
        elif new:
            pieces.append([token])
        else:
            pieces[-1].append(token)
    return pieces


@frozen
class Written:
    """How a vendor writes its chunks."""

    top: dict[str, Any]
    call_id: str = "call_a"
    newline: str = "\n"

    def event(self, index: int, delta: dict[str, Any], finish: str | None = None, **members: Any) -> bytes:
        """A chunk with one choice, as an event."""
        choice = {"index": index, "delta": delta, "finish_reason": finish, **members}
        return self.framed({**self.top, "object": "chat.completion.chunk", "choices": [choice]})

    def framed(self, chunk: dict[str, Any]) -> bytes:
        """A chunk as an event."""
        return f"data: {json.dumps(chunk)}{self.newline}{self.newline}".encode()

    def piece(self, index: int, tokens: Sequence[Token]) -> bytes:
        """The event of some tokens of one text, and perhaps the end."""
        finish = next((token[1] for token in tokens if token[0] == "finish"), None)
        said = [token for token in tokens if token[0] != "finish"]
        if not said:
            return self.event(index, {}, finish)
        strand, text = said[0][:-1], "".join(token[-1] for token in said)
        if strand[0] != "call":
            return self.event(index, {strand[0]: text}, finish)
        call: dict[str, Any] = {"index": int(strand[1]), "function": {strand[2]: text}}
        if strand[2] == "name":
            function = {"name": text, "arguments": ""}
            call |= {"id": f"{self.call_id}{strand[1]}", "type": "function", "function": function}
        return self.event(index, {"tool_calls": [call]}, finish)


def heard(events: Sequence[bytes]) -> list[list[Token]]:
    """What a client makes of these events: each choice, token by token; asserts what must be one throughout."""
    choices: dict[int, list[Token]] = {}
    roles: dict[int, int] = {}
    ids: dict[tuple[int, int], set[str]] = {}
    tops = set()
    for event in events:
        chunk = json.loads(event.decode().removeprefix("data: "))
        tops.add(tuple(chunk[name] for name in IDS))
        for choice in chunk["choices"]:
            index, delta = choice["index"], choice["delta"]
            said = choices.setdefault(index, [])
            roles[index] = roles.get(index, 0) + ("role" in delta)
            for name in ("reasoning_content", "reasoning", "content"):
                said += tokens_of((name,), delta.get(name) or "")
            for call in delta.get("tool_calls") or ():
                if "id" in call:
                    ids.setdefault((index, call["index"]), set()).add(call["id"])
                which = ("call", str(call["index"]))
                if call["function"].get("name"):
                    said.append((*which, "name", call["function"]["name"]))
                said += tokens_of((*which, "arguments"), call["function"].get("arguments") or "")
            if choice["finish_reason"]:
                said.append(("finish", choice["finish_reason"]))
    assert len(tops) <= 1, f"one answer has one id: {tops}"
    assert all(times == 1 for times in roles.values()), f"a role is told once: {roles}"
    assert all(len(each) == 1 for each in ids.values()), f"a tool call has one id: {ids}"
    return [choices[index] for index in sorted(choices)]


def begins(whole: list[list[Token]], part: list[list[Token]]) -> bool:
    """Whether each choice of `part` is the beginning of the same one of `whole`."""
    if len(part) > len(whole):
        return False
    return all(said == full[: len(said)] for said, full in zip(part, whole, strict=False))
