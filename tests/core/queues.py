"""A gateway whose keys are few, clients by name, and what becomes of the calls that they make."""

from __future__ import annotations

from collections import Counter
from typing import Any

from attrs import define, evolve, field

from targon_gw.core.attempts import Outcome, Served
from targon_gw.core.call import Call, Pass, Queue, Refuse, Step, Try
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import Bounds, ClientSettings, Config, Duration, PerKey, Secret
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Asking, Gateway
from targon_gw.core.ledger import Ending
from tests.fakes import MODEL, ask, closing, config, gateway, settled, upstream

CLIENTS = {"ann": 1, "bob": 1, "cleo": 3}
"""By name, with the priority of each."""


def bounds(number: int = 1000, seconds: float = 10.0) -> Bounds:
    """So many may wait, for so long."""
    return Bounds(waiting=number, waiting_time=Duration(seconds))


def clients(**priorities: int) -> tuple[ClientSettings, ...]:
    """The clients of these names and priorities."""
    named = priorities or CLIENTS
    return tuple(ClientSettings(name, Secret(f"sk-{name}").digest, priority=at) for name, at in named.items())


def narrow(keys: int = 1, concurrent: int = 1, **changes: Any) -> Config:
    """One vendor with so many keys, each for so many calls at once."""
    return evolve(config(upstream(keys, per_key=PerKey(concurrent)), clients=clients()), **changes)


@define(eq=False)
class Hall:
    """Calls of all clients, at any stage."""

    settings: Config = field(factory=narrow)
    now: float = 0.0
    steps: dict[Call, Step] = field(factory=dict)
    went: list[str] = field(factory=list)
    """Whose calls were sent, in order."""
    told: Counter[str] = field(factory=Counter)
    """How waits ended."""
    desk: Gateway = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.desk = gateway(self.settings)
        self.desk.waiting.told = lambda how, seconds: self.told.update([how])

    def ask(self, name: str = "ann", model: str = MODEL, **fields: Any) -> Call:
        """A call of that client, begun."""
        found = self.desk.identify(f"sk-{name}".encode(), "192.0.2.1", self.now)
        assert isinstance(found, ClientKey)
        call = self.desk.admit(Asking(found, "192.0.2.1", "req_1"), ask(model, **fields), self.now)
        assert isinstance(call, Call)
        self._take(call, call.begin(self.now))
        return call

    def _take(self, call: Call, step: Step) -> None:
        self.steps[call] = step
        if isinstance(step, Try):
            self.went.append(call.client.name)

    def judge(self, call: Call, outcome: Outcome) -> Step:
        """The call's attempt has come out like that."""
        self._take(call, call.judge(outcome, self.now))
        for _ in self.desk.changes():
            pass
        return self.steps[call]

    def end(self, call: Call, ending: Ending = Ending.SERVED) -> None:
        """The call is over, in whatever state it is."""
        if isinstance(self.steps[call], Try) and ending is Ending.SERVED:
            assert isinstance(self.judge(call, Served()), Pass)
        del self.steps[call]
        settled(self.desk, call, closing(ending), self.now)

    def turn(self, seconds: float = 0.0) -> None:
        """Time passes, and whoever may goes on."""
        self.now += seconds
        waiting = self.desk.waiting
        while ended := waiting.turn(self.now):
            for call, step in ended:
                assert isinstance(self.steps[call], Queue)
                self._take(call, step)
        assert not waiting.pending

    def serve(self, count: int) -> list[str]:
        """So many calls that are under way end, one after the other; whose calls were sent meanwhile."""
        before = len(self.went)
        for _ in range(count):
            self.end(next(call for call, step in self.steps.items() if isinstance(step, Try)))
            self.turn()
        return self.went[before:]

    def refusal(self, call: Call) -> Refusal:
        """What its client is told; fails where it is told nothing."""
        step = self.steps[call]
        assert isinstance(step, Refuse), step
        return step.refusal

    def waits(self, call: Call) -> bool:
        """Whether it does."""
        return isinstance(self.steps[call], Queue)
