"""A Scene: one request, everything that would rightly be said to it, and the means to say it rightly or wrongly.

A fault is given a Scene and says what goes on the wire. What the Scene offers by itself is the well-behaved answer in
the vendor's dialect and pace, whole or in parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import frozen

from targon_gw.core.config import Dialect

from .answers import Event, frame, written
from .framing import CHUNKED, LAST_CHUNK, Lines, chunk, head, http_date, length
from .refusals import JSON_TYPE, STREAM_TYPE, Rejection
from .steps import Bytes, Close, Frame, Measure, Script, Send, Wait, as_far_as

UPLOAD_GRACE = 1.0
"""Seconds that an early answer is left to be read before the connection goes: closing at once would reset it away."""


@frozen
class Pace:
    """How fast the vendor speaks: seconds to the first token, then events a second (0: as fast as may be)."""

    first_token: float = 0.2
    events_per_second: float = 40.0

    @property
    def interval(self) -> float:
        """Seconds between two events."""
        return 1.0 / self.events_per_second if self.events_per_second else 0.0


@frozen
class Streamed:
    """An answer told event by event; `events` begins it anew each time it is called."""

    events: Callable[[], Iterator[Event]]


@frozen
class Unary:
    """An answer that is one object; `tokens` are billed for it."""

    body: dict[str, Any]
    tokens: int = 0


@frozen
class Setting:
    """Where and when a request came: what is the same for every answer of this vendor at this moment."""

    dialect: Dialect
    pace: Pace
    now: float
    headers: tuple[tuple[str, str], ...] = ()


@frozen(repr=False)
class Scene:
    """One request to be answered. `nth`: how often this fault was committed before; `key`: the caller's."""

    setting: Setting
    content: Streamed | Unary
    arg: Any = None
    nth: int = 0
    key: str = ""

    @property
    def streamed(self) -> bool:
        """Whether a stream was asked for."""
        return isinstance(self.content, Streamed)

    @property
    def tokens(self) -> int:
        """What the whole answer is billed at."""
        return self.content.tokens if isinstance(self.content, Unary) else sum(each.tokens for each in self.events())

    def events(self) -> Iterator[Event]:
        """The stream's events from the beginning; none of a unary answer."""
        return self.content.events() if isinstance(self.content, Streamed) else iter(())

    def frames(self) -> Iterator[Frame]:
        """The body as it should be, event by event, or in one."""
        match self.content:
            case Streamed(events):
                return self.framed(events())
            case Unary(body, tokens):
                return iter((Frame(written(body), tokens),))

    def framed(self, events: Iterable[Event]) -> Iterator[Frame]:
        """`events` as this vendor writes them."""
        return (frame(event, self.setting.dialect) for event in events)

    def lines(self, framing: Lines = (), kind: str | None = None) -> list[tuple[str, str]]:
        """The header lines of a good answer. Targon calls everything an event stream."""
        usual = STREAM_TYPE if self.streamed or self.setting.dialect is Dialect.TARGON else JSON_TYPE
        return [("Date", http_date(self.setting.now)), ("Content-Type", kind or usual), *self.setting.headers, *framing]

    def head(self, framing: Lines, status: int = 200) -> bytes:
        """The head of a good answer, with `framing` saying where its body ends."""
        return head(status, self.lines(framing))

    def opened(self, top: bytes) -> Script:
        """`top`, and the wait for the first token: Targon's head comes with the token, others' before it."""
        if self.streamed and self.setting.dialect is not Dialect.TARGON:
            yield Send(top)
            yield Wait(self.setting.pace.first_token)
        else:
            thinking = 0.0 if self.streamed else self.setting.pace.interval * self.tokens
            yield Wait(self.setting.pace.first_token + thinking)
            yield Send(top)

    def paced(self, sends: Iterable[Send]) -> Script:
        """`sends` with the pace's pause between any two."""
        pause = Wait(self.setting.pace.interval)
        for number, send in enumerate(sends):
            if number and pause.seconds:
                yield pause
            yield send

    def chunked(self, frames: Iterable[Frame]) -> Script:
        """`frames` as chunks, in pace, without the last chunk."""
        return self.paced(Send(chunk(each.data), each.tokens) for each in frames)

    def told(self, frames: Iterable[Frame], extra: Lines = ()) -> Script:
        """A whole chunked answer made of `frames`."""
        yield from self.opened(self.head((*CHUNKED, *extra)))
        yield from self.chunked(frames)
        yield Send(LAST_CHUNK)

    def plain(self, body: bytes, tokens: int, extra: Lines = ()) -> Script:
        """A whole answer with its length declared."""
        yield from self.opened(self.head((*length(body), *extra)))
        yield Send(body, tokens)

    def whole(self, extra: Lines = ()) -> Script:
        """The answer as it should be."""
        match self.content:
            case Streamed():
                return self.told(self.frames(), extra)
            case Unary(body, tokens):
                return self.plain(written(body), tokens, extra)

    def begun(self, measure: Measure) -> Script:
        """The right answer as far as `measure`; of a unary one, "so many events" is its first half."""
        match self.content:
            case Unary(body, tokens):
                raw = written(body)
                part = measure.count if isinstance(measure, Bytes) else len(raw) // 2
                yield from self.opened(self.head(length(raw)))
                yield Send(raw[:part], tokens)
            case Streamed():
                yield from self.opened(self.head(CHUNKED))
                yield from as_far_as(measure, self._body())

    def _body(self) -> Script:
        yield from self.chunked(self.frames())
        yield Send(LAST_CHUNK)

    def reject(self, rejection: Rejection, extra: Lines = ()) -> Script:
        """`rejection`, at once and whole."""
        framing = (*rejection.headers, *extra, *length(rejection.body))
        yield Send(head(rejection.status, self.lines(framing, rejection.type)) + rejection.body)

    def reject_upload(self, rejection: Rejection) -> Script:
        """`rejection` while the request's body is still coming, and the end of the connection a little later."""
        yield from self.reject(rejection, (("Connection", "close"),))
        yield Wait(UPLOAD_GRACE)
        yield Close()
