"""What an answer is made of: steps, performed one after another by the wire.

A script is an iterator of steps. It is drawn lazily, one step at a time and only while the reader takes what was sent,
so an answer of any length costs no memory. A script never writes, waits or looks at a clock itself. A Measure says how
far a script is performed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import frozen


@frozen
class Send:
    """Put `data` on the wire, as it is; `tokens` of what the vendor bills go out with it."""

    data: bytes
    tokens: int = 0


@frozen
class Wait:
    """Do nothing for `seconds`; counted from when the last wait was due, so that a pace is kept and does not drift."""

    seconds: float


@frozen
class Hang:
    """Say nothing more, and keep the connection open until the other side gives up."""


@frozen
class Close:
    """Send what is still to be sent, then FIN."""


@frozen
class Reset:
    """Send what is still to be sent, then RST."""


@frozen
class Ambush:
    """When the next bytes arrive on this connection, perform `steps` before anything is read."""

    steps: tuple[Send | Close | Reset, ...]


Step = Send | Wait | Hang | Close | Reset | Ambush
Script = Iterator[Step]


@frozen
class Frame:
    """One event (or the whole of a unary body) as bytes, without HTTP's framing around it."""

    data: bytes
    tokens: int = 0


Frames = Iterable[Frame]


@frozen
class Events:
    """So many events of a stream."""

    count: int


@frozen
class Bytes:
    """So many bytes after the head, chunk framing included: a cut may fall anywhere."""

    count: int


Measure = Events | Bytes


def as_far_as(measure: Measure, steps: Iterable[Step]) -> Script:
    """The first of `steps`, up to so many events (each one Send) or bytes; the last Send may be cut."""
    left = measure.count
    for step in steps:
        if left <= 0:
            return
        match step, measure:
            case Send(data, tokens), Bytes():
                yield Send(data[:left], tokens)
                left -= len(data)
            case Send(), Events():
                yield step
                left -= 1
            case _:
                yield step
