"""The keys that we issue, as the operator makes and ends them. A new key is shown once; files hold its SHA-256.

Only clients that stand in a file of ours can be changed here; of others it is told where they stand. What a client's
entry may hold, the reload judges: what it does not take is undone.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import msgspec

from targon_gw.core.config import ClientSettings, QuotaPlan, RateLimits, Secret, Unit
from targon_gw.core.gateway import Gateway

from .admin_desk import Objection, unknown
from .admin_files import Entries, Undo, changed, place_of_client

MICRO = 1_000_000


class NewClient(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A client to be added; members are those of an entry of clients.yaml."""

    name: str
    models: list[str] | None = None
    limits: dict[str, int] = {}
    quota: dict[str, Any] | None = None
    allow_from: list[str] = []
    expires: str | None = None
    priority: int | None = None


class Grace(msgspec.Struct, forbid_unknown_fields=True):
    """For how many seconds the old key is still good."""

    grace: float = 0.0


def fresh_key() -> str:
    """A key for a client: 192 random bits behind `sk-tg-`."""
    return f"sk-tg-{secrets.token_urlsafe(24)}"


def find(gateway: Gateway, name: str) -> ClientSettings:
    """The client of that name; raises Objection."""
    for client in gateway.config.clients:
        if client.name == name:
            return client
    raise unknown(f"There is no client '{name}'; GET /clients (targon-gw clients list) has them all.")


def shown(client: ClientSettings, use: dict[str, Any]) -> dict[str, Any]:
    """A client with its limits and what it has used."""
    return {
        "name": client.name,
        "key": f"k-{client.digest[:8]}",
        "models": None if client.models is None else list(client.models),
        "limits": told_limits(client.limits),
        "plan": None if client.quota is None else told_plan(client.quota),
        "allow_from": [str(network) for network in client.allow_from],
        "expires": None if client.expires is None else client.expires.isoformat(),
        "priority": client.priority,
        "use": use,
    }


def told_limits(limits: RateLimits) -> dict[str, int | None]:
    """Limits, by their names in the settings."""
    return {
        "requests_per_minute": limits.requests_per_minute,
        "tokens_per_minute": limits.tokens_per_minute,
        "concurrent": limits.concurrent,
    }


def told_plan(quota: QuotaPlan) -> dict[str, Any]:
    """A quota: `unit`, `amount` (USD for money) and `per`."""
    amount: float = quota.amount / MICRO if quota.unit is Unit.USD else quota.amount
    return {"unit": quota.unit.value, "amount": amount, "per": quota.per.value}


def check_new(gateway: Gateway, new: NewClient) -> None:
    """Raise Objection where the name is taken, also by a user, whose key it would put out; compared as people read."""
    name = new.name.lower()
    if any(client.name.lower() == name for client in gateway.config.clients):
        raise Objection(409, "known", f"There is a client '{new.name}' already.")
    if name in gateway.people.users:
        raise Objection(409, "known", f"There is a user '{name}' already.")


def added(path: str, new: NewClient, key: str) -> Undo:
    """Write the client into the file of ours at `path`, with the SHA-256 of `key`."""
    plain = {name: value for name, value in msgspec.to_builtins(new).items() if value not in (None, {}, [])}
    entry = {"name": new.name, "key_sha256": Secret(key).digest, **plain}
    return changed(path, lambda entries: entries.setdefault("clients", []).append(entry))


def rotated(clients: str, name: str, key: str, former: dict[str, str] | None) -> Undo:
    """Put `key`'s SHA-256 in the place of the old; `former` is what is kept of the old one, for a time.

    `former` is `{"key_sha256", "until"}`, the latter a time of day with its zone, as in `expires`.
    """

    def turn(entry: dict[str, Any]) -> dict[str, Any]:
        rest = {member: value for member, value in entry.items() if member not in ("key", "former")}
        return {**rest, "key_sha256": Secret(key).digest, **({"former": former} if former else {})}

    return _edited(clients, name, turn)


def revoked(clients: str, name: str) -> Undo:
    """Take the client out of the file of ours that it stands in."""
    return _edited(clients, name, lambda entry: None)


def _edited(clients: str, name: str, turn: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Undo:
    """Have `turn` change the client's entry, or drop it, where it stands in a file of ours; raises Objection."""
    place = place_of_client(clients, name)
    if place is None:
        raise Objection(409, "not_in_files", f"'{name}' stands in none of the files of clients (beside {clients}).")
    if not place.ours:
        message = f"'{name}' stands in {place.path}, line {place.line}, which is yours: change it there."
        raise Objection(409, "not_ours", message)

    def change(entries: Entries) -> None:
        turned = [turn(each) if each.get("name") == name else each for each in entries.get("clients", [])]
        entries["clients"] = [each for each in turned if each is not None]

    return changed(place.path, change)
