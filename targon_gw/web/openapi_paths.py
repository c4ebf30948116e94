"""The addresses of the contract: what each takes, what it answers with, by which headers.

Pages, and what is below `/api`, are not of it: they change as the pages do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from attrs import frozen

from targon_gw.core.errors import Code

from .openapi_answers import ref
from .openapi_asks import Schema
from .openapi_refusals import ANYWHERE, IN_STREAMS, MEANINGS, OF_CALLS, OF_KEYS, OF_MODELS, statuses

_EXAMPLE: Final = (
    'data: {"id":"c1","object":"chat.completion.chunk","choices":'
    '[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\ndata: [DONE]\n\n'
)
_DURATION: Final = {"type": "string", "pattern": r"^(\d+h)?(\d+m)?(\d+m?s)$"}


def _header(told: str, **schema: Any) -> Schema:
    return {"description": told, "schema": schema or {"type": "string"}}


def _limits(what: str) -> dict[str, Schema]:
    return {
        f"x-ratelimit-limit-{what}": _header(f"The limit of {what} a minute, where the key has one.", type="integer"),
        f"x-ratelimit-remaining-{what}": _header(f"How many {what} are left now.", type="integer"),
        f"x-ratelimit-reset-{what}": _header(f"In what time all {what} are there again: `12ms`, `6m0s`.", **_DURATION),
    }


HEADERS: Final[dict[str, Schema]] = {
    "x-request-id": _header(
        "Names this request, for whoever looks into it.", type="string", pattern="^req_[0-9a-f]{32}$"
    ),
    "openai-processing-ms": _header("Milliseconds until the answer began.", type="integer"),
    "server-timing": _header("Milliseconds of the gateway and of the vendor: `gw;dur=…, upstream;dur=…`."),
    "x-targon-model": _header("The model of the catalog that served, which may be a fallback."),
    "x-targon-attempts": _header("How often the call was tried, where more than once.", type="integer", minimum=2),
    **_limits("requests"),
    **_limits("tokens"),
}
"""Of answers; each is there under its name among the components."""
_PLAIN: Final = ("x-request-id",)
_CALLS: Final = tuple(HEADERS)

PARAMETERS: Final[dict[str, Schema]] = {
    "ClientRequestId": {
        "name": "X-Client-Request-Id",
        "in": "header",
        "description": "A name of one's own for the request; it is logged beside ours.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
    },
    "Deadline": {
        "name": "X-Gw-Deadline-Ms",
        "in": "header",
        "description": "Give up after so many milliseconds; it can only shorten what the gateway allows.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    },
}
"""Headers that calls may bear."""


@frozen
class Facts:
    """What the settings say that a reader of the document wants to know. `head_after` is in seconds."""

    without_key: bool
    """Whether callers without a key are let in."""
    body: int
    """Bytes that a body may have."""
    head_after: float
    model: str | None
    """One that is there, for the examples."""


@frozen
class _Call:
    """What differs between the three addresses that ask a model."""

    name: str
    summary: str
    told: str
    ask: str
    answer: str
    question: dict[str, Any]
    streamed: bool = True


_POSTED: Final = {
    "/v1/chat/completions": _Call(
        "createChatCompletion",
        "A chat, streamed or not",
        "The next message of a conversation.",
        "ChatRequest",
        "ChatCompletion",
        {"messages": [{"role": "user", "content": "Hello!"}]},
    ),
    "/v1/completions": _Call(
        "createCompletion",
        "A text gone on with, streamed or not",
        "The older form: a text goes in, and what follows it comes out.",
        "CompletionRequest",
        "Completion",
        {"prompt": "The future of AI is", "max_tokens": 200},
    ),
    "/v1/embeddings": _Call(
        "createEmbedding",
        "Vectors of texts",
        "Where a model of the catalog can.",
        "EmbeddingRequest",
        "Embeddings",
        {"input": "Hello!"},
        streamed=False,
    ),
}


def paths(facts: Facts) -> dict[str, Schema]:
    """Every path of the contract, each with what it takes beside OPTIONS."""
    told = {path: {"post": _posted(call, facts)} for path, call in _POSTED.items()}
    told.update(_catalog(facts.without_key))
    told.update(_open())
    return {path: {**item, "options": _preflight(path)} for path, item in told.items()}


def _keyed(without: bool) -> list[Schema]:
    return [{"bearer": []}, {"apiKey": []}, *([{}] if without else [])]


def _answer(told: str, content: Schema, headers: Iterable[str] = _PLAIN) -> Schema:
    named = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    return {"description": told, "headers": named, "content": content}


def _json(name: str) -> Schema:
    return {"application/json": {"schema": ref(name)}}


def _posted(call: _Call, facts: Facts) -> Schema:
    content = _json(call.answer)
    if call.streamed:
        content["text/event-stream"] = {"schema": _stream(facts), "example": _EXAMPLE}
    codes: frozenset[Code] = ANYWHERE | OF_KEYS | OF_MODELS | OF_CALLS
    question = {"model": facts.model, **call.question} if facts.model else call.question
    return {
        "operationId": call.name,
        "tags": ["calls"],
        "summary": call.summary,
        "description": call.told,
        "security": _keyed(facts.without_key),
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in PARAMETERS],
        "requestBody": {
            "required": True,
            "description": f"JSON in UTF-8, {facts.body} bytes at most, not compressed.",
            "content": {"application/json": {"schema": ref(call.ask), "example": question}},
        },
        "responses": {
            "200": _answer("The answer, whole or as it comes.", content, _CALLS),
            **statuses(codes | ({"upstream_truncated"} if call.streamed else set())),
        },
    }


def _stream(facts: Facts) -> Schema:
    cut = "; ".join(f"`{code}`: {MEANINGS[code]}" for code in sorted(IN_STREAMS))
    told = (
        "Where `stream` is true. Each event is a line `data: ` and JSON (`x-event`), and a blank line; a line that "
        "begins with a colon is a comment. The head waits for the first event, "
        f"{facts.head_after:g} seconds at most. A whole answer ends with `data: [DONE]`. One that was cut ends "
        f"without it: its last event is `x-last-event-when-cut`, with one of the codes {cut} "
        "The connection closes then without HTTP's last chunk."
    )
    return {
        "type": "string",
        "description": told,
        "x-event": ref("ChatCompletionChunk"),
        "x-last-event-when-cut": ref("BrokenOff"),
    }


def _got(name: str, tag: str, summary: str, responses: Schema, **more: Any) -> Schema:
    return {"get": {"operationId": name, "tags": [tag], "summary": summary, "responses": responses, **more}}


def _catalog(without: bool) -> dict[str, Schema]:
    codes: frozenset[Code] = ANYWHERE | OF_KEYS
    keyed = {"security": _keyed(without)}
    identity = {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The model's id; its slashes as they are, or as `%2F`.",
        "schema": {"type": "string"},
    }
    one = {"200": _answer("The model.", _json("Model")), **statuses(codes | OF_MODELS)}
    listed = {"200": _answer("The models.", _json("ModelList")), **statuses(codes)}
    key = {"200": _answer("The key.", _json("Key")), **statuses(codes)}
    return {
        "/v1/models": _got("listModels", "catalog", "The models that this key may ask", listed, **keyed),
        "/v1/models/{id}": _got("getModel", "catalog", "One model", one, parameters=[identity], **keyed),
        "/v1/key": _got("getKey", "catalog", "What this key may, has under way and has used", key, **keyed),
    }


def _open() -> dict[str, Schema]:
    other = statuses(ANYWHERE - {"overloaded"})
    full = {
        "200": _answer("Some key is usable.", _json("Health")),
        "503": _answer("None is.", _json("Health")),
        **other,
    }
    live = {"200": _answer("It runs.", _json("Readiness")), **statuses(ANYWHERE)}
    ready = {
        "200": _answer("They should.", _json("Readiness")),
        "503": _answer("They should not, now.", _json("Readiness")),
        **other,
    }
    text = {
        "text/plain": {"schema": {"type": "string"}},
        "application/openmetrics-text": {"schema": {"type": "string"}},
    }
    metrics_codes: frozenset[Code] = ANYWHERE | {"invalid_api_key", "unknown_url"}
    metrics = {"200": _answer("In Prometheus' form.", text), **statuses(metrics_codes)}
    entity = {"ETag": _header("The document's, for `If-None-Match`.")}
    itself = _answer("OpenAPI 3.1.", {"application/json": {"schema": {"type": "object"}}})
    itself["headers"] |= entity
    document = {"200": itself, "304": {"description": "It is as it was.", "headers": entity}, **statuses(ANYWHERE)}
    return {
        "/health": _got("getHealth", "health", "How the gateway is; asks no vendor", full, security=[]),
        "/health/live": _got("getLive", "health", "Whether it runs", live, security=[]),
        "/health/ready": _got("getReady", "health", "Whether calls should be sent here", ready, security=[]),
        "/metrics": _got(
            "getMetrics",
            "health",
            "All figures: for this machine, or with the operator's token",
            metrics,
            security=[{}, {"metrics": []}],
        ),
        "/openapi.json": _got("getOpenApi", "health", "This document", document, security=[]),
    }


def _preflight(path: str) -> Schema:
    """What a browser asks before it lets a page of another origin call."""
    cors = {
        "Access-Control-Allow-Origin": _header("Any origin, without a browser's credentials.", const="*"),
        "Access-Control-Allow-Methods": _header("What may be asked."),
        "Access-Control-Allow-Headers": _header("The headers that were asked for."),
        "Access-Control-Max-Age": _header("Seconds.", const="7200"),
    }
    word = "".join(part.strip("{}").title() for part in path.replace(".", "/").split("/"))
    return {
        "operationId": f"preflight{word}",
        "tags": ["preflight"],
        "summary": "For browsers: any origin may call",
        "security": [],
        "responses": {"204": {"description": "Go on.", "headers": cors}, **statuses(ANYWHERE)},
        **({"parameters": _named(path)} if "{" in path else {}),
    }


def _named(path: str) -> list[Schema]:
    name = path.partition("{")[2].partition("}")[0]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}}]
