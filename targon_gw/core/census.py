"""How the keys of a pool are, in five words (and a sixth for one that has left), and when one that is out is back.

It looks and never moves anything. A key is as well as the worst of what it depends on: itself, its account and, where
one model is meant, its account's leave to use that. How the model and the vendor are at large is the pool's to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from attrs import frozen

from .health import Barred, Cooling, Disabled, Health, Spent, Suspect
from .keys import UpstreamKey

STATES = ("usable", "cooling", "exhausted", "barred", "disabled")
"""The words, the better ones first, but that what the operator took out is not called anything else."""

DRAINING = "draining"
"""The word for a key that has left the settings and finishes its calls; it is counted with no pool."""


@frozen
class Vacancy:
    """Why nobody may serve: keys by state, and when the first will be back (`None`: time alone brings none)."""

    states: Counter[str]
    back: float | None


def census(keys: Iterable[UpstreamKey], now: float, model: str | None = None) -> Counter[str]:
    """Keys by the words of `STATES`, for one model or for any."""
    return Counter(state_of(key, now, model) for key in keys)


def state_of(key: UpstreamKey, now: float, model: str | None = None) -> str:
    """How `key` is at `now`: one of `STATES`, or `DRAINING`."""
    if key.draining:
        return DRAINING
    return STATES[max(rank_of(health, now) for health in _depends_on(key, model))]


def back_at(key: UpstreamKey, now: float, model: str) -> float | None:
    """When `key` may be asked for `model` again, `now` at the earliest; `None` where time alone brings it not back."""
    return _back(_depends_on(key, model), now)


def _back(standings: Iterable[Health], now: float) -> float | None:
    until = now
    for health in standings:
        match health:
            case Suspect() | Barred() | Disabled(None):
                return None
            case Cooling(end) | Spent(end) | Disabled(float(end)):
                until = max(until, end)
            case _:
                pass
    return until


def _depends_on(key: UpstreamKey, model: str | None) -> list[Health]:
    leave = None if model is None else key.account.leaves.get(model)
    found = [key.standing.health, key.account.standing.health]
    return found if leave is None else [*found, leave.health]


class Look(NamedTuple):
    """How a key is that is out."""

    rank: int
    """The place of its word in `STATES`."""
    back: float | None
    """As `back_at`."""
    due: float | None
    """When the first of the rests ends that it hangs on: until then nothing changes by itself."""


def look_at(key: UpstreamKey, now: float, model: str | None = None) -> Look | None:
    """How a key is that has not left, at `now`; `None` where it is usable."""
    standings = _depends_on(key, model)
    rank = max(rank_of(health, now) for health in standings)
    if not rank:
        return None
    ends = [end for health in standings if (end := end_of(health)) is not None and now < end]
    return Look(rank, _back(standings, now), min(ends, default=None))


def end_of(health: Health) -> float | None:
    """When time alone ends that; `None` where it does not, or there is nothing to end."""
    return health.until if isinstance(health, Cooling | Spent | Disabled) else None


def rank_of(health: Health, now: float) -> int:
    """The place in `STATES`; a rest that is over is a trial, and so usable."""
    match health:
        case Disabled(until) if until is None or now < until:
            return 4
        case Barred():
            return 3
        case Spent(until) if now < until:
            return 2
        case Cooling(until) if now < until:
            return 1
        case Suspect():
            return 1
        case _:
            return 0
