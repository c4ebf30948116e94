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
_encode = msgspec.json.Encoder().encode


@define(eq=False)
class CallLog:
    """Writes entries to `out`. `wall` answers with Unix seconds."""

    out: TextIO
    terminal: bool
    clock: IReactorTime
    wall: Callable[[], float]
    _lines: list[str] = field(factory=list)
    _armed: bool = False
    _second: int = -1
    _prefix: str = ""

    def settled(self, entry: Entry) -> None:
        """A call is over."""
        line = line_of(entry, self._moment())
        if self.terminal:
            told = msgspec.to_builtins(line)
            self._lines.append(" ".join([told.pop("at"), *(f"{name}={value}" for name, value in told.items())]))
        else:
            self._lines.append(_encode(line).decode())
        if not self._armed:
            self._armed = True
            self.clock.callLater(EVERY, self.flush)

    def _moment(self) -> str:
        """The time of day, as the log writes it; its second is written once."""
        now = self.wall()
        second = int(now)
        if second != self._second:
            self._second = second
            self._prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._prefix}.{int((now - second) * 1000):03d}Z"

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


class Line(msgspec.Struct, omit_defaults=True, gc=False):
    """What a line tells; what is not known is left out. Times are in milliseconds."""

    at: str
    event: str
    request_id: str
    client: str
    model: str
    stream: bool
    ending: str
    attempts: int
    took_ms: int
    client_request_id: str | None = None
    served: str | None = None
    """The catalog's model that served, where the client called it otherwise."""
    upstream: str | None = None
    account: str | None = None
    key: str | None = None
    first_ms: int | None = None
    prompt: int | None = None
    completion: int | None = None
    usage: str | None = None
    """Where the figures come from."""


def line_of(entry: Entry, at: str) -> Line:
    """The line that `entry` comes to."""
    usage = entry.usage
    return Line(
        at,
        "call",
        entry.request_id,
        entry.client,
        entry.model,
        entry.stream,
        entry.ending.value,
        entry.attempts,
        round(entry.took * 1000),
        entry.reference,
        entry.served if entry.served != entry.model else None,
        entry.upstream,
        entry.account if entry.account != entry.key else None,
        entry.key,
        None if entry.first is None else round(entry.first * 1000),
        None if usage is None else usage.prompt,
        None if usage is None else usage.completion,
        None if usage is None else usage.source.value,
    )
