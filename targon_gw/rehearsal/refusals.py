"""How each dialect says no: status, headers and body of every refusal that a vendor makes in earnest.

Targon's: plain text for 401, `{"message", "object": "error", "Type", "code"}` in a 503 for whatever failed behind it,
and `text/event-stream` on all of it. OpenAI's: an `error` object of message, type, param and code, and the status that
means it.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from targon_gw.core.config import Dialect

from .answers import written

STREAM_TYPE = "text/event-stream"
JSON_TYPE = "application/json"
TARGON_RETRY_AFTER = "5"
"""Seconds; Targon's hub writes this figure, whatever the truth is."""


@frozen
class Rejection:
    """An answer that is no answer."""

    status: int
    body: bytes
    type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()


@frozen
class Window:
    """An account's minute: how many requests it may make, how many are left, and seconds until one more is."""

    limit: int
    remaining: int
    reset: float


def targon_error(status: int, message: str, kind: str, code: int) -> Rejection:
    """Targon's own error object."""
    body: dict[str, Any] = {"message": message, "object": "error", "Type": kind, "code": code}
    return Rejection(status, written(body), STREAM_TYPE)


def openai_error(status: int, message: str, kind: str, code: str | None, param: str | None = None) -> Rejection:
    """OpenAI's error envelope."""
    return Rejection(status, written({"error": {"message": message, "type": kind, "param": param, "code": code}}))


def unauthorized(dialect: Dialect) -> Rejection:
    """The key is missing, unknown or barred."""
    if dialect is Dialect.TARGON:
        return Rejection(401, b"Unauthorized: invalid API key", STREAM_TYPE)
    return openai_error(401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key")


def misread(dialect: Dialect, message: str, param: str | None) -> Rejection:
    """The body makes no sense."""
    if dialect is Dialect.TARGON:
        return targon_error(400, message, "BadRequestError", 400)
    return openai_error(400, message, "invalid_request_error", None, param)


def unknown_model(dialect: Dialect, model: str) -> Rejection:
    """Nobody serves that model."""
    if dialect is Dialect.TARGON:
        return targon_error(503, f"no model found: {model[:64]}", "NotFoundError", 400)
    message = f"The model `{model[:64]}` does not exist or you do not have access to it."
    return openai_error(404, message, "invalid_request_error", "model_not_found", "model")


def unknown_path(dialect: Dialect) -> Rejection:
    """There is no such endpoint."""
    if dialect is Dialect.TARGON:
        return Rejection(404, b'{"message":"Not Found"}', JSON_TYPE)
    return openai_error(404, "Invalid URL", "invalid_request_error", None)


def wrong_method(dialect: Dialect, allowed: str) -> Rejection:
    """The endpoint is there, but not for that method."""
    allow = (("Allow", allowed),)
    if dialect is Dialect.TARGON:
        return Rejection(405, b'{"message":"Method Not Allowed"}', JSON_TYPE, allow)
    body = openai_error(
        405, "Not allowed to use that method here.", "invalid_request_error", "method_not_supported"
    ).body
    return Rejection(405, body, JSON_TYPE, allow)


def too_large(dialect: Dialect) -> Rejection:
    """The body is over the vendor's bound."""
    if dialect is Dialect.TARGON:
        return Rejection(413, b'{"message":"Request Entity Too Large"}', JSON_TYPE)
    return openai_error(413, "Request body is too large.", "invalid_request_error", "request_too_large")


def throttled(dialect: Dialect, window: Window) -> Rejection:
    """Too many requests in this minute."""
    if dialect is Dialect.TARGON:
        headers = (
            ("Retry-After", TARGON_RETRY_AFTER),
            ("X-RateLimit-Limit", str(window.limit)),
            ("X-RateLimit-Remaining", str(window.remaining)),
            ("X-RateLimit-Reset", str(int(window.reset) + 1)),
        )
        return Rejection(429, b"Too many requests", STREAM_TYPE, headers)
    answer = openai_error(429, "Rate limit reached for requests.", "requests", "rate_limit_exceeded")
    wait = (("Retry-After", str(int(window.reset) + 1)),)
    return Rejection(429, answer.body, JSON_TYPE, wait + window_headers(window))


def window_headers(window: Window) -> tuple[tuple[str, str], ...]:
    """OpenAI's `x-ratelimit-*` lines; they stand on good answers too."""
    return (
        ("x-ratelimit-limit-requests", str(window.limit)),
        ("x-ratelimit-remaining-requests", str(window.remaining)),
        ("x-ratelimit-reset-requests", f"{window.reset:.0f}s"),
    )


def too_many_cancelled(dialect: Dialect) -> Rejection:
    """The account has left too many answers before their end."""
    if dialect is Dialect.TARGON:
        return Rejection(429, b"Too many canceled requests", STREAM_TYPE, (("Retry-After", TARGON_RETRY_AFTER),))
    return openai_error(429, "Too many canceled requests.", "requests", "rate_limit_exceeded")


def exhausted(dialect: Dialect) -> Rejection:
    """The account's credits don't cover what this request may cost."""
    if dialect is Dialect.TARGON:
        return targon_error(400, "not enough credits", "BadRequestError", 400)
    message = "You exceeded your current quota, please check your plan and billing details."
    return openai_error(429, message, "insufficient_quota", "insufficient_quota")


def failed(dialect: Dialect, status: int) -> Rejection:
    """Something broke behind the vendor's door; Targon's own status for all of that is 503, with code 500."""
    if dialect is Dialect.TARGON:
        return targon_error(status, "failed to query miner", "InternalServerError", 500)
    return openai_error(status, "The server had an error while processing your request.", "server_error", None)
