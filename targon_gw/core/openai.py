"""A client's request: what it asks for, and what of it the vendor gets.

`read` decides whether a body is one that we relay, and notes the few facts that admission, routing and metering need;
`write` makes the vendor's body. What we don't know we neither check nor alter: the value of every field that no edit
names goes out byte for byte. Fields that would steer this gateway or another one behind it never go out.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, NoReturn

import msgspec
from msgspec import Meta, Raw, Struct

from .errors import Refusal
from .strictjson import echo, find, members, place, run

# Where to, and with whose credentials: fields of LiteLLM's bodies and their like (faults catalogue, B-18).
_ELSEWHERE: Final = """
    api_base base_url api_key api_version api_type organization custom_llm_provider user_config proxy proxies
    extra_headers extra_body extra_query headers default_headers http_client client litellm_params mock_response
    litellm_credential_name aws_access_key_id aws_secret_access_key aws_session_token aws_region_name
    azure_ad_token vertex_credentials vertex_project vertex_location
"""
# Which model: what was admitted and priced is `model` alone, not OpenRouter's and LiteLLM's lists of others.
_OTHERS: Final = "models route fallbacks model_list context_window_fallbacks content_policy_fallbacks"
STEERING: Final = frozenset(_ELSEWHERE.split()) | frozenset(_OTHERS.split())
"""Top-level fields that never go out."""
BYTES_PER_TOKEN: Final = 3
"""English has about four, code and Chinese about three: the estimate is meant to be rather too high."""
IMAGE_TOKENS: Final = 1_500
"""What a picture given as a data URI is taken for; its base64 is not text."""

PICTURES: Final = 128
"""Pictures that count as such; what is behind them counts as text. A body may say `;base64,` a million times."""

_INLINE: Final = b";base64,"
_BASE64: Final = re.compile(rb"(?:[A-Za-z0-9+/=_-]++|\\/)*+")
"""Of either alphabet; PHP writes its slashes with a backslash. What is not of it is text, whatever stands before it."""
_NULL: Final = b"null"


class Endpoint(enum.Enum):
    """What is asked for; the value is the path behind `/v1/`."""

    __hash__ = object.__hash__  # Enum's own is written in Python, and addresses are looked up for every attempt

    CHAT = "chat/completions"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"


_CHAT, _COMPLETIONS, _EMBEDDINGS = Endpoint


class Ask(Struct, eq=False, gc=False):
    """The facts of one request."""

    endpoint: Endpoint
    model: str
    stream: bool
    wants_usage: bool
    """The client itself asked for `stream_options.include_usage`."""
    max_tokens: int | None
    """`max_completion_tokens`, else `max_tokens`; `None` where the client set neither."""
    n: int
    """Choices that the whole answer has: `n` for each prompt."""
    generations: int
    """Answers that the vendor makes and bills: `n`, or `best_of` where that is more, for each prompt."""
    deterministic: bool
    """Asked again, the answer should be the same: temperature 0, or a seed."""
    size: int
    """Bytes of the body."""
    prompt_estimate: int
    """Tokens, rather too many."""
    fields: dict[str, Raw]
    """The top-level fields as they came."""


_Count = Annotated[int, Meta(ge=1, le=10_000_000)]
_Choices = Annotated[int, Meta(ge=1, le=128)]
_Penalty = Annotated[float, Meta(ge=-2, le=2)]


class _StreamOptions(Struct, gc=False):
    include_usage: bool | None = None


class _Shared(Struct, gc=False):
    model: Annotated[str, Meta(min_length=1, max_length=256)] | None = None


class _Generation(_Shared, gc=False):
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: _Count | None = None
    max_completion_tokens: _Count | None = None
    n: _Choices | None = None
    best_of: _Choices | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    frequency_penalty: _Penalty | None = None
    presence_penalty: _Penalty | None = None
    stop: str | Annotated[list[Raw], Meta(max_length=64)] | None = None
    logit_bias: Annotated[dict[str, Raw], Meta(max_length=4096)] | None = None


class _Message(Struct, gc=False):
    role: Annotated[str, Meta(min_length=1, max_length=64)]


class _Chat(_Generation, gc=False):
    messages: Annotated[list[_Message], Meta(min_length=1, max_length=10_000)] | None = None
    tools: Annotated[list[Raw], Meta(max_length=1024)] | None = None


# One text, several texts, one list of tokens, or several: the union that msgspec can say; `_prompts` says the rest.
_Texts = str | Annotated[list[str | int | list[int]], Meta(min_length=1)]


class _Completion(_Generation, gc=False):
    prompt: _Texts | None = None


class _Embedding(_Shared, gc=False):
    input: _Texts | None = None
    stream: bool | None = None


_FACTS: Final[dict[Endpoint, msgspec.json.Decoder[Any]]] = {
    _CHAT: msgspec.json.Decoder(_Chat),
    _COMPLETIONS: msgspec.json.Decoder(_Completion),
    _EMBEDDINGS: msgspec.json.Decoder(_Embedding),
}
_encode: Final = msgspec.json.Encoder().encode
_PROMPTS: Final = "a text, a non-empty array of texts, of tokens, or of arrays of tokens"
_RULES: Final = {
    "model": "a text of 1 to 256 printable characters",
    "stream": "true or false",
    "stream_options": 'an object such as {"include_usage": true}',
    "max_tokens": "a whole number from 1 to 10,000,000",
    "max_completion_tokens": "a whole number from 1 to 10,000,000",
    "n": "a whole number from 1 to 128",
    "best_of": "a whole number from 1 to 128",
    "temperature": "a number from 0 to 2",
    "top_p": "a number from 0 to 1",
    "frequency_penalty": "a number from -2 to 2",
    "presence_penalty": "a number from -2 to 2",
    "stop": "a text or an array of at most 64",
    "logit_bias": "an object of at most 4,096 members",
    "messages": "an array of 1 to 10,000 objects, each with a `role` that is a text",
    "tools": "an array of at most 1,024",
    "prompt": _PROMPTS,
    "input": _PROMPTS,
}


def read(endpoint: Endpoint, body: bytes | bytearray) -> Ask:
    """The facts of the request `body`.

    Raises `Refusal`: `invalid_json`, `request_too_large`, and `missing_field` or `invalid_value` with the field as
    `param`. A `null` is as good as no field, but for `model` and the prompt.
    """
    fields = members(body)
    try:
        facts = _FACTS[endpoint].decode(body)
    except msgspec.ValidationError as error:
        _refuse(fields, error)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Refusal("invalid_json", "The body is not JSON in UTF-8") from None
    model = facts.model
    if model is None:
        raise _missing("model")
    if not model.isprintable():
        raise _invalid("model", fields)
    if endpoint is _EMBEDDINGS:
        return _read_embedding(facts, fields, len(body))
    return _read_generation(endpoint, facts, fields, len(body))


def write(ask: Ask, edits: Mapping[str, bytes | None]) -> bytes:
    """The vendor's body: the fields as they came, but for `edits` (JSON to put there, `None` to leave the field out).

    `STEERING` fields are left out, unless an edit sets one. Fields that are new come last.
    """
    fields = ask.fields.copy()
    if not STEERING.isdisjoint(fields):
        for name in STEERING & fields.keys():
            del fields[name]
    for name, value in edits.items():
        if value is None:
            fields.pop(name, None)
        else:
            fields[name] = Raw(value)
    return _encode(fields)


def _read_generation(endpoint: Endpoint, facts: Any, fields: dict[str, Raw], size: int) -> Ask:
    stream = facts.stream is True
    options = facts.stream_options
    if options is not None and not stream:
        raise Refusal("invalid_value", "`stream_options` is for streams alone; set `stream` to true", "stream_options")
    prompts = 1
    if endpoint is _CHAT:
        if facts.messages is None:
            raise _missing("messages")
        estimate = _estimate(fields, "messages", "tools")
    else:
        prompts, tokens = _prompts("prompt", facts.prompt, fields)
        estimate = max(tokens, _estimate(fields, "prompt"))
    n = facts.n or 1
    best = facts.best_of or n
    limit = facts.max_completion_tokens
    return Ask(
        endpoint,
        facts.model,
        stream,
        options is not None and options.include_usage is True,
        facts.max_tokens if limit is None else limit,
        n * prompts,
        (best if best > n else n) * prompts,
        facts.temperature == 0 or ("seed" in fields and bytes(fields["seed"]) != _NULL),
        size,
        estimate,
        fields,
    )


def _read_embedding(facts: Any, fields: dict[str, Raw], size: int) -> Ask:
    if facts.stream:
        raise Refusal("invalid_value", "Embeddings are not streamed; leave `stream` out", "stream")
    prompts, tokens = _prompts("input", facts.input, fields)
    estimate = tokens or memoryview(fields["input"]).nbytes // BYTES_PER_TOKEN + 1
    return Ask(_EMBEDDINGS, facts.model, False, False, None, prompts, prompts, True, size, estimate, fields)


def _prompts(field: str, value: str | list[Any] | None, fields: dict[str, Raw]) -> tuple[int, int]:
    """How many prompts `value` holds, and how many tokens where it is made of tokens (else 0)."""
    if value is None:
        raise _missing(field)
    if isinstance(value, str):
        return 1, 0
    match {type(each) for each in value}:
        case kinds if kinds == {str}:
            return len(value), 0
        case kinds if kinds == {int}:
            return 1, len(value)
        case kinds if kinds == {list} and all(value):
            return len(value), sum(map(len, value))
    raise _invalid(field, fields)


def _estimate(fields: dict[str, Raw], *names: str) -> int:
    """Tokens in the fields `names`, taken from their bytes, a data URI as one picture."""
    size = pictures = 0
    for name in names:
        if name not in fields:
            continue
        text = memoryview(fields[name])
        size += text.nbytes
        at = find(text, _INLINE) if text.nbytes >= 4096 else -1
        while at >= 0 and pictures < PICTURES:
            end = run(text, _BASE64, at + len(_INLINE))
            pictures += 1
            size -= end - at
            at = find(text, _INLINE, end)
    return size // BYTES_PER_TOKEN + IMAGE_TOKENS * pictures + 1


def _refuse(fields: dict[str, Raw], error: msgspec.ValidationError) -> NoReturn:
    param, why = place(error)
    field = re.split(r"[.\[]", param, maxsplit=1)[0]
    if param == field and field in fields:
        raise _invalid(field, fields) from None
    raise Refusal("invalid_value", f"`{field}` must be {_RULES.get(field, 'otherwise')}; at `{param}`: {why}", param)


def _invalid(field: str, fields: dict[str, Raw]) -> Refusal:
    return Refusal("invalid_value", f"`{field}` must be {_RULES[field]}; got {echo(fields[field])}", field)


def _missing(field: str) -> Refusal:
    return Refusal("missing_field", f"`{field}` is missing; it must be {_RULES[field]}", field)
