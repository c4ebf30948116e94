"""The breakers of one vendor: its models' and its own.

An open breaker is a rest like any other (`core.health`): short at first, at most 15 s, and then one call at a time
until it is known that all is well. Who opens one, and why, is `core.blame`'s and `core.charges`'.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from .attempts import doubling
from .health import Health, Standing, Trial, rested, until_of
from .keys import Change, Lease, Route
from .subjects import Cause, Moves, Subject, of_route

FAULTS_TO_OPEN = 3
BROKEN = doubling(1.0, 15.0)
"""At most 15 s: a vendor that is well again is to be back within 30 s."""


@define(eq=False)
class Breakers:
    """Those of the vendor of that name. `routes` are the pool's own, by model."""

    name: str
    routes: Mapping[str, Route]
    moves: Moves
    standing: Standing = field(factory=Standing)
    """The vendor's."""
    history: list[Change] = field(factory=list)
    """The vendor's own changes."""

    @property
    def itself(self) -> Subject:
        """The vendor."""
        return Subject(self.standing, f"upstream {self.name}", self.history)

    def open(self, lease: Lease, health: Health, cause: Cause) -> None:
        """The model's, by `health`; the vendor's too, where another model's is open for such a reason."""
        now = cause.now
        if lease.fresh_on_route:
            self.moves.move(of_route(lease.route), health, cause)
        broken = sum(until_of(route.standing.health) > now for route in self.routes.values() if is_broken(route))
        if broken > 1 and self.standing.epoch == lease.upstream_epoch:
            self.rest(cause)

    def tried_in_vain(self, lease: Lease, cause: Cause) -> None:
        """The vendor's rest begins anew, where this was its trial."""
        if isinstance(self.standing.health, Trial) and self.standing.epoch == lease.upstream_epoch:
            self.rest(cause)

    def rest(self, cause: Cause) -> None:
        """Open the vendor's own."""
        self.moves.move(self.itself, rested(self.standing.health, cause.now, None, BROKEN), cause)


def is_broken(route: Route) -> bool:
    """Whether its breaker, if open, is so by the vendor's faults: a model that is not served says nothing of others."""
    if max(route.faults, route.cuts) >= FAULTS_TO_OPEN:
        return True
    return any(alike.verdict for alike in route.alike.values())
