"""The record of settled calls: what one call came to, in one frozen line.

Who keeps these lines, and where, is the store's affair; what they mean is here.
"""

from __future__ import annotations

import enum

from attrs import frozen

from .meter import Usage


class Ending(enum.Enum):
    """How a call ended."""

    __hash__ = object.__hash__  # Enum's own is written in Python, and calls are counted by their ending

    SERVED = "served"
    TRUNCATED = "truncated"
    ABANDONED = "abandoned"
    REFUSED = "refused"
    FAILED = "failed"


@frozen
class Entry:
    """One settled call. Times are seconds: `first` to the first event or the whole answer, `took` to the end."""

    request_id: str
    client: str
    model: str
    served: str | None
    upstream: str | None
    account: str | None
    key: str | None
    stream: bool
    ending: Ending
    attempts: int
    first: float | None
    took: float
    usage: Usage | None
    reference: str | None = None
    """What the client itself calls this request."""
