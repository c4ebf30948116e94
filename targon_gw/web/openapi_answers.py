"""What the addresses answer with, as JSON Schema.

Answers of models are the vendor's, passed on: of these only what the gateway itself sees to is required, and any more
may be there. The gateway's own answers are told whole; a test holds real ones against these schemas.
"""

from __future__ import annotations

from typing import Any, Final

from targon_gw.core.census import STATES
from targon_gw.core.config import Kind, Per, Unit

from .openapi_asks import Schema

_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_USD: Final[Schema] = {"type": "number", "minimum": 0, "description": "US dollars"}
_REASON: Final[Schema] = {
    "type": ["string", "null"],
    "description": "Why the answer is over: `stop`, `length`, `tool_calls`, `content_filter`; `error` where it was "
    "cut. `null` while it goes on.",
}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None, **more: Any) -> Schema:
    return {"type": "object", "required": list(required), "properties": {**required, **(optional or {})}, **more}


def _array(name: str, **more: Any) -> Schema:
    return {"type": "array", "items": ref(name), **more}


def ref(name: str) -> Schema:
    """A reference to the schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def answers() -> dict[str, Schema]:
    """The schemas of all that is answered but refusals, by name."""
    return {**_of_models(), **_of_catalog(), "Key": _key(), **_of_health()}


def _of_models() -> dict[str, Schema]:
    message = _object({"role": _TEXT}, {"content": {"type": ["string", "null"]}, "tool_calls": {"type": "array"}})
    delta = {
        "type": "object",
        "properties": {
            "role": _TEXT,
            "content": {"type": ["string", "null"]},
            "reasoning_content": {"type": ["string", "null"], "description": "What a reasoning model thinks."},
            "tool_calls": {"type": ["array", "null"]},
        },
    }
    whole = {"choices": {"type": "array", "minItems": 1}}
    head = {"id": _TEXT, "object": _TEXT, "created": {"type": "integer"}, "usage": ref("Usage")}
    model = {"model": {"type": "string", "description": "The name that the request asked by."}}
    return {
        "Usage": _object(
            {},
            {"prompt_tokens": _COUNT, "completion_tokens": _COUNT, "total_tokens": _COUNT},
            description="As the vendor counted.",
        ),
        "ChatCompletion": _object({"choices": {**_array("ChatChoice"), "minItems": 1}}, {**head, **model}),
        "ChatChoice": _object({"message": message}, {"index": _COUNT, "finish_reason": _REASON}),
        "ChatCompletionChunk": _object(
            {"choices": _array("ChunkChoice")}, {**head, **model, "usage": {"type": ["object", "null"]}}
        ),
        "ChunkChoice": _object({"index": _COUNT}, {"delta": delta, "text": _TEXT, "finish_reason": _REASON}),
        "Completion": _object({"choices": {**_array("TextChoice"), "minItems": 1}}, {**head, **model}),
        "TextChoice": _object({"text": _TEXT}, {"index": _COUNT, "finish_reason": _REASON}),
        "Embeddings": _object(
            {"data": {"type": "array", "minItems": 1, "items": {"type": "object"}}}, {"usage": ref("Usage"), **model}
        ),
        "BrokenOff": _object(
            {"error": ref("ErrorBody"), **whole},
            description="The last event of a stream that was cut: no `[DONE]` follows it.",
        ),
    }


def _of_catalog() -> dict[str, Schema]:
    price = {"type": "string", "pattern": r"^\d+(\.\d+)?$", "description": "US dollars a token, as a decimal"}
    return {
        "ModelList": _object({"object": {"const": "list"}, "data": _array("Model")}),
        "Model": _object(
            {
                "id": {"type": "string", "description": "What requests call it; it may hold slashes."},
                "object": {"const": "model"},
                "created": {"type": "integer"},
                "owned_by": _TEXT,
                "name": _TEXT,
                "kind": {"enum": [kind.value for kind in Kind]},
                "supported_features": {"type": "array", "items": _TEXT},
                "status": {
                    "enum": ["available", "degraded", "unavailable"],
                    "description": "Whether keys can serve it now; `degraded` where half of them or more can not.",
                },
            },
            {
                "context_length": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "Tokens of prompt and answer together",
                },
                "pricing": _object({"prompt": price, "completion": price}),
            },
        ),
    }


def _key() -> Schema:
    quota = _object(
        {
            "unit": {"enum": [unit.value for unit in Unit]},
            "per": {"enum": [per.value for per in Per]},
            "limit": {"type": "number"},
            "used": {"type": "number"},
            "held": {"type": "number", "description": "What calls under way have taken."},
            "remaining": {"type": "number"},
            "resets_at": {"type": ["string", "null"], "format": "date-time"},
        }
    )
    told = {
        "label": {"type": "string", "description": "Whose key it is."},
        **dict.fromkeys(("usage", "usage_daily", "usage_weekly", "usage_monthly"), _USD),
        **{key: {"type": ["number", "null"], "description": "US dollars"} for key in ("limit", "limit_remaining")},
        "limit_reset": {"enum": [*(per.value for per in Per), None]},
        "is_free_tier": {"type": "boolean"},
        "rate_limit": {
            "anyOf": [_object({"requests": _COUNT, "interval": {"const": "60s"}}), {"type": "null"}],
        },
        "requests": _COUNT,
        "tokens": _object(dict.fromkeys(("prompt", "completion", "total", "estimated"), _COUNT)),
        "in_flight": _COUNT,
        "quota": {"anyOf": [quota, {"type": "null"}]},
    }
    return _object({"data": _object(told, additionalProperties=False)})


def _of_health() -> dict[str, Schema]:
    keys = _object(dict.fromkeys(("total", *STATES), _COUNT), additionalProperties=False)
    return {
        "Health": _object(
            {
                "status": {"enum": ["ok", "degraded", "down"]},
                "version": _TEXT,
                "uptime_s": _COUNT,
                "keys": keys,
                "draining": {"type": "boolean", "description": "It finishes what runs, and takes nothing new."},
            },
            {
                "settings": _object(
                    {"taken": {"const": False}, "since": {"type": ["number", "null"]}},
                    description="There where the settings on file are not the ones in force.",
                ),
                "recording": {"const": False, "description": "There where use can not be recorded: no call is taken."},
            },
        ),
        "Readiness": _object({"status": {"enum": ["ok", "down"]}}, {"reason": _TEXT}),
    }
