"""What a client is told where nobody may serve its call: which keys are in which state, and when the first is back."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from .attempts import Abandoned, CallerFault, ModelFault, Outcome, VendorFault
from .catalog import Leg
from .census import STATES
from .errors import Refusal


def refusal_after(last: Outcome | None, name: str) -> Refusal | None:
    """The refusal of a call for the model `name` whose last attempt ended so; `None` where that alone tells nothing."""
    match last:
        case CallerFault(refusal):
            return refusal
        case VendorFault(silent=True) | Abandoned():  # the call's own time was over, or nobody is there to be told
            return Refusal("upstream_timeout", f"No answer for {name} in time. Try again, or another model.")
        case VendorFault():
            told = f"The vendor failed for {name} and nobody could step in. Try again shortly."
            return Refusal("upstream_failed", told)
        case ModelFault():
            return Refusal("model_not_found", f"No vendor serves {name} at present.", "model")
        case _:
            return None


def unserved(name: str, legs: Iterable[Leg], attempts: int, now: float, longer: float = 0.0) -> Refusal:
    """The refusal of a call for the model that the client calls `name`, after so many attempts.

    `longer`: seconds after which it might be served, by how long others wait; 0.0 where nobody can tell.
    """
    vacancies = [leg.pool.vacancy(leg.upstream_id, now) for leg in legs]
    states = sum((vacancy.states for vacancy in vacancies), Counter[str]())
    back = min((vacancy.back for vacancy in vacancies if vacancy.back is not None), default=None)
    wait = None if back is None else max(1.0, back - now, longer)
    soon = "" if wait is None else f"{math.ceil(wait)} s"
    if not states["usable"] or back is None:
        return Refusal("no_usable_key", f"No usable key for {name}: {_counted(states, soon)}.", wait=wait)
    if back > now:
        return Refusal("no_usable_key", f"The vendor of {name} is failing; it is tried again in {soon}.", wait=wait)
    if attempts:
        told = f"The vendor of {name} turned down what was tried, {attempts} in all."
        return Refusal("overloaded", f"{told} Try again in {soon}.", wait=wait)
    return Refusal("overloaded", f"Every key for {name} is as busy as it may be. Try again in {soon}.", wait=wait)


def _counted(states: Mapping[str, int], soon: str) -> str:
    """Keys by state, in words; `soon` says when the first of those that rest is back, "" where none of them will be."""
    told = [f"{states[state]} {state}" for state in STATES if states[state]]
    if not told:
        return "there are none"
    return ", ".join([f"{told[0]} (next in {soon})" if soon else told[0], *told[1:]])
