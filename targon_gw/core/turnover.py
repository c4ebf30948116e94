"""Which keys of a vendor come, go and stay when its settings change: worked out beforehand, applied in one go.

It is made of settings alone, so that a thread may make it while calls run: to compare 10,000 keys takes some 20 ms.
What it comes to for the pool is the pool's affair, and takes as long as there are keys that come, go or change.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from .config import KeySettings, UpstreamSettings
from .diff import Leaving, PoolDiff, pool_diff


@frozen
class Turnover:
    """What changes between two settings of one vendor."""

    before: UpstreamSettings
    after: UpstreamSettings
    came: tuple[KeySettings, ...]
    left: tuple[str, ...]
    """Fingerprints."""
    edited: tuple[tuple[KeySettings, KeySettings], ...]
    """Keys that stay and of which something has changed."""
    order: tuple[str, ...] | None
    """All fingerprints in their new order; `None` where nothing came or went, and the order is the same."""
    _diff: PoolDiff

    def diff(self, in_flight: Mapping[str, int]) -> PoolDiff:
        """For people; `in_flight` is how many calls each key that leaves has to finish."""
        removed = tuple(Leaving(leaving.id, in_flight.get(leaving.id, 0)) for leaving in self._diff.removed)
        return evolve(self._diff, removed=removed)


def turnover(before: UpstreamSettings, after: UpstreamSettings) -> Turnover:
    """What `after` changes about the vendor `before`."""
    old = {entry.secret.fingerprint: entry for entry in before.keys}
    new = {entry.secret.fingerprint: entry for entry in after.keys}
    came: list[KeySettings] = []
    edited: list[tuple[KeySettings, KeySettings]] = []
    left = [id for id in old if id not in new]
    for id, entry in new.items():
        known = old.get(id)
        if known is None:
            came.append(entry)
        elif known.secret != entry.secret:  # eight digits in common and nothing else
            left.append(id)
            came.append(entry)
        elif known != entry:
            edited.append((known, entry))
    order = None if not came and not left and list(old) == list(new) else tuple(new)
    return Turnover(before, after, tuple(came), tuple(left), tuple(edited), order, pool_diff(before, after, {}))
