"""Browsers that are signed in: whose they are, and until when.

A session is known by the SHA-256 of a random id that only the browser has, so that nobody who reads the state can be
anybody (faults catalogue, F-07). It ends a while after it was last used, a while after it began whatever happens, and
when its user or an administrator ends it. A user has so many, and so many there are in all: whoever was not seen for
longest makes room. Ids are made by the shells; what the ledger has of a session tells no address.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

import msgspec
from attrs import define, evolve, field, frozen

from .cut import parted

IDLE: Final = 7 * 86400.0
"""Seconds without a use after which a session has ended."""
LIFE: Final = 30 * 86400.0
"""Seconds after its beginning."""
PER_USER: Final = 20
"""Sessions of one user: a person has a few browsers."""
MOST: Final = 100_000
"""In all, some 700 bytes each."""
SEEN_EVERY: Final = 60.0
"""Seconds between two notes of when a session was used: to know it to the minute is enough."""
LONGEST: Final = 200
"""Characters of what a browser says of itself that are kept."""

Puts = dict[str, Any]
"""What there is from now on under each digest: a session in plain JSON, or `None`."""


@frozen
class Session:
    """One of them. Times are Unix seconds."""

    user: str
    began: float
    seen: float
    address: str = field(default="", repr=False)
    """From where it was last used."""
    agent: str = ""
    """What the browser says that it is."""

    def ends(self) -> float:
        """When it ends, if it is not used any more."""
        return min(self.began + LIFE, self.seen + IDLE)


@frozen
class Seen:
    """A use of a session: when (Unix seconds), from where, with what."""

    at: float
    address: str = field(repr=False)
    agent: str = ""


def digest_of(secret: bytes) -> str:
    """What a random id is known by: SHA-256, 64 hex digits."""
    return sha256(secret).hexdigest()


@define(eq=False)
class Sessions:
    """All of them, by digest."""

    _all: OrderedDict[str, Session] = field(factory=OrderedDict)
    """Whichever was seen least recently first."""
    _of: dict[str, dict[str, None]] = field(factory=dict)
    """Digests by user, in the order in which they began."""
    touched: bool = False
    """Whether any was used since the state was last written down."""

    def __len__(self) -> int:
        return len(self._all)

    def find(self, digest: str, unix: float) -> Session | None:
        """The session of that digest, if it lasts."""
        found = self._all.get(digest)
        if found is not None and unix >= found.ends():
            self._drop(digest)
            return None
        return found

    def of(self, user: str, unix: float) -> list[tuple[str, Session]]:
        """The sessions of a user, whichever was seen last first, by digest."""
        found = ((digest, self.find(digest, unix)) for digest in list(self._of.get(user, ())))
        return sorted(((d, s) for d, s in found if s is not None), key=lambda one: one[1].seen, reverse=True)

    def used(self, digest: str, seen: Seen) -> None:
        """Note that a session, which lasts, is used."""
        session = self._all[digest]
        agent = seen.agent[:LONGEST]
        if seen.at - session.seen < SEEN_EVERY and (session.address, session.agent) == (seen.address, agent):
            return
        self._all[digest] = evolve(session, seen=max(seen.at, session.seen), address=seen.address, agent=agent)
        self._all.move_to_end(digest)
        self.touched = True

    def beginning(self, user: str, digest: str, unix: float) -> Puts:
        """What is to be put so that a session of `user` begins: itself, and the end of those that make room."""
        kept = self.of(user, unix)
        puts: Puts = {gone: None for gone, _ in kept[PER_USER - 1 :]}
        if len(self._all) >= MOST and not puts:
            puts[next(iter(self._all))] = None
        puts[digest] = {"user": user, "began": unix, "seen": unix}
        return puts

    def ending(self, user: str, unix: float, but: str | None = None) -> Puts:
        """What is to be put so that all sessions of `user` end, but the one of the digest `but`."""
        return {digest: None for digest, _ in self.of(user, unix) if digest != but}

    def put(self, puts: Puts) -> None:
        """From now on there are these; raises `msgspec.ValidationError`."""
        for digest, plain in puts.items():
            self._drop(digest)
            if plain is not None:
                session = msgspec.convert(plain, Session)
                self._all[digest] = session
                self._of.setdefault(session.user, {})[digest] = None

    def restore(self, puts: Puts) -> None:
        """As `put` of what a state told, in whatever order it told it."""
        self.put(dict(sorted(puts.items(), key=lambda one: _seen(one[1]))))

    def parted(self, unix: float) -> Iterator[list[tuple[str, Session]]]:
        """All of them as of now, a slice at a time; those not used for longest are forgotten where they have ended."""
        while self._all:
            digest, session = next(iter(self._all.items()))
            if unix < session.ends():
                break
            self._drop(digest)
        return parted(self._all)

    def _drop(self, digest: str) -> None:
        session = self._all.pop(digest, None)
        if session is not None:
            theirs = self._of[session.user]
            del theirs[digest]
            if not theirs:
                del self._of[session.user]


def _seen(plain: Any) -> float:
    seen = plain.get("seen", 0.0) if isinstance(plain, dict) else 0.0
    return float(seen)
