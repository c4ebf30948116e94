"""One line for each call, written cheaply: it lies on the path of every one.

It says what the ledger's line of the call says, in the ledger's words, under the time of day and the request's id.
JSON, or logfmt on a terminal. Lines are gathered and written together, at most `EVERY` seconds later. Nothing of a body
or a header can be in them: the ledger holds names of the settings, fingerprints and figures. Writing must not stop the
gateway: what a full pipe does not take is dropped and counted, and the next lines that get through say how many.
"""

from __future__ import annotations

import json
import os
import re
import select
import stat
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TextIO

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from targon_gw.core.ledger import TAIL

EVERY = 0.25
_BARE = re.compile(r"[!#-<>-\[\]-~]+")
"""What needs no quotes in logfmt: ASCII that is seen, but for quotes, `=` and backslashes."""
_ID = b',"id":'
_KIND = b',"kind":"call"'
_TOLD = b'{"at":"%b.%03dZ","event":"call","request_id":%b%b}'


@define(eq=False)
class CallLog:
    """Writes entries to `out`. `wall` answers with Unix seconds."""

    out: TextIO
    terminal: bool
    clock: IReactorTime
    wall: Callable[[], float]
    lost: int = 0
    """Lines that could not be written since some last could."""
    _settled: list[tuple[float, bytes]] = field(factory=list)
    """When a call was over, in Unix seconds, and its line in the ledger."""
    _timer: IDelayedCall | None = None
    _pipe: int | None = field(init=False)
    """The descriptor behind `out`, where writing to it may block."""

    @_pipe.default
    def _blocking_descriptor(self) -> int | None:
        try:
            descriptor = self.out.fileno()
            return None if stat.S_ISREG(os.fstat(descriptor).st_mode) else descriptor
        except (OSError, ValueError):
            return None

    def settled(self, at: float, line: bytes) -> None:
        """A call was over `at` that moment, Unix seconds, with this `line` in the ledger; it is told a little later."""
        self._settled.append((at, line))
        if self._timer is None:
            self._timer = self.clock.callLater(EVERY, self.flush)

    def flush(self) -> None:
        """Write what has gathered, now. A log that can't be written never stops a call."""
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        settled, self._settled = self._settled, []
        lines = told_of(settled)
        if self.terminal:
            lines = [_for_people(line) for line in lines]
        if lines and self.lost and self._wrote([self._loss()]):
            self.lost = 0
        for piece in [lines] if self._pipe is None else _pieces(lines):
            if not self._wrote(piece):
                self.lost += len(piece)

    def _loss(self) -> str:
        now = self.wall()
        at = f"{_second(int(now))}.{int(now % 1 * 1000):03d}Z"
        return json.dumps({"at": at, "event": "lost", "lines": self.lost}, separators=(",", ":"))

    def _wrote(self, lines: list[str]) -> bool:
        if not lines:
            return True
        text = "\n".join(lines) + "\n"
        try:
            if self._pipe is not None and not _takes(self._pipe):
                return False
            try:
                self.out.write(text)
            except UnicodeEncodeError:
                self.out.write(text.encode("ascii", "backslashreplace").decode("ascii"))
            self.out.flush()
        except (OSError, ValueError):
            return False
        return True


def _takes(descriptor: int) -> bool:
    """Whether a pipe, socket or terminal takes something now, as far as `select.PIPE_BUF` bytes."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return any(state & select.POLLOUT and not state & select.POLLERR for _, state in poll.poll(0))


def _pieces(lines: list[str]) -> Iterator[list[str]]:
    """Runs of `lines` that a pipe which takes anything takes without waiting for its reader."""
    piece: list[str] = []
    room = select.PIPE_BUF
    for line in lines:
        size = len(line.encode("utf-8", "replace")) + 1
        if size > room and piece:
            yield piece
            piece, room = [], select.PIPE_BUF
        piece.append(line)
        room -= size
    yield piece


def _quoted(value: object) -> str:
    """A value as logfmt writes it; what could upset a terminal is escaped."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if _BARE.fullmatch(text) else json.dumps(text)


def told_of(settled: Iterable[tuple[float, bytes]]) -> list[str]:
    """What the log tells of calls, each by its moment in Unix seconds and its line in the ledger: JSON objects.

    The ledger's number, its time and its checksum are left out. (To cut a line up costs a tenth of encoding another.)
    """
    told, second, written = [], -1, b""
    for at, line in settled:
        if not second <= at < second + 1:
            second = int(at)
            written = _second(second).encode()
        before, rest = line.split(_KIND, 1)
        told.append(_TOLD % (written, (at - second) * 1000, before[before.index(_ID) + len(_ID) :], rest[:-TAIL]))
    return b"\n".join(told).decode().split("\n") if told else []


def _second(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _for_people(line: str) -> str:
    """A line as logfmt, for terminals."""
    members = json.loads(line)
    return " ".join([members.pop("at"), *(f"{name}={_quoted(members[name])}" for name in members)])
