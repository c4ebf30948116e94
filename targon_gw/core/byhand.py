"""What the operator does to a key by hand: take it out, put it back, have a good test count.

A hand is stronger than what the vendors' answers say: it moves a standing whatever its health is, and keeps why. It
never touches a lease that is out: those calls go on, and come back as they come back. What is the account's rest stays
the account's, but where a test has shown that it is over.
"""

from __future__ import annotations

from attrs import frozen

from .health import Barred, Cooling, Disabled, Health, Ready, Spent, Standing, Suspect, Trial, name_of, strikes_of
from .keys import Change, UpstreamKey, remember
from .pool import KeyPool

BY_HAND = "by hand"


def disable(pool: KeyPool, key_id: str, until: float | None, now: float, reason: str = BY_HAND) -> None:
    """Take the key out of the draw until then, or for good (`None`); raises KeyError where the pool has none such."""
    key = pool.keys[key_id]
    _move(pool, key.standing, key.id, key.history, _Move(Disabled(until), now, reason, until))


def enable(pool: KeyPool, key_id: str, now: float, reason: str = BY_HAND) -> bool:
    """End whatever the key itself is out by; whether there was something to end. Raises KeyError as `disable` does.

    What was disabled is ready at once; what the vendor gave cause to put out comes back on trial, a call at a time.
    """
    key = pool.keys[key_id]
    health = _back(key.standing.health)
    if health is None:
        return False
    _move(pool, key.standing, key.id, key.history, _Move(health, now, reason, None))
    return True


def served_a_test(pool: KeyPool, key_id: str, now: float) -> bool:
    """A call made by hand was served: the rests of the key and of its account are over; whether one was.

    What the operator has taken out stays out: a test asks, it does not put back.
    """
    key = pool.keys[key_id]
    ended = False
    for standing, name, history in _sides(key):
        health = None if isinstance(standing.health, Disabled) else _back(standing.health)
        if health is not None:
            _move(pool, standing, name, history, _Move(health, now, "a test by hand was served", None))
            ended = True
    return ended


def _sides(key: UpstreamKey) -> list[tuple[Standing, str, list[Change]]]:
    account = key.account
    return [(key.standing, key.id, key.history), (account.standing, f"account {account.id}", account.history)]


def _back(health: Health) -> Health | None:
    """What follows where a rest is ended before its time; `None` where there is none."""
    match health:
        case Disabled():
            return Ready()
        case Cooling() | Spent() | Suspect() | Barred():
            return Trial(1, strikes_of(health))
        case _:
            return None


@frozen
class _Move:
    """Where to, when, why, and until when."""

    health: Health
    now: float
    reason: str
    until: float | None


def _move(pool: KeyPool, standing: Standing, name: str, history: list[Change], move: _Move) -> None:
    """Change the standing, and keep why: with the subject, and among the changes that the log and the ledger take."""
    before = name_of(standing.health, move.now)
    standing.move(move.health)
    if pool.awaited is not None:
        pool.awaited.stirred()
    after = name_of(move.health, move.now)
    change = Change(move.now, name, before, after, move.reason, None, "", move.until)
    pool.changes.append(change)
    remember(history, change)
