"""A daemon in memory: a reactor with a clock that is turned by hand, threads that are none, real files."""

from __future__ import annotations

import gc
import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen
from twisted.internet.address import IPv4Address
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from targon_gw.core.config import Config, Dialect, KeySettings, ModelSettings, Secret, UpstreamSettings
from targon_gw.service import GatewayService, Source
from targon_gw.settings.loading import load
from targon_gw.wiring import Outside, Wiring, wire
from tests import fakes
from tests.settings.folder import written
from tests.store.stage import at_once
from tests.web.conversation import ask
from tests.web.house import BEARER, CHAT, JSON, QUESTION

VENDOR_KEY = "sn4_canary_of_the_vendors_key_0001"
GATEWAY = """\
listen: tcp:3811:interface=127.0.0.1
state: state
admin: {socket: admin.sock}
upstreams: {acme: {base_url: "http://127.0.0.1:9/v1", allow_private: true, probe: {daily_tokens: 0}}}
"""
FILES = {
    "gateway.yaml": GATEWAY,
    "keys.yaml": f"acme: [{VENDOR_KEY}]\n",
    "clients.yaml": f"clients: [{{name: ann, key: {fakes.CLIENT_SECRET.decode()}}}]\n",
    "models.yaml": f"models: [{{id: {fakes.MODEL}, upstream_id: big}}]\n",
}


class Threads:
    """In place of a pool of threads: what it is given is done before it returns."""

    def __init__(self) -> None:
        self.running = False

    def start(self) -> None:
        """Begin."""
        self.running = True

    def stop(self) -> None:
        """End."""
        self.running = False

    def callInThreadWithCallback(self, done: Callable[[bool, Any], None], work: Any, *args: Any) -> None:
        """As a ThreadPool's."""
        try:
            found = work(*args)
        except BaseException:
            done(False, Failure())
        else:
            done(True, found)


class Reactor(MemoryReactorClock):
    """A reactor in memory; `taken` are ports and paths that somebody else has."""

    taken: tuple[int | str, ...] = ()

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.threads = Threads()
        self.stops = 0
        self.began = time.time()
        """What the clock on the wall showed when this one showed nothing."""

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """As the reactor's."""
        if port in self.taken:
            raise CannotListenError(interface, port, OSError("Address already in use"))
        return super().listenTCP(port, factory, backlog, interface)  # type: ignore[no-untyped-call]

    def listenUNIX(self, path: str, factory: Any, backlog: int = 50, mode: int = 0o666, wantPID: int = 0) -> Any:
        """As the reactor's."""
        if path in self.taken:
            raise CannotListenError(None, path, OSError("Address already in use"))
        return super().listenUNIX(path, factory, backlog, mode, wantPID)  # type: ignore[no-untyped-call]

    def callFromThread(self, work: Callable[..., object], *args: Any) -> None:
        """At once: nothing here has a thread."""
        work(*args)

    def getThreadPool(self) -> Threads:
        """The reactor's own."""
        return self.threads

    def stop(self) -> None:
        """Note it."""
        self.stops += 1

    def unix(self) -> float:
        """The clock on the wall."""
        return self.began + self.seconds()

    def turn(self, seconds: float) -> None:
        """Let time pass, in small steps."""
        self.pump([0.25] * round(seconds * 4))  # type: ignore[no-untyped-call]


def settings(**changes: Any) -> Config:
    """One vendor on an address of loopback, with one key."""
    entry = KeySettings(Secret(VENDOR_KEY), "alice")
    changes = {"base_url": "http://127.0.0.1:9/v1", "allow_private": True, **changes}
    vendor = UpstreamSettings("acme", dialect=Dialect.TARGON, keys=(entry,), **changes)
    return fakes.config(vendor, models=[ModelSettings(fakes.MODEL, upstream_id="big")])


def wired(config: Config, reactor: Reactor | None = None) -> tuple[Reactor, io.StringIO, Wiring]:
    """A gateway of `config` in memory; its books are open."""
    reactor, out, reasons = reactor or Reactor(), io.StringIO(), []  # type: ignore[var-annotated]
    wiring = wire(reactor, config, Outside(at_once, reasons.append, reactor.seconds, out, reactor.unix))
    wiring.books.open()
    return reactor, out, wiring


def connected(wiring: Wiring | None) -> tuple[Any, StringTransport]:
    """A client's connection."""
    assert wiring is not None
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


@frozen
class Place:
    """A folder with the settings of a gateway, by file."""

    path: Path
    files: dict[str, str] = field(factory=lambda: dict(FILES))

    def write(self, **files: str) -> None:
        """Save these: `keys="…"` is keys.yaml."""
        self.files.update({f"{name}.yaml": text for name, text in files.items()})
        written(self.path, self.files)

    @property
    def gateway(self) -> str:
        """The path of gateway.yaml."""
        return str(self.path / "gateway.yaml")


@define(eq=False)
class Daemon:
    """A service over `place`."""

    place: Place
    reactor: Reactor = field(factory=Reactor)
    told: list[str] = field(factory=list)
    insist: bool = False
    service: GatewayService = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.place.write()
        source = Source(self.place.gateway, load(self.place.gateway), lambda config: config)
        pool: Any = Threads()
        up, seconds = lambda: self.told.append("up"), self.reactor.seconds
        self.service = GatewayService(
            self.reactor, source, up, self.insist, threads=pool, now=seconds, unix=self.reactor.unix
        )

    @property
    def wiring(self) -> Wiring:
        """What it is made of, while it runs."""
        assert self.service.wiring is not None
        return self.service.wiring

    def stop(self) -> None:
        """Stop, and see that it has let go of everything."""
        ended: list[object] = []
        self.service.stopService().addBoth(ended.append)
        self.reactor.turn(2)
        assert ended == [None]
        assert not self.service.threads.running  # type: ignore[attr-defined]
        assert not self.reactor.getDelayedCalls()

    @contextmanager
    def running(self) -> Iterator[Daemon]:
        """While it runs."""
        self.service.startService()
        yield self
        self.stop()


def begin_call(daemon: Daemon, **fields: Any) -> tuple[Any, Any, Any, Any]:
    """A client's call that has reached the vendor: both connections, each with its transport."""
    channel, client = connected(daemon.wiring)
    channel.dataReceived(ask(BEARER + JSON, json.dumps({**QUESTION, **fields}).encode(), CHAT))
    return (channel, client, *vendor_of(daemon.reactor))


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """The service sets the collector for its process, which here is the tests'."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()
