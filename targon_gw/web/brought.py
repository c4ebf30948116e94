"""What an attempt has brought, as those see it who pass it on: a whole answer, or a stream and how it ends."""

from __future__ import annotations

from typing import Protocol

from targon_gw.core.answers import Answer


class End(Protocol):
    """How the vendor's bytes ended; its value is one of clean, broken, stalled, late, too large."""

    @property
    def value(self) -> str: ...


class Reader(Protocol):
    """Who is given a stream."""

    def events_came(self, events: list[bytes]) -> None: ...

    def stream_ended(self, how: End) -> None: ...


class Source(Protocol):
    """A vendor's event stream."""

    @property
    def ended(self) -> End | None:
        """`None` while more may come."""

    def attach(self, reader: Reader) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def let_end(self) -> None: ...

    def drop(self) -> None: ...


class Brought(Protocol):
    """A whole answer of the shape asked for."""

    @property
    def body(self) -> bytes: ...

    @property
    def answer(self) -> Answer: ...
