"""How the daemon leaves: nobody new comes in, what runs may end, what does not end in time is told so.

Two cases, by whose the listening sockets are.

*Ours* are closed: whoever connects is refused, so a call on a connection that is still open is refused, too, and told
when to come again.

*systemd's* outlive the daemon: whoever connects waits there for the next one. So nobody needs to be refused. On each
connection that is open one more request is served, and its answer says that the connection ends with it (`Connection:
close`); one on which nothing has come for a moment is closed, as any server closes idle ones. A call has `drain`
seconds from the beginning of the end, or from its own where it began later; since each connection has one at most, it
is all over after twice that.
"""

# mypy: disallow-untyped-calls=False
# Twisted is not typed throughout.

from __future__ import annotations

from typing import Any, Final

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from targon_gw.web.channel import Channel
from targon_gw.web.open import channels_of, is_arriving, is_idle, last_answers
from targon_gw.wiring import Wiring

log = Logger()

LOOK_EVERY: Final = 0.05
"""Seconds between two looks whether the last call has ended."""
FAREWELL: Final = 0.25
"""Seconds for what was said last to leave; and for which an idle connection is kept: a request that is on its way
already, or follows an answer at once, is still served on it."""
GRACE: Final = 5.0
"""Seconds that a request may take to come in which had begun to; and that clients have to read what is left of their
answers once the last call is over, as the channel gives them."""


@define(eq=False)
class Leaving:
    """The end of one daemon, whose ports are closed already. `handed`: its listening sockets are systemd's."""

    reactor: Any
    wiring: Wiring
    handed: bool
    _idle_since: dict[Channel, float] = field(factory=dict)
    _closed: set[Channel] = field(factory=set)

    @property
    def at_most(self) -> float:
        """Seconds that all of it may take."""
        drain = self.wiring.gateway.config.drain
        return (2.0 * drain if self.handed else drain) + GRACE

    async def done(self) -> None:
        """Let what runs end; break off what has had its time."""
        wiring = self.wiring
        for part in wiring.parting:
            part()
        asked = wiring.now()
        drain = wiring.gateway.config.drain
        if self.handed:
            wiring.health.leaving = True
            wiring.site.resource = last_answers(wiring.site.resource)
        else:
            wiring.gateway.draining = True
        while self._goes_on(asked):
            if wiring.now() >= asked + drain:
                wiring.gateway.draining = True
                self._break_off(asked, drain)
            await self._later(LOOK_EVERY)
        wiring.gateway.draining = True
        until = wiring.now() + GRACE
        if self._channels():  # else there is nobody to take leave of
            await self._later(FAREWELL)
        while wiring.now() < until and any(channel.unsent() for channel in self._channels()):
            await self._later(LOOK_EVERY)

    def _goes_on(self, asked: float) -> bool:
        """Whether there is anything to wait for; closes what has been idle for long enough."""
        now = self.wiring.now()
        if now >= asked + self.at_most:
            return False
        if not self.handed:
            return bool(self.wiring.gateway.calls)
        channels = [channel for channel in self._channels() if channel not in self._closed]
        idle_since = {channel: self._idle_since.get(channel, now) for channel in channels if is_idle(channel)}
        self._idle_since = idle_since
        for channel in [channel for channel, since in idle_since.items() if now - since >= FAREWELL]:
            del idle_since[channel]
            self._closed.add(channel)
            channel.loseConnection()
        arrives = now < asked + GRACE and any(map(is_arriving, channels))
        return bool(self.wiring.gateway.calls) or bool(idle_since) or arrives

    def _break_off(self, asked: float, drain: float) -> None:
        """Tell each call that has had `drain` seconds that it ends here."""
        now = self.wiring.now()
        overdue = [relay for relay in self.wiring.api.relays if now >= max(asked, relay.call.admitted) + drain]
        if overdue:
            log.warn("{count} calls did not end in time and are broken off", count=len(overdue))
            self.wiring.api.break_off(overdue)

    def _channels(self) -> list[Channel]:
        return channels_of(self.reactor, self.wiring.site)

    def _later(self, seconds: float) -> Deferred[None]:
        return deferLater(self.reactor, seconds)
