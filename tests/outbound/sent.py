"""One attempt on its way, alone: no carrier, no client."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from targon_gw.core.attempts import (
    Abandoned,
    Outcome,
)
from targon_gw.core.call import Attempt
from targon_gw.core.config import Dialect, Duration, Timeouts
from targon_gw.core.openai import Endpoint
from targon_gw.outbound.sending import Brought
from targon_gw.outbound.stream import Stream
from tests import fakes

from .stage import Request, Stage

FIRST_TOKEN = 8.0


@define(eq=False)
class Sent:
    """An attempt on its way: what it was sent as, and what came of it."""

    stage: Stage
    attempt: Attempt
    running: Deferred[tuple[Outcome, Brought | None]]
    results: list[Any] = field(factory=list)

    @property
    def request(self) -> Request:
        return self.stage.vendor.last

    @property
    def outcome(self) -> Outcome:
        """What came of it; fails where that is open, or a bug."""
        (result,) = self.results
        assert not isinstance(result, Failure), result
        return result[0]

    @property
    def brought(self) -> Any:
        """What came with it."""
        (result,) = self.results
        return result[1]

    def over(self) -> None:
        """Give the lease back, and assert that nothing is left."""
        if isinstance(self.brought, Stream):
            self.brought.drop()
        self.attempt.leg.pool.give_back(self.attempt.lease, Abandoned(), self.stage.clock.seconds())
        self.stage.rest()


def stage(dialect: Dialect = Dialect.OPENAI, **settings: Any) -> Stage:
    """A stage whose vendor is given `FIRST_TOKEN` seconds, for the first event or for the whole."""
    upstream = fakes.upstream(
        dialect=dialect, timeouts=Timeouts(first_token=Duration(FIRST_TOKEN), total=Duration(FIRST_TOKEN))
    )
    return Stage(fakes.config(upstream), **settings)


def send(on: Stage | None = None, endpoint: Endpoint = Endpoint.CHAT, **asked: Any) -> Sent:
    """Send the first attempt of what is asked."""
    on = on or stage()
    ask = fakes.ask(endpoint=endpoint, **asked)
    call = fakes.call(on.gateway, on.clock.seconds(), ask)
    attempt = fakes.attempt_of(call.begin(on.clock.seconds()))
    on.gateway.calls.discard(call)  # the attempt alone is looked at here
    on.gateway.bank.settle(call.hold, None, 0, on.clock.seconds())
    sent = Sent(on, attempt, on.sending.send(ask, "req_1", attempt, lambda outcome, brought: (outcome, brought)))
    sent.running.addBoth(sent.results.append)
    return sent
