"""One event of a stream, read: what a chunk says of its choices, of tokens and of errors.

Reading is tolerant and raises nothing: a member of another type than OpenAI's is as if it were not there, and only what
is no JSON object at all is not understood. What follows from a chunk is for `core.meter` to say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from .answers import loads
from .openai import Endpoint
from .sse import payload

_COMPLETIONS: Final = Endpoint.COMPLETIONS
ERROR_EVENT: Final = re.compile(rb"(?:\A|[\r\n])event: ?error[ \t]*[\r\n]")
"""An event that is an error by its name, whatever its data (Anthropic's)."""


class Delta(Struct, gc=False):
    """What a choice of a chat goes on with."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[Any] | None = None
    refusal: str | None = None
    function_call: Any = None
    audio: Any = None


class Choice(Struct, gc=False):
    """A choice of a chunk; `text` is what one of a legacy completion goes on with."""

    index: int = 0
    delta: Delta | None = None
    text: str | None = None
    finish_reason: str | None = None
    error: Any = None


class Chunk(Struct, gc=False):
    """What is looked at of an event's JSON."""

    choices: list[Choice] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


_decode: Final = msgspec.json.Decoder(Chunk).decode


def read_chunk(event: bytes) -> Chunk | None:
    """What `event` says; `None` for one that bears no JSON object, or is an error by its name."""
    if event.startswith(b"event") and ERROR_EVENT.search(event):
        return None
    text = payload(event)
    try:
        return _decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _read_loosely(text)


def said_in(endpoint: Endpoint, choices: Sequence[Choice]) -> tuple[bool, bool]:
    """Whether `choices` go on with something of the answer, and whether with something of the reasoning."""
    said = thought = False
    for choice in choices:
        delta = choice.delta
        if endpoint is _COMPLETIONS:
            if choice.text:
                said = True
        elif delta is not None:
            if delta.content or delta.tool_calls or delta.refusal or delta.function_call or delta.audio:
                said = True
            if delta.reasoning_content or delta.reasoning:
                thought = True
    return said, thought


def _read_loosely(text: bytes) -> Chunk | None:
    document = loads(text)
    if not isinstance(document, dict):
        return None
    choices, usage = document.get("choices"), document.get("usage")
    return Chunk(
        [_loose_choice(choice) for choice in choices] if isinstance(choices, list) else None,
        usage if isinstance(usage, dict) else None,
        document.get("error"),
    )


def _loose_choice(choice: Any) -> Choice:
    """A choice whose members may be of any type."""
    if not isinstance(choice, dict):
        return Choice()
    index, reason, delta = choice.get("index"), choice.get("finish_reason"), choice.get("delta")
    known = {name: delta.get(name) for name in Delta.__struct_fields__} if isinstance(delta, dict) else {}
    return Choice(
        index if type(index) is int else 0,
        Delta(**known),
        choice.get("text"),
        reason if isinstance(reason, str) else None,
        choice.get("error"),
    )
