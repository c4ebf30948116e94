"""A gateway that works without a vendor: where an upstream has no key, a vendor in a box takes its place.

The box is the rehearsal vendor, on a free port of loopback, with accounts, keys and the catalog's own models. A client
key is made up at each start, where the settings have none, so that no key that everybody knows is ever shipped; and
before a box anybody may register.
"""

from __future__ import annotations

import re
import secrets
import sys
import time
from collections.abc import Callable
from typing import Any

from attrs import evolve
from twisted.internet.interfaces import IListeningPort

from targon_gw.core.config import (
    ClientSettings,
    Config,
    KeySettings,
    Kind,
    Registration,
    Secret,
    UpstreamSettings,
)
from targon_gw.rehearsal.accounts import Account
from targon_gw.rehearsal.listening import start
from targon_gw.rehearsal.scene import Pace
from targon_gw.rehearsal.telling import Model
from targon_gw.rehearsal.vendor import Vendor

FIRST_TOKEN, EVENTS_A_SECOND = 0.25, 60.0
FAULT = '{"fault":"reset-midway","times":3}'
"""One to begin with: a stream that breaks off is gone on with, or ends visibly unfinished."""


def rehearsal(reactor: Any, config: Config) -> tuple[Callable[[Config], Config], Callable[[], None]]:
    """What the demo makes of the settings, now and whenever they are read again; what to print once it listens.

    Each upstream that has no key now has a box in its place for as long as it has none.
    """
    boxed: dict[str, tuple[UpstreamSettings, str]] = {
        settings.name: _boxed(reactor, config, settings) for settings in config.upstreams if not _keyed(settings)
    }
    secret = f"sk-tg-{secrets.token_urlsafe(24)}"
    client = ClientSettings("demo", Secret(secret).digest)

    def altered(read: Config) -> Config:
        upstreams = tuple(
            settings if _keyed(settings) or settings.name not in boxed else boxed[settings.name][0]
            for settings in read.upstreams
        )
        altered = evolve(read, upstreams=upstreams, clients=(*read.clients, client))
        return altered if any(map(_keyed, read.upstreams)) else _opened(altered)

    addresses = {name: address for name, (_, address) in boxed.items()}
    return altered, lambda: print(greeting(config, secret, addresses), file=sys.__stdout__, flush=True)


def _opened(config: Config) -> Config:
    """Anybody may register and, within the limits that the settings have for callers without a key, try the chat page:
    a box costs nobody anything."""
    anonymous = evolve(config.anonymous, enabled=True, models=config.anonymous.models or ("*",))
    return evolve(config, registration=Registration.OPEN, anonymous=anonymous)


def _keyed(settings: UpstreamSettings) -> bool:
    return any(key.enabled for key in settings.keys)


def _boxed(reactor: Any, config: Config, settings: UpstreamSettings) -> tuple[UpstreamSettings, str]:
    """The upstream with a box in its place, and the box's address."""
    accounts = tuple(
        Account(name, tuple(f"sn4_{secrets.token_hex(14)}" for _ in range(keys)))
        for name, keys in (("alice", 2), ("bob", 1), ("carol", 1))
    )
    models = tuple(
        Model(m.upstream_id or m.id, reasoning=m.kind is Kind.REASONING)
        for m in config.models
        if m.alias is None and (m.routes is None or settings.name in m.routes)
    )
    vendor = Vendor(
        accounts, settings.dialect, models, Pace(FIRST_TOKEN, EVENTS_A_SECOND), wall=time.time() - reactor.seconds()
    )
    ports: list[IListeningPort] = []
    start(reactor, vendor).addCallback(ports.append)
    address: Any = ports[0].getHost()
    keys = tuple(KeySettings(Secret(key), account.name, boxed=True) for account in accounts for key in account.keys)
    base_url = f"http://127.0.0.1:{address.port}/v1"
    return evolve(settings, base_url=base_url, allow_private=True, keys=keys), f"http://127.0.0.1:{address.port}"


def greeting(config: Config, secret: str, boxes: dict[str, str]) -> str:
    """What stands on the terminal: where it listens, a key, a line to paste."""
    address = f"http://127.0.0.1:{_port(config)}"
    model = next((m.id for m in config.models if m.kind is not Kind.EMBEDDING), "MODEL")
    headers = f"-H 'Content-Type: application/json' -H 'Authorization: Bearer {secret}'"
    body = f'{{"model":"{model}","messages":[{{"role":"user","content":"Hello!"}}],"stream":true}}'
    lines = [
        "",
        f"targon-gw listens on {address}/v1; its pages are at {address}/",
        f"A key for you: {secret}",
        "",
        "Try it:",
        "",
        f"curl -N {address}/v1/chat/completions {headers} -d '{body}'",
        "",
    ]
    for name, box in boxes.items():
        lines.append(f"No key of '{name}' is configured: a vendor in a box at {box} answers in its place.")
        lines.append(f"Make it fail: curl {box}/rehearsal/faults -d '{FAULT}'")
        lines.append(f"What else it can do: curl {box}/rehearsal/catalogue")
    return "\n".join([*lines, ""])


def _port(config: Config) -> str:
    """The port of the first address to listen on."""
    found = (re.match(r"(?:haproxy:)?tcp6?:(?:.*port=)?([0-9]+)", address) for address in config.listen)
    return next((match[1] for match in found if match), "3811")
