"""What a client may be told went wrong.

`Refusal` is the one family of errors that crosses from the core to a client. It bears a code for machines and a message
for people; which HTTP status that is, the web decides in one table. Anything else that is raised is a bug of ours.
"""

from __future__ import annotations

from typing import Literal

from attrs import define

Code = Literal[
    "invalid_json",
    "invalid_value",
    "missing_field",
    "context_length_exceeded",
    "content_filter",
    "unprocessable",
    "invalid_api_key",
    "model_not_allowed",
    "address_not_allowed",
    "model_not_found",
    "unknown_url",
    "method_not_allowed",
    "request_timeout",
    "request_too_large",
    "unsupported_media_type",
    "rate_limit_exceeded",
    "insufficient_quota",
    "internal_error",
    "upstream_failed",
    "upstream_truncated",
    "upstream_timeout",
    "no_usable_key",
    "draining",
    "overloaded",
    "bad_request",
    "expectation_failed",
    "head_too_large",
    "uri_too_long",
    "version_not_supported",
    "not_signed_in",
    "sign_in_failed",
    "csrf_failed",
    "admin_only",
    "registration_closed",
    "invite_invalid",
    "not_found",
    "name_taken",
    "conflict",
    "too_many_sign_ins",
]


@define(eq=False)
class Refusal(Exception):
    """A call that goes no further.

    `message` says what happened and what to do; it never holds a secret, a digest, an upstream's address or a path.
    `param` names the field of the body at fault. `wait` is in seconds: after that long, trying again may help;
    `None` where time alone mends nothing.
    """

    code: Code
    message: str
    param: str | None = None
    wait: float | None = None

    def __str__(self) -> str:
        return self.message
