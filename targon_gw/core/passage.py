"""What one attempt's stream says, on its way to the client: which bytes pass, and what has been delivered by then.

Every event is shown to the Meter. What passes is untouched but for the model's name; where the attempt goes on with
what another began, it passes from where the client left off (`core.catchup`). What the client was sent is kept as long
as that may be of use once this stream, too, is cut: always while nothing has been said yet, and where the call may be
rescued at all.
"""

from __future__ import annotations

from msgspec import Struct

from .answers import Renamer
from .attempts import Abandoned, Outcome, VendorFault
from .call import Attempt, Call
from .catchup import Catchup
from .meter import Meter, Usage
from .openai import Ask
from .rescue import CUT, DIFFERED, Broken, Passed, cut_by, possible


class Passage(Struct, eq=False):
    """One stream of a call on its way."""

    call: Call
    attempt: Attempt
    meter: Meter
    catchup: Catchup | None = None
    kept: Passed | None = None
    """What the client has, of this stream and of those that it goes on with."""
    _begun: bool = False
    _renamer: Renamer | None = None

    def show(self, events: list[bytes]) -> list[bytes]:
        """What the client is to get of whole `events`, the next of the stream."""
        passed = self.meter.show(events)
        if passed:
            first = not self._begun
            if first:  # whether the vendor calls the model as the client does is looked at once
                self._begun = True
                shown = self.call.shown_model
                if b'"model":"%b"' % shown.encode() not in passed[0]:
                    self._renamer = Renamer(shown)
            if self.catchup is not None:
                passed = self.catchup.take(passed)
            elif self._renamer is not None:
                rename = self._renamer.rename
                passed = [rename(event) for event in passed]
            if self.kept is not None:
                self._keep(passed)
            elif first:
                self.kept = Passed(passed)  # whether that is of use is asked when there is more: 30 bytecodes
        return passed

    def _keep(self, passed: list[bytes]) -> None:
        assert self.kept is not None
        if self.meter.events and not possible(self.call.ask, self.attempt.model.legs):
            self.kept = None
        else:
            self.kept.add(passed)

    @property
    def astray(self) -> bool:
        """It says something else than the client has been told; at its end, also where it says less."""
        catchup = self.catchup
        return catchup is not None and (catchup.differs or (self.meter.finished and not catchup.level))

    def delivered(self) -> Usage:
        """What the client has had of the answer, by this and by earlier streams."""
        usage, rescue = self.meter.usage(), self.call.rescue
        return usage if rescue is None else rescue.delivered(usage)

    def broken(self, how: str) -> Broken:
        """The stream as it breaks off: what it says itself of that, or else `how`."""
        error = self.meter.error
        outcome: Outcome = VendorFault(f"{CUT}: {how}", 200)
        if self.astray:
            outcome = Abandoned(DIFFERED, 200)
        elif error is not None:
            outcome = cut_by(error, self.attempt.upstream.dialect)
        return Broken(outcome, self.meter.usage(), self.kept)


def ceiling_of(ask: Ask, attempt: Attempt) -> int | None:
    """The most tokens that a prompt or its answers can have; `None` where the catalog does not say."""
    context = attempt.model.settings.context
    return None if context is None else context * ask.generations


def passage_of(call: Call, attempt: Attempt, before: Passage | None) -> Passage:
    """The passage of the stream that `attempt` has brought, behind that of the one `before` it, if there was one."""
    ask, context = call.ask, attempt.model.settings.context
    ceiling = context and context * ask.generations
    meter = Meter(ask.endpoint, ask.n, not ask.wants_usage, ask.prompt_estimate, ceiling)
    rescue = call.rescue
    if rescue is None or before is None:
        return Passage(call, attempt, meter)
    return Passage(call, attempt, meter, rescue.catchup, before.kept)
