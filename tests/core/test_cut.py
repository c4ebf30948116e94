"""A state written down a slice at a time: it is of one moment, whatever comes to pass meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, field
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from targon_gw.core import cut
from targon_gw.core.allowance import Hold
from targon_gw.core.bank import MemoryBank
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import Anonymous, ClientSettings, Per, QuotaPlan, RateLimits, Unit
from targon_gw.core.cut import Cut, all_of, parted
from targon_gw.core.gateway import Gateway
from targon_gw.core.ledger import Ending, Entry, Kind, figures_of
from targon_gw.core.meter import Usage
from tests.fakes import ADDRESS, WALL, claim_at, config, memory
from tests.fakes import gateway as gateway_of

NAMES = [f"c{number}" for number in range(6)]
LIMITS = RateLimits(requests_per_minute=600, tokens_per_minute=100_000)


def clients(names: list[str], limits: RateLimits = LIMITS) -> tuple[ClientSettings, ...]:
    """Those, with limits and a quota."""
    plan = QuotaPlan(Unit.TOKENS, 10**9, Per.DAY)
    return tuple(ClientSettings(name, f"{int(name[1:]):064x}", limits=limits, quota=plan) for name in names)


def gateway() -> Gateway:
    """One with six clients, and callers without a key."""
    return gateway_of(config(clients=clients(NAMES), anonymous=Anonymous(True, ("*",), LIMITS, None)))


@define(eq=False)
class Life:
    """Calls of the clients of one gateway, one after the other."""

    gate: Gateway
    now: float = 1.0
    open: list[Hold] = field(factory=list)

    def holds(self, name: str) -> None:
        """A call begins."""
        self.now += 0.25
        known = memory(self.gate).named(name) or ClientKey(name)
        self.open.append(memory(self.gate).hold(known, claim_at(50, 9), ADDRESS, self.now))

    def settles(self, tokens: int) -> None:
        """The oldest one ends, and is on file."""
        self.now += 0.25
        if self.open:
            hold = self.open.pop(0)
            usage = Usage(tokens, 1)
            entry = Entry(
                self.now + WALL, "req_1", Kind.CALL, hold.client.name, "m", ending=Ending.SERVED, **figures_of(usage)
            )
            self.gate.ledger.fold(self.gate.ledger.n + 1, entry)
            memory(self.gate).settle(hold, usage, 7, self.now)

    def changes(self, per_minute: int) -> None:
        """The settings do."""
        limits = RateLimits(requests_per_minute=600, tokens_per_minute=per_minute)
        anonymous = Anonymous(True, ("*",), limits, None)
        self.gate.reconfigure(config(clients=clients(NAMES[1:], limits), anonymous=anonymous), self.now)

    def does(self, deed: tuple[str, Any]) -> None:
        """One of these."""
        getattr(self, deed[0])(deed[1])


DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("holds"), st.sampled_from([*NAMES[1:], "anonymous"])),
        st.tuples(st.just("settles"), st.integers(0, 99)),
        st.tuples(st.just("changes"), st.sampled_from([90_000, 100_000])),
    ),
    max_size=25,
)


class SlicesTests:
    @given(DEEDS, DEEDS)
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_is_of_one_moment(
        self, monkeypatch: pytest.MonkeyPatch, before: list[tuple[str, Any]], meanwhile: list[tuple[str, Any]]
    ) -> None:
        """That of the first step; and the next state has all that came to pass behind it."""
        monkeypatch.setattr(cut, "SLICE", 1)
        life = Life(gateway())
        for deed in before:
            life.does(deed)
        expected = json.dumps(life.gate.to_state(life.now), sort_keys=True)
        found, left = step_by_step(life.gate, life.now, lambda: life.does(meanwhile.pop()) if meanwhile else None)
        for deed in meanwhile:
            life.does(deed)

        assert json.dumps(found, sort_keys=True) == expected
        assert left
        again = gateway()
        again.restore(json.loads(json.dumps(life.gate.to_state(life.now))), life.now)
        for name in NAMES:
            here, there = (memory(gate).tally(name) for gate in (life.gate, again))
            assert (here.calls, here.prompt) == (there.calls, there.prompt)

    def test_one_at_a_time(self) -> None:
        """A second one would have its moment lost by the first; a broken one is in nobody's way."""
        gate = gateway()
        first = gate.slices(0.0)
        Life(gate).holds("c1")
        memory(gate).replay("c1", Usage(1, 1), 0, WALL)
        next(first)
        with pytest.raises(RuntimeError):
            gate.to_state(0.0)
        first.close()

        assert "c1" in gate.to_state(0.0)["bank"]["clients"]

    def test_big_ones_come_in_slices(self) -> None:
        """No step writes down more than a slice."""
        gate = gateway_of(config(clients=clients([f"c{n}" for n in range(1000)])))
        for number in range(1000):
            memory(gate).replay(f"c{number}", Usage(1, 1), 0, WALL)
        slices, done = gate.slices(0.0), []
        while True:
            try:
                done.append(next(slices))
            except StopIteration:
                break

        assert max(done) <= cut.SLICE and sum(done) >= 1000


def step_by_step(gate: Gateway, now: float, between: Callable[[], None]) -> tuple[dict[str, Any], bool]:
    """The state, with something done between its slices; and whether nothing is kept for it any more."""
    slices = gate.slices(now)
    while True:
        try:
            next(slices)
        except StopIteration as end:
            bank = gate.bank
            assert isinstance(bank, MemoryBank)
            return end.value, bank._cut is None and gate.ledger._cut is None
        between()


class CutTests:
    def test_what_it_was_before(self) -> None:
        """A thing that has changed since is told as it was when it was first about to."""
        said = {"a": 1}
        moment: Cut[str] = Cut(lambda name: {name: said[name]})
        moment.before("a")
        said["a"] = 2
        moment.before("a")

        assert moment.of("a") == {"a": 1}

    def test_all_of(self) -> None:
        """All steps in one go."""
        assert all_of(gateway().slices(0.0)).keys() == {"ledger", "bank", "health", "open", "people", "history"}

    def test_parted(self) -> None:
        """A slice after the other, of what there was when it was asked for, and nothing of nothing."""
        things = {str(number): number for number in range(cut.SLICE + 1)}
        parts = parted(things)
        things.clear()

        assert [len(part) for part in parts] == [cut.SLICE, 1]
        assert list(parted({})) == []
