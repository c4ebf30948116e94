"""How a client's limits stand, as the headers tell it: `x-ratelimit-limit-requests` and its kin (OpenAI's names)."""

from __future__ import annotations

from typing import Final

from targon_gw.core.limits import Shown

_LINES: Final = (
    b"x-ratelimit-limit-%(what)b: %%d\r\nx-ratelimit-remaining-%(what)b: %%d\r\nx-ratelimit-reset-%(what)b: %%b\r\n"
)
_REQUESTS: Final = _LINES % {b"what": b"requests"}
_TOKENS: Final = _LINES % {b"what": b"tokens"}


def limit_lines(shown: Shown) -> bytes:
    """The header lines for each limit that there is, each with its end; none where there is none."""
    requests, tokens = shown.requests, shown.tokens
    lines = b""
    if requests is not None:
        limit, remaining, reset = requests
        lines = _REQUESTS % (limit, remaining, duration(reset))
    if tokens is not None:
        limit, remaining, reset = tokens
        lines += _TOKENS % (limit, remaining, duration(reset))
    return lines


def duration(seconds: float) -> bytes:
    """As OpenAI writes it: `12ms`, `1s`, `6m0s`, `1h0m0s`; rounded up, so that it is never too early."""
    if seconds < 0.99999:
        return b"%dms" % -(-(seconds - 1e-6) * 1000 // 1) if seconds > 1e-6 else b"0ms"
    whole = -int(-(seconds - 1e-6) // 1)  # 10.000000001 is a float's way to say 10
    if whole < 60:
        return b"%ds" % whole
    if whole < 3600:
        return b"%dm%ds" % divmod(whole, 60)
    hours, rest = divmod(whole, 3600)
    return b"%dh%dm%ds" % (hours, *divmod(rest, 60))
