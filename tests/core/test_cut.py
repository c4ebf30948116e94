"""A state written down a slice at a time: it is of one moment, whatever comes to pass meanwhile."""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from attrs import define, field
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from targon_gw.core import cut
from targon_gw.core.allowance import Hold
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import Anonymous, ClientSettings, Per, QuotaPlan, RateLimits, Unit
from targon_gw.core.cut import Rows, all_of, as_read, parted, plain, together
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
            rows = [memory(gate)._rows, memory(gate)._address_rows, *gate.ledger._rows.values()]
            return as_read(end.value), not any(one._open or one._due for one in rows)
        between()


@define(eq=False)
class Word:
    """A thing that says a number; 0: nothing that is to be kept."""

    number: int
    asked: int = 0

    def tell(self) -> dict[str, Any] | None:
        """It."""
        self.asked += 1
        return {"number": self.number} if self.number else None


def rows_of(**words: Word) -> Rows[Word]:
    """Rows of these, all of them new."""
    rows = Rows(Word.tell)
    for name, word in words.items():
        rows.changes(name, word)
    return rows


def said(rows: Rows[Word]) -> dict[str, int]:
    """What a state would tell of them."""
    return {name: row["number"] for name, row in as_read(all_of(together({"": rows})))[""].items()}


class RowsTests:
    """`Rows`."""

    def test_what_it_was_before(self) -> None:
        """A thing that changes while it is written down is told as it was at first; and the next time, as it is."""
        word = Word(1)
        rows = rows_of(a=word)
        slices = rows.slices()
        next(slices)
        for number in (2, 3):
            rows.changes("a", word)
            word.number = number
        rows.changes("b", Word(9))
        with pytest.raises(StopIteration) as end:
            for _ in range(3):
                next(slices)

        assert as_read(end.value.value) == {"a": {"number": 1}}
        assert said(rows) == {"a": 3, "b": 9}

    def test_only_what_has_changed(self) -> None:
        """Who has not changed since the last state is not asked, and still told."""
        words = [Word(1), Word(2)]
        rows = rows_of(a=words[0], b=words[1])
        said(rows)
        rows.changes("b", words[1])
        words[1].number = 3

        assert said(rows) == said(rows) == {"a": 1, "b": 3}
        assert [word.asked for word in words] == [1, 2]

    def test_nothing_to_keep(self) -> None:
        """Who has nothing to say is left out; who is forgotten, too."""
        rows = rows_of(a=Word(0), b=Word(1), c=Word(2), d=Word(3))
        rows.forget("b")
        assert said(rows) == {"c": 2, "d": 3}
        rows.forget("c")
        assert said(rows) == {"d": 3}

    def test_nothing_is_kept(self) -> None:
        """Who is forgotten takes no room until the next state: callers come and go by thousands."""
        word = Word(1)
        rows, left = rows_of(a=word), weakref.ref(word)
        rows.forget("a")
        del word
        assert left() is None

    def test_forgotten_while_it_is_written_down(self) -> None:
        """Who is forgotten before the turn has come is not told, and who takes the name is by the next state."""
        old, new = Word(1), Word(2)
        rows = rows_of(a=old)
        slices = rows.slices()
        next(slices)
        rows.forget("a")
        rows.changes("a", new)

        assert as_read(all_of(slices)) == {}
        assert said(rows) == {"a": 2}
        assert old.asked == 0

    def test_kept_as_it_was_read(self) -> None:
        """What an earlier run wrote down is told as it stands; of the file that it was read from nothing is kept."""
        file = bytearray(b'{"a":{"number":1},"b":{"number":2}}')
        read = msgspec.json.decode(memoryview(file), type=dict[str, Raw])
        rows = rows_of()
        for name, row in read.items():
            rows.keep(name, row)
            assert plain(row) == plain(plain(row)) == {"number": ord(name) - 96}
        del read, row
        file.clear()  # a BufferError, where something still looks into it

        assert said(rows) == {"a": 1, "b": 2}

    def test_order(self) -> None:
        """Who was told last is the last."""
        words = {name: Word(1) for name in "abc"}
        rows = rows_of(**words)
        said(rows)
        rows.changes("a", words["a"])
        assert list(said(rows)) == ["b", "c", "a"]

    def test_broken_off(self) -> None:
        """A state that is not gone through to its end is in nobody's way: the next one has it all."""
        rows = rows_of(a=Word(1))
        slices = rows.slices()
        next(slices)
        with pytest.raises(RuntimeError):
            next(rows.slices())
        rows.changes("b", Word(2))
        slices.close()

        assert said(rows) == {"a": 1, "b": 2}

    @pytest.mark.parametrize("meanwhile", [True, False])
    def test_what_cant_be_told(self, meanwhile: bool) -> None:
        """A thing that raises is told by the next state."""
        word = Word(1)
        rows = rows_of(a=word)
        slices = rows.slices()
        next(slices)
        word.number = 1 / 0.1j  # type: ignore[assignment]
        with pytest.raises(TypeError):
            if meanwhile:
                rows.changes("a", word)
            else:
                next(slices)
        slices.close()
        word.number = 2

        assert said(rows) == {"a": 2}

    def test_together(self) -> None:
        """Where one of several can't begin, the others may."""
        one, other = rows_of(a=Word(1)), rows_of(b=Word(2))
        under_way = other.slices()
        next(under_way)
        with pytest.raises(RuntimeError):
            all_of(together({"one": one, "other": other}))
        under_way.close()

        assert (said(one), said(other)) == ({"a": 1}, {"b": 2})


class PartsTests:
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
