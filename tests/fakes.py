"""Builders of what the core's tests need: settings of any size, requests, pools, gateways, and dice that fall as told.

Nothing here stands in for a part of the gateway: what is built is the real thing, out of small settings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from attrs import evolve
from msgspec.structs import replace

from targon_gw.core.allowance import Claim
from targon_gw.core.attempts import Served
from targon_gw.core.bank import MemoryBank
from targon_gw.core.call import Attempt, Call, Pass, Step, Try
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import (
    ClientSettings,
    Config,
    KeySettings,
    ModelSettings,
    Price,
    QuotaPlan,
    RateLimits,
    Retries,
    Secret,
    UpstreamSettings,
)
from targon_gw.core.entries import Closing
from targon_gw.core.gateway import Asking, Gateway
from targon_gw.core.health import Ready, Standing
from targon_gw.core.keys import Lease, UpstreamKey, Want
from targon_gw.core.ledger import Ending, Entry
from targon_gw.core.meter import Usage
from targon_gw.core.openai import Ask, Endpoint, read
from targon_gw.core.pool import KeyPool

MODEL = "acme/large"
CLIENT_SECRET = b"sk-tg-a-client-of-the-tests"
ADDRESS = "192.0.2.1"
"""The client's."""
WALL = 1_700_000_000.0
"""Unix seconds at the tests' monotonic 0."""


def key(number: int, account: str | None = None, weight: int = 1, enabled: bool = True) -> KeySettings:
    """The n-th key; an account of its own where none is named."""
    secret = Secret(f"sn4_{number:028d}")
    return KeySettings(secret, account or secret.fingerprint, weight, enabled)


def upstream(keys: int | Iterable[KeySettings] = 1, name: str = "acme", **settings: Any) -> UpstreamSettings:
    """A vendor with that many keys, each an account of its own, or with these."""
    entries = tuple(key(n) for n in range(keys)) if isinstance(keys, int) else tuple(keys)
    return UpstreamSettings(name, f"https://{name}.example/v1", keys=entries, **settings)


def config(*upstreams: UpstreamSettings, models: Iterable[ModelSettings] = (), **settings: Any) -> Config:
    """Those vendors (or one with one key), those models (or `MODEL`), and one client."""
    client = ClientSettings("ann", Secret(CLIENT_SECRET.decode()).digest)
    return Config(
        upstreams=upstreams or (upstream(),),
        models=tuple(models) or (ModelSettings(MODEL),),
        **{"clients": (client,), **settings},
    )


def limited(limits: RateLimits = RateLimits(), quota: QuotaPlan | None = None, price: Price | None = None) -> Config:
    """The smallest settings, their client of those limits and that quota, their model at that price."""
    ann = ClientSettings("ann", Secret(CLIENT_SECRET.decode()).digest, limits=limits, quota=quota)
    return config(clients=(ann,), models=[ModelSettings(MODEL, price=price)])


def ask(model: str = MODEL, endpoint: Endpoint = Endpoint.CHAT, **fields: Any) -> Ask:
    """What a small body asks for."""
    prompts: dict[Endpoint, dict[str, Any]] = {
        Endpoint.CHAT: {"messages": [{"role": "user", "content": "hello"}]},
        Endpoint.COMPLETIONS: {"prompt": "hello"},
        Endpoint.EMBEDDINGS: {"input": "hello"},
    }
    return read(endpoint, json.dumps({"model": model, **prompts[endpoint], **fields}).encode())


def no_roll() -> float:
    """A die that always shows its least."""
    return 0.0


def rolls(*values: float) -> Callable[[], float]:
    """A die that shows these, over and over."""
    shown = 0

    def roll() -> float:
        nonlocal shown
        shown += 1
        return values[(shown - 1) % len(values)]

    return roll


def pool(keys: int | Iterable[KeySettings] = 1, roll: Callable[[], float] = no_roll, **settings: Any) -> KeyPool:
    """A vendor's pool."""
    return KeyPool(upstream(keys, **settings), roll)


def the(pool: KeyPool, number: int) -> UpstreamKey:
    """The n-th key of a pool."""
    return list(pool.keys.values())[number]


def is_counted(standing: Standing, fresh: int) -> bool:
    """Whether a standing counts right where `fresh` leases are out that were begun since its rest: ready, none."""
    return standing.out == (0 if isinstance(standing.health, Ready) else fresh)


def lease(pool: KeyPool, now: float, want: Want | None = None) -> Lease:
    """A lease that must be had."""
    drawn = pool.draw(want or Want(MODEL), now)
    assert drawn is not None, "no key may serve"
    return drawn


def lease_of(pool: KeyPool, number: int, now: float, want: Want | None = None) -> Lease:
    """A lease of the n-th key and no other."""
    others = {k.id for n, k in enumerate(pool.keys.values()) if n != number}
    return lease(pool, now, replace(want or Want(MODEL), tried_keys=others))


def gateway(settings: Config | None = None, roll: Callable[[], float] = no_roll) -> Gateway:
    """A gateway of those settings, or of the smallest there are."""
    return Gateway.of(settings or config(), WALL, roll)


def memory(gateway: Gateway) -> MemoryBank:
    """Its bank, which is that of a gateway alone."""
    assert isinstance(gateway.bank, MemoryBank)
    return gateway.bank


def client(gateway: Gateway) -> ClientKey:
    """The client of `config`."""
    found = gateway.identify(CLIENT_SECRET, ADDRESS, 0.0)
    assert isinstance(found, ClientKey)
    return found


def call(gateway: Gateway, now: float = 0.0, asked: Ask | None = None) -> Call:
    """An admitted call."""
    admitted = gateway.admit(Asking(client(gateway), ADDRESS, "req_1"), asked or ask(), now)
    assert isinstance(admitted, Call)
    return admitted


def claim_at(tokens: int, cost: int) -> Claim:
    """A Claim for so many tokens that cost so many micro-dollars."""
    return Claim(tokens, ((cost, 0, Price(1.0)),))


def closing(ending: Ending, usage: Usage | None = None) -> Closing:
    """How a call ended; a client that had left was sent nothing."""
    return Closing(ending, usage, None if ending is Ending.ABANDONED else 200)


def serving(desk: Gateway, now: float = 0.0, **fields: Any) -> Call:
    """A call whose answer is being passed on."""
    one = call(desk, now, ask(**fields))
    attempt_of(one.begin(now))
    assert isinstance(one.judge(Served(), now + 0.5), Pass)
    return one


def settled(gateway: Gateway, call: Call, end: Closing, now: float) -> Entry:
    """End a call as the shells do, every Entry counted before it is true; the call's own Entry."""
    entries = gateway.entries_of(call, end, now)
    for entry in entries:
        gateway.ledger.fold(gateway.ledger.n + 1, entry)
    gateway.settle(call, entries[-1], end.usage, now)
    return entries[-1]


def attempt_of(step: Step) -> Attempt:
    """The attempt that a step asks for; fails where it asks for anything else."""
    assert isinstance(step, Try), step
    return step.attempt


def patient(**changes: Any) -> Retries:
    """Rules of retrying, with these changes."""
    return evolve(Retries(), **changes)
