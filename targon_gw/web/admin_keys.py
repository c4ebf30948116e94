"""The vendors' keys as the operator sees and moves them: how each is, why, until when; never a secret.

A key is as well as the worst of what it depends on. Which of these is to be shown as the reason is decided here, and
nothing else; what moves a key is the core's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from attrs import frozen

from targon_gw.core.config import SECRET_LIKE, Secret
from targon_gw.core.gateway import Gateway
from targon_gw.core.health import Cooling, Disabled, Health, Spent, Standing, name_of
from targon_gw.core.keys import Change, UpstreamKey
from targon_gw.core.pool import KeyPool

from .admin_desk import Objection, unknown
from .admin_files import Entries, Undo, changed, place_of_key

WORSE = ("disabled", "barred", "exhausted", "suspect", "cooling", "trial", "ready")
"""Health in words, the worst first: that one is the reason."""
WELL = ("trial", "ready")
"""Health with which it is asked: whatever put it out is over, and is told among its changes only."""
_SECRET = re.compile(r"[\x21-\x7e]{8,4096}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    """A key to be added."""

    upstream: str
    secret: str
    account: str | None = None
    note: str = ""

    def __repr__(self) -> str:
        return "<a new key>"


class Span(msgspec.Struct, forbid_unknown_fields=True):
    """How long, in seconds; for good where it is not given."""

    seconds: float | None = msgspec.field(name="for", default=None)


@frozen
class Subject:
    """Something that a key depends on, by the name that people see."""

    name: str
    standing: Standing
    history: list[Change]

    def health(self, now: float) -> str:
        """In a word."""
        return name_of(self.standing.health, now)


@frozen
class Moment:
    """`now` is monotonic; `wall` makes Unix seconds of it."""

    now: float
    wall: float

    def unix(self, at: float | None) -> float | None:
        """A moment of the core as Unix seconds, to the millisecond."""
        return None if at is None else round(at + self.wall, 3)


def all_keys(gateway: Gateway, upstream: str | None) -> Iterator[tuple[KeyPool, UpstreamKey]]:
    """Every key, or those of one upstream; raises Objection where there is none of that name."""
    if upstream is not None and upstream not in gateway.pools:
        raise unknown(f"There is no upstream '{upstream}'; there are: {', '.join(gateway.pools) or 'none'}.")
    for name, pool in gateway.pools.items():
        if upstream in (None, name):
            for key in pool.keys.values():
                yield pool, key


def find(gateway: Gateway, key_id: str, upstream: str | None) -> tuple[KeyPool, UpstreamKey]:
    """The key of that id; raises Objection where there is none, or one in several upstreams and none is named."""
    found = [(pool, key) for pool, key in all_keys(gateway, upstream) if key.id == key_id]
    if not found:
        raise unknown(f"There is no key {key_id!r}; GET /keys (targon-gw keys list) has them all.")
    if len(found) > 1:
        names = ", ".join(pool.name for pool, _ in found)
        raise Objection(409, "ambiguous", f"{key_id} is a key of several upstreams ({names}): say which.")
    return found[0]


def brief(pool: KeyPool, key: UpstreamKey, moment: Moment) -> dict[str, Any]:
    """A line of the list."""
    now = moment.now
    worst = min(_subjects(key), key=lambda subject: WORSE.index(subject.health(now)))
    word = worst.health(now)
    out = [m for m, leave in key.account.leaves.items() if name_of(leave.health, now) not in WELL]
    if word in WELL and out:  # well, but not for every model: the account knows why
        worst = _subjects(key)[1]
    return {
        "id": key.id,
        "account": key.account.id,
        "upstream": pool.name,
        "state": pool.state_of(key, now),
        "health": word,
        "why": _why(worst.history[-1]) if worst.history and (out or word not in WELL) else None,
        "until": moment.unix(_until(worst.standing.health, now)),
        "models_out": sorted(out),
        "in_flight": key.in_flight,
        "served": key.served,
        "weight": key.weight,
        "note": key.note,
    }


def whole(pool: KeyPool, key: UpstreamKey, moment: Moment) -> dict[str, Any]:
    """All that is known of a key, with the changes that are kept, of what it depends on too, oldest first."""
    now = moment.now
    account = key.account
    others = [each.id for each in pool.keys.values() if each.account is account and each is not key]
    kept = sorted((change for history in _histories(pool, key) for change in history), key=lambda change: change.at)
    return {
        **brief(pool, key, moment),
        "first_token": key.first_token,
        "served_at": moment.unix(key.served_at),
        "probed_at": moment.unix(key.probed_at),
        "shares_account_with": others,
        "depends_on": [_standing(subject.name, subject.standing, moment) for subject in _subjects(key)]
        + [_standing(f"{account.id} for {model}", leave, moment) for model, leave in account.leaves.items()]
        + [_standing(f"upstream {pool.name}", pool.standing, moment)]
        + [
            _standing(f"model {route.model}", route.standing, moment)
            for route in pool.routes.values()
            if name_of(route.standing.health, now) != "ready"
        ],
        "changes": [_change(change, moment) for change in kept],
    }


def _subjects(key: UpstreamKey) -> list[Subject]:
    account = key.account
    return [
        Subject(key.id, key.standing, key.history),
        Subject(f"account {account.id}", account.standing, account.history),
    ]


def _histories(pool: KeyPool, key: UpstreamKey) -> Iterator[list[Change]]:
    """The changes of all that a key depends on: also of the models' breakers, and of the vendor's."""
    yield from (subject.history for subject in _subjects(key))
    yield from (route.history for route in pool.routes.values())
    yield pool.history


def _standing(name: str, standing: Standing, moment: Moment) -> dict[str, Any]:
    until = moment.unix(_until(standing.health, moment.now))
    return {"what": name, "health": name_of(standing.health, moment.now), "until": until}


def _until(health: Health, now: float) -> float | None:
    """When the rest ends, where it is not over and ends by itself."""
    match health:
        case Cooling(until) | Spent(until) | Disabled(float(until)) if until > now:
            return until
        case _:
            return None


def _why(change: Change) -> str:
    return SECRET_LIKE.sub("…", change.reason)


def _change(change: Change, moment: Moment) -> dict[str, Any]:
    return {
        "at": moment.unix(change.at),
        "what": change.what,
        "before": change.before,
        "after": change.after,
        "reason": _why(change),
        "status": change.status,
        "request_id": change.request_id or None,
        "until": moment.unix(change.until),
    }


# adding and removing


def checked(new: NewKey, gateway: Gateway) -> Secret:
    """The secret of a key that may be added; raises Objection, which never repeats it."""
    if new.upstream not in gateway.pools:
        raise unknown(f"There is no upstream '{new.upstream}'; there are: {', '.join(gateway.pools) or 'none'}.")
    if not _SECRET.fullmatch(new.secret):
        raise Objection(400, "invalid_value", "The secret is 8 to 4096 printable ASCII characters without spaces.")
    if new.account is not None and not _NAME.fullmatch(new.account):
        raise Objection(400, "invalid_value", "An account is a name of letters, digits and . _ @ -")
    if len(new.note) > 200 or not new.note.isprintable():
        raise Objection(400, "invalid_value", "A note is one line of at most 200 characters.")
    secret = Secret(new.secret)
    if secret.fingerprint in gateway.pools[new.upstream].keys:
        raise Objection(409, "known", f"The key {secret.fingerprint} is there already.")
    return secret


def added(path: str, new: NewKey) -> Undo:
    """Write the key into the file of ours at `path`."""
    key: dict[str, Any] = {"secret": new.secret, **({"note": new.note} if new.note else {})}
    entry = key if new.account is None else {"account": new.account, "keys": [key]}
    return changed(path, lambda entries: entries.setdefault(new.upstream, []).append(entry))


def removed(keys: str, upstream: str, key_id: str) -> tuple[str, Undo]:
    """Take the key out of the file of ours that it stands in, and which that is; raises Objection elsewhere."""
    place = place_of_key(keys, upstream, key_id)
    if place is None:
        raise Objection(409, "not_in_files", f"{key_id} stands in none of the files of keys (beside {keys}).")
    if not place.ours:
        message = f"{key_id} stands in {place.path}, line {place.line}, which is yours: take it out there."
        raise Objection(409, "not_ours", message)
    return place.path, changed(place.path, lambda entries: _drop(entries, upstream, key_id))


def _drop(entries: Entries, upstream: str, key_id: str) -> None:
    kept: list[Any] = []
    for entry in entries.get(upstream, []):
        if isinstance(entry, dict) and isinstance(entry.get("keys"), list):
            rest = [key for key in entry["keys"] if not _is(key, key_id)]
            kept += [{**entry, "keys": rest}] if rest else []
        elif not _is(entry, key_id):
            kept.append(entry)
    entries[upstream] = kept


def _is(entry: object, key_id: str) -> bool:
    secret = entry.get("secret") if isinstance(entry, dict) else entry
    return isinstance(secret, str) and Secret(secret).fingerprint == key_id
