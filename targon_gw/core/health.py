"""How well a thing is that calls depend on, and what an outcome does to that.

One idea serves all of them: a key, an account, an account's leave to use one model, a vendor's model (its breaker), a
vendor. Each has a `Standing`: its Health, and which leases were begun since it last went to rest. A rest that is over
is followed by a trial, one call at a time; each call that is served doubles how many may be out at once, until it is
ready again. The outcome of a lease begun before the rest does not end that rest.

Time is the caller's monotonic `now`, in seconds.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, frozen

from .attempts import Rest

WELL_AGAIN = 8
"""A trial that has come to this many calls at once without a fault is over."""


@frozen
class Ready:
    """May be used."""


@frozen
class Cooling:
    """Out of the draw until `until`; the next lease after that is a trial. `strikes` counts rests in a row."""

    until: float
    strikes: int


@frozen
class Spent:
    """No credit: as `Cooling`, but longer, and a probe may end it."""

    until: float
    strikes: int


@frozen
class Trial:
    """Back from a rest: at most `width` leases at once."""

    width: int
    strikes: int


@frozen
class Suspect:
    """Refused by the vendor once; out of the draw until a probe confirms it or clears it."""


@frozen
class Barred:
    """Not accepted by the vendor; comes back only by hand or by a changed file."""


@frozen
class Disabled:
    """Out by hand; until then, or for good."""

    until: float | None = None


Health = Ready | Cooling | Spent | Trial | Suspect | Barred | Disabled


def name_of(health: Health, now: float) -> str:
    """The word that people see: a rest that is over is a trial waiting for its call."""
    match health:
        case Cooling(until) | Spent(until) if now >= until:
            return "trial"
        case Disabled(float(until)) if now >= until:
            return "ready"
        case Spent():
            return "exhausted"
        case _:
            return type(health).__name__.lower()


def strikes_of(health: Health) -> int:
    """Rests in a row so far."""
    return health.strikes if isinstance(health, Cooling | Spent | Trial) else 0


def until_of(health: Health) -> float:
    """When the rest ends; 0 where there is none to end."""
    return health.until if isinstance(health, Cooling | Spent) else 0.0


def rested(health: Health, now: float, wait: float | None, rest: Rest) -> Cooling:
    """Cooling for `wait` seconds, or as `rest` has it; of two rests the longer wins."""
    strikes = strikes_of(health) + 1
    until = now + (rest(strikes) if wait is None else wait)
    return Cooling(max(until, until_of(health)), strikes)


def spent(health: Health, now: float, rest: Rest) -> Spent:
    """Out of credit, for as long as `rest` has it."""
    strikes = strikes_of(health) + 1
    return Spent(max(now + rest(strikes), until_of(health)), strikes)


def served(health: Health) -> Health:
    """What follows a call that was served during a trial: twice as many may be out, then it is over."""
    match health:
        case Trial(width, strikes):
            return Ready() if width * 2 > WELL_AGAIN else Trial(width * 2, strikes)
        case _:
            return health


@define(eq=False)
class Standing:
    """The Health of one thing, and the leases out on it since its last change for the worse."""

    health: Health = Ready()
    epoch: int = 0
    """Counts the rests: a lease bears the epoch it began in, so that an old one is told from a trial."""
    out: int = 0
    """Leases of this epoch that have not come back; 0 of what is ready, of which as many may be out as one likes."""
    told: Callable[[], object] | None = None
    """Called when it has moved: somebody keeps count."""

    def may_serve(self, now: float) -> bool:
        """Whether one more lease may go out at `now`."""
        health = self.health
        if type(health) is Ready:
            return True
        match health:
            case Cooling(until) | Spent(until):
                return now >= until and self.out == 0
            case Trial(width):
                return self.out < width
            case Disabled(until):
                return until is not None and now >= until
            case _:
                return False

    def lease(self, now: float) -> int:
        """Take note of a lease that goes out; the epoch that it is to bear."""
        health = self.health
        if isinstance(health, Cooling | Spent) and now >= health.until:
            self.health = Trial(1, health.strikes)
        elif isinstance(health, Disabled) and health.until is not None and now >= health.until:
            self.health = Ready()
            self.out = 0  # of what is ready no count is kept: a probe of it may be out
        if type(self.health) is not Ready:
            self.out += 1
        return self.epoch

    def give_back(self, epoch: int) -> bool:
        """Take note of a lease that comes back; whether it was begun since the last rest."""
        if epoch != self.epoch:
            return False
        if type(self.health) is not Ready:
            self.out -= 1
        return True

    def prolong(self, health: Cooling) -> None:
        """Have a rest end later: it is the same rest."""
        self.health = health
        self.moved()

    def moved(self) -> None:
        """Say that it is otherwise than before."""
        if self.told is not None:
            self.told()

    def move(self, health: Health) -> bool:
        """Change to `health`; whether that is another kind. A rest begins a new epoch."""
        before, self.health = self.health, health
        if isinstance(health, Cooling | Spent | Suspect | Barred | Disabled):
            self.epoch += 1
            self.out = 0
        elif type(health) is Ready:
            self.out = 0
        self.moved()
        return type(before) is not type(health)
