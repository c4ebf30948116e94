"""How the daemon leaves sockets that systemd keeps; the other way is in test_service.py (E-22, P5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.error import ConnectionAborted
from twisted.python.failure import Failure

from targon_gw.leaving import FAREWELL, GRACE, LOOK_EVERY
from targon_gw.service import GatewayService
from tests.daemon import FILES, GATEWAY, Daemon, Place, Reactor, begin_call, connected, vendor_of
from tests.daemon import collector as collector
from tests.web.conversation import ask
from tests.web.house import BEARER, CHAT, JSON

HANDED = "systemd:domain=INET:index=0"
DRAIN = 30.0
CALL = ask(BEARER + JSON, b'{"model":"acme/large","messages":[{"role":"user","content":"x"}]}', CHAT)
WHOLE = b'{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(WHOLE), WHOLE)


@define(eq=False)
class Line:
    """A connection, as the reactor has it."""

    protocol: Any


class Watched(Reactor):
    """A reactor that reads the lines that the test says, and ports that come from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []

    def getReaders(self) -> list[Any]:
        """Them."""
        return [line for line in self.lines if not line.protocol.transport.disconnecting]

    def getWriters(self) -> list[Any]:
        """None: what is written has left."""
        return []


@define(eq=False)
class Stage:
    """A daemon on a socket that is systemd's."""

    daemon: Daemon
    reactor: Watched
    ended: list[object] = field(factory=list)

    def line(self) -> tuple[Any, Any]:
        """A client's connection."""
        channel, client = connected(self.daemon.service.wiring)
        self.reactor.lines.append(Line(channel))
        return channel, client

    def call(self) -> tuple[Any, Any, Any]:
        """A call that has reached the vendor: the client's connection, and the vendor's end."""
        channel, client = self.line()
        channel.dataReceived(CALL)
        return channel, client, vendor_of(self.reactor)[0]

    def moment(self) -> None:
        """Less time than an idle connection is kept for."""
        self.reactor.pump([LOOK_EVERY] * 2)  # type: ignore[no-untyped-call]

    def leave(self) -> None:
        """SIGTERM."""
        self.daemon.service.stopService().addBoth(self.ended.append)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """It runs; its one port is in memory, as a test has no socket of systemd's."""
    reactor = Watched()
    listen = "listen: tcp:3811:interface=127.0.0.1"
    daemon = Daemon(Place(tmp_path, {**FILES, "gateway.yaml": GATEWAY.replace(listen, f"listen: '{HANDED}'")}), reactor)
    listened = GatewayService._listen
    monkeypatch.setattr(GatewayService, "_listen", lambda self, _, site: listened(self, "tcp:3811", site))
    daemon.service.startService()
    yield Stage(daemon, reactor)
    for line in reactor.lines:
        line.protocol.connectionLost(None)
    assert not reactor.getDelayedCalls()


class HandedTests:
    """Listening sockets that outlive the daemon."""

    def test_pages_are_not_waited_for(self, stage: Stage) -> None:
        """A page's stream ends at once, whether or not it is read, and nobody waits for it."""
        (read, client), (slow, unread) = stage.line(), stage.line()
        for channel in (read, slow):
            channel.dataReceived(ask(target="/api/live", method="GET"))
        unread.dataBuffer = b"x"
        stage.reactor.turn(1)
        assert client.value().count(b"event: overview") == 1
        stage.leave()

        assert client.value().endswith(b"0\r\n\r\n") and unread.disconnected
        slow.connectionLost(Failure(ConnectionAborted()))
        stage.reactor.turn(1)
        assert stage.ended

    def test_serves_once_more(self, stage: Stage) -> None:
        """A call on a connection that is open is served, and its answer says that the connection ends; then it does."""
        channel, client = stage.line()
        stage.leave()
        stage.moment()
        channel.dataReceived(CALL)
        stage.reactor.turn(3)
        assert stage.ended == [] and b"503" not in client.value()

        vendor_of(stage.reactor)[0].dataReceived(ANSWER)
        stage.reactor.turn(1)

        assert client.value().startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nconnection: close\r\n" in client.value()
        assert client.disconnecting
        assert stage.ended == [None]

    def test_follows_a_running_call(self, stage: Stage) -> None:
        """Behind an answer that was being made one more call is served on the same connection."""
        channel, client, vendor = stage.call()
        stage.leave()
        stage.reactor.turn(5)
        vendor.dataReceived(ANSWER)
        assert client.value().startswith(b"HTTP/1.1 200 OK\r\n") and not client.disconnecting
        client.clear()
        channel.dataReceived(CALL)
        vendor.dataReceived(ANSWER)

        assert client.value().startswith(b"HTTP/1.1 200 OK\r\n") and b"connection: close" in client.value()
        stage.reactor.turn(1)
        assert client.disconnecting and stage.ended == [None]

    def test_closes_what_is_idle(self, stage: Stage) -> None:
        """A connection on which nothing comes is closed after a moment, though a call still runs elsewhere."""
        _, idle = stage.line()
        _, busy, vendor = stage.call()
        stage.leave()
        stage.reactor.pump([0.05] * round(FAREWELL / 0.05 - 1))  # type: ignore[no-untyped-call]
        assert not idle.disconnecting
        stage.reactor.turn(0.5)
        assert idle.disconnecting and not busy.disconnecting and stage.ended == []

        vendor.dataReceived(ANSWER)
        stage.reactor.turn(1)
        assert stage.ended == [None]

    def test_nobody_is_connected(self, stage: Stage) -> None:
        """It is over at once: there is nobody to take leave of."""
        stage.leave()
        stage.reactor.turn(0)
        assert stage.ended == [None]

    def test_waits_for_a_request_that_has_begun(self, stage: Stage) -> None:
        """A request that was coming in is read to its end and served."""
        channel, client = stage.line()
        channel.dataReceived(CALL[:-10])
        stage.leave()
        stage.reactor.turn(GRACE - 1)
        assert stage.ended == []
        channel.dataReceived(CALL[-10:])
        vendor_of(stage.reactor)[0].dataReceived(ANSWER)
        stage.reactor.turn(1)

        assert client.value().startswith(b"HTTP/1.1 200 OK\r\n")
        assert stage.ended == [None]

    def test_does_not_wait_for_the_slow(self, stage: Stage) -> None:
        """A request that never comes whole keeps the daemon for `GRACE` seconds and no more."""
        channel, _ = stage.line()
        channel.dataReceived(CALL[:-10])
        stage.leave()
        stage.reactor.turn(GRACE + 1)

        assert stage.ended == [None]

    def test_each_call_has_its_time(self, stage: Stage) -> None:
        """What ran is broken off after `drain`, what came later after `drain` of its own; the later one is told too."""
        _, early, _ = stage.call()
        channel, late = stage.line()
        channel.dataReceived(CALL[:-10])
        stage.leave()
        stage.reactor.turn(3)
        channel.dataReceived(CALL[-10:])
        vendor_of(stage.reactor)
        stage.reactor.turn(DRAIN - 2)
        assert b'"code":"draining"' in early.value() and late.value() == b""
        stage.reactor.turn(3)

        assert b'"code":"draining"' in late.value()
        assert stage.ended == [None]

    def test_tells_balancers_at_once(self, stage: Stage) -> None:
        """From the first moment `/health/ready` is 503 and `/health` says that it drains."""
        channel, client = stage.line()
        other, told = stage.line()
        _, _, vendor = stage.call()
        stage.leave()
        channel.dataReceived(ask(target="/health/ready", method="GET"))
        other.dataReceived(ask(target="/health", method="GET"))

        assert client.value().startswith(b"HTTP/1.1 503 ") and b'"draining"' in client.value()
        assert told.value().startswith(b"HTTP/1.1 503 ") and b'"draining":true' in told.value()
        vendor.dataReceived(ANSWER)
        stage.reactor.turn(1)
        assert stage.ended == [None]


class AddressTests:
    """Whose a socket is."""

    def test_nothing_was_handed_over(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        """A daemon that was not started by the socket's unit says so, and ends with 1."""
        listen = "listen: tcp:3811:interface=127.0.0.1"
        files = {**FILES, "gateway.yaml": GATEWAY.replace(listen, "listen: 'systemd:domain=INET:index=77'")}
        with pytest.raises(SystemExit) as ended:
            Daemon(Place(tmp_path, files)).service.startService()

        assert ended.value.code == 1
        assert "no socket was handed over for systemd:domain=INET:index=77" in capfd.readouterr().err


def test_ours_are_left_at_once(tmp_path: Path) -> None:
    """Where the sockets are ours a call on an open connection is refused from the first moment."""
    daemon = Daemon(Place(tmp_path))
    daemon.service.startService()
    running, _, vendor, _ = begin_call(daemon)
    other, told = connected(daemon.wiring)
    daemon.service.stopService()
    other.dataReceived(CALL)

    assert told.value().startswith(b"HTTP/1.1 503 ") and b'"draining"' in told.value()
    vendor.dataReceived(ANSWER)
    daemon.reactor.turn(1)
    for channel in (running, other):
        channel.connectionLost(None)
    assert not daemon.reactor.getDelayedCalls()
