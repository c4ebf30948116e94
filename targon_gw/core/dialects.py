"""What each kind of vendor is used to hearing: one page for all habits of speech.

A dialect says which fields a body must bear and which the vendor would not look at; how a vendor's failures are read
is in `core.attempts`. Targon's habits were read from the source of its hub (June 2025): `stream` absent means true,
`max_tokens` absent means 512, `max_completion_tokens` is not looked at, rate limits are the account's for all models.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from attrs import frozen

from .config import Dialect, Prefill
from .openai import Ask, Endpoint

FALLBACK_MAX_TOKENS = 4096
"""Asked of a vendor that must be told, where neither the client nor the catalog says how much."""


@frozen
class Habits:
    """What an upstream of a dialect needs of a request, and how far its limits reach."""

    needs_max_tokens: bool = False
    limits_by_model: bool = True
    """A 429 is about one model (else: about the account, whatever the model)."""


HABITS: Mapping[Dialect, Habits] = {
    Dialect.OPENAI: Habits(),
    Dialect.VLLM: Habits(),
    Dialect.TARGON: Habits(needs_max_tokens=True, limits_by_model=False),
}

_EMBEDDINGS = Endpoint.EMBEDDINGS
_encode = msgspec.json.Encoder().encode
_WITH_USAGE = b'{"include_usage":true}'


def edits(dialect: Dialect, ask: Ask, model: str, default_max: int | None) -> dict[str, bytes | None]:
    """The fields that differ from what the client sent: JSON to put in, or `None` to leave out.

    `model` is the vendor's own name of it; `default_max` the catalog's `max_tokens`. `stream` is always said, and a
    stream is always asked for its usage, whoever wants to see it.
    """
    changed: dict[str, bytes | None] = {"model": _encode(model)}
    if ask.endpoint is _EMBEDDINGS:
        return changed
    changed["stream"] = b"true" if ask.stream else b"false"
    if ask.stream:
        changed["stream_options"] = _with_usage(ask)
    elif "stream_options" in ask.fields:
        changed["stream_options"] = None
    wanted = asked_tokens(dialect, ask, default_max)
    if wanted is not None and HABITS[dialect].needs_max_tokens:
        changed["max_tokens"] = b"%d" % wanted
        if "max_completion_tokens" in ask.fields:
            changed["max_completion_tokens"] = None
    return changed


def going_on(
    changed: dict[str, bytes | None], ask: Ask, prefill: Prefill, said: str, left: int | None
) -> dict[str, bytes | None]:
    """The fields `changed`, and those by which a vendor is asked to go on from what the assistant has `said`.

    `left` is how many tokens it may still write; `None` where nobody has set a bound. vLLM and SGLang know
    `continue_final_message`, without another turn's opening; DeepSeek (beta) knows `prefix` on the message.
    """
    changed = dict(changed)
    message: dict[str, object] = {"role": "assistant", "content": said}
    if prefill is Prefill.DEEPSEEK:
        message["prefix"] = True
    else:
        changed |= {"continue_final_message": b"true", "add_generation_prompt": b"false"}
    messages = bytes(ask.fields["messages"]).rstrip().removesuffix(b"]")
    changed["messages"] = messages + b"," + _encode(message) + b"]"
    if left is not None:
        bounds = [n for n in ("max_tokens", "max_completion_tokens") if changed.get(n, ask.fields.get(n)) is not None]
        changed |= {name: b"%d" % max(1, left) for name in bounds}
    return changed


def asked_tokens(dialect: Dialect, ask: Ask, default_max: int | None) -> int | None:
    """How many tokens the vendor is asked for, at most; `None` where it is told nothing and has its own way."""
    if ask.max_tokens is None and HABITS[dialect].needs_max_tokens and ask.endpoint is not _EMBEDDINGS:
        return default_max or FALLBACK_MAX_TOKENS
    return ask.max_tokens


def _with_usage(ask: Ask) -> bytes:
    """The client's own stream options, with usage asked for."""
    own = ask.fields.get("stream_options")
    if own is None or (ask.wants_usage and len(bytes(own)) < 32):
        return _WITH_USAGE
    options = msgspec.json.decode(own, type=dict[str, msgspec.Raw] | None) or {}
    options["include_usage"] = msgspec.Raw(b"true")
    return _encode(options)
