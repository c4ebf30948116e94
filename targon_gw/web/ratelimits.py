"""How a client's limits stand, as the headers tell it: `x-ratelimit-limit-requests` and its kin (OpenAI's names)."""

from __future__ import annotations

from targon_gw.core.limits import Shelf, Shown

Fields = list[tuple[bytes, bytes]]


def limit_headers(shown: Shown) -> Fields:
    """The headers for each limit that there is; none where there is none."""
    if shown.requests is None and shown.tokens is None:
        return []
    return [*_of(b"requests", shown.requests), *_of(b"tokens", shown.tokens)]


def _of(what: bytes, shelf: Shelf | None) -> Fields:
    if shelf is None:
        return []
    limit, remaining, reset = shelf
    return [
        (b"x-ratelimit-limit-" + what, b"%d" % limit),
        (b"x-ratelimit-remaining-" + what, b"%d" % max(0, remaining)),
        (b"x-ratelimit-reset-" + what, duration(reset)),
    ]


def duration(seconds: float) -> bytes:
    """As OpenAI writes it: `12ms`, `1s`, `6m0s`, `1h0m0s`; rounded up, so that it is never too early."""
    seconds = round(seconds, 6)  # 10.000000001 is a float's way to say 10
    if seconds < 1.0:
        return b"%dms" % max(0, -int(-seconds * 1000 // 1))
    whole = -int(-seconds // 1)
    if whole < 60:
        return b"%ds" % whole
    if whole < 3600:
        return b"%dm%ds" % divmod(whole, 60)
    hours, rest = divmod(whole, 3600)
    return b"%dh%dm%ds" % (hours, *divmod(rest, 60))
