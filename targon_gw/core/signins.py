"""How fast passwords may be tried: by name and address, by address, by name.

Each try counts as a failure until it is known to be none, so that a hundred at the same moment are a hundred. Whoever
has failed a few times waits, twice as long each time, up to a minute; nobody is ever locked out (faults catalogue,
F-08). An address that fails waits whatever name it tries. A name that many fail at, from wherever, is slow for whoever
is new to it: but a turn that was promised stands, so that no flood of failures can put its owner off for ever; and
where its owner is signed in already, nobody else's failures are asked about at all. What is remembered is bounded; who
has not failed for a quarter of an hour has not failed.

Times are monotonic seconds; an address stands for its IPv4 address or its IPv6 network (`core.bank.caller`).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final, Generic, TypeVar

from attrs import define, field

from .errors import Refusal

T = TypeVar("T")

KEPT: Final = 10_000
"""Of each sort, some 300 bytes each; who failed least recently is forgotten first."""
FORGOTTEN: Final = 900.0
"""Seconds without a failure after which there was none."""
LONGEST: Final = 60.0
"""Seconds of a wait at most."""
LONGEST_OF_ADDRESS: Final = 15.0
"""Behind one address there may be a whole office, and one of them who tries."""
FREE: Final = 5
"""Failures without a wait, of one name from one address: more than a person mistypes."""
FREE_OF_ADDRESS: Final = 20
FREE_OF_NAME: Final = 10
FREE_REGISTRATIONS: Final = 10
"""Tries of one address, whatever comes of them."""
NEWCOMERS: Final = 20
"""Users that may come from one address at once; a place is free again each 72 minutes: 20 a day (faults catalogue,
C-18)."""
EACH_NEWCOMER: Final = 86_400.0 / NEWCOMERS
FREE_CHANGES: Final = 60
"""Changes of one sort that a user makes of its own, without a wait: each is a line of the ledger, some 500 bytes that
are kept for long, and a program that has its key replaced over and over writes 25 GB a day (faults catalogue, E-05)."""


@define(eq=False)
class Strikes:
    """Failures that count, and when the last of them was."""

    count: int = 0
    last: float = 0.0
    turn: float | None = None
    """From when on the next try is let in, whatever others do meanwhile, where that was promised."""

    def wait(self, free: int, longest: float) -> float:
        """Seconds between the last failure and the next try."""
        over = self.count - free
        return 0.0 if over < 0 else min(longest, 2.0 ** min(over, 16))


@define(eq=False)
class Memory(Generic[T]):
    """Strikes of many, as many as are kept."""

    _of: OrderedDict[T, Strikes] = field(factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._of)

    def look(self, who: T, now: float) -> Strikes:
        """How `who` stands at present; what is not kept yet is not kept by this."""
        found = self._of.get(who)
        if found is None or now - found.last >= FORGOTTEN:
            return Strikes(last=now)
        return found

    def keep(self, who: T, strikes: Strikes) -> None:
        """Remember `who`, before all others."""
        self._of[who] = strikes
        self._of.move_to_end(who)
        if len(self._of) > KEPT:
            self._of.popitem(last=False)

    def strike(self, who: T, now: float) -> None:
        """One more failure."""
        strikes = self.look(who, now)
        strikes.count += 1
        strikes.last, strikes.turn = now, None
        self.keep(who, strikes)

    def take_back(self, who: T) -> None:
        """One failure was none."""
        strikes = self._of.get(who)
        if strikes is not None and strikes.count:
            strikes.count -= 1

    def forget(self, who: T) -> None:
        """As if `who` had never failed."""
        self._of.pop(who, None)


@define(eq=False)
class SignIns:
    """What is remembered of tries."""

    _pairs: Memory[tuple[str, str]] = field(factory=Memory)
    """Of a name from an address."""
    _addresses: Memory[str] = field(factory=Memory)
    _names: Memory[str] = field(factory=Memory)
    _registering: Memory[str] = field(factory=Memory)
    _newcomers: OrderedDict[str, float] = field(factory=OrderedDict)
    """When all places of an address are free again."""
    _changes: Memory[tuple[str, str]] = field(factory=Memory)
    """By sort and name."""

    def attempt(self, name: str, address: str, known: bool, now: float) -> None:
        """Let a password be tried, or raise `Refusal` with its `wait`. It counts as failed until `succeeded`.

        `known`: the user of that name is signed in from that address already.
        """
        pair = self._pairs.look((name, address), now)
        due = pair.last + pair.wait(FREE, LONGEST)
        if not known:
            theirs = self._addresses.look(address, now)
            due = max(due, theirs.last + theirs.wait(FREE_OF_ADDRESS, LONGEST_OF_ADDRESS))
            due = max(due, self._turn(name, address, pair, now))
        _or_wait(due, now)
        self._pairs.strike((name, address), now)
        self._addresses.strike(address, now)
        self._names.strike(name, now)

    def _turn(self, name: str, address: str, pair: Strikes, now: float) -> float:
        """When whoever is new to a name that many fail at may try it; said once, and kept."""
        wait = self._names.look(name, now).wait(FREE_OF_NAME, LONGEST)
        if not wait:
            return now
        if pair.turn is None:
            pair.turn = now + wait
            self._pairs.keep((name, address), pair)
        return pair.turn

    def succeeded(self, name: str, address: str) -> None:
        """The last try was no failure."""
        self._pairs.forget((name, address))
        self._addresses.take_back(address)
        self._names.take_back(name)

    def untried(self, name: str, address: str) -> None:
        """The last try came to no comparison: it was turned away, and has not failed."""
        self._pairs.take_back((name, address))
        self._addresses.take_back(address)
        self._names.take_back(name)

    def change(self, sort: str, name: str, now: float) -> None:
        """Let the user of that name change something of its own, or raise `Refusal`; each time counts.

        Sorts are apart: who has somebody's session, and makes many of one, keeps nobody from another.
        """
        theirs = self._changes.look((sort, name), now)
        _or_wait(theirs.last + theirs.wait(FREE_CHANGES, LONGEST), now)
        self._changes.strike((sort, name), now)

    def register(self, address: str, now: float) -> None:
        """Let somebody at `address` try to register, or raise `Refusal`; each time counts, whatever comes of it."""
        theirs = self._registering.look(address, now)
        _or_wait(theirs.last + theirs.wait(FREE_REGISTRATIONS, LONGEST), now)
        _or_wait(self._newcomers.get(address, now) - (NEWCOMERS - 1) * EACH_NEWCOMER, now)
        self._registering.strike(address, now)

    def registered(self, address: str, now: float) -> None:
        """Somebody at `address` has."""
        self._newcomers[address] = max(now, self._newcomers.get(address, now)) + EACH_NEWCOMER
        self._newcomers.move_to_end(address)
        if len(self._newcomers) > KEPT:
            self._newcomers.popitem(last=False)


def _or_wait(due: float, now: float) -> None:
    wait = due - now
    if wait > 1e-6:
        seconds = math.ceil(wait)
        told = f"{seconds} s" if seconds <= 120 else f"{math.ceil(seconds / 60)} min"
        raise Refusal("too_many_sign_ins", f"Too many tries. Wait {told}, then try again.", wait=wait)
