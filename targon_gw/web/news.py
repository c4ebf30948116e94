"""What streams of live figures tell, and when it is new: each thing is made and encoded once, however many listen.

A *picture* tells all there is to tell of something each time it has changed. *Points*, *keys* and *calls* tell what has
come since. Each is asked at every tick for as long as anybody listens to it, and says nothing where nothing is new.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final, Protocol

import msgspec
from attrs import define, field

from targon_gw.core.gateway import Gateway
from targon_gw.core.keys import UpstreamKey
from targon_gw.core.ledger import Entry
from targon_gw.core.pool import KeyPool

from . import admin_keys
from .admin_keys import Moment
from .admin_usage import plain

_encode: Final = msgspec.json.Encoder().encode
Plain = dict[str, Any]
MOST_CALLS: Final = 100
"""Rows of calls at a tick: of more than 200 a second nobody reads each one, and the newest are told."""
LOOKED_AT: Final = 400
"""Keys that are looked at in a tick, 2 ms: of more than that each has its turn within some ticks, and those whose
health has changed come first."""


def event(name: str, told: object) -> bytes:
    """A server-sent event (HTML, 9.2.5); JSON has no line feed in it."""
    return b"event: %b\ndata: %b\n\n" % (name.encode("ascii"), _encode(told))


class News(Protocol):
    """One kind of events."""

    def fresh(self, now: float) -> bytes:
        """What is new at a tick; empty where nothing is."""

    def whole(self, now: float) -> bytes:
        """What somebody is told who begins to listen."""


@define(eq=False)
class Picture:
    """The event `name`, told by `tell` each time it has changed but for the members `passing`, and looked at each
    `every()` seconds."""

    name: str
    tell: Callable[[], Any]
    every: Callable[[], float]
    passing: tuple[str, ...] = ()
    json: bytes = b""
    """What was told last."""
    _known: Any = None
    _due: float = 0.0
    _version: int = 0
    _told: int = 0

    def look(self, now: float) -> bytes:
        """What is to be told, as JSON; made anew where it is due."""
        if self._version and now < self._due:
            return self.json
        self._due = now + self.every()
        told = self.tell()
        known = {k: v for k, v in told.items() if k not in self.passing} if self.passing else told
        if not self._version or known != self._known:
            self._version += 1
        self._known, self.json = known, _encode(told)
        return self.json

    def fresh(self, now: float) -> bytes:
        """The event, where it is another than at the tick before."""
        self.look(now)
        if self._told == self._version:
            return b""
        self._told = self._version
        return self._event()

    def whole(self, now: float) -> bytes:
        """The event."""
        self.look(now)
        return self._event()

    def _event(self) -> bytes:
        return b"event: %b\ndata: %b\n\n" % (self.name.encode("ascii"), self.json)


@define(eq=False)
class Points:
    """The newest point of each chart, while it fills; once more what a point came to, where another has begun.

    `tell` has the last but one and the last of each.
    """

    tell: Callable[[], Mapping[str, Sequence[Plain]]]
    _known: Plain = field(factory=dict)

    def fresh(self, now: float) -> bytes:
        """What has changed."""
        told, known = self.tell(), self._known
        newest = {span: points[-1] for span, points in told.items()}
        if newest == known:
            return b""
        self._known = newest
        full = {
            span: points[0]
            for span, points in told.items()
            if span in known and points[0]["t"] == known[span]["t"] and points[0] != known[span]
        }
        return (event("points", full) if full else b"") + event("points", newest)

    def whole(self, now: float) -> bytes:
        """All newest points."""
        return event("points", {span: points[-1] for span, points in self.tell().items()})


def _since(entries: deque[Entry], last: Entry | None, most: int) -> list[Entry]:
    """The newest of `entries` behind `last`, so many at most, oldest first."""
    found: list[Entry] = []
    for entry in reversed(entries):
        if entry is last or len(found) == most:
            break
        found.append(entry)
    return found[::-1]


@define(eq=False)
class Calls:
    """Each call that is settled and each attempt that failed, as the operator sees them."""

    gateway: Gateway
    _last: Entry | None = None

    def fresh(self, now: float) -> bytes:
        """An event for each since the tick before."""
        recent = self.gateway.ledger.recent
        found = _since(recent, self._last, MOST_CALLS)
        if found:
            self._last = found[-1]
        return b"".join([event("call", plain(entry)) for entry in found])

    def whole(self, now: float) -> bytes:
        """Nothing: the last calls are to be asked for."""
        return b""


@define(eq=False)
class Keys:
    """The vendors' keys, as the operator sees them: all of them where they are few; else those that have changed, as a
    `part` of all, and the ids of those that are `gone`. `moved` are changes of health, the latest last."""

    gateway: Gateway
    moved: deque[Entry]
    _known: dict[tuple[str, str], Plain] = field(factory=dict)
    _turn: Iterator[tuple[KeyPool, UpstreamKey]] | None = None
    _last: Entry | None = None

    def fresh(self, now: float) -> bytes:
        """What has changed, as far as it has been looked at."""
        if self._few():
            return self._all(now)
        rows = self._rows(self._due(), now)
        changed = {which: row for which, row in rows.items() if self._known.get(which) != row}
        self._known.update(changed)
        gone = self._gone()
        if not changed and not gone:
            return b""
        return event("keys", {"now": self._unix(now), "part": True, "keys": list(changed.values()), "gone": gone})

    def whole(self, now: float) -> bytes:
        """All keys, where they are few; others are to be asked for."""
        self._known = {}
        return self._all(now) if self._few() else b""

    def _few(self) -> bool:
        return sum(len(pool.keys) for pool in self.gateway.pools.values()) <= LOOKED_AT

    def _all(self, now: float) -> bytes:
        rows = self._rows(self._everyone(), now)
        if rows == self._known:
            return b""
        self._known = rows
        return event("keys", {"now": self._unix(now), "keys": list(rows.values())})

    def _unix(self, now: float) -> float:
        return round(now + self.gateway.wall, 3)

    def _everyone(self) -> Iterator[tuple[KeyPool, UpstreamKey]]:
        """All keys as they are now: what comes or goes later does not disturb it."""
        return chain.from_iterable([(pool, key) for key in pool.keys.values()] for pool in self.gateway.pools.values())

    def _rows(self, keys: Iterable[tuple[KeyPool, UpstreamKey]], now: float) -> dict[tuple[str, str], Plain]:
        moment = Moment(now, self.gateway.wall)
        return {(pool.name, key.id): admin_keys.brief(pool, key, moment) for pool, key in keys}

    def _due(self) -> Iterator[tuple[KeyPool, UpstreamKey]]:
        """Those that have moved, and those whose turn it is."""
        turn = [] if self._turn is None else list(islice(self._turn, LOOKED_AT))
        if len(turn) < LOOKED_AT:
            self._turn = self._everyone()
            turn += islice(self._turn, LOOKED_AT - len(turn))
        return (one for one in (*self._moved(), *turn) if not one[1].draining)

    def _moved(self) -> Iterator[tuple[KeyPool, UpstreamKey]]:
        """The keys whose health has changed since the tick before, by itself or with their account's."""
        for entry in _since(self.moved, self._last, LOOKED_AT):
            self._last = entry
            pool = self.gateway.pools.get(entry.upstream or "")
            if pool is None:
                continue
            if entry.id in pool.keys:
                yield pool, pool.keys[entry.id]
            account = pool.accounts.get(entry.id.removeprefix("account ").partition(" for ")[0])
            if account is not None:
                yield from ((pool, key) for key in islice(pool.keys_of(account), LOOKED_AT))

    def _gone(self) -> list[Plain]:
        """Those that were told of and are there no more; looked for where more are known than there are."""
        pools, known = self.gateway.pools, self._known
        if len(known) <= sum(len(pool.keys) for pool in pools.values()):
            return []
        gone = [(name, id) for name, id in known if name not in pools or id not in pools[name].keys]
        for which in gone:
            del known[which]
        return [{"upstream": name, "id": id} for name, id in gone]
