"""Imports under way: what was pasted and is new, how each key's test came out, and which of them are to be kept.

A Batch lives in memory until it is applied, and for a while after; it holds secrets, so there are few of them, none
stays longer than an hour, and none is ever shown. What a test's outcome means for an import is decided here: nothing
else is, and nothing is asked, written or drawn.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from attrs import define, field

from .attempts import Barred, Exhausted, Outcome, Served, Throttled
from .config import Secret
from .intake import Intake, Row, Verdict

MOST: Final = 8
"""Imports at a time."""
LIFE: Final = 3600.0
"""Seconds without anybody asking for it."""
GIVES_UP: Final = 20
"""Tests in a row that no vendor answered: then it is not the keys."""


class Result(enum.Enum):
    """How the test of a new key came out."""

    UNTRIED = "untried"
    OK = "ok"
    THROTTLED = "throttled"
    EXHAUSTED = "exhausted"
    REJECTED = "rejected"
    FAILED = "failed"
    """Nobody can tell: the vendor failed, or had no time."""


KEPT: Final = {
    "ok": frozenset((Result.OK,)),
    "ok_and_throttled": frozenset((Result.OK, Result.THROTTLED)),
    "all": frozenset(Result),
}
"""What is written, by what is asked for."""


def result_of(outcome: Outcome) -> Result:
    """What `outcome` says of a key that nothing is known of."""
    match outcome:
        case Served():
            return Result.OK
        case Throttled():
            return Result.THROTTLED
        case Exhausted():
            return Result.EXHAUSTED
        case Barred():
            return Result.REJECTED
        case _:
            return Result.FAILED


@define(eq=False)
class Trial:
    """A new key and its test. `at` is when that ended, `turn` grows with each change of the batch."""

    row: Row
    secret: Secret
    outcome: Outcome | None = None
    at: float = 0.0
    took: float | None = None
    turn: int = 0

    @property
    def result(self) -> Result:
        """How it came out, so far."""
        return Result.UNTRIED if self.outcome is None else result_of(self.outcome)

    def to_plain(self) -> dict[str, Any]:
        """For JSON: as the row, with the test."""
        outcome = self.outcome
        return {
            **self.row.to_plain(),
            "result": self.result.value,
            "reason": None if outcome is None else outcome.reason,
            "status": None if outcome is None else outcome.status,
            "took": None if self.took is None else round(self.took, 3),
        }


@define(eq=False)
class Batch:
    """One import. Its `id` is `imp-` and what tells its file's name."""

    id: str
    upstream: str
    note: str
    intake: Intake
    touched: float
    trials: list[Trial] = field(init=False)
    file: str | None = None
    """Where it was written, once it is applied."""
    written: int = 0
    undone: bool = False
    testing: bool = False
    stopped: bool = False
    """Nobody may begin a test any more."""
    problem: str | None = None
    """Why the tests have ended before their time."""
    _turn: int = 0
    _failed: int = 0

    def __attrs_post_init__(self) -> None:
        new = self.intake.of(Verdict.NEW)
        self.trials = [Trial(row, row.secret) for row in new if row.secret is not None]

    @property
    def state(self) -> str:
        """In a word: `read`, `testing`, `tested`, `applied`, `undone`."""
        if self.undone:
            return "undone"
        if self.file is not None:
            return "applied"
        if self.testing:
            return "testing"
        return "read" if all(trial.outcome is None for trial in self.trials) else "tested"

    def left(self) -> Iterator[Trial]:
        """The trials that are still to be made, each given out once; ends where the batch is stopped."""
        for trial in [each for each in self.trials if each.result in (Result.UNTRIED, Result.FAILED)]:
            if self.stopped:
                return
            yield trial

    def came_out(self, trial: Trial, outcome: Outcome, took: float, now: float) -> None:
        """Note how a test came out; many that nobody answered end the tests."""
        trial.outcome, trial.took, trial.at = outcome, took, now
        self._turn += 1
        trial.turn = self._turn
        self.touched = now
        self._failed = self._failed + 1 if trial.result is Result.FAILED else 0
        if self._failed >= GIVES_UP:
            self.stop(f"{GIVES_UP} tests in a row were not answered ({outcome.reason}): the rest was left untried")

    def stop(self, problem: str | None = None) -> None:
        """Begin no more tests."""
        self.stopped, self.problem = True, problem or self.problem

    def chosen(self, which: str) -> list[Trial]:
        """The keys to be written; `which` is one of `KEPT`."""
        return [trial for trial in self.trials if trial.result in KEPT[which]]

    def progress(self, since: int = 0) -> dict[str, Any]:
        """How far it is, for JSON; `rows` are those that have changed after turn `since`."""
        counts = Counter(trial.result.value for trial in self.trials)
        return {
            "batch": self.id,
            "upstream": self.upstream,
            "state": self.state,
            "note": self.note,
            "problem": self.problem,
            "file": self.file,
            "written": self.written,
            "turn": self._turn,
            "counts": {**self.intake.counts(), **{result.value: counts[result.value] for result in Result}},
            "summary": self._summary(counts),
            "rows": [trial.to_plain() for trial in self.trials if trial.turn > since or not since],
        }

    @staticmethod
    def _summary(counts: Counter[str]) -> str:
        """`ok 790 · throttled (kept, cooling) 20 · rejected 2`."""
        words = {Result.THROTTLED: "throttled (kept, cooling)", Result.EXHAUSTED: "no credit left"}
        return (
            " · ".join(f"{words.get(r, r.value)} {counts[r.value]}" for r in Result if counts[r.value]) or "no new keys"
        )


@define(eq=False)
class Batches:
    """The imports of this run."""

    _all: dict[str, Batch] = field(factory=dict)

    def add(self, batch: Batch, now: float) -> None:
        """Keep it, in the place of the oldest where there are many."""
        self.tidy(now)
        while len(self._all) >= MOST:
            oldest = min(self._all.values(), key=lambda each: (each.testing, each.touched))
            self.drop(oldest.id)
        self._all[batch.id] = batch

    def find(self, id: str, now: float) -> Batch | None:
        """That one, if it is still here; who asks for it keeps it here."""
        self.tidy(now)
        found = self._all.get(id)
        if found is not None:
            found.touched = now
        return found

    def drop(self, id: str) -> None:
        """Forget it, secrets and all."""
        gone = self._all.pop(id, None)
        if gone is not None:
            gone.stop()

    def tidy(self, now: float) -> None:
        """Forget what nobody has asked for."""
        for batch in [each for each in self._all.values() if now - each.touched > LIFE and not each.testing]:
            self.drop(batch.id)

    def __iter__(self) -> Iterator[Batch]:
        return iter(list(self._all.values()))
