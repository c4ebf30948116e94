"""One line for each call, written cheaply: it lies on the path of every one.

JSON, or logfmt on a terminal. Lines are gathered and written together, at most `EVERY` seconds later. Nothing of a body
or a header can be in them: an Entry holds names of the settings, fingerprints and figures.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

import msgspec
from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from targon_gw.core.ledger import Entry

EVERY = 0.25


@define(eq=False)
class CallLog:
    """Writes entries to `out`. `wall` answers with Unix seconds."""

    out: TextIO
    terminal: bool
    clock: IReactorTime
    wall: Callable[[], float]
    _lines: list[str] = field(factory=list)
    _armed: bool = False

    def settled(self, entry: Entry) -> None:
        """A call is over."""
        told = facts(entry)
        at = datetime.fromtimestamp(self.wall(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if self.terminal:
            line = " ".join([at, "call", *(f"{name}={value}" for name, value in told.items())])
        else:
            line = msgspec.json.encode({"at": at, "event": "call", **told}).decode()
        self._lines.append(line)
        if not self._armed:
            self._armed = True
            self.clock.callLater(EVERY, self.flush)

    def flush(self) -> None:
        """Write what has gathered. A log that can't be written never stops a call."""
        self._armed = False
        lines, self._lines = self._lines, []
        if lines:
            try:
                self.out.write("\n".join(lines) + "\n")
                self.out.flush()
            except (OSError, ValueError):
                return


def facts(entry: Entry) -> dict[str, object]:
    """What a line tells; what is not known is left out. Times are in milliseconds."""
    usage = entry.usage
    told: dict[str, object | None] = {
        "request_id": entry.request_id,
        "client_request_id": entry.reference,
        "client": entry.client,
        "model": entry.model,
        "served": entry.served if entry.served != entry.model else None,
        "upstream": entry.upstream,
        "account": entry.account if entry.account != entry.key else None,
        "key": entry.key,
        "stream": "yes" if entry.stream else "no",
        "ending": entry.ending.value,
        "attempts": entry.attempts,
        "first_ms": None if entry.first is None else round(entry.first * 1000),
        "took_ms": round(entry.took * 1000),
        "prompt": None if usage is None else usage.prompt,
        "completion": None if usage is None else usage.completion,
        "usage": None if usage is None else usage.source.value,
    }
    return {name: value for name, value in told.items() if value is not None}
