"""What has been counted, as the operator asks for it: sums, and the last calls with their attempts.

It reads the ledger in memory and alters nothing. Sums and entries are whatever the core's classes hold, by the same
names.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from targon_gw.core.ledger import BY, FIGURES, Ending, Entry, Kind, Sums

from .admin_desk import Objection, unknown

RATE_OVER = 10.0
"""Seconds over which calls a second are reckoned."""
MANY = 500
"""Calls of late from which on the entries that are kept may not reach back far enough."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_STATUS = re.compile(r"[1-5](?:xx|[0-9]{2})")
_ENDINGS = tuple(ending.value for ending in Ending)


def rows(sums: Mapping[str, Sums]) -> list[dict[str, Any]]:
    """Sums as a list in order of name: `name`, `calls` and every figure of `Sums`, by its name there."""
    return [{"name": name, "calls": each.calls, **_figures(each)} for name, each in sorted(sums.items())]


def _figures(sums: Sums) -> dict[str, int]:
    return {name: getattr(sums, name) for name in FIGURES}


def plain(entry: Entry) -> dict[str, Any]:
    """An entry as JSON has it: members that are not set are left out, the figures of its usage are among the others."""
    told: dict[str, Any] = msgspec.to_builtins(entry)
    usage = told.pop("usage", None)
    return {name: each for name, each in {**told, **(usage or {})}.items() if each is not None}


def checked_by(by: str | None) -> str:
    """What to sum by; raises Objection."""
    if by is None:
        return "model"
    if by not in BY:
        raise Objection(400, "invalid_value", f"by is one of: {', '.join(BY)}.")
    return by


def checked_day(day: str | None) -> str | None:
    """The first day to sum, `2026-11-21` of UTC; raises Objection."""
    if day is None:
        return None
    try:
        if _DAY.fullmatch(day):
            return datetime.date.fromisoformat(day).isoformat()
    except ValueError:
        pass
    raise Objection(400, "invalid_value", "since is a day such as 2026-11-21.")


def calls(recent: Iterable[Entry], limit: int, status: str | None, key: str | None) -> list[dict[str, Any]]:
    """The last calls, newest first, that ended so (`429`, `5xx`, `truncated` …) and in which that key had a part."""
    if status is not None and not _STATUS.fullmatch(status) and status not in _ENDINGS:
        raise Objection(400, "invalid_value", f"status is one such as 429 or 5xx, or one of: {', '.join(_ENDINGS)}.")
    entries = [plain(entry) for entry in recent]
    with_key = {entry["id"] for entry in entries if entry.get("key") == key}
    found = [
        entry
        for entry in entries
        if entry["kind"] == "call" and (key is None or entry["id"] in with_key) and _ended(entry, status)
    ]
    return found[: -limit - 1 : -1]


def _ended(entry: Mapping[str, Any], wanted: str | None) -> bool:
    if wanted is None or entry.get("ending") == wanted:
        return True
    status = str(entry.get("status", ""))
    return status == wanted or (wanted.endswith("xx") and status[:1] == wanted[0])


def call(recent: Iterable[Entry], call_id: str) -> dict[str, Any]:
    """One call with its `failed_attempts`, oldest first; raises Objection where it is not among the last.

    An attempt's `from` is when it began, in seconds behind the call's own beginning; it is left out where the ledger
    does not tell.
    """
    found = [entry for entry in map(plain, recent) if entry["id"] == call_id]
    calls = [entry for entry in found if entry["kind"] == "call"]
    if not calls:
        raise unknown(f"The call {call_id!r} is not among the last thousand; the ledger's files have them all.")
    attempts = [entry for entry in found if entry["kind"] == "attempt"]
    return {**calls[-1], "failed_attempts": _placed(attempts, calls[-1])}


def _placed(attempts: list[dict[str, Any]], call: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`attempts` with when each began. Lines that all bear the moment at which the call was settled don't say."""
    if not any(one["at"] < call["at"] for one in attempts):
        return attempts
    began = call["at"] - call["took"]
    return [{**one, "from": max(0.0, round(one["at"] - one["took"] - began, 5))} for one in attempts]


def rate(recent: Iterable[Entry], unix: float) -> float:
    """Calls a second that have ended of late."""
    moments = [entry.at for entry in recent if entry.kind is Kind.CALL and entry.at > unix - RATE_OVER]
    # The ledger keeps a thousand entries: where these are of less than the ten seconds, so is the rate.
    over = RATE_OVER if len(moments) < MANY else max(0.001, unix - min(moments))
    return round(len(moments) / over, 2)
