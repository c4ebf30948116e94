"""The connections that are open: found among all that a reactor has, and told apart."""

from __future__ import annotations

import json
from typing import Any

from attrs import define, field
from twisted.internet.testing import StringTransport

from targon_gw.web.open import channels_of, is_arriving, is_idle, last_answers
from tests.web.conversation import ask
from tests.web.house import BEARER, CHAT, JSON, QUESTION, House

CALL = ask(BEARER + JSON, json.dumps(QUESTION).encode(), CHAT)


@define(eq=False)
class Transport:
    """One of a reactor's; what it carries may be wrapped."""

    protocol: Any = None


@define(eq=False)
class Wrapper:
    """TLS, or the PROXY protocol."""

    wrappedProtocol: Any


@define(eq=False)
class Reactor:
    """What it reads from, and what it writes to."""

    readers: list[Any] = field(factory=list)
    writers: list[Any] = field(factory=list)

    def getReaders(self) -> list[Any]:
        """Them."""
        return self.readers

    def getWriters(self) -> list[Any]:
        """Them."""
        return self.writers


def connection(house: House) -> tuple[Any, StringTransport]:
    """A client's."""
    channel, transport = house.talk.site.buildProtocol(None), StringTransport()
    assert channel is not None
    channel.makeConnection(transport)
    return channel, transport


class ChannelsTests:
    """Which there are."""

    def test_finds_them(self) -> None:
        """Those of the site, bare and wrapped, read from or written to, once each; and no other."""
        house, other = House(), House()
        one, two, three, foreign = (connection(each)[0] for each in (house, house, house, other))
        reactor = Reactor(
            [Transport(one), Transport(foreign), Transport(Wrapper(Wrapper(two))), Transport(), object()],
            [Transport(one), Transport(three)],
        )

        assert channels_of(reactor, house.talk.site) == [one, two, three]


class StateTests:
    """How they are."""

    def test_idle_arriving_answered(self) -> None:
        """A part of a head or of a body is a request that arrives; nothing is idle; what is answered is neither."""
        house = House()
        channel, _ = connection(house)
        assert is_idle(channel) and not is_arriving(channel)
        channel.dataReceived(b"POST /v1/chat/compl")
        assert is_arriving(channel) and not is_idle(channel)

        body, _ = connection(house)
        body.dataReceived(CALL[:-5])
        assert is_arriving(body) and not is_idle(body)
        body.dataReceived(CALL[-5:])
        assert not is_arriving(body) and not is_idle(body)


class LastAnswersTests:
    """The end of a connection."""

    def test_says_so_and_closes(self) -> None:
        """An answer is what it was, says that the connection ends, and the connection ends."""
        house = House()
        channel, client = connection(house)
        house.talk.site.resource = last_answers(house.talk.site.resource)
        channel.dataReceived(ask(target="/health/live", method="GET"))

        assert client.value().startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nconnection: close\r\n" in client.value() and client.value().endswith(b'{"status":"ok"}')
        assert client.disconnecting
