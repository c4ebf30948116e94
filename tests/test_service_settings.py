"""A daemon that runs: settings that are read again, and its admin socket."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs

from tests.daemon import FILES, GATEWAY, VENDOR_KEY, Daemon, Place, begin_call, connected
from tests.daemon import collector as collector
from tests.web.conversation import ask

SECOND_KEY = "sn4_canary_of_the_vendors_key_0002"


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """A daemon that has not started."""
    return Daemon(Place(tmp_path))


class SettingsTests:
    """Settings that change while it runs."""

    def keys(self, daemon: Daemon) -> int:
        """How many keys there are."""
        return len(daemon.wiring.gateway.pools["acme"].keys)

    def test_saved(self, daemon: Daemon) -> None:
        """A file that is saved is read once, when it has been still for a moment, and what it says is in force."""
        with daemon.running(), capturedLogs() as logs:
            daemon.place.write(keys=f"acme: [{VENDOR_KEY}, {SECOND_KEY}]\n")
            daemon.reactor.turn(12)
            assert self.keys(daemon) == 2
            assert daemon.service.reloading is not None and daemon.service.reloading.succeeded == 1
        assert not [log for log in logs if "canary" in repr(log.get("changes"))]

    def test_watching_is_a_setting_like_others(self, daemon: Daemon) -> None:
        """`watch: false` read anew ends the watch, `watch: true` begins it, and no save that crosses it is missed."""
        with daemon.running():
            reloading: Any = daemon.service.reloading
            daemon.place.write(gateway=GATEWAY + "watch: false\n")
            daemon.reactor.turn(12)
            assert reloading.succeeded == 1
            daemon.place.write(gateway=GATEWAY + "watch: false\ndrain: 7s\n")
            daemon.reactor.turn(12)
            assert reloading.succeeded == 1
            daemon.place.write(gateway=GATEWAY + "watch: true\ndrain: 8s\n")
            reloading.reload("asked for")
            daemon.reactor.turn(12)
            done = reloading.succeeded
            assert done in (2, 3)  # what was saved as it was read is read once more
            daemon.place.write(gateway=GATEWAY + "drain: 9s\n")
            daemon.reactor.turn(12)
            assert reloading.succeeded == done + 1
            assert daemon.wiring.gateway.config.drain == 9.0

    def test_not_watched(self, tmp_path: Path) -> None:
        """`watch: false` reads nothing until somebody asks."""
        daemon = Daemon(Place(tmp_path, {**FILES, "gateway.yaml": GATEWAY + "watch: false\n"}))
        with daemon.running():
            daemon.place.write(keys=f"acme: [{VENDOR_KEY}, {SECOND_KEY}]\n")
            daemon.reactor.turn(12)
            assert self.keys(daemon) == 1
            assert daemon.service.reloading is not None
            daemon.service.reloading.reload("asked for")
            daemon.reactor.turn(1)
            assert self.keys(daemon) == 2

    def test_bad(self, daemon: Daemon) -> None:
        """E-10: settings that can't be used change nothing; /health says so until they are mended."""
        with daemon.running():
            daemon.place.write(keys="acme: [[[\n")
            daemon.reactor.turn(12)
            assert self.keys(daemon) == 1
            channel, client = connected(daemon.wiring)
            channel.dataReceived(ask(target="/health", method="GET"))
            assert b'"settings":{"taken":false' in client.value()
            daemon.place.write(keys=FILES["keys.yaml"])
            daemon.reactor.turn(12)
            client.clear()
            channel.dataReceived(ask(target="/health", method="GET"))
            assert b'"settings"' not in client.value()
            channel.connectionLost(None)

    def test_what_was_lacking_comes(self, daemon: Daemon) -> None:
        """E-10: settings that were refused for want of a key's file are taken when that appears, wherever it lies."""
        secret = daemon.place.path / "secrets" / "k2"
        secret.parent.mkdir()
        with daemon.running():
            daemon.place.write(keys=f"acme: [{VENDOR_KEY}, {{secret_file: secrets/k2}}]\n")
            daemon.reactor.turn(12)
            assert self.keys(daemon) == 1
            secret.write_text(SECOND_KEY)
            daemon.reactor.turn(12)
            assert self.keys(daemon) == 2

    def test_files_by_other_names(self, daemon: Daemon) -> None:
        """What is added goes beside the files that are in force, also where gateway.yaml names others while it runs."""
        with daemon.running():
            (daemon.place.path / "vendors.yaml").write_text(FILES["keys.yaml"])
            daemon.place.write(gateway=GATEWAY + "keys: vendors.yaml\n")
            daemon.reactor.turn(12)
            desk: Any = daemon.service.desk
            assert desk.paths.keys == str(daemon.place.path / "vendors.yaml")
            assert desk.paths.clients == str(daemon.place.path / "clients.yaml")

    def test_hang_up(self, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
        """SIGHUP reads them again; once the daemon stops it does nothing."""
        before = signal.getsignal(signal.SIGHUP)
        monkeypatch.setitem(sys.modules, "twisted.internet.reactor", daemon.reactor)  # type: ignore[arg-type]
        try:
            with daemon.running():
                reloading: Any = daemon.service.reloading
                os.kill(os.getpid(), signal.SIGHUP)
                os.kill(os.getpid(), signal.SIGHUP)
                daemon.reactor.turn(1)
                assert 1 <= reloading.succeeded <= 2
                done = reloading.succeeded
            os.kill(os.getpid(), signal.SIGHUP)
            daemon.reactor.turn(1)
            assert reloading.succeeded == done and reloading.failed == 0
        finally:
            signal.signal(signal.SIGHUP, before)

    def test_while_it_stops(self, daemon: Daemon) -> None:
        """Settings that are asked for while the daemon drains are not taken, and that is no bug."""
        daemon.service.startService()
        channel, _, _, _ = begin_call(daemon)
        reloading: Any = daemon.service.reloading
        ended: list[object] = []
        daemon.service.stopService().addBoth(ended.append)
        found: list[Any] = []
        reloading.reload("asked for").addCallback(found.append)
        daemon.reactor.turn(31)

        assert (found[0].applied, found[0].problem) == (False, "the gateway is stopping")
        assert ended == [None]
        channel.connectionLost(None)
        assert not daemon.reactor.getDelayedCalls()


class AdminTests:
    """The admin socket."""

    def test_listens(self, daemon: Daemon) -> None:
        """It is where the settings say, for its owner alone; it answers to the end of the drain."""
        with daemon.running():
            ((path, factory, _, mode, _),) = daemon.reactor.unixServers
            assert (path, mode) == (str(daemon.place.path / "admin.sock"), 0o600)
            channel, client = factory.buildProtocol(None), StringTransport()
            channel.makeConnection(client)
            channel.dataReceived(ask(target="/status", method="GET"))
            assert client.value().startswith(b"HTTP/1.1 200 OK")
            channel.connectionLost(None)
        assert daemon.service.admin_port is not None

    def test_taken(self, daemon: Daemon) -> None:
        """Where it can't be had that is a warning: calls are served without it."""
        daemon.reactor.taken = (str(daemon.place.path / "admin.sock"),)
        with capturedLogs() as logs, daemon.running():
            assert daemon.told == ["up"]
        assert [log for log in logs if log["log_format"].startswith("the admin socket can't be opened")]

    def test_none(self, tmp_path: Path) -> None:
        """`socket: null` is none."""
        gateway = GATEWAY.replace("socket: admin.sock", "socket: null")
        with Daemon(Place(tmp_path, {**FILES, "gateway.yaml": gateway})).running() as daemon:
            assert daemon.reactor.unixServers == []

    def test_drain(self, daemon: Daemon) -> None:
        """What is asked there ends the process as SIGTERM does, once however often it is asked."""
        with daemon.running():
            ((_, factory, _, _, _),) = daemon.reactor.unixServers
            channel, client = factory.buildProtocol(None), StringTransport()
            channel.makeConnection(client)
            channel.dataReceived(ask(target="/drain"))
            assert daemon.reactor.stops == 0
            daemon.reactor.turn(1)
            assert daemon.reactor.stops == 1
            assert client.value().startswith(b"HTTP/1.1 202 ")
            channel.connectionLost(None)
