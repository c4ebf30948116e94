"""Bodies that come compressed although we asked for none (D-30).

They are undone a piece at a time, never more than 64 KiB before whoever reads may say stop, and no further than a
ratio that text never reaches. An encoding that is not known here is the agent's to refuse.
"""

from __future__ import annotations

import zlib
from typing import Protocol as Shape

from attrs import define, field
from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone

from .errors import BrokenBody

STEP = 64 << 10
"""Bytes that one step may bring forth."""
FREE = 1 << 20
"""Below this many bytes the ratio is not looked at: small bodies of one repeated letter are nobody's bomb."""
RATIO = 200
"""JSON and event streams shrink to a fiftieth at the very best; deflate's own limit is 1032."""

KNOWN = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}
"""Content codings that can be undone, and zlib's name for their wrapping."""


class _Source(Shape):
    """The transport that a response gives to its body's protocol."""

    def pauseProducing(self) -> None: ...

    def resumeProducing(self) -> None: ...

    def stopProducing(self) -> None: ...


class InflateError(Exception):
    """Not what the encoding says, or a bomb."""


@define(eq=False)
class Inflater:
    """The bytes behind `encoding` (one of `KNOWN`), a step at a time."""

    encoding: bytes
    _waiting: bytes = b""
    _stream: zlib._Decompress | None = None
    _taken: int = 0
    _given: int = 0

    def feed(self, data: bytes) -> None:
        """More compressed bytes; `step` brings out what they hold."""
        self._taken += len(data)
        self._waiting += data

    def step(self) -> bytes:
        """At most `STEP` bytes, empty where more must be fed; raises InflateError."""
        while self._waiting or self._stream is not None:
            stream = self._stream
            if stream is None:
                stream = self._stream = self._opened()
            try:
                out = stream.decompress(self._waiting, STEP)
            except zlib.error as error:
                raise InflateError("not what its encoding says") from error
            self._waiting = stream.unconsumed_tail
            if stream.eof:
                self._stream, self._waiting = None, stream.unused_data
            self._given += len(out)
            if self._given > FREE and self._given > RATIO * self._taken:
                raise InflateError("it inflates beyond all measure")
            if out or not self._waiting:
                return out
        return b""

    @property
    def whole(self) -> bool:
        """Whether the compressed form ended where it should."""
        return self._stream is None and not self._waiting

    def _opened(self) -> zlib._Decompress:
        """A decompressor; `deflate` is met with and without zlib's wrapping, whose first byte ends in 8."""
        wrapping = KNOWN[self.encoding]
        if self.encoding == b"deflate" and self._waiting[0] & 0x0F != 8:
            wrapping = -15
        return zlib.decompressobj(wrapping)


@define(eq=False)
class Inflating:
    """Stands between a response and its body's protocol, each of which takes it for the other."""

    protocol: IProtocol
    inflater: Inflater
    transport: _Source | None = None
    _paused: bool = False
    _flowing: bool = False
    _over: bool = False
    _end: Failure | None = field(default=None)

    def makeConnection(self, transport: _Source) -> None:
        self.transport = transport
        self.protocol.makeConnection(self)  # type: ignore[arg-type]  # what it needs of a transport

    def dataReceived(self, data: bytes) -> None:
        if not self._over:
            self.inflater.feed(data)
            self._flow()

    def connectionLost(self, reason: Failure) -> None:
        if not self._over:
            self._end = reason
            self._flow()

    def pauseProducing(self) -> None:
        self._paused = True
        if self.transport is not None:
            self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        self._paused = False
        self._flow()
        if not self._paused and not self._over and self.transport is not None:
            self.transport.resumeProducing()

    def stopProducing(self) -> None:
        if self.transport is not None:
            self.transport.stopProducing()

    def loseConnection(self) -> None:
        self.stopProducing()

    def _flow(self) -> None:
        """Hand on what there is, until it is all gone or the protocol pauses."""
        if self._flowing:
            return
        self._flowing = True
        try:
            while not self._paused and not self._over:
                piece = self.inflater.step()
                if not piece:
                    self._maybe_end()
                    return
                self.protocol.dataReceived(piece)
        except InflateError as error:
            self._finish(Failure(BrokenBody("encoding", str(error))))
            self.stopProducing()
        finally:
            self._flowing = False

    def _maybe_end(self) -> None:
        end = self._end
        if end is None:
            return
        if end.check(ResponseDone) is not None and not self.inflater.whole:
            end = Failure(BrokenBody("encoding", "it ends too soon"))
        self._finish(end)

    def _finish(self, end: Failure) -> None:
        self._over = True
        self.protocol.connectionLost(end)
