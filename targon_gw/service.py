"""The daemon: starts and stops the gateway in order.

Start: settings, lock, recovery, listen, watch, probe. Stop: no new connections, running calls finish within `drain`,
those left are told, the last flush. What can't start ends the process with a line that says why: 78 for settings and
for a state folder that can't be gone on from, 75 where another daemon has that folder, 1 for an address that can't be
listened on.
"""

# mypy: disallow-untyped-calls=False
# Twisted is not typed throughout.

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from attrs import Factory, define, field
from twisted.application.service import IService, Service
from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from targon_gw import collector
from targon_gw.core.config import Config
from targon_gw.core.reload import Refused
from targon_gw.desk import DaemonDesk
from targon_gw.front import rooms
from targon_gw.heap import Heap, trim_of_libc
from targon_gw.leaving import Leaving
from targon_gw.listening import Reserve, clear_dead, is_handed, with_backlog
from targon_gw.reloading import Reloading, foreseen
from targon_gw.settings.loading import Loaded, load
from targon_gw.settings.problems import SettingsError
from targon_gw.settings.trails import Mark, marks_before
from targon_gw.settings.watching import Watching
from targon_gw.store.folder import Damaged, Locked, Unusable
from targon_gw.strain import raise_descriptors
from targon_gw.systemd import Supervision, dump_stacks_when_killed
from targon_gw.web.admin import admin_resource
from targon_gw.web.admin_desk import Paths
from targon_gw.web.serving import Site
from targon_gw.web.strict import HttpLimits
from targon_gw.wiring import Outside, Wiring, conceal_keys, wire

log = Logger()

FAILED, LOCKED, BAD_SETTINGS = 1, 75, 78
"""75 and 78 are EX_TEMPFAIL and EX_CONFIG of sysexits.h; systemd is told not to restart on them."""
Alter = Callable[[Config], Config]
SWITCH_EVERY = 0.0005
"""Seconds for which a thread may keep the reactor's from going on: it gives way in each system call, and with Python's
own 5 ms what is read in a thread (10,000 keys: a second) made each call of a client wait for some 200 ms."""


def daemon(reactor: Any, config: str, demo: bool, recover: bool) -> GatewayService:
    """The daemon over the settings in the file `config`; raises SystemExit, said why, where they can't be used."""
    collector.away()
    sys.setswitchinterval(SWITCH_EVERY)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # one that comes before it means something does not end the daemon
    _steady(reactor)
    dump_stacks_when_killed()
    raise_descriptors()
    path = os.path.abspath(config)
    began = time.time()
    try:
        loaded = load(path)
    except SettingsError as error:
        _give_up(BAD_SETTINGS, str(error))
    announce: Callable[[], None] | None = None
    alter: Alter = _as_they_are
    if demo:
        from targon_gw.demo import rehearsal

        alter, announce = rehearsal(reactor, loaded.config)
    conceal_keys(key for upstream in loaded.config.upstreams for key in upstream.keys)
    return GatewayService(reactor, Source(path, loaded, alter, marks_before(loaded.files, began)), announce, recover)


def _steady(reactor: Any) -> None:
    """Have another reactor than ours, too, go by a clock that nobody sets (E-16)."""
    if isinstance(reactor, ReactorBase):  # one in memory goes by whoever moves it
        reactor.seconds = time.monotonic


def _as_they_are(config: Config) -> Config:
    return config


def _give_up(code: int, why: str) -> NoReturn:
    """End with `why` on the standard error that the process was given: twistd's leads into the log, which ends, too."""
    print(why, file=sys.__stderr__, flush=True)
    raise SystemExit(code)


@define(eq=False)
class Source:
    """Where the settings come from; `alter` is what the demo makes of them."""

    path: str
    loaded: Loaded
    alter: Alter
    known: Mapping[str, Mark] | None = None
    """What the files looked like when they were read: a save while the daemon starts is not to be missed."""
    read_since: float = 0.0
    """When they were last begun to be read, Unix seconds."""

    @property
    def config(self) -> Config:
        """The settings as they are to be gone by."""
        return self.alter(self.loaded.config)

    def again(self) -> Loaded:
        """Read them again."""
        from attrs import evolve

        self.read_since = time.time()
        found = load(self.path)
        return evolve(found, config=self.alter(found.config))


@define(eq=False)
class Condition:
    """How the daemon is, for systemd; to its very end."""

    wiring: Wiring

    def status(self) -> tuple[str, int]:
        """How many keys are usable, in words; and calls ended in all."""
        gateway = self.wiring.gateway
        keys = gateway.report(self.wiring.now()).keys
        words = f"{keys['usable']}/{keys['total']} keys usable"
        if gateway.shut is not None:
            words += ", no room for the ledger"
        return words, sum(sums.calls for sums in gateway.ledger.totals["day"].values())

    def behind(self) -> float:
        """For how many seconds something has waited for the disk."""
        return self.wiring.books.journal.behind()


@implementer(IService)
@define(eq=False, slots=False)
class GatewayService(Service):
    """The daemon."""

    reactor: Any
    source: Source
    announce: Callable[[], None] | None = None
    insist: bool = False
    ports: list[IListeningPort] = field(factory=list)
    admin_port: IListeningPort | None = None
    wiring: Wiring | None = None
    reloading: Reloading | None = None
    watching: Watching | None = None
    desk: DaemonDesk | None = None
    supervision: Supervision | None = None
    threads: ThreadPool = field(factory=lambda: ThreadPool(1, 2, "disk"))
    heap: Heap = field(default=Factory(lambda self: Heap(self.reactor, trim_of_libc()), takes_self=True))
    reserve: Reserve = field(default=Factory(lambda self: Reserve(self.reactor), takes_self=True))
    now: Callable[[], float] = time.monotonic
    unix: Callable[[], float] = time.time

    def startService(self) -> None:
        """Go through the start in order; raises SystemExit, said why, where it can't be."""
        super().startService()
        try:
            self._start()
        except Exception as error:  # the edge: twistd would tell of a bug in a log that ends with it
            log.failure("the daemon could not start")
            self._give_up(FAILED, f"targon-gw: the start failed: {type(error).__name__}: {error}")

    def _start(self) -> None:
        config = self.source.config
        supervision = self.supervision = Supervision.of(self.reactor, self.now, os.environ)
        self.threads.start()
        wiring = self.wiring = wire(
            self.reactor, config, Outside(self._in_thread, self._fatal, self.now, aside=self._aside, unix=self.unix)
        )
        supervision.starting("reading the state and the ledger")
        try:
            wiring.books.open(self.insist)
        except Locked as error:
            self._give_up(LOCKED, f"targon-gw: {error}")
        except (Unusable, Damaged) as error:
            self._give_up(BAD_SETTINGS, f"targon-gw: {error}")
        wiring.audit.open()
        collector.calm()
        self._listen_everywhere(config, wiring)
        wiring.books.start()
        wiring.prober.start()
        wiring.lag.start()
        self.heap.start()
        self.reserve.start()
        self._follow_settings(config, wiring)
        for port in self.ports:
            log.info("listening on {address}", address=str(port.getHost()))
        if self.announce is not None:
            self.announce()
        supervision.ready(Condition(wiring))

    def _in_thread(self, work: Callable[..., Any], *args: Any) -> Deferred[Any]:
        return deferToThreadPool(self.reactor, self.threads, work, *args)

    def _aside(self, work: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """In a thread that the ledger does not wait for."""
        return deferToThreadPool(self.reactor, self.reactor.getThreadPool(), work, *args)

    def _fatal(self, reason: str) -> None:
        """The disk has failed: nothing may be acknowledged any more, and the next start reads what is there (E-07)."""
        print(f"targon-gw: {reason}", file=sys.__stderr__, flush=True)
        os._exit(FAILED)

    def _give_up(self, code: int, why: str) -> NoReturn:
        self.threads.stop()
        _give_up(code, why)

    def _listen_everywhere(self, config: Config, wiring: Wiring) -> None:
        failed: list[Failure] = []
        for address in config.listen:
            maybeDeferred(self._listen, address, wiring.site).addCallbacks(self.ports.append, failed.append)
        if failed:
            for port in self.ports:
                maybeDeferred(port.stopListening)
            self.ports.clear()
            wiring.books.abandon()
            self._give_up(FAILED, f"targon-gw: {failed[0].getErrorMessage()}")

    def _listen(self, address: str, site: Site) -> Deferred[IListeningPort]:
        try:
            endpoint = serverFromString(self.reactor, with_backlog(address))
        except (LookupError, ValueError) as error:
            if is_handed(address):
                raise OSError(f"no socket was handed over for {address}: start it by targon-gw.socket") from error
            raise
        listening: Deferred[IListeningPort] = endpoint.listen(site)
        return listening

    def _follow_settings(self, config: Config, wiring: Wiring) -> None:
        """Read them again on SIGHUP, when asked at the admin socket and, unless they say otherwise, when saved."""
        reloading = self.reloading = Reloading(
            lambda: foreseen(wiring.gateway, self.source.again()), self._applied, log, self.reactor, self._aside
        )
        reloading.meanwhile, reloading.wall = collector.resting, wiring.gateway.wall
        reloading.refused = self._refused
        if self.supervision is not None:
            reloading.under_way = self.supervision.reloading
        watching = self.watching = Watching(
            self.reactor, self.source.loaded.files, lambda: _begun(reloading.reload("saved"))
        )
        if config.watch:
            watching.start(self.source.known)
        wiring.health.settings = wiring.metrics.settings = reloading

        def hang_up(*_: object) -> None:
            if self.running and not watching.moving:  # a save under way is read when it is done
                self.reactor.callFromThread(reloading.reload, "SIGHUP")

        if self.reactor is _running_reactor():
            signal.signal(signal.SIGHUP, hang_up)
        self._open_admin(config, wiring, reloading)

    def _refused(self, error: SettingsError) -> None:
        """What has been looked for in vain is waited for, too."""
        if self.watching is not None and self.watching.begun:
            files = tuple(dict.fromkeys([*self.watching.files, *error.files]))
            self.watching.refresh(files, marks_before(files, self.source.read_since))

    def _applied(self, loaded: Loaded) -> Any:
        if self.wiring is None or self.watching is None:
            raise Refused("the gateway is stopping")
        diff = self.wiring.apply(loaded)
        if self.desk is not None:
            self.desk.paths = self._paths(loaded)
        if not loaded.config.watch:
            self.watching.stop()
        elif self.watching.begun:
            self.watching.refresh(loaded.files, marks_before(loaded.files, self.source.read_since))
        else:
            self.watching.files = loaded.files
            self.watching.start(marks_before(loaded.files, self.source.read_since))
        return diff

    def _open_admin(self, config: Config, wiring: Wiring, reloading: Reloading) -> None:
        paths, end = self._paths(self.source.loaded), lambda: self.reactor.callLater(0, self._end)
        desk = self.desk = DaemonDesk(wiring, reloading, paths, end, self._aside)
        wiring.rooms += rooms(wiring, desk)
        path = config.admin.socket
        if path is None:
            return
        site = Site(admin_resource(desk), HttpLimits(body=4 << 20), self.reactor, wall=wiring.gateway.wall)
        try:
            clear_dead(path)
            self.admin_port = self.reactor.listenUNIX(path, site, mode=0o600, wantPID=True)
        except (CannotListenError, OSError) as error:
            log.warn("the admin socket can't be opened: {reason}", reason=str(error))

    def _paths(self, loaded: Loaded) -> Paths:
        return Paths(self.source.path, loaded.keys, loaded.clients)

    def _end(self) -> None:
        if self.running:  # else it has begun already
            self.reactor.stop()

    def stopService(self) -> Deferred[Any]:
        super().stopService()
        return ensureDeferred(self._stopped())

    async def _stopped(self) -> None:
        """Drain, then flush, then let go of the folder."""
        wiring, self.wiring = self.wiring, None
        leaving = None if wiring is None else Leaving(self.reactor, wiring, self._is_handed())
        if self.supervision is not None and leaving is not None:
            self.supervision.stopping(leaving.at_most)
        for port in self.ports:
            await maybeDeferred(port.stopListening)
        self.ports.clear()
        if wiring is None or leaving is None:
            return
        wiring.prober.stop()
        if self.watching is not None:
            self.watching.stop()
        if self.reloading is not None:
            self.reloading.stop()
        await leaving.done()
        wiring.lag.stop()
        self.heap.stop()
        self.reserve.stop()
        if self.admin_port is not None:
            await maybeDeferred(self.admin_port.stopListening)
        wiring.ways.close()
        await wiring.audit.close()
        await wiring.books.close()
        self.threads.stop()
        if self.supervision is not None:
            self.supervision.ended()

    def _is_handed(self) -> bool:
        return any(map(is_handed, self.source.config.listen))


def _begun(_: object) -> None:
    """What comes of it is logged by whoever does it."""


def _running_reactor() -> Any:
    return sys.modules.get("twisted.internet.reactor")
