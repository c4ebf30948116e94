"""The shapes of answers: JSON objects and chunks of OpenAI's wire, and how SGLang (which is Targon's) writes them.

SGLang's chunks bear `finish_reason: ""` and `usage: null` while nothing is known yet, name every field of a delta, and
end without `[DONE]`; OpenAI's bear only what is new, and end with it. Every event is made when it is asked for.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import math
import random
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from attrs import frozen

from targon_gw.core.config import Dialect

from .orders import Order
from .steps import Frame
from .telling import Choice, Model, Telling

Chunk = dict[str, Any]
written = msgspec.json.encode
"""A value as JSON in UTF-8, without spaces."""


@frozen
class Event:
    """One event of a stream: a chunk, or `None` for `[DONE]`; `tokens` are the pieces that it brings."""

    chunk: Chunk | None
    tokens: int = 0

    @property
    def payload(self) -> bytes:
        """What stands after `data: `."""
        return b"[DONE]" if self.chunk is None else written(self.chunk)

    @property
    def finishes(self) -> bool:
        """Whether a choice ends with this."""
        return any(choice.get("finish_reason") for choice in self.choices)

    @property
    def choices(self) -> list[dict[str, Any]]:
        """The chunk's choices; none where it has none."""
        return [] if self.chunk is None else self.chunk.get("choices", [])

    @property
    def counts(self) -> bool:
        """Whether this is the event of usage alone."""
        return self.chunk is not None and bool(self.chunk.get("usage")) and not self.choices


def frame(event: Event, dialect: Dialect) -> Frame:
    """`event` in the dialect's framing; Targon's hub leaves a blank line too many."""
    end = b"\n\n\n" if dialect is Dialect.TARGON else b"\n\n"
    return Frame(b"data: " + event.payload + end, event.tokens)


def events(telling: Telling, order: Order, dialect: Dialect) -> Iterator[Event]:
    """The stream that tells `telling`; the choices take turns, a piece each."""
    sglang = dialect is Dialect.TARGON
    shape = _ChatChunks(sglang) if order.chat else _TextChunks(sglang)
    top = {
        "id": telling.id if sglang else f"{'chatcmpl' if order.chat else 'cmpl'}-{telling.id}",
        "object": "chat.completion.chunk" if order.chat else "text_completion",
        "created": telling.created,
        "model": telling.model,
    }
    unknown = {"usage": None} if sglang or order.usage else {}
    turns = itertools.zip_longest(*(shape.choice(index, choice) for index, choice in enumerate(telling.choices)))
    for choice, tokens in (each for turn in turns for each in turn if each is not None):
        yield Event({**top, "choices": [choice], **unknown}, tokens)
    if order.usage:
        yield Event({**top, "choices": [], "usage": telling.usage})
    if not sglang:
        yield Event(None)


@frozen
class _ChatChunks:
    sglang: bool

    def choice(self, index: int, choice: Choice) -> Iterator[tuple[dict[str, Any], int]]:
        """The parts of one choice in turn, each with the pieces that it brings."""
        yield self._part(index, {"role": "assistant", "content": ""}), 0
        for piece in choice.thoughts:
            yield self._part(index, {"reasoning_content": piece}), 1
        for piece in choice.words:
            yield self._part(index, {"content": piece}), 1
        if choice.call is not None:
            name = {"name": choice.call.name, "arguments": ""}
            opening = {"index": 0, "id": choice.call.id, "type": "function", "function": name}
            yield self._part(index, {"tool_calls": [opening]}), 0
            for piece in choice.call.arguments:
                yield self._part(index, {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}), 1
        yield self._part(index, {}, choice.finish), 0

    def _part(self, index: int, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        if not self.sglang:
            return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        whole = {"role": None, "content": None, "reasoning_content": None, "tool_calls": None, **delta}
        matched = "</s>" if finish == "stop" else None
        return {
            "index": index,
            "delta": whole,
            "logprobs": None,
            "finish_reason": finish or "",
            "matched_stop": matched,
        }


@frozen
class _TextChunks:
    sglang: bool

    def choice(self, index: int, choice: Choice) -> Iterator[tuple[dict[str, Any], int]]:
        """The parts of one choice in turn, each with the pieces that it brings."""
        pending = "" if self.sglang else None
        for piece in choice.words:
            yield {"index": index, "text": piece, "logprobs": None, "finish_reason": pending}, 1
        yield {"index": index, "text": "", "logprobs": None, "finish_reason": choice.finish}, 0


def unary(telling: Telling, order: Order, dialect: Dialect) -> dict[str, Any]:
    """The whole answer as one object."""
    sglang = dialect is Dialect.TARGON
    choices = [_whole(index, choice, order) for index, choice in enumerate(telling.choices)]
    return {
        "id": telling.id if sglang else f"{'chatcmpl' if order.chat else 'cmpl'}-{telling.id}",
        "object": "chat.completion" if order.chat else "text_completion",
        "created": telling.created,
        "model": telling.model,
        "choices": choices,
        "usage": telling.usage,
    }


def _whole(index: int, choice: Choice, order: Order) -> dict[str, Any]:
    rest = {"logprobs": None, "finish_reason": choice.finish}
    text = "".join(choice.words)
    if not order.chat:
        return {"index": index, "text": text, **rest}
    message: dict[str, Any] = {"role": "assistant", "content": None if choice.call else text}
    if choice.thoughts:
        message["reasoning_content"] = "".join(choice.thoughts)
    if choice.call is not None:
        function = {"name": choice.call.name, "arguments": "".join(choice.call.arguments)}
        message["tool_calls"] = [{"id": choice.call.id, "type": "function", "function": function}]
    return {"index": index, "message": message, **rest}


def model_list(models: Sequence[Model], dialect: Dialect) -> dict[str, Any]:
    """`GET /v1/models`: ids and nothing that a price could be learnt from."""
    owner = "sglang" if dialect is Dialect.TARGON else "rehearsal"
    return {
        "object": "list",
        "data": [{"id": model.id, "object": "model", "created": 1_700_000_000, "owned_by": owner} for model in models],
    }


def embedding(text: str, dimensions: int) -> list[float]:
    """A vector of length 1, the same for the same text."""
    draw = random.Random(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    raw = [draw.gauss(0.0, 1.0) for _ in range(dimensions)]
    norm = math.sqrt(sum(each * each for each in raw))
    return [each / norm for each in raw]


def embeddings(texts: Sequence[str], sizes: Sequence[int], model: Model, as_base64: bool) -> dict[str, Any]:
    """`POST /v1/embeddings`: a vector for each of `texts`; `sizes` are their tokens.

    `as_base64` packs the vectors as floats of 32 bits, little-endian: OpenAI's own library asks for that.
    """
    length = model.dimensions or 0
    vectors = [embedding(text, length) for text in texts]
    shown = [
        base64.b64encode(struct.pack(f"<{length}f", *vector)).decode() if as_base64 else vector for vector in vectors
    ]
    return {
        "object": "list",
        "model": model.id,
        "data": [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(shown)],
        "usage": {"prompt_tokens": sum(sizes), "total_tokens": sum(sizes)},
    }
