"""The bodies that `/v1` takes, as JSON Schema (OpenAPI 3.1 uses draft 2020-12).

The ranges are those that `core.openai.read` checks; a test asks it at and beyond each bound. What is not named here is
not unknown: it passes to the vendor as it came, so every object is open.
"""

from __future__ import annotations

from typing import Any, Final

from targon_gw.core.openai import STEERING

Schema = dict[str, Any]


def _or_null(kind: str, told: str, **more: Any) -> Schema:
    """A field that may be null, which is as good as not there."""
    return {"type": [kind, "null"], "description": told, **more}


MODEL: Final[Schema] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 256,
    "description": "A name of `GET /v1/models`, as it stands there.",
}
_TOKENS: Final = {"minimum": 1, "maximum": 10_000_000}
_CHOICES: Final = {"minimum": 1, "maximum": 128}

_SAMPLING: Final[Schema] = {
    "stream": _or_null("boolean", "Answer in events, as the text is made.", default=False),
    "stream_options": _or_null(
        "object",
        "For streams alone.",
        properties={
            "include_usage": _or_null("boolean", "End with an event whose `choices` is empty and whose `usage` is not.")
        },
    ),
    "max_tokens": _or_null(
        "integer",
        "The most that the answer may have. It is also what the call takes of the key's limits until it is over, so "
        "set it; the longest thoughts of reasoning models count too.",
        **_TOKENS,
    ),
    "max_completion_tokens": _or_null("integer", "The newer name of `max_tokens`; it wins over it.", **_TOKENS),
    "temperature": _or_null(
        "number", "How freely the next token is chosen; 0 is the likeliest each time.", minimum=0, maximum=2
    ),
    "top_p": _or_null("number", "Only the likeliest tokens that together have this probability.", minimum=0, maximum=1),
    "frequency_penalty": _or_null(
        "number", "Above 0, words that have come often come less often.", minimum=-2, maximum=2
    ),
    "presence_penalty": _or_null(
        "number", "Above 0, words that have come at all come less often.", minimum=-2, maximum=2
    ),
    "stop": {
        "type": ["string", "array", "null"],
        "items": {"type": "string"},
        "maxItems": 64,
        "description": "Where any of these comes, the answer ends.",
    },
    "n": _or_null("integer", "How many answers; each is charged.", **_CHOICES),
    "best_of": _or_null("integer", "How many answers are made, of which the best `n` come back.", **_CHOICES),
    "seed": _or_null("integer", "The same seed, the same answer, as far as the vendor keeps to it."),
    "logit_bias": _or_null("object", "Token to bias, from -100 to 100.", maxProperties=4096),
}

MESSAGE: Final[Schema] = {
    "type": "object",
    "required": ["role"],
    "properties": {
        "role": {
            "type": "string",
            "minLength": 1,
            "maxLength": 64,
            "description": "`system`, `user`, `assistant` or `tool`; whatever the model knows.",
        },
        "content": {
            "type": ["string", "array", "null"],
            "items": {"type": "object", "properties": {"type": {"type": "string"}}},
            "description": "A text, or parts: texts and, for models that see, pictures.",
        },
        "tool_calls": {"type": "array", "items": {"type": "object"}},
        "tool_call_id": {"type": "string"},
    },
}

_PROMPT_FORMS: Final = [
    {"type": "string"},
    {"type": "array", "minItems": 1, "items": {"type": "string"}},
    {"type": "array", "minItems": 1, "items": {"type": "integer"}},
    {"type": "array", "minItems": 1, "items": {"type": "array", "minItems": 1, "items": {"type": "integer"}}},
]
PROMPT: Final[Schema] = {
    "description": "A text, texts, tokens, or arrays of tokens; where there are several, each is answered.",
    "anyOf": _PROMPT_FORMS,
}
_OPEN: Final = (
    "Fields that are not named here pass to the vendor as they came. These never do, since they would steer a gateway: "
)


def asks() -> dict[str, Schema]:
    """The schemas of the bodies, by name."""
    dropped = _OPEN + ", ".join(f"`{name}`" for name in sorted(STEERING)) + "."
    chat = {
        "messages": {
            "type": "array",
            "minItems": 1,
            "maxItems": 10_000,
            "items": {"$ref": "#/components/schemas/Message"},
            "description": "The conversation so far, oldest first.",
        },
        "tools": _or_null("array", "Functions that the model may call.", items={"type": "object"}, maxItems=1024),
        "tool_choice": {"description": "`auto`, `none`, `required`, or the one function."},
        "response_format": _or_null(
            "object", "What form the answer has: `json_object`, or `json_schema` with a schema."
        ),
    }
    return {
        "Message": MESSAGE,
        "ChatRequest": _body(["model", "messages"], {"model": MODEL, **chat, **_SAMPLING}, dropped),
        "CompletionRequest": _body(["model", "prompt"], {"model": MODEL, "prompt": PROMPT, **_SAMPLING}, dropped),
        "EmbeddingRequest": _body(["model", "input"], {"model": MODEL, "input": PROMPT}, dropped),
    }


def _body(required: list[str], properties: Schema, told: str) -> Schema:
    return {"type": "object", "required": required, "properties": properties, "description": told}
