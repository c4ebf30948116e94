"""Bytes of one turn of the reactor leave together, at its end.

A send wakes whoever waits for it, and a processor that has gone to sleep between two sends is dear to wake: sent one by
one as they come up, a call's two sends cost a quarter of all its time. So what goes out to plain TCP is kept until the
turn is over and then sent straight to the socket, one send a connection, without a detour through epoll; what the
kernel does not take goes Twisted's way, with its pressure on whoever produces it. Nothing is kept beyond a turn, nor
added to beyond `MOST` bytes; whoever closes a connection has what is kept for it sent first.
"""

from __future__ import annotations

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.tcp import Connection

MOST = 1 << 16
"""Bytes that several sends may come to, for one connection."""


@define(eq=False)
class Cork:
    """Keeps what is to leave at the end of the turn."""

    clock: IReactorTime
    _kept: dict[Connection, bytes] = field(factory=dict)

    def send(self, transport: Connection, data: bytes) -> None:
        """Have `data` leave at the end of the turn, behind what is kept already."""
        kept = self._kept
        before = kept.get(transport)
        if before is None:
            if not kept:
                self.clock.callLater(0, self._release_all)
            kept[transport] = data
            return
        data = kept[transport] = before + data
        if len(data) > MOST:
            self.release(transport)

    def release(self, transport: Connection) -> None:
        """Send now what is kept for `transport`, if anything is."""
        data = self._kept.pop(transport, None)
        if data is not None:
            _send({transport: data})

    def _release_all(self) -> None:
        kept, self._kept = self._kept, {}
        _send(kept)


def _send(kept: dict[Connection, bytes]) -> None:
    """Straight to the sockets, where nothing waits before it; the rest the usual way, which sees what is broken."""
    for transport, data in kept.items():
        if transport.connected and not transport.dataBuffer and not transport._tempDataBuffer:
            try:
                taken = transport.socket.send(data)
            except OSError:
                taken = 0
            if taken == len(data):
                continue
            data = data[taken:]
        transport.write(data)
