"""The health of keys, accounts and models as it outlives the process: plain JSON, with moments in Unix seconds.

What has changed since the state was written is told by the ledger, whose lines say how things became and for how long;
which rest in a row it is they don't say. What is well is not written. A rest is taken up where it was: one that has
ended meanwhile is followed by its trial, as if the gateway had run all along. What is written of a key that the
settings name no more is dropped. Where the clock has been set back meanwhile, a rest that the gateway has set itself
lasts as long as any may, and no longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from .attempts import LONGEST_WAIT
from .blame import SWITCHED_OFF
from .charges import LONGEST_REST
from .cut import Slices, all_of, parted
from .health import Barred, Cooling, Disabled, Health, Ready, Spent, Standing, Suspect, Trial, strikes_of
from .keys import Account, Change, UpstreamKey
from .ledger import Entry, Kind, rounded
from .lines import Row
from .pool import KeyPool

Plain = list[Any]
SAME = 0.01
"""Seconds between two ends of what is the same rest: lines are written to ten microseconds."""


@frozen
class _Moment:
    """When a state is made or taken up: monotonic seconds, and what must be added to them for Unix seconds."""

    now: float
    wall: float


def to_state(pools: Iterable[KeyPool], now: float, wall: float) -> dict[str, Any]:
    """By upstream: what of its keys, accounts and models is not well, and when each key served last."""
    return all_of(slices(pools, now, wall))


def slices(pools: Iterable[KeyPool], now: float, wall: float) -> Slices:
    """The same a slice at a time. Each thing is as it is when its turn comes: no line of the ledger hangs on it."""
    moment = _Moment(now, wall)
    state = {}
    for pool in list(pools):
        state[pool.name] = yield from _pool_slices(pool, moment)
    return state


def restore(pools: Iterable[KeyPool], state: Mapping[str, Any], now: float, wall: float) -> None:
    """Take up what `to_state` said in an earlier run, before anything is drawn."""
    moment = _Moment(now, wall)
    for pool in pools:
        kept = state.get(pool.name)
        if kept is not None:
            _restore_pool(pool, kept, moment)


def entry_of(upstream: str, change: Change, wall: float) -> Entry:
    """A change of health as the ledger has it."""
    return Entry(
        rounded(change.at + wall),
        change.what,
        Kind.KEY,
        upstream=upstream,
        status=change.status,
        took=0.0 if change.until is None else rounded(max(0.0, change.until - change.at)),
        reference=change.request_id,
        note=f"{change.before} -> {change.after}, {change.reason}",
    )


def retrace(pools: Mapping[str, KeyPool], lines: Iterable[Row], now: float, wall: float) -> None:
    """Take up the changes of health that lines of the ledger tell of, the last one of each thing."""
    moment = _Moment(now, wall)
    off = {name: _off(pool) for name, pool in pools.items()}
    for row in lines:
        pool = pools.get(row.upstream or "")
        standing = None if pool is None else _standing_of(pool, row.id)
        if pool is None or standing is None or row.id in off[pool.name]:  # what the file says now is stronger
            continue
        told = _told(row, strikes_of(standing.health))
        before = _plain(standing.health, moment)
        if before is None or not _is_same(told, before):
            _take_up(standing, told, moment)


def _is_same(told: Plain, before: Plain) -> bool:
    """Whether a line tells of what the state has already: which rest in a row it is the state knows better."""
    match told, before:
        case [[word, float(end), *_], [known, float(until), *_]]:
            return bool(word == known and abs(end - until) <= SAME)
        case _:
            return told[:2] == before[:2]


def _off(pool: KeyPool) -> set[str]:
    """The keys that the file switches off."""
    return {entry.secret.fingerprint for entry in pool.settings.keys if not entry.enabled}


def _standing_of(pool: KeyPool, name: str) -> Standing | None:
    """What goes by that name in a line; `None` where there is no such thing any more."""
    if name in pool.keys:
        return pool.keys[name].standing
    kind, _, rest = name.partition(" ")
    if kind == "model":
        return pool.route(rest).standing
    if kind == "upstream":
        return pool.standing
    if kind != "account":
        return None
    if rest in pool.accounts:
        return pool.accounts[rest].standing
    for account, _, model in (rest.rpartition(" for "), rest.partition(" for ")):  # a name may hold that word
        if account in pool.accounts:
            return pool.accounts[account].leave_for(model)
    return None


def _told(row: Row, strikes: int) -> Plain:
    """A line's `before -> after, why` as `_plain` would have written it."""
    moved, _, why = (row.note or "").partition(", ")
    after = moved.rpartition(" ")[2]
    match after:
        case "cooling" | "exhausted":
            return [after, row.at + row.took, strikes + 1]
        case "disabled" if why == SWITCHED_OFF:  # and on again by now, or it would not be asked
            return ["ready"]
        case "disabled":  # of what has no end the line tells none
            return [after, row.at + row.took if row.took else None]
        case "trial":
            return [after, 1, strikes]
        case _:
            return [after]


def _pool_slices(pool: KeyPool, moment: _Moment) -> Slices:
    off = _off(pool)
    keys: dict[str, dict[str, Any]] = {}
    for part in parted(pool.keys):
        for _, key in part:
            if told := _of_key(key, key.id in off, moment):
                keys[key.id] = told
        yield len(part)
    accounts: dict[str, dict[str, Any]] = {}
    for some in parted(pool.accounts):
        for _, account in some:
            if told := _of_account(account, moment):
                accounts[account.id] = told
        yield len(some)
    routes = _unwell({model: route.standing.health for model, route in pool.routes.items()}, moment)
    return {"keys": keys, "accounts": accounts, "models": routes, "upstream": _plain(pool.standing.health, moment)}


def _of_key(key: UpstreamKey, off: bool, moment: _Moment) -> dict[str, Any]:
    told: dict[str, Any] = {}
    health = key.standing.health
    if type(health) is not Ready and not (off and isinstance(health, Disabled)):
        plain = _plain(health, moment)
        if plain is not None:
            told["health"] = plain
    if key.served_at is not None:
        told["served"] = [key.served, key.served_at + moment.wall]
    return told


def _of_account(account: Account, moment: _Moment) -> dict[str, Any]:
    told: dict[str, Any] = {}
    plain = _plain(account.standing.health, moment)
    if plain is not None:
        told = {"health": plain, "short_of": account.short_of}
    leaves = _unwell({model: leave.health for model, leave in account.leaves.items()}, moment)
    if leaves:
        told["leaves"] = leaves
    return told


def _unwell(healths: Mapping[str, Health], moment: _Moment) -> dict[str, Plain]:
    return {name: plain for name, health in healths.items() if (plain := _plain(health, moment)) is not None}


def _restore_pool(pool: KeyPool, kept: Mapping[str, Any], moment: _Moment) -> None:
    for id, told in kept.get("keys", {}).items():
        key = pool.keys.get(id)
        if key is None:
            continue
        if "served" in told:
            key.served, at = told["served"]
            key.served_at = min(at - moment.wall, moment.now)
        if not isinstance(key.standing.health, Disabled):  # what the file says now is stronger
            _take_up(key.standing, told.get("health"), moment)
    for id, told in kept.get("accounts", {}).items():
        account = pool.accounts.get(id)
        if account is None:
            continue
        account.short_of = told.get("short_of")
        _take_up(account.standing, told.get("health"), moment)
        for model, plain in told.get("leaves", {}).items():
            _take_up(account.leave_for(model), plain, moment)
    for model, plain in kept.get("models", {}).items():
        _take_up(pool.route(model).standing, plain, moment)
    _take_up(pool.standing, kept.get("upstream"), moment)


def _plain(health: Health, moment: _Moment) -> Plain | None:
    now, wall = moment.now, moment.wall
    match health:
        case Ready():
            return None
        case Disabled(float(until)) if now >= until:
            return None
        case Cooling(until, strikes):
            return ["cooling", until + wall, strikes]
        case Spent(until, strikes):
            return ["exhausted", until + wall, strikes]
        case Trial(width, strikes):
            return ["trial", width, strikes]
        case Suspect():
            return ["suspect"]
        case Barred():
            return ["barred"]
        case Disabled(until):
            return ["disabled", None if until is None else until + wall]


def _take_up(standing: Standing, plain: Plain | None, moment: _Moment) -> None:
    now, wall = moment.now, moment.wall
    match plain:
        case ["cooling", until, strikes]:
            standing.move(Cooling(min(until - wall, now + LONGEST_WAIT), strikes))
        case ["exhausted", until, strikes]:
            standing.move(Spent(min(until - wall, now + LONGEST_REST), strikes))
        case ["trial", width, strikes]:
            standing.move(Trial(width, strikes))
        case ["suspect"]:
            standing.move(Suspect())
        case ["barred"]:
            standing.move(Barred())
        case ["ready"]:
            standing.move(Ready())
        case ["disabled", until]:
            standing.move(Disabled(None if until is None else until - wall))
        case _:
            pass
