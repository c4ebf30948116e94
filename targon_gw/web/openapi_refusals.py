"""The errors of the contract: the envelope, and an answer for each status, out of the one table of codes.

Status and `type` of a code are never said again here: they are those of `refusals.RANKS`. What is added is a sentence
for each code, and which codes an address may answer with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from targon_gw.core.errors import Code

from .openapi_asks import Schema
from .refusals import RANKS, WAIT_LIMIT

ANYWHERE: Final[frozenset[Code]] = frozenset(
    {
        "bad_request",
        "request_timeout",
        "request_too_large",
        "uri_too_long",
        "unsupported_media_type",
        "expectation_failed",
        "rate_limit_exceeded",
        "head_too_large",
        "internal_error",
        "overloaded",
        "version_not_supported",
    }
)
"""What HTTP itself can fail by, whatever the address."""
OF_KEYS: Final[frozenset[Code]] = frozenset({"invalid_api_key", "address_not_allowed"})
"""Where a key is asked for."""
OF_MODELS: Final[frozenset[Code]] = frozenset({"model_not_found", "model_not_allowed"})
"""Where a model is named."""
OF_CALLS: Final[frozenset[Code]] = frozenset(
    {
        "invalid_json",
        "invalid_value",
        "missing_field",
        "context_length_exceeded",
        "content_filter",
        "unprocessable",
        "insufficient_quota",
        "upstream_failed",
        "no_usable_key",
        "draining",
        "upstream_timeout",
    }
)
"""Where a model is asked."""
IN_STREAMS: Final[frozenset[Code]] = frozenset({"upstream_truncated", "upstream_timeout", "draining"})
"""In the last event of a stream that was cut."""
ELSEWHERE: Final[frozenset[Code]] = frozenset({"unknown_url", "method_not_allowed"})
"""At addresses that there are not."""

MEANINGS: Final[Mapping[Code, str]] = {
    "bad_request": "The request is not HTTP as RFC 9112 has it.",
    "invalid_json": "The body is not JSON in UTF-8, or holds a member twice.",
    "invalid_value": "A field has a value that it may not have; `param` names it.",
    "missing_field": "A field is missing; `param` names it.",
    "context_length_exceeded": "Prompt and answer together are longer than the model can take.",
    "content_filter": "The vendor does not answer that.",
    "unprocessable": "The vendor does not take that body; its own words are in the message.",
    "invalid_api_key": "The key is missing, malformed, unknown, expired or revoked.",
    "model_not_allowed": "The key may not use that model.",
    "address_not_allowed": "The key may not be used from that address.",
    "model_not_found": "There is no such model here; the message names the most similar one.",
    "unknown_url": "There is no such address; the message names the right one where it can.",
    "method_not_allowed": "The address takes other methods; `Allow` names them.",
    "request_timeout": "The request took too long to arrive.",
    "request_too_large": "The body is larger, or deeper, than is taken.",
    "uri_too_long": "The address is too long.",
    "unsupported_media_type": "The body is not said to be JSON, or is compressed.",
    "expectation_failed": "Only `Expect: 100-continue` is met.",
    "head_too_large": "The head of the request is too large, or has too many lines.",
    "version_not_supported": "Only HTTP/1.1 and HTTP/1.0 are spoken.",
    "rate_limit_exceeded": "More requests, tokens, calls at once or connections than are allowed; wait `Retry-After`.",
    "insufficient_quota": "The quota of the window is used up; the message says when it begins anew.",
    "internal_error": "A fault of the gateway; tell its operator the request's id.",
    "upstream_failed": "The vendor failed, and nobody could step in.",
    "upstream_truncated": "The answer broke off, and nobody could go on with it.",
    "upstream_timeout": "The vendor took too long.",
    "no_usable_key": "No key of the gateway's can serve this model at present; the message says why.",
    "draining": "The gateway is about to restart.",
    "overloaded": "The gateway has as much to do as it can.",
    "not_signed_in": "Nobody is signed in.",
    "sign_in_failed": "Name and password do not belong together.",
    "csrf_failed": "The request does not come from a page of this server.",
    "admin_only": "That is for administrators.",
    "registration_closed": "Nobody can register here.",
    "invite_invalid": "The invitation is unknown, used or expired.",
    "not_found": "There is no such thing.",
    "name_taken": "The name is taken.",
    "conflict": "Something else has happened to it meanwhile.",
    "too_many_sign_ins": "Too many attempts to sign in; wait `Retry-After`.",
}
"""What each code says. Codes that no group above has are those of the pages, not of the contract."""

CONTRACT: Final = ANYWHERE | OF_KEYS | OF_MODELS | OF_CALLS | IN_STREAMS | ELSEWHERE

_RETRY_AFTER: Final[Schema] = {
    "description": "Seconds after which trying again may help.",
    "schema": {"type": "integer", "minimum": 1, "maximum": WAIT_LIMIT},
}
_SHOULD_RETRY: Final[Schema] = {
    "description": "Whether trying again may help; not there where nobody can tell.",
    "schema": {"enum": ["true", "false"]},
}


def name_of(status: int) -> str:
    """What the answer of that status is called among the components."""
    return f"Error{status}"


def statuses(codes: Iterable[Code]) -> dict[str, Schema]:
    """A reference to the answer of each status that one of `codes` has, by status."""
    found = sorted({RANKS[code].status for code in codes})
    return {str(status): {"$ref": f"#/components/responses/{name_of(status)}"} for status in found}


def refusals() -> dict[str, Schema]:
    """An answer for each status of the contract, by name."""
    by_status: dict[int, list[Code]] = {}
    for code in RANKS:
        if code in CONTRACT:
            by_status.setdefault(RANKS[code].status, []).append(code)
    return {name_of(status): _refusal(status, codes) for status, codes in sorted(by_status.items())}


def _refusal(status: int, codes: list[Code]) -> Schema:
    told = "\n".join(f"- `{code}`: {MEANINGS[code]}" for code in codes)
    headers: Schema = {"x-request-id": {"$ref": "#/components/headers/x-request-id"}, "x-should-retry": _SHOULD_RETRY}
    if status in (429, 503):
        headers["Retry-After"] = _RETRY_AFTER
    if status == 401:
        headers["WWW-Authenticate"] = {"schema": {"const": "Bearer"}}
    if status == 405:
        headers["Allow"] = {"description": "The methods that the address takes.", "schema": {"type": "string"}}
    body = {"type": "object", "properties": {"code": {"enum": [*codes]}, "type": {"enum": _types(codes)}}}
    narrowed: dict[str, Any] = {
        "allOf": [{"$ref": "#/components/schemas/Error"}, {"type": "object", "properties": {"error": body}}]
    }
    return {"description": told, "headers": headers, "content": {"application/json": {"schema": narrowed}}}


def _types(codes: Iterable[Code]) -> list[str]:
    return sorted({RANKS[code].type for code in codes})


def envelope_schemas() -> dict[str, Schema]:
    """The envelope, with every code that there is."""
    codes = [code for code in RANKS if code in CONTRACT]
    error = {
        "type": "object",
        "required": ["message", "type", "param", "code"],
        "additionalProperties": False,
        "properties": {
            "message": {"type": "string", "description": "What happened and what to do, for people."},
            "type": {"enum": _types(codes)},
            "param": {"type": ["string", "null"], "description": "The field of the body at fault."},
            "code": {"enum": codes, "description": "For programs."},
        },
    }
    return {
        "ErrorBody": error,
        "Error": {
            "type": "object",
            "required": ["error"],
            "properties": {"error": {"$ref": "#/components/schemas/ErrorBody"}},
            "description": "Every failure, in the one envelope.",
        },
    }
