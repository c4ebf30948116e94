"""Wires the gateway: builds each object once, hands it its neighbours, starts and stops them in order.

`twistd -n targon-gw -c conf/gateway.yaml` comes in here. Settings that can't be used end the process with 78, an
address that can't be listened on with 1, each with a line that says why.
"""

# mypy: disallow-untyped-calls=False
# Twisted is not typed throughout.

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from attrs import define, field
from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.usage import Options as UsageOptions
from zope.interface import implementer

from targon_gw.calllog import CallLog
from targon_gw.core.config import SECRET_LIKE, Config, UpstreamSettings
from targon_gw.core.gateway import Gateway
from targon_gw.logs import conceal
from targon_gw.outbound.addresses import Endpoints
from targon_gw.outbound.agent import Agent, AgentLimits
from targon_gw.outbound.carrier import Carrier
from targon_gw.outbound.client import Client
from targon_gw.outbound.probe import Prober
from targon_gw.outbound.sending import Sending
from targon_gw.pulse import Pulse
from targon_gw.settings.loading import load
from targon_gw.settings.problems import SettingsError
from targon_gw.web.api import Api, refusal_headers
from targon_gw.web.health import Health
from targon_gw.web.serving import Site
from targon_gw.web.site import Root, Tree
from targon_gw.web.strict import HttpLimits

log = Logger()

BAD_SETTINGS = 78
"""sysexits.h, EX_CONFIG; systemd is told not to restart on it."""
GC = (20_000, 20, 50)
"""Allocations between two collections of the young, and so on: a call makes some 150 objects that count, and Python's
own 700 would have the collector run every fifth call (7 % of all time); the modules, frozen, are not looked at."""
BACKLOG = 4096
"""Connections that may wait to be accepted: after a restart all clients come back at once (faults catalogue, A-32)."""


class Options(UsageOptions):
    """What `twistd targon-gw` takes."""

    optParameters = [["config", "c", "/etc/targon-gw/gateway.yaml", "The gateway.yaml to go by."]]
    optFlags = [["demo", None, "Where an upstream has no key, put a vendor in a box in its place."]]
    longdesc = "An OpenAI-compatible gateway over many keys of an AI-model vendor."


def makeService(options: Options) -> IService:
    """What twistd runs."""
    from twisted.internet import reactor

    try:
        loaded = load(options["config"])
    except SettingsError as error:
        print(error, file=sys.stderr)
        raise SystemExit(BAD_SETTINGS) from None
    config = loaded.config
    announce: Callable[[], None] | None = None
    if options["demo"]:
        from targon_gw.demo import rehearsed

        config, announce = rehearsed(reactor, config)
    conceal_keys(config)
    for name in loaded.ignored:
        log.warn("{setting} is set and has no effect yet", setting=name)
    return GatewayService(reactor, config, announce)


def conceal_keys(config: Config) -> None:
    """Have the log blot out the vendors' keys, but those that it knows by their looks: each more slows every line."""
    for upstream in config.upstreams:
        for key in upstream.keys:
            secret = key.secret.reveal
            if SECRET_LIKE.fullmatch(secret) is None:
                conceal(secret)


@define(eq=False)
class Wiring:
    """The gateway and its shells, wired but not started."""

    gateway: Gateway
    site: Site
    prober: Prober
    agents: dict[str, Agent]
    calls: CallLog


def wire(reactor: Any, config: Config, now: Callable[[], float] = time.monotonic, out: Any = None) -> Wiring:
    """Everything that `config` asks for. `now` is monotonic seconds, `out` where a line for each call goes."""
    started = now()
    wall = time.time() - started
    gateway = Gateway.of(config, wall, random.random)
    pulse = Pulse(reactor, now)
    agents = {settings.name: _agent(reactor, settings) for settings in config.upstreams}
    clients = {name: Client(agent) for name, agent in agents.items()}
    out = sys.__stdout__ if out is None else out  # sys.stdout is twistd's, and leads into the log
    calls = CallLog(out, out.isatty(), reactor, lambda: now() + wall)
    sending = Sending(clients.__getitem__, now, wall, pulse, config.limits.answer)
    carrier = Carrier(gateway, sending, reactor, now, calls.settled)
    prober = Prober(gateway, sending, reactor, now, carrier.tell)
    api = Api(gateway, carrier, pulse, now)
    health = Health(gateway, now, started, version("targon-gw"))
    site = Site(Root(Tree(api, health)), HttpLimits(body=config.limits.body), reactor)
    site.gate = api.gate
    site.refusal_headers = refusal_headers
    return Wiring(gateway, site, prober, agents, calls)


def _agent(reactor: Any, settings: UpstreamSettings) -> Agent:
    connect = settings.timeouts.connect
    return Agent(reactor, Endpoints(reactor, settings.allow_private, connect), AgentLimits(connect=connect))


@implementer(IService)
@define(eq=False, slots=False)
class GatewayService(Service):
    """The daemon: listens on every address of the settings, and probes."""

    reactor: Any
    config: Config
    announce: Callable[[], None] | None = None
    ports: list[IListeningPort] = field(factory=list)
    wiring: Wiring | None = None

    def startService(self) -> None:
        super().startService()
        self.wiring = wire(self.reactor, self.config)
        failed: list[Failure] = []
        for address in self.config.listen:
            maybeDeferred(self._listen, address).addCallbacks(self.ports.append, failed.append)
        if failed:
            print(f"targon-gw: {failed[0].getErrorMessage()}", file=sys.stderr)
            raise SystemExit(1)
        self.wiring.prober.start()
        for port in self.ports:
            log.info("listening on {address}", address=str(port.getHost()))
        if self.announce is not None:
            self.announce()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC)

    def _listen(self, address: str) -> Deferred[IListeningPort]:
        assert self.wiring is not None
        listening: Deferred[IListeningPort] = serverFromString(self.reactor, with_backlog(address)).listen(
            self.wiring.site
        )
        return listening

    def stopService(self) -> Deferred[Any]:
        super().stopService()
        wiring, self.wiring = self.wiring, None
        closing = [maybeDeferred(port.stopListening) for port in self.ports]
        self.ports.clear()
        if wiring is not None:
            wiring.gateway.draining = True
            wiring.prober.stop()
            wiring.calls.flush()
            closing += [maybeDeferred(agent.close) for agent in wiring.agents.values()]
        return DeferredList(closing, consumeErrors=True)


def with_backlog(address: str) -> str:
    """An endpoint string with our backlog, where it has none; Twisted's is 50."""
    kind = address.removeprefix("haproxy:").partition(":")[0]
    return address if "backlog=" in address or kind not in ("tcp", "tcp6", "ssl") else f"{address}:backlog={BACKLOG}"
