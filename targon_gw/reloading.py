"""Settings read again while the gateway runs: whole, judged, then applied; or not at all.

Whatever goes wrong, the last good settings stay in force, and it is known since when and why: the log, `/health`,
`status` and the metrics ask here. Nothing in here ends the process. However many ask at once, one reading is under way
and one more follows it. The files are read in a thread: ten thousand keys take some 130 ms.
"""

# mypy: disallow-untyped-calls=False
# Twisted is not typed throughout.

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from attrs import define, evolve, field, frozen
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from targon_gw.core.changeover import changeover, objection
from targon_gw.core.diff import Diff
from targon_gw.core.gateway import Gateway
from targon_gw.core.reload import Refused
from targon_gw.settings.loading import Loaded
from targon_gw.settings.problems import SettingsError

SPACING: Final = 0.2
"""Seconds between two readings at least: a hundred signals in a second are a handful of readings."""
MOST_LOGGED: Final = 20
"""Problems of one reading that get a line."""


@frozen
class Outcome:
    """What came of one reading. `problem` says why the settings were not taken; `None`: they were."""

    reason: str
    """Why they were read: `SIGHUP`, `saved`, `asked for`."""
    diff: Diff = Diff()
    problem: str | None = None

    @property
    def applied(self) -> bool:
        """Whether the files as they were read are in force."""
        return self.problem is None

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"applied": self.applied, "problem": self.problem, "text": str(self.diff), "diff": self.diff.to_plain()}


@define(eq=False)
class Reloading:
    """Reads the settings again when asked to.

    `load` reads them and sees what they change, in a thread; `apply` puts them in force in the reactor's, or raises
    `Refused`. `in_thread` is what runs `load`.
    """

    load: Callable[[], Loaded]
    apply: Callable[[Loaded], Diff]
    log: Logger
    clock: IReactorTime
    in_thread: Callable[[Callable[[], Loaded]], Deferred[Loaded]] = deferToThread
    wall: float = 0.0
    """What must be added to the clock's seconds for Unix seconds."""
    since: float | None = None
    """Since when, Unix seconds, the settings in force are not those of the files; `None`: they are."""
    problem: str | None = None
    """Why the files were not taken the last time."""
    succeeded: int = 0
    failed: int = 0
    """Readings that came to that, since the start."""
    succeeded_at: float | None = None
    """When, Unix seconds, a reading was last taken."""
    changed_at: float | None = None
    """When, Unix seconds, settings were last put in force that differed."""
    meanwhile: Callable[[], AbstractContextManager[None]] = nullcontext
    """Entered for as long as settings are read and put in force."""
    under_way: Callable[[bool], object] = lambda under_way: None
    """Called with `True` when a reading begins, with `False` when it is over, whatever came of it."""
    refused: Callable[[SettingsError], object] = lambda error: None
    """Told of files that can't be used: which they are may have changed."""
    _reason: str | None = None
    """Of the reading that is to follow the one under way."""
    _waiting: list[Deferred[Outcome]] = field(factory=list)
    _asked: list[Deferred[Outcome]] = field(factory=list)
    """Who waits for the reading under way."""
    _busy: bool = False
    _loop: Deferred[None] | None = None

    def reload(self, reason: str) -> Deferred[Outcome]:
        """Read the settings again, now or after the reading that is under way; fires with what came of it."""
        waiting: Deferred[Outcome] = Deferred()
        self._waiting.append(waiting)
        self._reason = reason
        if not self._busy:
            self._busy = True
            self._loop = ensureDeferred(self._readings())
            self._loop.addBoth(self._ended)
        return waiting

    def stop(self) -> None:
        """End; who waits is told that nothing came of it."""
        if self._loop is not None:
            self._loop.cancel()

    async def _readings(self) -> None:
        while self._reason is not None:
            reason, self._reason = self._reason, None
            self._asked, self._waiting = self._waiting, []
            self.under_way(True)
            try:
                outcome = await self._read(reason)
            finally:
                self.under_way(False)
            asked, self._asked = self._asked, []
            for waiting in asked:
                waiting.callback(outcome)
            await deferLater(self.clock, SPACING)

    def _ended(self, result: object) -> None:
        self._busy, self._loop, self._reason = False, None, None
        asked, self._asked, self._waiting = [*self._asked, *self._waiting], [], []
        for waiting in asked:
            waiting.callback(Outcome("", problem="the gateway is stopping"))

    async def _read(self, reason: str) -> Outcome:
        """One reading, from the files to what they change."""
        try:
            with self.meanwhile():
                loaded = await self.in_thread(self.load)
                diff = self.apply(loaded)
        except CancelledError:
            raise
        except SettingsError as error:
            self.refused(error)
            return self._failed(reason, _lines(error))
        except Refused as error:
            return self._failed(reason, [str(error)])
        except Exception as error:  # a bug must not end the watch over the files, nor the gateway
            self.log.failure("the settings could not be read or applied")
            return self._failed(reason, [f"internal error: {type(error).__name__}"])
        self.since = self.problem = None
        self.succeeded += 1
        self.succeeded_at = self.clock.seconds() + self.wall
        if diff:
            self.changed_at = self.succeeded_at
        self.log.info("settings applied ({reason}): {changes}", reason=reason, changes=str(diff))
        return Outcome(reason, diff)

    def _failed(self, reason: str, lines: list[str]) -> Outcome:
        """Keep what is in force; say why, and since when."""
        self.failed += 1
        self.since = self.clock.seconds() + self.wall if self.since is None else self.since
        self.problem = "\n".join(lines)
        for line in lines:
            self.log.error("settings not taken ({reason}): {problem}", reason=reason, problem=line)
        self.log.warn("the last good settings stay in force")
        return Outcome(reason, problem=self.problem)


def _lines(error: SettingsError) -> list[str]:
    """A line for each problem: file, line, column and what is wrong; not the line of the file."""
    lines = [str(problem).splitlines()[0] for problem in error.problems[:MOST_LOGGED]]
    more = len(error.problems) - MOST_LOGGED
    return [*lines, f"and {more} more"] if more > 0 else lines


def foreseen(gateway: Gateway, loaded: Loaded) -> Loaded:
    """`loaded`, with what it changes about the settings in force in `gateway`; a thread may work that out.

    Where other settings have come into force since it was, it is worked out again.
    """
    change = loaded.change
    if change is not None and change.is_from(gateway.config, loaded.config):
        return loaded
    return evolve(loaded, change=changeover(gateway.config, loaded.config))


def applied_to(gateway: Gateway, loaded: Loaded, now: float) -> Diff:
    """Put `loaded` in force in `gateway`, at monotonic `now`; raises `Refused` where it takes too many keys away."""
    change = foreseen(gateway, loaded).change
    assert change is not None
    reason = objection(change, gateway.pools, loaded.confirm_removal, now)
    if reason is not None:
        raise Refused(reason)
    return gateway.reconfigure(loaded.config, now, change)
