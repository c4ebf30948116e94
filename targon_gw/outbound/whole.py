"""A vendor's answer that is taken whole before a byte of it is passed on."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss

from .errors import BrokenBody


class TooLong(Exception):
    """The answer is longer than may be held."""


@define(eq=False)
class Whole(Protocol):
    """The body of an answer, up to `limit` bytes; beyond it fails with `TooLong`, or is `cut` there."""

    limit: int
    cut: bool = False
    done: Deferred[bytes] = field(init=False)
    _pieces: list[bytes] = field(factory=list)
    _size: int = 0

    def __attrs_post_init__(self) -> None:
        self.done = Deferred(lambda _: self._drop(Failure(CancelledError())))

    def dataReceived(self, data: bytes) -> None:
        if self.done.called:
            return
        self._size += len(data)
        self._pieces.append(data)
        if self._size > self.limit:
            if self.cut:
                self._finish()
                self._stop()
            else:
                self._drop(Failure(TooLong()))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.done.called:
            return
        if self.cut or reason.type is ResponseDone or reason.type is PotentialDataLoss:  # check() costs 4 µs
            self._finish()
        else:
            self.done.errback(reason if reason.check(BrokenBody) else Failure(BrokenBody("closed")))

    def _finish(self) -> None:
        pieces, self._pieces = self._pieces, []
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self.done.callback(body[: self.limit])

    def _drop(self, why: Failure) -> None:
        self._pieces.clear()
        if not self.done.called:
            self.done.errback(why)
        self._stop()

    def _stop(self) -> None:
        if self.transport is not None:
            self.transport.stopProducing()  # type: ignore[attr-defined]
