"""The one table from a refusal's code to HTTP.

It decides the status, the `type` and the headers of every error that we originate, and the bytes of its JSON body. It
must never add to the message: what a client may be told, whoever raised the `Refusal` has decided. What looks like a
key is left out all the same: an echo of what a client put in the wrong place ends up in somebody's log (F-14).
"""

from __future__ import annotations

import math
import re
from typing import Final

import msgspec
from attrs import frozen

from targon_gw.core.config import SECRET_LIKE
from targon_gw.core.errors import Code, Refusal

ENVELOPE_LIMIT: Final = 2048
"""Bytes of an error body at most: errors are read by people, and some echo a name that the client chose."""
PARAM_LIMIT: Final = 128
"""Characters of `param`: a path of a few names; longer ones are an attack or an accident."""
WAIT_LIMIT: Final = 120
"""Seconds: beyond that the OpenAI SDK does not wait but gives up at once."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Controls, line separators and lone surrogates: they forge log lines, or are no UTF-8 at all."""


@frozen
class Rank:
    """How a code looks in HTTP. `retry` is `x-should-retry`; `None` sends none, and leaves it to the SDK."""

    status: int
    type: str
    retry: bool | None = None


_BAD = "invalid_request_error"

RANKS: Final[dict[Code, Rank]] = {
    "bad_request": Rank(400, _BAD, False),
    "invalid_json": Rank(400, _BAD, False),
    "invalid_value": Rank(400, _BAD, False),
    "missing_field": Rank(400, _BAD, False),
    "context_length_exceeded": Rank(400, _BAD, False),
    "content_filter": Rank(400, _BAD, False),
    "invalid_api_key": Rank(401, "authentication_error", False),
    "not_signed_in": Rank(401, "authentication_error", False),
    "sign_in_failed": Rank(401, "authentication_error", False),
    "model_not_allowed": Rank(403, "permission_error", False),
    "address_not_allowed": Rank(403, "permission_error", False),
    "csrf_failed": Rank(403, "permission_error", False),
    "admin_only": Rank(403, "permission_error", False),
    "registration_closed": Rank(403, "permission_error", False),
    "invite_invalid": Rank(403, "permission_error", False),
    "model_not_found": Rank(404, "not_found_error", False),
    "unknown_url": Rank(404, "not_found_error", False),
    "not_found": Rank(404, "not_found_error", False),
    "method_not_allowed": Rank(405, _BAD, False),
    "request_timeout": Rank(408, "timeout_error"),
    "name_taken": Rank(409, _BAD, False),
    "conflict": Rank(409, _BAD, False),
    "request_too_large": Rank(413, _BAD, False),
    "uri_too_long": Rank(414, _BAD, False),
    "unsupported_media_type": Rank(415, _BAD, False),
    "expectation_failed": Rank(417, _BAD, False),
    "unprocessable": Rank(422, _BAD, False),
    "rate_limit_exceeded": Rank(429, "rate_limit_error"),
    "insufficient_quota": Rank(429, "rate_limit_error", False),
    "too_many_sign_ins": Rank(429, "rate_limit_error"),
    "head_too_large": Rank(431, _BAD, False),
    "internal_error": Rank(500, "server_error", False),
    "upstream_failed": Rank(502, "upstream_error"),
    "upstream_truncated": Rank(502, "upstream_error"),
    "no_usable_key": Rank(503, "overloaded_error", True),
    "draining": Rank(503, "overloaded_error", True),
    "overloaded": Rank(503, "overloaded_error", True),
    "upstream_timeout": Rank(504, "timeout_error"),
    "version_not_supported": Rank(505, _BAD, False),
}
"""Every code there is; `retry=True` holds only where the refusal says how long to wait."""

_CONTENT_TYPE = (b"content-type", b"application/json; charset=utf-8")
_encode = msgspec.json.Encoder().encode


def status_of(refusal: Refusal) -> int:
    """The HTTP status of `refusal`."""
    return RANKS[refusal.code].status


def envelope(refusal: Refusal) -> bytes:
    """`{"error": {"message", "type", "param", "code"}}` in UTF-8: one line, `ENVELOPE_LIMIT` bytes at most."""
    message = SECRET_LIKE.sub("…", _CONTROL.sub(" ", refusal.message[:ENVELOPE_LIMIT]))
    param = None if refusal.param is None else SECRET_LIKE.sub("…", _CONTROL.sub(" ", refusal.param))[:PARAM_LIMIT]
    body = _enclose(refusal.code, message, param)
    while len(body) > ENVELOPE_LIMIT:
        # A character takes four bytes at most: cutting a quarter of the surplus never cuts too much.
        message = message[: -1 - max(1, (len(body) - ENVELOPE_LIMIT) // 4)] + "…"
        body = _enclose(refusal.code, message, param)
    return body


def _enclose(code: Code, message: str, param: str | None) -> bytes:
    return _encode({"error": {"message": message, "type": RANKS[code].type, "param": param, "code": code}})


def headers_of(refusal: Refusal) -> list[tuple[bytes, bytes]]:
    """The headers that go with `envelope`: content type, whether and when to try again, how to authenticate."""
    rank = RANKS[refusal.code]
    headers = [_CONTENT_TYPE]
    retry = rank.retry and refusal.wait is not None if rank.retry else rank.retry
    if retry is not None:
        headers.append((b"x-should-retry", b"true" if retry else b"false"))
    if refusal.wait is not None and rank.status in (429, 503):
        headers.append((b"retry-after", b"%d" % _whole_seconds(refusal.wait)))
    if rank.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return headers


def _whole_seconds(wait: float) -> int:
    """`wait` rounded up, between 1 and `WAIT_LIMIT`; also where it is infinite or no number."""
    if not wait < WAIT_LIMIT:
        return WAIT_LIMIT
    return max(1, math.ceil(wait))
