"""What new settings change about those in force: worked out beforehand, and then put in force in one turn.

All of it is made of settings alone, so that a thread makes it while calls run: to compare 10,000 keys and 100,000
clients takes a second, which nobody may wait for. It is good as long as the settings that it begins with are in force;
whoever applies it looks.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from .clients import Enrolment, enrolment
from .config import Config
from .diff import Diff, difference
from .pool import KeyPool
from .reload import judge_removal, taken_away
from .turnover import Turnover, turnover


@frozen
class Changeover:
    """From one Config to another."""

    before: Config
    after: Config
    pools: Mapping[str, Turnover]
    """By upstream: of all in either; one that comes has had no key before, one that goes has none left."""
    clients: Enrolment
    removed: tuple[tuple[str, str], ...]
    """Keys that were switched on and are no more: upstream and fingerprint."""
    diff: Diff
    """For people, but for the keys."""

    def is_from(self, before: Config, after: Config) -> bool:
        """Whether it is what leads from one to the other."""
        return self.before is before and self.after is after


def changeover(before: Config, after: Config) -> Changeover:
    """What leads from `before` to `after`."""
    old = {settings.name: settings for settings in before.upstreams}
    new = {settings.name: settings for settings in after.upstreams}
    pools = {name: turnover(old.get(name) or evolve(settings, keys=()), settings) for name, settings in new.items()}
    pools |= {name: turnover(known, evolve(known, keys=())) for name, known in old.items() if name not in new}
    return Changeover(
        before,
        after,
        pools,
        enrolment(before.clients, after.clients, after.anonymous),
        taken_away(before, after),
        difference(before, after, ()),
    )


def objection(change: Changeover, pools: Mapping[str, KeyPool], confirmed: int | None, now: float) -> str | None:
    """Why the settings that `change` leads to are not to be taken: they take too many of the keys of `pools` away.

    `None` where nothing speaks against it; `confirmed` is what the files say of how many they take.
    """
    lost = 0
    for upstream, id in change.removed:
        pool = pools[upstream]
        lost += pool.state_of(pool.keys[id], now) == "usable"
    usable = sum(pool.usable(now) for pool in pools.values())
    return judge_removal(len(change.removed), lost, usable, confirmed)
