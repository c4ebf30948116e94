"""Calls of a gateway that is measured, begun and settled as the shells do it, on a clock of their own."""

from __future__ import annotations

from attrs import define, field

from targon_gw.core.attempts import (
    Served,
)
from targon_gw.core.call import Call
from targon_gw.core.config import Config
from targon_gw.core.entries import Closing
from targon_gw.core.gateway import Gateway
from targon_gw.core.ledger import Ending, Entry
from targon_gw.core.measures import (
    Measures,
    Row,
)
from targon_gw.core.meter import Usage
from targon_gw.core.openai import Ask
from tests import fakes


@define(eq=False)
class Calls:
    """Calls of a gateway that is measured; each begins at `now` and is settled as it is told."""

    config: Config = field(factory=lambda: fakes.config(fakes.upstream(3)))
    gateway: Gateway = field(init=False)
    measures: Measures = field(init=False)
    now: float = 100.0
    number: int = 0

    def __attrs_post_init__(self) -> None:
        self.gateway = fakes.gateway(self.config)
        self.measures = Measures(self.gateway)

    def begin(self, asked: Ask | None = None) -> Call:
        """A call that is admitted and about to be carried."""
        call = fakes.call(self.gateway, self.now, asked)
        self.number += 1
        call.request_id = f"req_{self.number}"
        return call

    def end(self, call: Call, ending: Ending, usage: Usage | None = None, status: int | None = 200) -> Entry:
        """Settle, as the shells do."""
        entries = self.gateway.entries_of(call, Closing(ending, usage, status), self.now)
        self.gateway.settle(call, entries[-1], usage, self.now)
        self.measures.settled(call, entries[-1])
        return entries[-1]

    def served(self, asked: Ask | None = None, waited: float = 1.0) -> Entry:
        """A whole call of one attempt."""
        call = self.begin(asked)
        call.begin(self.now)
        self.now += waited
        call.judge(Served(), self.now)
        return self.end(call, Ending.SERVED, Usage(20, 8))

    def row(self) -> Row:
        """The one row that there is."""
        self.measures.fold()
        (row,) = self.measures.rows.values()
        return row

    def spent(self) -> float:
        """The overhead of all calls so far, in seconds."""
        self.measures.fold()
        return self.measures.overhead.total
