"""What an outcome may move: a Standing by the name that people see; why it moves; and the record of what has moved."""

from __future__ import annotations

from attrs import define, field, frozen

from .attempts import Outcome
from .health import Cooling, Health, Spent, Standing, name_of, until_of
from .keys import Account, Change, Route, UpstreamKey, remember


@frozen
class Subject:
    """A Standing that may be moved, by the name that people see, and where its changes are kept."""

    standing: Standing
    name: str
    history: list[Change]


@frozen
class Cause:
    """Why something moves: the outcome of the request of that id, seen at `now`."""

    outcome: Outcome
    request_id: str
    now: float
    reason: str = ""
    """In words; the outcome's own where there are none."""
    undetermined: bool = False
    """There is nobody to compare with: what rests by it rests for a short time."""

    @property
    def words(self) -> str:
        """The reason as it is kept."""
        told = self.reason or self.outcome.reason
        return f"{told}, undetermined: nobody to compare with" if self.undetermined else told


def of_key(key: UpstreamKey) -> Subject:
    """The key."""
    return Subject(key.standing, key.id, key.history)


def of_account(account: Account) -> Subject:
    """The account, for all models."""
    return Subject(account.standing, f"account {account.id}", account.history)


def of_leave(account: Account, leave: Standing, model: str) -> Subject:
    """The account's leave to use one model."""
    return Subject(leave, f"account {account.id} for {model}", account.history)


def of_route(route: Route) -> Subject:
    """The model at this vendor."""
    return Subject(route.standing, f"model {route.model}", route.history)


@define(eq=False)
class Moves:
    """Moves standings, and keeps why."""

    changes: list[Change] = field(factory=list)
    """What has changed since somebody last took these away."""

    def move(self, subject: Subject, health: Health, cause: Cause) -> None:
        """Change to `health`."""
        standing, now = subject.standing, cause.now
        if standing.health == health:
            return
        before, after = name_of(standing.health, now), name_of(health, now)
        standing.move(health)
        if before == after and not isinstance(health, Cooling | Spent):
            return
        until = until_of(health) or None
        status, id = cause.outcome.status, cause.request_id
        change = Change(now, subject.name, before, after, cause.words, status, id, until)
        self.changes.append(change)
        remember(subject.history, change)
