"""The daemon: start and stop in order, what can't start says why, settings that are read again."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import twisted.internet
from twisted.logger import capturedLogs
from twisted.plugin import getPlugins

from targon_gw.core.ledger import Ending
from targon_gw.listening import BACKLOG
from targon_gw.service import (
    BAD_SETTINGS,
    FAILED,
    LOCKED,
    Condition,
    GatewayService,
)
from targon_gw.store.folder import StateFolder
from targon_gw.twistd import Options, makeService
from tests.daemon import FILES, GATEWAY, Daemon, Place, Reactor, Threads, begin_call, connected
from tests.daemon import collector as collector
from tests.settings.folder import written
from tests.web.conversation import ask
from tests.web.house import BEARER, CHAT, JSON

SECOND_KEY = "sn4_canary_of_the_vendors_key_0002"


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """A daemon that has not started."""
    return Daemon(Place(tmp_path))


class StartTests:
    """`startService`."""

    def test_listens_and_stops(self, tmp_path: Path) -> None:
        """Every address is listened on with our backlog; once stopped, nothing listens, ticks or is locked."""
        listen = "listen: ['tcp:3811:interface=127.0.0.1', 'tcp:3812']"
        gateway = GATEWAY.replace("listen: tcp:3811:interface=127.0.0.1", listen)
        daemon = Daemon(Place(tmp_path, {**FILES, "gateway.yaml": gateway}))
        with daemon.running():
            assert [(port, backlog, interface) for port, _, backlog, interface in daemon.reactor.tcpServers] == [
                (3811, BACKLOG, "127.0.0.1"),
                (3812, BACKLOG, ""),
            ]
            assert daemon.told == ["up"]
            assert daemon.service.threads.running  # type: ignore[attr-defined]
            wiring = daemon.wiring
        assert wiring.gateway.draining
        assert daemon.service.ports == []
        assert daemon.service.wiring is None
        folder = StateFolder(str(tmp_path / "state"))
        folder.open()
        folder.close()

    def failed(self, daemon: Daemon, code: int, capfd: pytest.CaptureFixture[str]) -> str:
        """A start that must fail with that code: its one line; nothing is announced or left."""
        with pytest.raises(SystemExit) as ended:
            daemon.service.startService()
        assert ended.value.code == code
        assert daemon.told == []
        assert not daemon.service.threads.running  # type: ignore[attr-defined]
        assert not daemon.reactor.getDelayedCalls()
        assert daemon.service.ports == []
        (line,) = capfd.readouterr().err.splitlines()
        assert line.startswith("targon-gw: ")
        return str(line)

    @pytest.mark.parametrize("address", ["tcp:3812", "ssl:443:privateKey=/nowhere.pem"])
    def test_cannot_listen(self, address: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        """An address that can't be had ends the process with 1 and one line; the state folder is free again."""
        gateway = GATEWAY.replace("tcp:3811:interface=127.0.0.1", f"[tcp:3811, '{address}']")
        daemon = Daemon(Place(tmp_path, {**FILES, "gateway.yaml": gateway}))
        daemon.reactor.taken = (3812,)
        line = self.failed(daemon, FAILED, capfd)

        assert ("3812" in line) or ("nowhere" in line)
        folder = StateFolder(str(tmp_path / "state"))
        folder.open()
        folder.close()

    def test_locked(self, daemon: Daemon, capfd: pytest.CaptureFixture[str]) -> None:
        """E-13: where another daemon has the state folder this one ends with 75, and the other goes on."""
        with daemon.running():
            second = Daemon(daemon.place)
            assert str(os.getpid()) in self.failed(second, LOCKED, capfd)
            assert second.reactor.tcpServers == []

    def test_unusable(self, daemon: Daemon, capfd: pytest.CaptureFixture[str]) -> None:
        """E-09: a state folder that can't be used ends it with 78, and is named."""
        (daemon.place.path / "state").mkdir(mode=0o777)
        (daemon.place.path / "state").chmod(0o777)

        assert str(daemon.place.path / "state") in self.failed(daemon, BAD_SETTINGS, capfd)

    def test_damaged(self, daemon: Daemon, capfd: pytest.CaptureFixture[str]) -> None:
        """E-04: damage ends it with 78, by file and line; with --recover it starts."""
        ledger = daemon.place.path / "state" / "ledger"
        ledger.mkdir(parents=True)
        ledger.parent.chmod(0o700)
        ledger.chmod(0o700)
        (ledger / "2025-11-21.yaml").write_text("- {nonsense}\n- {more}\n")

        assert "2025-11-21.yaml:1" in self.failed(daemon, BAD_SETTINGS, capfd)
        with Daemon(daemon.place, insist=True).running() as again:
            assert again.told == ["up"]

    def test_bug(self, daemon: Daemon, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        """A bug in the start ends it with 1, in one line on standard error; the log has all of it."""
        monkeypatch.setattr(GatewayService, "_follow_settings", lambda *_: {}["bug"])
        with capturedLogs() as logs, pytest.raises(SystemExit) as ended:
            daemon.service.startService()

        assert ended.value.code == FAILED
        assert capfd.readouterr().err == "targon-gw: the start failed: KeyError: 'bug'\n"
        assert [log["log_format"] for log in logs if "log_failure" in log] == ["the daemon could not start"]

    def test_condition(self, daemon: Daemon) -> None:
        """What systemd is told: usable keys, whether there is room, calls ended in all, what waits for the disk."""
        with daemon.running():
            condition = Condition(daemon.wiring)
            assert condition.status() == ("1/1 keys usable", 0)
            channel, _, vendor, _ = begin_call(daemon)
            body = b'{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]}'
            vendor.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            daemon.reactor.turn(5)
            assert condition.status()[1] == 1
            assert 0.0 <= condition.behind() <= 1.0
            daemon.wiring.gateway.shut = "no room"
            assert condition.status()[0] == "1/1 keys usable, no room for the ledger"
            channel.connectionLost(None)


class StopTests:
    """E-22: `stopService`."""

    def test_waits_for_calls(self, daemon: Daemon) -> None:
        """A call that ends within `drain` is served; what comes meanwhile is told; the state has all of it."""
        daemon.service.startService()
        wiring, (_, client, vendor, _) = daemon.wiring, begin_call(daemon)
        other, told = connected(wiring)
        ended: list[object] = []
        daemon.service.stopService().addBoth(ended.append)
        daemon.reactor.turn(5)
        assert ended == []
        other.dataReceived(
            ask(BEARER + JSON, b'{"model":"acme/large","messages":[{"role":"user","content":"x"}]}', CHAT)
        )
        assert b"503 Service Unavailable" in told.value() and b'"draining"' in told.value()

        body = b'{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]}'
        vendor.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        daemon.reactor.turn(1)
        assert client.value().startswith(b"HTTP/1.1 200 OK")
        assert ended == [None]
        with daemon_again(daemon).running() as again:
            assert again.wiring.gateway.ledger.totals["client"]["ann"].served == 1

    @pytest.mark.parametrize("stream", [True, False])
    def test_breaks_off(self, daemon: Daemon, stream: bool) -> None:
        """What has not ended after `drain` is told, counted and on file; no key's health has suffered by it."""
        daemon.service.startService()
        wiring, (_, client, vendor, wire) = daemon.wiring, begin_call(daemon, stream=stream)
        if stream:
            vendor.dataReceived(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
                b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
            )
        ended: list[object] = []
        daemon.service.stopService().addBoth(ended.append)
        daemon.reactor.turn(29)
        assert ended == [] and b"draining" not in client.value()
        daemon.reactor.turn(2)

        assert ended == [None]
        assert b'"code":"draining"' in client.value()
        assert client.disconnecting or not stream
        assert wire.disconnecting or wire.disconnected
        assert not wiring.gateway.calls
        with daemon_again(daemon).running() as again:
            sums = again.wiring.gateway.ledger.totals["client"]["ann"]
            assert (sums.truncated, sums.failed) == ((1, 0) if stream else (0, 1))
            (pool,) = again.wiring.gateway.pools.values()
            assert pool.census(0.0)["usable"] == 1
            assert {entry.ending for entry in again.wiring.gateway.ledger.recent} <= {
                Ending.TRUNCATED,
                Ending.FAILED,
                None,
            }

    def test_at_once(self, daemon: Daemon) -> None:
        """Without calls it does not wait for `drain`."""
        daemon.service.startService()
        before = daemon.reactor.seconds()
        daemon.stop()

        assert daemon.reactor.seconds() - before <= 2

    def test_before_the_start(self, daemon: Daemon) -> None:
        """What has not started stops without a word."""
        ended: list[object] = []
        daemon.service.stopService().addBoth(ended.append)
        assert ended == [None]


def daemon_again(daemon: Daemon) -> Daemon:
    """The next daemon over the same files."""
    return Daemon(daemon.place)


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
        service: Any = makeService(options)
        service.threads = Threads()
        return reactor, service

    @pytest.fixture(autouse=True)
    def _collected(self) -> Iterator[None]:
        """The tests behind have their garbage collected."""
        yield
        gc.enable()

    @pytest.fixture
    def shipped(self, tmp_path: Path) -> str:
        """The settings that come with the project, in a place of their own: their state folder lies beside them."""
        conf = Path(__file__).resolve().parents[1] / "conf"
        return str(shutil.copytree(conf, tmp_path / "conf") / "gateway.yaml")

    def test_deaf_to_hangups_until_they_mean_something(self, monkeypatch: pytest.MonkeyPatch, shipped: str) -> None:
        """E-23: a SIGHUP that comes while the daemon still starts does not end it."""
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        self.made(monkeypatch, "-c", shipped)

        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN

    def test_shipped_settings(self, monkeypatch: pytest.MonkeyPatch, shipped: str) -> None:
        """The shipped settings run as they are: without a key the gateway listens and says that it is down."""
        reactor, service = self.made(monkeypatch, "-c", shipped)
        assert not gc.isenabled()  # with ten thousand clients that would be a third of the start
        service.startService()
        channel, client = connected(service.wiring)
        channel.dataReceived(ask(target="/health", method="GET"))

        assert [server[0] for server in reactor.tcpServers] == [3811]
        assert gc.isenabled()
        assert client.value().startswith(b"HTTP/1.1 503 ")
        channel.connectionLost(None)
        service.stopService()
        reactor.turn(1)
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
        reactor.turn(1)

    @pytest.mark.parametrize("there", [True, False])
    def test_bad_settings(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        capfd: pytest.CaptureFixture[str],
        there: bool,
    ) -> None:
        """Settings that can't be used end the process with 78, each problem by file and line."""
        path = written(tmp_path, {"gateway.yaml": "drain: soon\n"}) if there else str(tmp_path / "gateway.yaml")
        with pytest.raises(SystemExit) as ended:
            self.made(monkeypatch, "-c", path)

        assert ended.value.code == BAD_SETTINGS
        assert f"{tmp_path}/gateway.yaml" in capfd.readouterr().err
