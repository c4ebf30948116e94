"""One event, one line; and no secret passes.

A log is read by people and by machines, and is the first thing that is sent to strangers when something breaks. So:
logfmt for a person at a terminal, JSON for everything else; control characters and those that turn the direction of
writing are escaped; and the finished line, traces included, is searched for secrets before it leaves, whoever put them
there. Writing must not stop the gateway: what a full pipe or a full disk does not take is dropped and counted, and the
next line that gets through says how many were. Nothing in here raises.

Use: `twistd --logger=targon_gw.logs.observer`.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import select
import stat
import string
import sys
from collections.abc import Callable, Iterator
from typing import Final, TextIO

from attrs import define, field
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from zope.interface import implementer

from targon_gw.core.config import SECRET_LIKE

Fields = dict[str, object]
Format = Callable[[Fields], str]

LONGEST: Final = 16_384
"""Bytes of a line: the texts of a longer one are cut. A trace fits; a body that slipped into a message does not."""
LONGEST_IN_PIPE: Final = select.PIPE_BUF
"""Bytes of a line into a pipe: one that takes anything takes this much without waiting for its reader."""
SHORTEST_SECRET: Final = 4
"""Characters: blotting out anything shorter would blot out the log. `a` protects nothing."""
BLOT: Final = "[secret]"
_LEVELS: Final = {LogLevel.debug: 0, LogLevel.info: 1, LogLevel.warn: 2, LogLevel.error: 3, LogLevel.critical: 4}
_NOISY: Final = "twisted.web.http.HTTPChannel"
"""It tells at info of each connection that timed out."""
_CROWDED: Final = "twisted.internet.tcp.Port", "EMFILE"
"""It tells in three lines of each connection that it turns away, where no descriptor is left: a flood would fill the
disk (faults catalogue, E-17)."""
CROWDED_EVERY: Final = 10.0
"""Seconds between two lines about that."""
_NOISE: Final = ("Starting factory", "Stopping factory")
"""What every connection to an upstream would add two lines of."""
_LEGACY: Final = frozenset(("message", "time", "system", "format", "failure", "why", "isError"))
"""What `twisted.python.log` puts into every event beside the fields that people gave it."""
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_BARE: Final = re.compile(r"[^\s\"=\\]+")
"""What needs no quotes in logfmt."""
_FORMATTER: Final = string.Formatter()


@define(eq=False)
class Concealer:
    """The secrets that must not pass, beside those that are known by their looks."""

    secrets: set[str] = field(factory=set, repr=False)

    def conceal(self, secret: str) -> None:
        """From now on, blot out `secret`, unless it is shorter than `SHORTEST_SECRET`."""
        if len(secret) >= SHORTEST_SECRET:
            # Lines are searched after quoting, and a quoted secret may be spelled otherwise.
            self.secrets.update((secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]))


_PROCESS: Final = Concealer()
"""A process has one log, whose observer twistd makes before any of our objects exists: here they meet."""


def conceal(secret: str) -> None:
    """From now on, no line of this process's log holds `secret`."""
    _PROCESS.conceal(secret)


def observer() -> LineObserver:
    """What `twistd --logger=` asks for: lines to standard output, in the form that suits what that is."""
    return LineObserver(sys.stdout, sys.stdout.isatty(), _PROCESS.secrets)


def start_line_format(terminal: bool) -> Format:
    """How fields become a line without its end: logfmt for a terminal, JSON otherwise."""
    return _logfmt if terminal else _json


@implementer(ILogObserver)
@define(eq=False)
class LineObserver:
    """Writes events to `out`, a line each. `concealed` may grow while it is in use."""

    out: TextIO
    terminal: bool
    concealed: set[str] = field(repr=False)
    lost: int = 0
    """Lines that could not be written since the last one that could."""
    _format: Format = field(init=False, repr=False)
    _longest: int = field(init=False, repr=False)
    _crowded: float = field(default=-CROWDED_EVERY, init=False, repr=False)
    """When it was last told that no descriptor is left."""
    _pipe: int | None = field(init=False, repr=False)
    """The descriptor behind `out` where writing to it may block."""

    @_format.default
    def _chosen_format(self) -> Format:
        return start_line_format(self.terminal)

    @_longest.default
    def _longest_line(self) -> int:
        return LONGEST_IN_PIPE if stat.S_ISFIFO(_mode(self.out)) else LONGEST

    @_pipe.default
    def _blocking_descriptor(self) -> int | None:
        mode = _mode(self.out)
        return self.out.fileno() if mode and not stat.S_ISREG(mode) else None

    def __call__(self, event: LogEvent) -> None:
        """Write `event`, if it is worth a line."""
        # An edge: an event may hold anything, and an observer that raises is thrown out of the log by Twisted.
        try:
            if _wanted(event) and not self._is_told_already(event):
                self._write(self.line(event))
        except Exception:
            self.lost += 1

    def _is_told_already(self, event: LogEvent) -> bool:
        """Whether `event` is about a connection that was turned away, as others were a moment ago."""
        namespace, beginning = _CROWDED
        if event.get("log_namespace") != namespace or not str(event.get("log_format") or "").startswith(beginning):
            return False
        now = float(event.get("log_time", 0.0))
        if now - self._crowded < CROWDED_EVERY:
            return True
        self._crowded = now
        return False

    def line(self, event: LogEvent) -> str:
        """The line of `event`, with its end; without secrets."""
        fields = dict(_fields(event))
        if self.lost:
            fields["lost"] = self.lost
        line = self._rendered(fields)
        room = self._longest
        while len(line.encode()) > self._longest and room > 1:
            room //= 2
            # Scrubbed before the cut: half a secret would not be known again.
            cut = {name: _cut(self._scrubbed(v), room) if isinstance(v, str) else v for name, v in fields.items()}
            line = self._rendered(cut)
        return line

    def _rendered(self, fields: Fields) -> str:
        return self._scrubbed(_UNSAFE.sub(_escaped, self._format(fields))) + "\n"

    def _scrubbed(self, text: str) -> str:
        # The longest first: one secret may be the beginning of another.
        for secret in sorted((each for each in tuple(self.concealed) if each in text), key=len, reverse=True):
            text = text.replace(secret, BLOT)
        return SECRET_LIKE.sub(BLOT, text)

    def _write(self, line: str) -> None:
        """A whole line or none of it."""
        if self._pipe is not None and not _takes(self._pipe):
            self.lost += 1
            return
        try:
            self.out.write(line)
        except UnicodeEncodeError:
            self.out.write(line.encode("ascii", "backslashreplace").decode("ascii"))
        self.out.flush()
        self.lost = 0


def _mode(out: TextIO) -> int:
    """The kind of file behind `out`; 0 if there is none."""
    try:
        return os.fstat(out.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return 0


def _cut(text: str, room: int) -> str:
    """`text` in at most `room` characters: its beginning and its end, which of a trace says most."""
    return text if len(text) <= room else f"{text[: room // 2]}…{text[len(text) - (room - 1) // 2 :]}"


def _takes(descriptor: int) -> bool:
    """Whether a pipe, socket or terminal takes something now; one that nobody reads does not."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return any(state & select.POLLOUT and not state & select.POLLERR for _, state in poll.poll(0))


def _wanted(event: LogEvent) -> bool:
    """Whether `event` is of info or above, and says something."""
    level = _LEVELS.get(event.get("log_level"), 1)
    if str(event.get("log_namespace", "")).startswith(_NOISY):
        return level > 1
    if level == 1 and str(event.get("log_format") or "").startswith(_NOISE):
        return False
    return level >= 1


def _fields(event: LogEvent) -> Iterator[tuple[str, object]]:
    """What a line says of `event`: when, how bad, from where, the message, the event's own fields, the trace."""
    at = datetime.datetime.fromtimestamp(float(event.get("log_time", 0.0)), datetime.UTC)
    yield "at", at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    yield "level", getattr(event.get("log_level"), "name", "info")
    yield "from", str(event.get("log_namespace") or "-")
    yield "msg", formatEvent(event)
    said = _names(event.get("log_format"))
    for name, value in event.items():
        if name.startswith(("log_", "_")) or name in _LEGACY or name in said:
            continue
        if value is None or isinstance(value, str | int | float | bool):
            yield (f"{name}_" if name in _OURS else name), value
    failure = event.get("log_failure")
    if failure is not None:
        yield "error", failure.type.__name__
        yield "trace", failure.getTraceback(detail="brief")


_OURS: Final = frozenset(("at", "level", "from", "msg", "error", "trace", "lost"))
"""Names of a line's own fields; an event's field of that name gets a `_` behind it."""


def _names(log_format: object) -> set[str]:
    """The fields that a format string shows."""
    text = log_format.decode("utf-8", "replace") if isinstance(log_format, bytes) else str(log_format or "")
    try:
        found = [name for _, name, _, _ in _FORMATTER.parse(text) if name]
    except ValueError:
        return set()
    return {re.split(r"[.\[(]", name, maxsplit=1)[0] for name in found}


def _json(fields: Fields) -> str:
    """The fields as a JSON object; what JSON has no number for is told in words."""
    words = {
        name: str(value) if isinstance(value, float) and value - value != 0 else value for name, value in fields.items()
    }
    return json.dumps(words, ensure_ascii=False)


def _logfmt(fields: Fields) -> str:
    """The fields as `name=value`."""
    return " ".join(f"{name}={_quoted(value)}" for name, value in fields.items())


def _quoted(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return value if _BARE.fullmatch(value) else json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)


def _escaped(found: re.Match[str]) -> str:
    """A character as JSON and most languages write it."""
    return f"\\u{ord(found[0]):04x}"
