"""When a call leaves a route, and when it comes back to it.

A route is left for good where the model is not served, and after a second silence. It is left for as long as there is
anybody else, another route or a fallback, after a first silence (a silent route is not asked twice) and before the last
try, where the vendor has failed twice: the try is better spent elsewhere. Where nobody else can step in, another key of
it is asked rather than nobody.

A silence may be the key's own trouble. It is, where somebody who was asked after this attempt has been served: then
another key is asked as after any other fault.

`left` is the call's own note of it: the legs that it has left, and whether that is for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .attempts import ModelFault, VendorFault
from .catalog import Leg

if TYPE_CHECKING:
    from .call import Attempt

Left = dict[Leg, bool]


def is_left(left: Left, attempts: Sequence[Attempt], most: int) -> bool:
    """Whether the leg of the last of these attempts, which has failed, is to be left; `most` may be made in all."""
    attempt = attempts[-1]
    leg, outcome, lease = attempt.leg, attempt.outcome, attempt.lease
    match outcome:
        case ModelFault():
            left[leg] = True
            return True
        case VendorFault(silent=True):
            again = leg in left
            left[leg] = again
            return again or lease.route.well_at <= lease.began
        case VendorFault() if len(attempts) == most - 1:
            faults = sum(one.leg is leg and isinstance(one.outcome, VendorFault) for one in attempts)
            if faults > 1:
                left.setdefault(leg, False)
            return faults > 1
        case _:
            return False


def come_back(left: Left, legs: Iterable[Leg], shut: set[Leg]) -> bool:
    """Open those of `shut` that were not left for good: there is nobody else. Whether there is one."""
    found = [leg for leg in legs if leg in shut and left.get(leg) is False]
    shut.difference_update(found)
    return bool(found)
