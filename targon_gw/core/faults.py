"""Whose fault it was that a call was not served, and so what availability means.

*Availability* is

    (served whole + left by the client after a first token) / (all calls - those that failed by the caller's own fault)

and nothing where there was no such call. A call failed by the caller's own fault where the last answer of a vendor says
that the request itself is wrong; and what is turned away before it is a call, since nobody knows the key, the model is
none or the client's limits are reached, is the caller's own affair, too. Everything else that was not served counts
against us: vendors that fail, streams that break off, no key that may serve, a first token so long in coming that the
client left before it, being too busy, being about to restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from .attempts import CallerFault, Exhausted, ModelFault, Outcome, Served, Throttled
from .ledger import Ending, Entry

CALLER, LIMITED, UPSTREAM, UNAVAILABLE, CUT, RETRIED = CLASSES = (
    "caller",
    "limited",
    "upstream",
    "unavailable",
    "cut",
    "retried",
)
"""Kinds of errors: the caller's own; beyond a limit, ours or a vendor's; a vendor failed or was not waited for any
longer; nobody could serve; broken off after the first token; attempts that failed and were made good elsewhere."""
_LIMITED: Final = frozenset(("rate_limit_exceeded", "insufficient_quota"))
_OURS: Final = frozenset(("overloaded", "draining"))


class Tried(Protocol):
    """An attempt of a call."""

    @property
    def outcome(self) -> Outcome | None:
        """How it ended or began to be served; `None` until that is judged."""


def kind_of(entry: Entry, attempts: Sequence[Tried]) -> str | None:
    """The kind of error that a call which was not served whole came to; `None` where it counts as served."""
    ending = entry.ending
    if ending is Ending.SERVED or (ending is Ending.ABANDONED and entry.first is not None):
        return None
    if ending is Ending.TRUNCATED:
        return CUT
    if ending is Ending.ABANDONED:
        return UPSTREAM
    match attempts[-1].outcome if attempts else None:
        case CallerFault():
            return CALLER
        case Throttled():
            return LIMITED
        case ModelFault() | Exhausted():
            return UNAVAILABLE
    return UNAVAILABLE if entry.status == 503 else UPSTREAM


def kind_of_refusal(code: str) -> str:
    """The kind of error of a request that was turned away, with a Refusal of that code, before it was a call.

    `UNAVAILABLE` is for our own reasons, and counts as a call that failed; all others are the caller's affair.
    """
    return LIMITED if code in _LIMITED else UNAVAILABLE if code in _OURS else CALLER


def made_good(attempts: Sequence[Tried]) -> int:
    """How many attempts of a call that was served had failed before."""
    return sum(attempt.outcome is not None and not isinstance(attempt.outcome, Served) for attempt in attempts)


def word_for(entry: Entry) -> str:
    """The status that the client of a call that failed was sent, as text; the word for its ending where that tells
    more, as of a stream whose head had said 200."""
    if entry.status is not None and entry.status >= 400:
        return str(entry.status)
    return str((entry.ending or Ending.FAILED).value)
