"""Somebody who scrapes: a connection of its own to a house, from any address, and what the page says, as figures."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from targon_gw.web.channel import Channel

from .conversation import Answer, Wire, _Reader, ask
from .house import House

HERE = "127.0.0.1"
AWAY = "192.0.2.7"
Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def address_of(peer: str) -> IAddress:
    """An address of that host; of a Unix socket where it is a path."""
    if peer.startswith("/"):
        return UNIXAddress(peer)
    return IPv6Address("TCP", peer, 4) if ":" in peer else IPv4Address("TCP", peer, 4)


def visit(house: House, lines: str = "", peer: str = HERE, method: str = "GET") -> tuple[Channel, Wire]:
    """A connection from `peer` on which `/metrics` has been asked for, with these header lines."""
    wire = Wire()
    wire.peerAddr = address_of(peer)
    channel = house.talk.site.buildProtocol(None)
    assert isinstance(channel, Channel)
    channel.makeConnection(wire)
    channel.dataReceived(ask(lines, target="/metrics", method=method))
    return channel, wire


def scrape(house: House, lines: str = "", peer: str = HERE) -> Answer:
    """What `/metrics` answers whoever comes from `peer` with these header lines."""
    _, wire = visit(house, lines, peer)
    house.talk.clock.advance(0)
    reader = _Reader()
    reader.parser.feed_data(wire.value())
    return reader.answers[-1]


def figures(body: bytes, openmetrics: bool = False) -> Figures:
    """All samples of a page by name and labels, read by Prometheus' own parser; a sample that stands twice raises."""
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as strict
    from prometheus_client.parser import text_string_to_metric_families as plain

    found: Figures = {}
    for family in (strict if openmetrics else plain)(body.decode()):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def figure(found: Figures, name: str, **labels: str) -> float:
    """The sample of that name and exactly these labels; `from_` is `from`."""
    return found[name, frozenset((label.rstrip("_"), value) for label, value in labels.items())]


def scraped(house: House) -> Figures:
    """The page's figures, for whoever asks from this machine."""
    answer = scrape(house)
    assert answer.status == 200, answer.body
    return figures(answer.body)
