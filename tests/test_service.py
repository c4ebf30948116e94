"""The wiring: settings to objects, objects to each other, start and stop in order."""

from __future__ import annotations

import gc
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import twisted.internet
from attrs import evolve
from twisted.internet.address import IPv4Address
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.plugin import getPlugins

from targon_gw import logs
from targon_gw.core.config import Config, Dialect, KeySettings, ModelSettings, Secret, UpstreamSettings
from targon_gw.service import (
    BACKLOG,
    BAD_SETTINGS,
    GatewayService,
    Options,
    Wiring,
    conceal_keys,
    makeService,
    wire,
    with_backlog,
)
from tests import fakes
from tests.settings.folder import written
from tests.web.conversation import ask
from tests.web.house import ANSWER, BEARER, CHAT, JSON, QUESTION

VENDOR_KEY = "sn4_canary_of_the_vendors_key_0001"


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    """The service sets the collector for its process, which here is the tests'."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


class Reactor(MemoryReactorClock):
    """A reactor in memory; `taken` are ports that somebody else has."""

    taken: tuple[int, ...] = ()

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """As the reactor's."""
        if port in self.taken:
            raise CannotListenError(interface, port, OSError("Address already in use"))
        return super().listenTCP(port, factory, backlog, interface)  # type: ignore[no-untyped-call]


def settings(**changes: Any) -> Config:
    """One vendor on an address of loopback, with one key."""
    entry = KeySettings(Secret(VENDOR_KEY), "alice")
    changes = {"base_url": "http://127.0.0.1:9/v1", "allow_private": True, **changes}
    vendor = UpstreamSettings("acme", dialect=Dialect.TARGON, keys=(entry,), **changes)
    return fakes.config(vendor, models=[ModelSettings(fakes.MODEL, upstream_id="big")])


def wired(config: Config) -> tuple[Reactor, io.StringIO, Wiring]:
    """A gateway of `config` in memory."""
    reactor, out = Reactor(), io.StringIO()
    return reactor, out, wire(reactor, config, reactor.seconds, out)


def connected(wiring: Wiring) -> tuple[Any, StringTransport]:
    """A client's connection."""
    channel, transport = wiring.site.buildProtocol(None), StringTransport()
    assert channel is not None
    channel.makeConnection(transport)
    return channel, transport


def vendor_of(reactor: Reactor) -> tuple[Any, StringTransport]:
    """The vendor's end of the newest connection."""
    protocol = reactor.tcpClients[-1][2].buildProtocol(None)
    transport = StringTransport(IPv4Address("TCP", "127.0.0.1", 9))
    protocol.makeConnection(transport)
    return protocol, transport


class WireTests:
    """`wire`."""

    @pytest.mark.parametrize(
        ("base_url", "line", "host"),
        [
            ("http://127.0.0.1:9/v1", b"POST /v1/chat/completions HTTP/1.1", b"127.0.0.1:9"),
            ("http://127.0.0.1:9/api/openai/v2", b"POST /api/openai/v2/chat/completions HTTP/1.1", b"127.0.0.1:9"),
            ("http://127.0.0.1", b"POST /chat/completions HTTP/1.1", b"127.0.0.1"),
        ],
    )
    def test_a_call_goes_all_the_way(self, base_url: str, line: bytes, host: bytes) -> None:
        """A client's call reaches the vendor at its base URL with its key and name of the model, and comes back."""
        reactor, out, wiring = wired(settings(base_url=base_url))
        channel, client = connected(wiring)
        channel.dataReceived(ask(BEARER + JSON, json.dumps(QUESTION).encode(), CHAT))
        vendor, wire_ = vendor_of(reactor)
        head, _, body = wire_.value().partition(b"\r\n\r\n")
        answer = json.dumps({**ANSWER, "model": "big"}).encode()
        vendor.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))
        reactor.advance(1)

        assert head.splitlines()[0] == line
        assert b"Host: " + host in head.splitlines()
        assert b"Authorization: Bearer " + VENDOR_KEY.encode() in head.splitlines()
        assert b"sk-tg-" not in head + body
        assert json.loads(body) == {**QUESTION, "model": "big", "stream": False, "max_tokens": 4096}
        assert json.loads(client.value().partition(b"\r\n\r\n")[2]) == ANSWER
        assert json.loads(out.getvalue())["ending"] == "served"
        assert VENDOR_KEY not in out.getvalue()
        assert b"canary" not in client.value()

    def test_public_vendor(self) -> None:
        """`https://api.targon.com/v1` is asked for by name at port 443."""
        reactor, _, wiring = wired(settings(base_url="https://api.targon.com/v1", allow_private=False))
        asked: list[tuple[str, int]] = []
        reactor.nameResolver = _Names(asked)  # type: ignore[assignment]
        channel, _ = connected(wiring)
        channel.dataReceived(ask(BEARER + JSON, json.dumps(QUESTION).encode(), CHAT))
        reactor.advance(1)

        assert asked == [("api.targon.com", 443)]

    def test_private_addresses_are_forbidden(self) -> None:
        """F-18: an upstream that is not allowed a private address is never connected to one."""
        reactor, _, wiring = wired(settings(allow_private=False))
        channel, client = connected(wiring)
        channel.dataReceived(ask(BEARER + JSON, json.dumps(QUESTION).encode(), CHAT))
        reactor.pump([0.25] * 8)

        assert reactor.tcpClients == []
        assert client.value().startswith(b"HTTP/1.1 502 ")

    def test_connect_deadline(self) -> None:
        """D-03: the upstream's own `connect` is how long a connection may take."""
        timeouts = evolve(fakes.upstream().timeouts, connect=7.0)
        reactor, _, wiring = wired(settings(timeouts=timeouts))
        channel, _ = connected(wiring)
        channel.dataReceived(ask(BEARER + JSON, json.dumps(QUESTION).encode(), CHAT))

        assert [client[3] for client in reactor.tcpClients] == [7.0]

    def test_limits(self) -> None:
        """`limits.body` of the settings is the site's; refusals under /v1 bear CORS."""
        config = settings()
        _, _, wiring = wired(evolve(config, limits=evolve(config.limits, body=100)))
        channel, client = connected(wiring)
        channel.dataReceived(ask(BEARER + JSON, b"x" * 101, CHAT))

        assert client.value().startswith(b"HTTP/1.1 413 ")
        assert b"access-control-allow-origin: *" in client.value()


class _Names:
    """A resolver that notes and never answers."""

    def __init__(self, asked: list[tuple[str, int]]) -> None:
        self.asked = asked

    def resolveHostName(self, receiver: Any, name: str, port: int = 0, *_: Any, **__: Any) -> Any:
        """Note."""
        self.asked.append((name, port))
        return receiver


class ServiceTests:
    """Start and stop."""

    def test_listens_and_stops(self) -> None:
        """Every address is listened on with our backlog; once stopped, nothing listens and nothing ticks."""
        reactor = Reactor()
        told: list[str] = []
        listen = ("tcp:3811:interface=127.0.0.1", "tcp:3812")
        service = GatewayService(reactor, evolve(settings(), listen=listen), lambda: told.append("up"))
        service.startService()

        assert [(port, backlog, interface) for port, _, backlog, interface in reactor.tcpServers] == [
            (3811, BACKLOG, "127.0.0.1"),
            (3812, BACKLOG, ""),
        ]
        assert told == ["up"]
        wiring = service.wiring
        assert wiring is not None
        service.stopService()
        assert wiring.gateway.draining
        assert service.ports == []
        reactor.pump([0.25] * 4)  # type: ignore[no-untyped-call]
        assert reactor.getDelayedCalls() == []

    @pytest.mark.parametrize("address", ["tcp:3812", "ssl:443:privateKey=/nowhere.pem"])
    def test_cannot_listen(self, address: str, capsys: pytest.CaptureFixture[str]) -> None:
        """An address that can't be had ends the process with 1 and one line; nothing is announced."""
        reactor = Reactor()
        reactor.taken = (3812,)
        service = GatewayService(reactor, evolve(settings(), listen=("tcp:3811", address)), pytest.fail)
        with pytest.raises(SystemExit) as ended:
            service.startService()

        assert ended.value.code == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("targon-gw: ")
        assert ("3812" in line) or ("nowhere" in line)

    def test_backlog(self) -> None:
        """A-32: addresses get our backlog where they can have one and have none."""
        assert with_backlog("tcp:80") == f"tcp:80:backlog={BACKLOG}"
        assert with_backlog("haproxy:tcp:80") == f"haproxy:tcp:80:backlog={BACKLOG}"
        assert with_backlog("tcp:80:backlog=9") == "tcp:80:backlog=9"
        assert with_backlog("systemd:domain=INET:name=http") == "systemd:domain=INET:name=http"
        assert with_backlog("unix:/run/x") == "unix:/run/x"


class ConcealTests:
    """`conceal_keys`."""

    def test_only_what_does_not_show_itself(self) -> None:
        """A vendor's key of no known look is blotted out; one that the log knows by its look costs no line anything."""
        plain, known, half = "0f9a77-plain-looking-key", VENDOR_KEY, "sn4_abcdefgh+rest/of=it"
        keys = tuple(KeySettings(Secret(text), text[:4]) for text in (plain, known, half))
        before = set(logs._PROCESS.secrets)
        conceal_keys(fakes.config(fakes.upstream(keys)))
        new = logs._PROCESS.secrets - before
        observer = logs.LineObserver(io.StringIO(), False, new)
        line = observer.line({"log_format": "{a} {b} {c}", "a": plain, "b": known, "c": half, "log_time": 0.0})
        logs._PROCESS.secrets.difference_update(new)

        assert known not in new
        for text in (plain, known, half, "rest/of"):
            assert text not in line


class PluginTests:
    """What twistd calls."""

    def test_is_found(self) -> None:
        """twistd finds the plugin by name; it leads here."""
        from twisted.application.service import IServiceMaker

        (ours,) = [each for each in getPlugins(IServiceMaker) if each.tapname == "targon-gw"]  # type: ignore[call-overload]
        assert ours.makeService is makeService
        assert ours.options is Options

    def made(self, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[Reactor, Any]:
        """What makeService makes of these words, over a reactor in memory."""
        reactor, options = Reactor(), Options()
        monkeypatch.setattr(twisted.internet, "reactor", reactor, raising=False)
        options.parseOptions(words)
        return reactor, makeService(options)

    @pytest.fixture
    def shipped(self) -> str:
        """The settings that come with the project."""
        return str(Path(__file__).resolve().parents[1] / "conf" / "gateway.yaml")

    def test_shipped_settings(self, monkeypatch: pytest.MonkeyPatch, shipped: str) -> None:
        """The shipped settings run as they are: without a key the gateway listens and says that it is down."""
        reactor, service = self.made(monkeypatch, "-c", shipped)
        service.startService()
        channel, client = connected(service.wiring)
        channel.dataReceived(ask(target="/health", method="GET"))

        assert [server[0] for server in reactor.tcpServers] == [3811]
        assert client.value().startswith(b"HTTP/1.1 503 ")
        channel.connectionLost(None)
        service.stopService()
        assert reactor.getDelayedCalls() == []

    def test_demo(self, monkeypatch: pytest.MonkeyPatch, shipped: str, capfd: pytest.CaptureFixture[str]) -> None:
        """With --demo a vendor listens on loopback, the gateway is well, and a key stands on the terminal."""
        reactor, service = self.made(monkeypatch, "-c", shipped, "--demo")
        service.startService()
        channel, client = connected(service.wiring)
        channel.dataReceived(ask(target="/health", method="GET"))

        assert [server[3] for server in reactor.tcpServers] == ["127.0.0.1", "127.0.0.1"]
        assert client.value().startswith(b"HTTP/1.1 200 ")
        assert "A key for you: sk-tg-" in capfd.readouterr().out
        channel.connectionLost(None)
        service.stopService()

    @pytest.mark.parametrize("there", [True, False])
    def test_bad_settings(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        there: bool,
    ) -> None:
        """Settings that can't be used end the process with 78, each problem by file and line."""
        path = written(tmp_path, {"gateway.yaml": "drain: soon\n"}) if there else str(tmp_path / "gateway.yaml")
        with pytest.raises(SystemExit) as ended:
            self.made(monkeypatch, "-c", path)

        assert ended.value.code == BAD_SETTINGS
        assert f"{tmp_path}/gateway.yaml" in capsys.readouterr().err
