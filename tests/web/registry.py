"""Users in memory: the real registrar and vault over a gateway; a disk that is as slow as a test says, quick hashes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, maybeDeferred

from targon_gw.core.gateway import Gateway
from targon_gw.core.people import Change
from targon_gw.store.folder import StateFolder
from targon_gw.store.vault import Vault
from targon_gw.web.passwords import Passwords, hashed, matches
from targon_gw.web.registrar import Registrar

PASSWORD = "correct horse"


def quickly(work: Callable[..., Any], *args: Any) -> Deferred[Any]:
    """In place of a thread and of 60 ms: hashes that are none, so that a test may have hundreds."""
    if work is hashed:
        return maybeDeferred(lambda: f"hash of {args[0]}")
    assert work is matches
    return maybeDeferred(lambda: f"hash of {args[0]}" == args[1])


@define(eq=False)
class Disk:
    """Where changes go: done at once; `waiting` is what the next one waits for before it is on the disk."""

    gateway: Gateway
    now: Callable[[], float]
    kept: list[tuple[str, Change]] = field(factory=list)
    waiting: Deferred[None] | None = None
    full: Exception | None = None

    async def keep(self, id: str, change: Change) -> None:
        """As `Books.keep`: through JSON, as a line of the ledger is."""
        if self.full is not None:
            raise self.full
        self.kept.append((id, change))
        self.gateway.take(json.loads(json.dumps(change)), self.now())
        if self.waiting is not None:
            await self.waiting

    @property
    def text(self) -> str:
        """All that is on it."""
        return json.dumps(self.kept)


def vault() -> Vault:
    """One that needs no file."""
    return Vault(StateFolder("/nowhere"), lasting=True)


def registrar_of(gateway: Gateway, now: Callable[[], float]) -> tuple[Registrar, Disk]:
    """Who makes users of that gateway, and where they are kept."""
    disk = Disk(gateway, now)
    return Registrar(gateway, now, disk.keep, Passwords(quickly), vault()), disk
