"""A state folder of its own for each test, entries to put in it, and threads that are none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from targon_gw.core.ledger import Ending, Entry, Kind, line_of
from targon_gw.store.folder import StateFolder
from targon_gw.store.journal import Journal

T = TypeVar("T")
NOON = 1_763_726_400.0
"""2025-11-21 12:00:00 UTC."""
DAY = 86400.0
TODAY = "2025-11-21"


def at_once(f: Callable[..., Any], *args: Any) -> Deferred[Any]:
    """In place of a thread: done before this returns."""
    return maybeDeferred(f, *args)


@define(eq=False)
class Later:
    """In place of threads: what was asked for is done when the test says so."""

    asked: list[tuple[Deferred[Any], Callable[..., Any], tuple[Any, ...]]] = field(factory=list)

    def __call__(self, f: Callable[..., Any], *args: Any) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.asked.append((done, f, args))
        return done

    def go(self) -> None:
        """Do what was asked for first."""
        done, f, args = self.asked.pop(0)
        maybeDeferred(f, *args).chainDeferred(done)


def result(deferred: Deferred[T]) -> T:
    """What it has fired with; raises what it failed with."""
    got: list[Any] = []
    deferred.addBoth(got.append)
    assert got, "it has not fired"
    if isinstance(got[0], Failure):
        got[0].raiseException()
    found: T = got[0]
    return found


def opened(path: Path) -> StateFolder:
    """The state folder below `path`, open."""
    folder = StateFolder(str(path / "state"))
    folder.open()
    return folder


def entry(number: int = 1, at: float = NOON) -> Entry:
    """A settled call that tells itself from others."""
    return Entry(at, f"req_{number}", Kind.CALL, client="ann", ending=Ending.SERVED)


def text_of(numbers: Iterable[int], at: float = NOON) -> bytes:
    """The lines with those numbers, each an entry of its own."""
    return b"".join(line_of(entry(number, at), number) for number in numbers)


def ledger(folder: StateFolder, day: str = TODAY) -> Path:
    """The ledger's file of a day."""
    return Path(folder.ledger) / f"{day}.yaml"


@define(eq=False)
class Kept:
    """A journal at work, and what it said was fatal."""

    folder: StateFolder
    clock: Clock = field(factory=Clock)
    reasons: list[str] = field(factory=list)
    threads: Callable[..., Deferred[Any]] = at_once
    journal: Journal = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.journal = Journal(self.folder, self.clock, self.threads, self.reasons.append)
        self.journal.open(0)

    def append(self, *numbers: int, at: float = NOON) -> list[int]:
        """Append those entries; answers with their lines' numbers."""
        return [self.journal.append(entry(number, at))[0] for number in numbers]

    def close(self) -> None:
        """Close it; nothing is left ticking."""
        result(ensureDeferred(self.journal.close()))
        assert not self.clock.getDelayedCalls()
