"""When the next step of a request is taken: with that of all other requests of this turn of the reactor, or at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from twisted.internet.tcp import Connection
from twisted.python.failure import Failure


class Concerned(Protocol):
    """Whom a work is for."""

    def processingFailed(self, reason: Failure) -> object:
        """The work has raised that. (The name is twisted.web's.)"""


Later = Callable[[tuple[Callable[[], object], Concerned]], None]
"""Has a work done in its phase, for whom it concerns."""


class Phases(Protocol):
    """See `targon_gw.turn`, which has them; done in this order."""

    @property
    def admit(self) -> Later:
        """The phase in which requests are looked at and become calls."""

    @property
    def carry(self) -> Later:
        """In which calls begin."""

    @property
    def answer(self) -> Later:
        """In which clients are answered whose calls are settled."""


class Turn(Phases, Protocol):
    """The end of a turn: its phases, and then what is sent leaves together."""

    def send(self, transport: Connection, data: bytes) -> None:
        """Send `data` then."""

    def release(self, transport: Connection) -> None:
        """Send now what is kept for `transport`."""


class _AtOnce:
    """No phases, as for connections in memory."""

    def _do(self, put: tuple[Callable[[], object], Concerned]) -> None:
        work, whom = put
        try:
            work()
        except Exception:  # the edge, as at the end of a turn
            whom.processingFailed(Failure())

    admit = carry = answer = _do


AT_ONCE: Final[Phases] = _AtOnce()
