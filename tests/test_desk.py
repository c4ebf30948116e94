"""The daemon as the admin socket has it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from targon_gw.core import byhand
from targon_gw.core.attempts import Barred, Served
from targon_gw.core.config import SECRET_LIKE, Secret
from targon_gw.core.ledger import Ending, Kind
from targon_gw.desk import DaemonDesk, sums_since
from targon_gw.store.folder import StateFolder
from targon_gw.web.admin_desk import Actor, Desk, Objection, Paths
from tests import fakes
from tests.daemon import FILES, GATEWAY, VENDOR_KEY, Daemon, Place, vendor_of
from tests.daemon import collector as collector
from tests.store.stage import DAY, NOON, Kept, at_once, ledger, opened, result, text_of

SECOND_KEY = "sn4_canary_of_the_vendors_key_0002"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that runs."""
    with Daemon(Place(tmp_path)).running() as made:
        yield made


def desk_of(daemon: Daemon, ends: list[str] | None = None) -> DaemonDesk:
    """Its desk."""
    reloading = daemon.service.reloading
    assert reloading is not None
    paths = Paths(*(str(daemon.place.path / f"{name}.yaml") for name in ("gateway", "keys", "clients")))
    noted = ends if ends is not None else []
    return DaemonDesk(daemon.wiring, reloading, paths, lambda: noted.append("ended"), at_once)


def settle(daemon: Daemon) -> None:
    """One call, served."""
    wiring, now = daemon.wiring, daemon.reactor.seconds()
    call = fakes.call(wiring.gateway, now)
    (own,) = wiring.gateway.entries_of(call, fakes.closing(Ending.SERVED), now)
    wiring.books.record(own)
    wiring.gateway.settle(call, own, None, now)


class DeskTests:
    """What it tells."""

    def test_is_a_desk(self, daemon: Daemon) -> None:
        """It is what the admin socket's tree asks for."""
        desk: Desk = desk_of(daemon)

        assert desk.gateway is daemon.wiring.gateway
        assert desk.ledger is daemon.wiring.gateway.ledger
        assert desk.started == daemon.wiring.started
        assert desk.now() == daemon.reactor.seconds()
        assert desk.version
        assert desk.paths.gateway == daemon.place.gateway

    def test_state(self, daemon: Daemon) -> None:
        """Lines, how old the state is, the file that is written to, and whether there is room."""
        desk = desk_of(daemon)
        assert desk.state() == {"n": 0, "snapshot_age": None, "journal": "", "full": False}
        settle(daemon)
        daemon.reactor.turn(7)
        told = desk.state()

        assert (told["n"], told["snapshot_age"], told["full"]) == (1, 2.0, False)
        assert Path(told["journal"]).parent == daemon.place.path / "state" / "ledger"

    def test_clock_ahead(self, daemon: Daemon) -> None:
        """E-16: by how much the clock on the wall was set since the start, as of the last second."""
        assert desk_of(daemon).clock_agrees()
        daemon.reactor.began += 3600.0
        daemon.reactor.turn(1.5)

        assert desk_of(daemon).clock_ahead() == pytest.approx(3600.0)
        assert not desk_of(daemon).clock_agrees()

    def test_use(self, daemon: Daemon) -> None:
        """A client's use is what it is told itself; of nobody there is none."""
        desk = desk_of(daemon)
        assert desk.use_of("ann")["label"] == "ann"
        assert desk.use_of("bob") == {}

    def test_in_force(self, daemon: Daemon) -> None:
        """Since the start, until others are; why others are not, and since when."""
        desk = desk_of(daemon)
        wall = daemon.wiring.gateway.wall
        assert desk.in_force().since == daemon.wiring.started + wall
        daemon.reactor.turn(3)
        daemon.place.write(keys="acme: [[[\n")
        told = self.reloaded(daemon, desk)
        assert told["applied"] is False
        assert any("keys.yaml" in line for line in told["problems"])
        assert desk.in_force().problem is not None
        assert desk.in_force().problem_at == wall + 3.0

        daemon.place.write(keys=f"acme: [{VENDOR_KEY}, {SECOND_KEY}]\n")
        told = self.reloaded(daemon, desk)
        assert told["applied"] is True
        assert any("+1 key" in line for line in told["changes"])
        assert SECRET_LIKE.search(json.dumps(told)) is None
        assert desk.in_force().problem is None
        assert desk.in_force().since > 3.0

    def reloaded(self, daemon: Daemon, desk: DaemonDesk) -> dict[str, Any]:
        """Have the settings read."""
        asked = desk.reload("asked for")
        daemon.reactor.turn(1)
        return result(asked)

    def test_drain(self, daemon: Daemon) -> None:
        """It begins the end."""
        ends: list[str] = []
        desk_of(daemon, ends).drain()
        assert ends == ["ended"]

    def test_acted(self, daemon: Daemon) -> None:
        """What the operator did is logged, and what it changed is on file at once."""
        desk = desk_of(daemon)
        (pool,) = daemon.wiring.gateway.pools.values()
        (key,) = pool.keys.values()
        byhand.disable(pool, key.id, None, desk.now())
        with capturedLogs() as logs:
            desk.acted("disabled", key.id)

        assert [(log["act"], log["on"]) for log in logs if "act" in log] == [("disabled", key.id)]
        (line,) = (daemon.place.path / "state" / "ledger").glob("*.yaml")
        assert f'"id":"{key.id}"' in line.read_text()
        assert '"kind":"key"' in line.read_text()


class KeyTests:
    """`test_key`."""

    def test_served(self, daemon: Daemon) -> None:
        """The key is asked now, and the verdict told as the command line shows it."""
        desk = desk_of(daemon)
        (key_id,) = daemon.wiring.gateway.pools["acme"].keys
        asked = desk.test_key("acme", key_id)
        vendor, wire = vendor_of(daemon.reactor)
        daemon.reactor.turn(2)
        vendor.dataReceived(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

        told = result(asked)
        assert (told["outcome"], told["status"], told["took"]) == ("barred", 401, 2.0)
        assert isinstance(told["reason"], str)
        assert b"POST /v1/chat/completions" in wire.value()
        kinds = [line.kind for line in daemon.wiring.gateway.ledger.recent]
        assert Kind.CALL not in kinds

    def test_nothing_to_ask(self, tmp_path: Path) -> None:
        """An upstream without a model that can chat is an objection, not a bug."""
        models = "models: [{id: acme/vectors, kind: embedding}]\n"
        with Daemon(Place(tmp_path, {**FILES, "models.yaml": models})).running() as daemon:
            (key_id,) = daemon.wiring.gateway.pools["acme"].keys
            with pytest.raises(Objection) as told:
                result(desk_of(daemon).test_key("acme", key_id))
            assert told.value.status == 409

    def test_stopped(self, tmp_path: Path) -> None:
        """Where the daemon ends meanwhile, whoever waits is told that."""
        daemon = Daemon(Place(tmp_path))
        daemon.service.startService()
        (key_id,) = daemon.wiring.gateway.pools["acme"].keys
        asked = desk_of(daemon).test_key("acme", key_id)
        daemon.stop()

        with pytest.raises(Objection) as told:
            result(asked)
        assert told.value.status == 503


class TryingTests:
    """`try_key` and `take_evidence`."""

    def test_served(self, daemon: Daemon) -> None:
        """A key that no pool has is asked with; what came out is told as the core has it."""
        desk = desk_of(daemon)
        asked = desk.try_key("acme", Secret(SECOND_KEY))
        vendor, wire = vendor_of(daemon.reactor)
        vendor.dataReceived(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        outcome, took = result(asked)
        assert (type(outcome), took) == (Barred, 0.0)
        assert SECOND_KEY.encode() in wire.value()
        assert len(desk.gateway.pools["acme"].keys) == 1

    def test_no_upstream(self, daemon: Daemon) -> None:
        """An upstream that has gone meanwhile is an objection."""
        with pytest.raises(Objection):
            result(desk_of(daemon).try_key("gone", Secret(SECOND_KEY)))

    def test_evidence(self, daemon: Daemon) -> None:
        """The pool is told; a key or an upstream that is not there is passed over."""
        desk = desk_of(daemon)
        (key,) = desk.gateway.pools["acme"].keys.values()
        desk.take_evidence("acme", key.id, Served())
        desk.take_evidence("acme", "k-00000000", Served())
        desk.take_evidence("gone", key.id, Served())
        assert key.served == 1


class InspectionTests:
    """`settings` and `foreseen`."""

    def test_settings(self, daemon: Daemon) -> None:
        """All of them, with fingerprints in the place of secrets."""
        told = result(desk_of(daemon).settings())
        assert told["drain"] == "30s" and told["upstreams"]["acme"]["keys"][0]["secret"].startswith("k-")
        assert SECRET_LIKE.search(json.dumps(told)) is None

    def test_nothing_changed(self, daemon: Daemon) -> None:
        """Files that are as they were change nothing."""
        told = result(desk_of(daemon).foreseen())
        assert (told["problems"], told["changes"], told["refused"]) == ([], [], None)

    def test_changes(self, daemon: Daemon) -> None:
        """What the files would change is told, and not done."""
        desk = desk_of(daemon)
        daemon.place.write(keys=f"acme: [{VENDOR_KEY}, {SECOND_KEY}]\n", gateway=GATEWAY + "drain: 7s\n")
        told = result(desk.foreseen())
        assert len(told["diff"]["keys"][0]["added"]) == 1 and told["diff"]["settings"]
        assert "+1 key" in told["changes"][0] and SECRET_LIKE.search(json.dumps(told)) is None
        assert len(desk.gateway.pools["acme"].keys) == 1 and desk.gateway.config.drain == 30.0

    def test_refused(self, daemon: Daemon) -> None:
        """A change that would not be taken says why."""
        daemon.place.write(keys=f"acme: [{SECOND_KEY}]\n")
        told = result(desk_of(daemon).foreseen())
        assert "confirm_removal: 1" in told["refused"]

    def test_problems(self, daemon: Daemon) -> None:
        """What is wrong with the files is told with its place."""
        daemon.place.write(keys="acme: [[[\n", models="models: [{id: x, contxt: 5}]\n")
        told = result(desk_of(daemon).foreseen())
        assert any("models.yaml:1:" in problem for problem in told["problems"]) and len(told["problems"]) >= 2


class ActorTests:
    """Who sits at a desk."""

    def test_audit(self, daemon: Daemon) -> None:
        """What is done is noted with who did it, and told again, newest first."""
        desk = desk_of(daemon)
        desk.acted("added", "k-1")
        desk.acting(Actor("ann", "192.0.2.1")).acted("removed", "k-1")
        newest, first = desk.events(2)
        assert (newest["who"], newest["act"], newest["on"], newest["address"]) == ("ann", "removed", "k-1", "192.0.2.1")
        assert (first["who"], first["address"]) == ("admin socket", "")
        assert (daemon.place.path / "state" / "audit.yaml").read_text().count("\n") == 2

    def test_shared(self, daemon: Daemon) -> None:
        """One daemon's desks share what is under way."""
        desk = desk_of(daemon)
        assert desk.acting(Actor("ann")).workshop is desk.workshop


class UsageTests:
    """Usage since a day, out of the files."""

    def folder(self, path: Path) -> StateFolder:
        """Two calls of one day, one of the next."""
        kept = Kept(opened(path))
        kept.append(1, 2)
        kept.append(3, at=NOON + DAY)
        kept.close()
        return kept.folder

    @pytest.mark.parametrize(("day", "served"), [("2025-11-20", 3), ("2025-11-21", 3), ("2025-11-22", 1)])
    def test_since(self, tmp_path: Path, day: str, served: int) -> None:
        """What the files of that day and later come to."""
        assert sums_since(self.folder(tmp_path), "client", day)["ann"].served == served

    def test_clock_set_back(self, tmp_path: Path) -> None:
        """E-16: days whose numbers are not in the order of the days count whole."""
        folder = opened(tmp_path)
        for day, numbers in (("2025-11-22", [1, 2, 5, 6]), ("2025-11-20", [3, 4])):
            ledger(folder, day).write_bytes(text_of(numbers))

        assert sums_since(folder, "client", "2025-11-20")["ann"].served == 6

    def test_packed_and_plain(self, tmp_path: Path) -> None:
        """A day that is being packed stands there twice, and counts once."""
        folder = opened(tmp_path)
        ledger(folder).write_bytes(text_of([1, 2, 3]))
        Path(f"{ledger(folder)}.gz").write_bytes(gzip.compress(text_of([1, 2])))

        assert sums_since(folder, "client", "2025-11-20")["ann"].served == 3

    def test_none(self, tmp_path: Path) -> None:
        """Later than the last day there is nothing."""
        assert sums_since(self.folder(tmp_path), "client", "2025-11-23") == {}

    def test_aside(self, daemon: Daemon) -> None:
        """Long files are read where the ledger's own work does not wait for them."""
        desk = desk_of(daemon)
        asked: list[Any] = []

        def later(work: Any, *args: Any) -> Deferred[Any]:
            asked.append(work)
            return Deferred()

        desk.aside = later
        desk.usage_since("client", "2025-11-21")
        desk.outside(dict)
        settle(daemon)
        daemon.reactor.turn(6)

        assert asked == [sums_since, dict]
        assert daemon.wiring.books.written_at is not None
