"""The lines of ours in the head of an answer: what it is, who may read it, what served, how often it was tried, how
long it took, what is left."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from targon_gw.core.call import Attempt, Call
from targon_gw.core.limits import Shown

from .ratelimits import limit_lines

CORS: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"*"),
)
"""Any origin may read an answer and all of its headers; the wildcards hold where a browser sends no credentials."""
CORS_LINES: Final = b"".join(b"%b: %b\r\n" % pair for pair in CORS)
JSON: Final = b"content-type: application/json; charset=utf-8\r\n" + CORS_LINES
_KIND: Final = b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n"
STREAM: Final = _KIND + CORS_LINES
"""Of an answer, and of a stream: what their heads begin with."""

_TIMES: Final = b"openai-processing-ms: %d\r\nserver-timing: gw;dur=%.1f, upstream;dur=%.1f\r\n"

Limits = Callable[[Call, float], Shown]
"""How the limits of a call's client stand."""


def head_lines(call: Call, limits: Limits | None, now: float, attempt: Attempt | None = None) -> bytes:
    """The lines of the answer to `call`, which `attempt` has brought, if one has."""
    took, waited = (now - call.admitted) * 1000.0, 0.0
    if attempt is not None and attempt.ended is not None:
        waited = (attempt.ended - attempt.began) * 1000.0
    own = took - waited
    lines = _TIMES % (took, own if own > 0.0 else 0.0, waited)
    if attempt is not None:
        lines += _served_by(attempt.model.settings.id)
    if len(call.attempts) > 1:
        lines += b"x-targon-attempts: %d\r\n" % len(call.attempts)
    return lines if limits is None else lines + limit_lines(limits(call, now))


@lru_cache(maxsize=1024)
def _served_by(model: str) -> bytes:
    """The header line that names the catalog's model; a name may be any text."""
    shown = "".join(c if " " < c <= "~" else "?" for c in model)
    return b"x-targon-model: %b\r\n" % shown.encode("ascii")
