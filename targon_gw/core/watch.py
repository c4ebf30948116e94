"""Which keys and accounts may be worth a probe, and from when on: whoever asks need not look at all keys.

It holds rather too much than too little: what rests, is suspect or has not served yet. A key that is well and has
served is not in it. Whether to ask is decided by `core.probes`, when a thing's time has come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from attrs import define, field

from .health import Cooling, Ready, Spent, Suspect
from .keys import Account, UpstreamKey
from .ordered import Ordered

Watched = UpstreamKey | Account
FIRST: Final = float("-inf")
SOON: Final = -1e18
"""After what comes first."""
LOOKED_AT: Final = 64
"""Keys that have not served which are looked at in a round: a few of ten thousand will do."""
VOICES: Final = 8
"""Keys of an account among which one is chosen to speak for it."""


@define(eq=False)
class Watch:
    """Of one pool."""

    asks: Ordered[Watched] = field(factory=Ordered)
    """What is not well, by the end of its rest, or when it was probed, where that was later."""
    unproven: dict[UpstreamKey, None] = field(factory=dict)
    """Keys that have neither served nor been probed."""

    def look(self, key: UpstreamKey) -> None:
        """`key` has come, or has moved."""
        self.asks.put(key, _after(key))
        if key.served_at is None and key.probed_at is None and type(key.standing.health) is Ready:
            self.unproven[key] = None

    def look_at(self, account: Account) -> None:
        """`account` has come, or has moved."""
        self.asks.put(account, _after(account))

    def leave(self, key: UpstreamKey, last: bool) -> None:
        """`key` is in the pool no more, and was the `last` of its account."""
        self.unproven.pop(key, None)
        self.asks.put(key, None)
        if last:
            self.asks.put(key.account, None)

    def new(self, most: int) -> Iterator[UpstreamKey]:
        """Keys of which nothing is known yet, some `most`; whoever has a call on its way is left out."""
        for key in list(islice(self.unproven, LOOKED_AT)):
            if most <= 0:
                return
            del self.unproven[key]
            if key.served_at is not None or key.probed_at is not None or type(key.standing.health) is not Ready:
                continue  # one that is not well comes again once it is
            self.unproven[key] = None  # behind the others
            if not key.in_flight and type(key.account.standing.health) is Ready:
                most -= 1
                yield key


def _after(one: Watched) -> float | None:
    match one.standing.health:
        case Suspect():
            return FIRST
        case Spent() if isinstance(one, Account):
            return SOON
        case Cooling(until) | Spent(until):
            return until if one.probed_at is None else max(until, one.probed_at)
        case _:
            return None


def speaker(keys: Iterable[UpstreamKey]) -> UpstreamKey | None:
    """Of an account's keys one that is well itself; of several the one that was probed longest ago."""
    well = islice((key for key in keys if type(key.standing.health) is Ready), VOICES)
    return min(well, key=lambda key: FIRST if key.probed_at is None else key.probed_at, default=None)
