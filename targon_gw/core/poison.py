"""Requests that the vendor fails at whoever asks: it is the request then, and no key, no model, no vendor is to blame.

Two accounts that get the same status for the same body prove nothing yet: a vendor that is down answers everybody so.
It is the body's fault where the vendor has failed at nothing else within a minute, and has served somebody who was
asked after it had failed at this. Such a body is remembered, so that a client that sends it again and again costs one
attempt each time; once it is served it is forgotten.

What is kept of a body is a keyed hash, for five minutes; one of a client is no other client's. A call that is served at
once is not hashed, but for one of the very size of what is kept.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from hashlib import blake2b
from typing import Final

from attrs import define, field
from msgspec import Struct

from .attempts import CallerFault, VendorFault
from .errors import Refusal
from .keys import Account, Lease, Route
from .openai import Ask

KEPT_FOR: Final = 300.0
KEPT: Final = 1024
"""Bodies, some 300 bytes each."""
ALONE_FOR: Final = 60.0
"""Seconds within which the vendor must have failed at nothing else."""


@define(eq=False)
class Suspicion:
    """What is known of one body at one model of one vendor."""

    size: int
    until: float
    status: int | None
    first: float
    """When the vendor had failed at it for the first time."""
    accounts: set[Account] = field(factory=set)
    charged: deque[Lease] = field(factory=lambda: deque(maxlen=8))
    """Those that came back with it before anybody knew."""
    proven: bool = False


class Found(Struct, frozen=True):
    """It is the body's fault: what the attempt comes to, and the leases that were charged with it until now."""

    outcome: CallerFault
    charged: tuple[Lease, ...]


@define(eq=False)
class Poison:
    """The bodies that vendors failed at. `secret` is what they are hashed with; `now` is monotonic seconds."""

    secret: bytes = field(repr=False)
    sizes: Counter[int] = field(factory=Counter)
    """How many of a size there are: what has none is not looked up."""
    _kept: OrderedDict[tuple[bytes, Route], Suspicion] = field(factory=OrderedDict)

    def failed(self, client: str, ask: Ask, lease: Lease, fault: VendorFault, now: float) -> Found | None:
        """The vendor has failed at a body before it began to answer: what follows where that is the body's fault."""
        if fault.status is None:
            return None  # it has not answered: perhaps it has not read the body
        route, mark = lease.route, self._mark(client, ask)
        self._expire(now)
        known = self._kept.get((mark, route))
        if known is None or known.status != fault.status:
            known = self._keep(mark, route, Suspicion(ask.size, now + KEPT_FOR, fault.status, now))
        known.until = now + KEPT_FOR
        known.accounts.add(lease.account)
        self._kept.move_to_end((mark, route))
        if not known.proven and len(known.accounts) > 1:
            known.proven = route.well_at > known.first and not self._others(route, mark, now)
        if not known.proven:
            route.bodies.append((now, mark))
            known.charged.append(lease)
            return None
        charged = tuple(known.charged)
        known.charged.clear()
        return Found(_own(fault, ask.model), charged)

    def served(self, client: str, ask: Ask, lease: Lease) -> None:
        """A body of a size that is kept has been served."""
        key = self._mark(client, ask), lease.route
        if key in self._kept:
            self._drop(key)

    def _others(self, route: Route, mark: bytes, now: float) -> bool:
        """Whether the vendor has failed at other bodies, too, which nobody has been able to blame."""
        for at, other in route.bodies:
            if other != mark and now - at <= ALONE_FOR:
                known = self._kept.get((other, route))
                if known is None or not known.proven:
                    return True
        return False

    def _keep(self, mark: bytes, route: Route, suspicion: Suspicion) -> Suspicion:
        self._drop((mark, route))
        if len(self._kept) >= KEPT:
            self._drop(next(iter(self._kept)))
        self._kept[mark, route] = suspicion
        self.sizes[suspicion.size] += 1
        return suspicion

    def _expire(self, now: float) -> None:
        """Forget what is over: whoever was seen last stands last."""
        while self._kept:
            key = next(iter(self._kept))
            if self._kept[key].until > now:
                return
            self._drop(key)

    def _drop(self, key: tuple[bytes, Route]) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self.sizes[gone.size] -= 1
            if not self.sizes[gone.size]:
                del self.sizes[gone.size]

    def _mark(self, client: str, ask: Ask) -> bytes:
        """What a body of that client is known by: all its fields as they came, in any order."""
        digest = blake2b(digest_size=16, key=self.secret)
        for name, value in sorted(ask.fields.items(), key=lambda item: item[0]):
            named, said = name.encode(), memoryview(value)
            digest.update(b"%d:%d:%b" % (len(named), said.nbytes, named))
            digest.update(said)
        digest.update(f"{ask.endpoint.value}:{client}".encode())
        return digest.digest()


def _own(fault: VendorFault, name: str) -> CallerFault:
    """What a vendor's fault is that is the request's own."""
    told = (
        f"The vendor fails at this very request for {name}, whatever key it is asked with, and serves others meanwhile:"
        " something in it is beyond the model. Change the request, or ask another model."
    )
    return CallerFault(Refusal("unprocessable", told), f"{fault.reason}: at this very request", fault.status)
