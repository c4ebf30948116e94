"""How one sending of a call ended, and what that means.

First classify, then act: a failure is the caller's, a key's, an account's, a model's or the vendor's, and each moves
something else. `classify` reads what a vendor answered; it never decides what happens next (that is `core.call`) nor
what becomes of the key (that is `core.health`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime

from msgspec import Struct

from .answers import VendorError, read_error
from .config import Dialect
from .errors import Code, Refusal

SHORTEST_WAIT, LONGEST_WAIT = 1.0, 900.0
"""What a vendor's Retry-After is clamped to, seconds: never at once, never parked for ever."""


class Served(Struct, frozen=True, gc=False):
    """What was asked for has come, or has begun to come."""

    reason: str = "served"
    status: int | None = 200


class CallerFault(Struct, frozen=True, gc=False):
    """The request itself is at fault; `refusal` is what the client is told."""

    refusal: Refusal
    reason: str = "the caller's fault"
    status: int | None = 400


class Throttled(Struct, frozen=True, gc=False):
    """Too many requests, says the vendor; `wait` in seconds where it said for how long."""

    wait: float | None = None
    reason: str = "throttled"
    status: int | None = 429


class Exhausted(Struct, frozen=True, gc=False):
    """The account has no credit left; `sized`: none for a request of this size, a smaller one may pass."""

    sized: bool = False
    reason: str = "no credit left"
    status: int | None = 402


class Barred(Struct, frozen=True, gc=False):
    """The vendor does not take this key."""

    reason: str = "key not accepted"
    status: int | None = 401


class ModelFault(Struct, frozen=True, gc=False):
    """The vendor does not serve this model."""

    reason: str = "model not served"
    status: int | None = 404


class VendorFault(Struct, frozen=True, gc=False):
    """The vendor failed; `silent`: it said nothing in time, so asking it again would only wait again."""

    reason: str = "vendor failed"
    status: int | None = None
    silent: bool = False


class Abandoned(Struct, frozen=True, gc=False):
    """The client left, or the call's own time was over: nobody's fault."""

    reason: str = "client left"
    status: int | None = None


Outcome = Served | CallerFault | Throttled | Exhausted | Barred | ModelFault | VendorFault | Abandoned


class Reply(Struct, frozen=True, gc=False):
    """What a vendor answered, where it was not plainly what was asked for.

    `body` is at most its first 64 KiB. `retry_after` holds every such header as sent, `date` the answer's own clock.
    """

    status: int
    body: bytes = b""
    retry_after: Sequence[str] = ()
    date: str | None = None


def classify(reply: Reply, dialect: Dialect, wall: float) -> Outcome:
    """The outcome that `reply` stands for; `wall` is the time of day, Unix seconds, for a Retry-After that is a date.

    A client chooses what a vendor's 400 quotes: what would cost us an account or a model is read outside of the quotes.
    """
    error = read_error(reply.body)
    text = (error.message if error else reply.body[:2000].decode("utf-8", "replace")).lower()
    unquoted = _QUOTED.sub("''", text)
    status = _inner_status(reply.status, error, dialect)
    said = f"{reply.status}" if status == reply.status else f"{reply.status} (meaning {status})"
    kind = f"{error.type or ''} {error.code or ''}".lower() if error else ""
    if _no_money(status, kind, text, unquoted):
        return Exhausted(sized=status == 400, reason=f"{said}: no credit left", status=reply.status)
    if status == 429:
        return Throttled(longest_wait(reply, wall), f"{said}: too many requests", reply.status)
    if status in (400, 403, 404, 405, 422) and error is None and reply.body.lstrip()[:1] == b"<":
        return VendorFault(f"{said}: a page, not an answer", reply.status)
    if status in (400, 404) and (_NO_MODEL.search(unquoted) or "model_not_found" in kind):
        return ModelFault(f"{said}: model not served", reply.status)
    if status == 403 and _FILTER.search(text + kind):
        return CallerFault(_callers(status, text, kind, error), f"{said}: content filter", reply.status)
    if status in (401, 403) or (400 <= status < 500 and _DEACTIVATED.search(unquoted)):
        return Barred(f"{said}: key not accepted", reply.status)
    if status in (400, 404, 413, 415, 422):
        return CallerFault(_callers(status, text, kind, error), f"{said}: the request's fault", reply.status)
    return VendorFault(said, reply.status)


def _no_money(status: int, kind: str, text: str, unquoted: str) -> bool:
    if status == 402 or "insufficient_quota" in kind or "billing" in kind:
        return True
    return bool(_NO_CREDIT.search(unquoted)) if status == 400 else status in (403, 429) and bool(_MONEY.search(text))


_QUOTED = re.compile(r"(?<!\w)(['\"`])[^'\"`]{0,300}\1(?!\w)")
_MONEY = re.compile(r"\bcredits?\b|\bbalance\b|insufficient.{0,8}(quota|funds)|欠费|余额|exceeded your current quota")
_NO_CREDIT = re.compile(
    r"(not enough|insufficient|no|out of|no remaining)( \w+)? (credits?|balance|funds|quota)\b|欠费|余额不足"
    r"|(credits?|balance)( \w+)? (is |are |has been )?(too low|insufficient|exhausted|used up|not enough)"
)
"""As `_MONEY`, for a 400: there the talk may be of what the client wrote."""
_DEACTIVATED = re.compile(r"\b(account|key|organi[sz]ation|user|project)\b.{0,40}\b(deactivated|suspended)\b")
_NO_MODEL = re.compile(
    r"\bno (such )?model\b|\b(unknown|invalid) model\b|not a valid model|model not exist|no endpoints found"
    r"|\bmodels?:? (id |named? )?(\S{1,200} )?(was |is |has been |could )?"
    r"(not found|not exist|does not exist|doesn't exist|not available|not supported|deprecated|decommissioned)"
)
_FILTER = re.compile(r"content.?(filter|policy|management)|moderation|safety")
_LENGTH = re.compile(
    r"context.?length|maximum context|too many tokens|context window|longer than the model|prompt is too long"
)
_BY_WORD = (
    ("rate_limit", 429),
    ("overloaded", 529),
    ("insufficient_quota", 402),
    ("authentication", 401),
    ("invalid_api_key", 401),
    ("permission", 403),
    ("not_found", 404),
    ("invalid_request", 400),
    ("context_length", 400),
)


def _inner_status(status: int, error: VendorError | None, dialect: Dialect) -> int:
    """The status that is meant, where the one in the head says something else."""
    if error is None:
        return status
    code = error.code
    number = (
        int(code) if isinstance(code, int) or (isinstance(code, str) and code.isdecimal() and len(code) == 3) else None
    )
    if status == 503 and dialect is Dialect.TARGON:  # Targon's 503 stands for every failed query
        return number if number is not None and 400 <= number < 600 and number != 500 else 503
    if status >= 300:
        return status
    if number is not None and 400 <= number < 600:
        return number
    word = f"{error.type or ''} {code or ''}".lower()
    return next((meant for part, meant in _BY_WORD if part in word), 502)


def _callers(status: int, text: str, kind: str, error: VendorError | None) -> Refusal:
    """What the client is told of its own mistake: in the vendor's words, where all that they hold is the client's."""
    message = presentable(error.message) if error else None
    if status == 413:
        return Refusal("request_too_large", message or "The vendor finds the request too large.")
    if _LENGTH.search(text) or "context_length" in kind:
        return Refusal(
            "context_length_exceeded", message or "The request is longer than the model's context.", "messages"
        )
    if _FILTER.search(text + kind):
        return Refusal("content_filter", message or "The vendor's content filter refused the request.")
    if status == 404:
        return Refusal("model_not_found", message or "The vendor does not offer this for the model.", "model")
    code: Code = "unprocessable" if status == 422 else "invalid_value"
    return Refusal(code, message or "The vendor refused the request as malformed.")


_SECRETIVE = re.compile(
    r"\b(sk|sn4|hf|gsk|key|tok|org|proj)[-_][\w*-]{3,}|\*{3,}|[0-9a-f]{24,}|[a-z0-9_]{28,}|bearer"
    r"|https?://|/\w+/\w+/|\b\d{1,3}(\.\d{1,3}){3}\b|[\w-]\.[\w.-]{1,250}:\d{2,5}\b",
    re.I | re.A,
)
"""Keys whole and half, addresses and paths; any long run of letters and digits, since a key may look like that too."""


def presentable(message: str) -> str | None:
    """A vendor's words as a client may see them, at most 500 characters; `None` where they may hold a secret (D-43)."""
    if not message or _SECRETIVE.search(message):
        return None
    return "".join(c if c.isprintable() else " " for c in message[:500])


def longest_wait(reply: Reply, wall: float) -> float | None:
    """Seconds to wait, by the longest Retry-After that can be read; `None` where none can (RFC 9110 10.2.3)."""
    waits = [w for w in (_wait(value, reply.date, wall) for value in reply.retry_after) if w is not None]
    return max(waits) if waits else None


def _wait(value: str, date: str | None, wall: float) -> float | None:
    value = value.strip()[:64]
    try:
        seconds = float(value)
    except ValueError:
        until = _moment(value)
        if until is None:
            return None
        seconds = until - (_moment(date) or wall if date else wall)
    if math.isnan(seconds):
        return None
    return min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT)


def _moment(value: str) -> float | None:
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    try:
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


Rest = Callable[[int], float]
"""How long to rest, in seconds, at the n-th strike in a row."""


def doubling(first: float, longest: float) -> Rest:
    """`first` seconds, twice as long at each further strike, `longest` at most."""

    def rest(strikes: int) -> float:
        return min(longest, first * 2.0 ** min(max(strikes - 1, 0), 40))

    return rest
