"""Where calls wait that `core.waiting` has told to: it keeps their Deferreds, and the one timer that all of them need.

It decides nothing: who goes, and who is turned away, and when, the core says; here it is asked as soon as something may
have changed, and when the next time is up. A few calls are sent on in a turn of the reactor and no more: a crowd that
may go all at once must not stop those that are under way.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from targon_gw.core.call import Call, Step
from targon_gw.core.waiting import Waiting


@define(eq=False)
class Anteroom:
    """Those who wait. `now` is monotonic seconds."""

    waiting: Waiting
    clock: IReactorTime
    now: Callable[[], float]
    _inside: dict[Call, Deferred[Step]] = field(factory=dict)
    _timer: IDelayedCall | None = None
    _at: float = 0.0
    """When the timer is up, in the seconds of `now`."""
    _soon: bool = False
    """The next turn of the reactor sees to it."""

    def __attrs_post_init__(self) -> None:
        self.waiting.wake = self._wake

    def enter(self, call: Call) -> Deferred[Step]:
        """Fires with the step that follows for `call`, which waits; cancelling it leaves."""
        inside: Deferred[Step] = Deferred(lambda _: self._leave(call))
        self._inside[call] = inside
        self._arm()
        return inside

    def _leave(self, call: Call) -> None:
        del self._inside[call]
        self.waiting.leave(call, self.now())
        self._arm()

    def _wake(self) -> None:
        if not self._soon:
            self._soon = True
            self.clock.callLater(0, self._look)

    def _look(self) -> None:
        """Have the core say who waits no more."""
        self._soon = False
        for call, step in self.waiting.turn(self.now()):
            inside = self._inside.pop(call, None)
            if inside is not None:  # else what happened to another just now has ended it
                inside.callback(step)
        if self.waiting.pending:
            self._wake()
        self._arm()

    def _arm(self) -> None:
        """Have the timer be up when the core says, or not at all."""
        due = self.waiting.due
        if self._timer is not None and (due is None or due < self._at):
            self._timer.cancel()
            self._timer = None
        if due is not None and self._timer is None:
            self._at = due
            self._timer = self.clock.callLater(max(0.0, due - self.now()), self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        if not self._soon:
            self._look()
