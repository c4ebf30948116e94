"""Builds each object once and hands it its neighbours; starts nothing.

`Wiring` is the gateway with its shells. Settings that change while it runs go through `apply`: the core takes them
whole or not at all, then the shells follow.
"""

# mypy: disallow-untyped-calls=False
# Twisted is not typed throughout.

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred

from targon_gw.books import Books
from targon_gw.calllog import CallLog
from targon_gw.core.config import SECRET_LIKE, Config, Duration, KeySettings, UpstreamSettings
from targon_gw.core.diff import Diff
from targon_gw.core.gateway import Gateway
from targon_gw.drift import Drift
from targon_gw.lag import Lag
from targon_gw.logs import conceal
from targon_gw.outbound.addresses import Endpoints
from targon_gw.outbound.agent import Agent, AgentLimits
from targon_gw.outbound.carrier import Carrier
from targon_gw.outbound.client import Client
from targon_gw.outbound.probe import Prober
from targon_gw.outbound.sending import Sending
from targon_gw.pulse import Pulse
from targon_gw.reloading import applied_to, foreseen
from targon_gw.settings.loading import Loaded
from targon_gw.store.audit import Audit
from targon_gw.store.folder import StateFolder
from targon_gw.strain import Strain
from targon_gw.turn import Turn
from targon_gw.web.api import Api, refusal_headers
from targon_gw.web.doorway import Doorway
from targon_gw.web.health import Health
from targon_gw.web.metrics import MetricsPage
from targon_gw.web.passwords import Passwords
from targon_gw.web.registrar import Registrar
from targon_gw.web.rooms import Room
from targon_gw.web.serving import Site
from targon_gw.web.site import Root, Tree
from targon_gw.web.strict import HttpLimits
from targon_gw.web.visitors import Visitors


@define(eq=False)
class Ways:
    """The ways to the vendors: one agent each, made anew where what it was made of has changed."""

    reactor: Any
    turn: Turn | None = None
    _agents: dict[str, tuple[tuple[bool, Duration], Agent]] = field(factory=dict)
    _clients: dict[str, Client] = field(factory=dict)

    def to(self, upstream: str) -> Client:
        """The client that reaches the upstream of that name."""
        return self._clients[upstream]

    def follow(self, upstreams: tuple[UpstreamSettings, ...], leaving: set[str]) -> None:
        """Have a way to each of `upstreams`, and keep those to the `leaving`."""
        named = {settings.name for settings in upstreams} | leaving
        for name in [name for name in self._agents if name not in named]:
            self._agents.pop(name)[1].close()
            del self._clients[name]
        for settings in upstreams:
            made_of = (settings.allow_private, settings.timeouts.connect)
            known = self._agents.get(settings.name)
            if known is not None and known[0] == made_of:
                continue
            if known is not None:
                known[1].close()
            endpoints = Endpoints(self.reactor, *made_of)
            agent = Agent(self.reactor, endpoints, AgentLimits(connect=settings.timeouts.connect), self.turn)
            self._agents[settings.name] = made_of, agent
            self._clients[settings.name] = Client(agent)

    def close(self) -> None:
        """Close what is idle, and keep nothing from now on."""
        for _, agent in self._agents.values():
            agent.close()


@define(eq=False)
class Wiring:
    """The gateway and its shells, wired but not started. `now` is monotonic seconds."""

    reactor: Any
    gateway: Gateway
    now: Callable[[], float]
    started: float
    site: Site
    api: Api
    health: Health
    metrics: MetricsPage
    lag: Lag
    carrier: Carrier
    prober: Prober
    ways: Ways
    books: Books
    registrar: Registrar
    visitors: Visitors
    audit: Audit
    rooms: list[Room]
    """What the site has for people; see `targon_gw.front`."""
    parting: list[Callable[[], object]] = field(factory=list)
    """Called when the daemon begins to leave: what has no end of its own is ended."""

    def apply(self, loaded: Loaded) -> Diff:
        """Put settings in force; raises `Refused` where they take too many keys away."""
        before = {pool.name: pool.settings.probe for pool in self.gateway.pools.values()}
        loaded = foreseen(self.gateway, loaded)
        assert loaded.change is not None
        conceal_keys(entry for pool in loaded.change.pools.values() for entry in pool.came)
        diff = applied_to(self.gateway, loaded, self.now())
        if any(turnover.left for turnover in loaded.change.pools.values()):
            self.carrier.sending.forget()
        self.ways.follow(loaded.config.upstreams, set(self.gateway.leaving))
        self.books.follow()
        if before != {pool.name: pool.settings.probe for pool in self.gateway.pools.values()}:
            self.prober.stop()
            self.prober.start()
        return diff


def conceal_keys(keys: Iterable[KeySettings]) -> None:
    """Have the log blot out these keys, but those that it knows by their looks: each more slows every line."""
    for key in keys:
        secret = key.secret.reveal
        if SECRET_LIKE.fullmatch(secret) is None:
            conceal(secret)


@define(eq=False)
class Outside:
    """What the wiring has of the world: where a line for each call goes, threads for the disk, how to end."""

    in_thread: Callable[..., Deferred[Any]]
    fatal: Callable[[str], object]
    now: Callable[[], float] = time.monotonic
    out: Any = None
    unix: Callable[[], float] = time.time
    """The clock on the wall."""
    aside: Callable[..., Deferred[Any]] | None = None
    """Threads that the disk does not wait for."""


def _turn_of(reactor: Any) -> Turn | None:
    """The turn whose end the daemon's reactor says; others have none, and each step follows at once."""
    if not hasattr(reactor, "end_turn"):
        return None
    turn = Turn()
    reactor.end_turn = turn.end
    return turn


def wire(reactor: Any, config: Config, outside: Outside) -> Wiring:
    """Everything that `config` asks for."""
    now = outside.now
    started = now()
    wall = outside.unix() - started
    gateway = Gateway.of(config, wall, random.random)
    pulse = Pulse(reactor, now)
    turn = _turn_of(reactor)
    ways = Ways(reactor, turn)
    ways.follow(config.upstreams, set())
    out: Any = sys.__stdout__ if outside.out is None else outside.out  # sys.stdout is twistd's, and leads into the log
    calls = CallLog(out, out.isatty(), reactor, lambda: now() + wall)
    drift = Drift(lambda: now() + wall, outside.unix)
    books = Books(gateway, calls, StateFolder(config.state), reactor, now, outside.in_thread, outside.fatal, drift)
    sending = Sending(ways.to, now, wall, pulse, config.limits.answer)
    carrier = Carrier(gateway, sending, reactor, now, books.record, books.measures.settled, books.measures.rescued)
    prober = Prober(gateway, sending, reactor, now, carrier.tell, books.record)
    api = Api(gateway, carrier, pulse, now, outside.aside)
    health = Health(gateway, now, started, version("targon-gw"))
    lag = Lag(reactor, now)
    metrics = MetricsPage(books.measures, lag, config.metrics.token, reactor, now, started, health.version, drift)
    rooms: list[Room] = []
    site = Site(Root(Tree(api, health, metrics), rooms), HttpLimits(body=config.limits.body), reactor, turn, wall)
    site.gate = api.gate
    site.refusal_headers = refusal_headers
    site.doorway = Doorway(lambda: gateway.config.limits, lambda: gateway.config.trusted_proxies, random.random)
    lag.told = Strain(gateway).look
    registrar = Registrar(gateway, now, books.keep, Passwords(outside.aside or outside.in_thread), books.vault)
    visitors = Visitors(gateway, now, books.vault.csrf)
    audit = Audit(books.folder, outside.aside or outside.in_thread, lambda: now() + wall)
    return Wiring(
        reactor, gateway, now, started, site, api, health, metrics, lag, carrier, prober, ways, books, registrar,
        visitors, audit, rooms,
    )  # fmt: skip
