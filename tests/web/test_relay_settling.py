"""What can't be on file is not seen whole: an Entry that is refused, at each place where a call is settled."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from targon_gw.core.config import Per, QuotaPlan, Unit
from targon_gw.core.ledger import Ending
from tests import fakes

from .house import ANSWER, DONE, House, codes, error_in, event, finish, says, usage


def full_house() -> House:
    """A house with a call under way, a quota for it, and no room any more for what it comes to."""
    settings = fakes.config()
    plan = QuotaPlan(Unit.TOKENS, 1_000_000, Per.DAY)
    return House(evolve(settings, clients=(evolve(settings.clients[0], quota=plan),)))


def left_nothing(house: House, entries: int = 0) -> None:
    """Assert that the call is over and was used for nothing: no entry, hold and lease back, no key blamed."""
    seen = house.gateway.bank.overview(fakes.client(house.gateway), house.now())
    assert seen.quota is not None
    assert (seen.quota.used, seen.quota.held, seen.in_flight, seen.requests) == (0, 0, 0, 0)
    assert len(house.entries) == entries
    (pool,) = house.gateway.pools.values()
    assert [key.in_flight for key in pool.keys.values()] == [0]
    assert pool.census(house.now())["usable"] == 1
    assert not any(route.faults for route in pool.routes.values())
    assert house.quiet()


class UnrecordedTests:
    """E-05: there is no room for the ledger when a call ends."""

    def test_whole_answer(self) -> None:
        """A whole answer that can't be on file is not given: 503, to be tried again, and nothing is used."""
        house = full_house()
        house.call()
        house.full = True
        house.vendor.answers(ANSWER)

        assert (house.heard.status, codes([house.heard])) == (503, ["overloaded"])
        assert house.heard.headers[b"retry-after"] == b"5"
        assert house.heard.headers[b"x-should-retry"] == b"true"
        assert b"Hi" not in house.talk.wire.value()
        left_nothing(house)

    @pytest.mark.parametrize("how", ["done", "closed", "late done"])
    def test_stream(self, how: str) -> None:
        """A stream that can't be on file ends with an error event, without [DONE] and without its last chunk."""
        house = full_house()
        house.call(stream=True)
        house.vendor.begins(says("Hel"), finish())
        house.full = True
        if how == "done":
            house.vendor.says(usage(), DONE)
        elif how == "closed":
            house.vendor.ends()
        else:
            house.talk.pass_seconds(2)

        told = error_in(house.heard.chunks[-1])
        assert (told["code"], told["type"]) == ("overloaded", "overloaded_error")
        assert DONE not in house.heard.chunks
        assert not house.heard.ended
        assert house.talk.wire.disconnecting
        house.talk.pass_seconds(3)
        left_nothing(house)

    def test_cut_stream(self) -> None:
        """A stream that the vendor cut is told as that, whether or not it can be on file."""
        house = full_house()
        house.call(stream=True)
        house.vendor.begins(says("Hel"))
        house.full = True
        house.vendor.ends(cleanly=False)

        assert error_in(house.heard.chunks[-1])["code"] == "upstream_truncated"
        assert not house.entries and not house.gateway.calls

    def test_refusal(self) -> None:
        """A failure that can't be on file is told as the lack of room: that is what has to be mended first."""
        house = House(fakes.config(retries=fakes.patient(attempts=1)))
        house.call()
        house.full = True
        house.vendor.fails()

        assert (house.heard.status, codes([house.heard])) == (503, ["overloaded"])
        assert not house.entries and not house.gateway.calls

    @pytest.mark.parametrize("stream", [True, False])
    def test_client_who_left(self, stream: bool) -> None:
        """A client who left is settled at nothing without a word: nobody is there to be told."""
        house = full_house()
        house.call(stream=stream)
        if stream:
            house.vendor.begins(says("Hel"))
        house.full = True
        house.talk.leave()

        left_nothing(house)

    def test_room_again(self) -> None:
        """Once there is room the next call is served and counted, on the same connection."""
        house = full_house()
        house.call()
        house.full = True
        house.vendor.answers(ANSWER)
        house.full = False
        house.talk.wire.clear()
        house.call()
        house.vendor.answers(ANSWER)

        assert house.heard.status == 200
        assert house.entry.ending is Ending.SERVED


class ErrorBehindTheEndTests:
    """Decision 5: an answer with its finish_reason is whole, whatever follows."""

    @pytest.mark.parametrize("together", [True, False])
    @pytest.mark.parametrize("seed", [1, None])
    def test_an_error_event(self, together: bool, seed: int | None) -> None:
        """It is not passed on, nobody is asked again, and the vendor is not blamed."""
        house = House(fakes.config(fakes.upstream(2)))
        house.call(stream=True, seed=seed)
        house.vendor.begins(says("Hello"))
        error = event(error={"message": "usage could not be counted", "code": 500})
        if together:
            house.vendor.says(finish(), error)
        else:
            house.vendor.says(finish())
            house.vendor.says(error)

        assert house.heard.chunks == [says("Hello"), finish(), DONE]
        assert house.heard.ended and house.entry.ending is Ending.SERVED
        assert len(house.vendor.asked) == 1
        assert house.quiet()


class BreakOffTests:
    """E-22: the gateway ends while a call runs."""

    def broken_off(self, house: House) -> None:
        """End it as the daemon does."""
        house.gateway.draining = True
        house.api.break_off()
        assert not house.gateway.calls and not house.api.relays

    def unharmed(self, house: House) -> None:
        """Assert that no key and no route is blamed, and nothing is left."""
        (pool,) = house.gateway.pools.values()
        assert pool.census(house.now())["usable"] == len(pool.keys)
        assert not any(route.faults for route in pool.routes.values())
        assert house.gateway.bank.overview(fakes.client(house.gateway), house.now()).in_flight == 0
        assert not house.others
        house.talk.pass_seconds(3)
        assert house.quiet()

    @pytest.mark.parametrize("stream", [True, False])
    def test_nothing_has_come(self, stream: bool) -> None:
        """A call that waits for its vendor is a 503 that says when to come again, on file as failed before."""
        house = House()
        house.call(stream=stream)
        self.broken_off(house)

        assert (house.heard.status, codes([house.heard])) == (503, ["draining"])
        assert house.heard.headers[b"retry-after"] == b"2"
        assert house.heard.headers[b"x-should-retry"] == b"true"
        assert house.vendor.cancelled == 1
        ((entry, sent_by_then),) = house.entries
        assert (entry.ending, entry.status, entry.usage) == (Ending.FAILED, 503, None)
        assert sent_by_then == b""
        self.unharmed(house)

    def test_early_head(self) -> None:
        """A stream of which only the head has left ends with an error event and no last chunk."""
        house = House()
        house.call(stream=True)
        house.talk.pass_seconds(21)
        self.broken_off(house)

        assert error_in(house.heard.chunks[-1])["code"] == "draining"
        assert not house.heard.ended and house.talk.wire.disconnecting
        ((entry, sent_by_then),) = house.entries
        assert (entry.ending, entry.status) == (Ending.FAILED, 200)
        assert b"draining" not in sent_by_then
        self.unharmed(house)

    def test_between_two_attempts(self) -> None:
        """A call that waits for a key's turn is told, too."""
        house = House(fakes.config(retries=fakes.patient(attempts=2)))
        house.gateway.rules = evolve(house.gateway.rules, roll=lambda: 0.9)
        house.call()
        house.vendor.fails()
        self.broken_off(house)

        assert codes([house.heard]) == ["draining"]
        assert house.entry.ending is Ending.FAILED
        house.talk.pass_seconds(3)
        assert len(house.vendor.asked) == 1
        assert house.quiet()

    @pytest.mark.parametrize("paused", [True, False])
    def test_mid_stream(self, paused: bool) -> None:
        """A stream under way ends with an error event; what has come is counted, and the vendor is not to blame."""
        house = House()
        house.call(stream=True)
        house.vendor.begins(says("Hel"), says("lo"))
        if paused:
            house.talk.channel.pauseProducing()
        self.broken_off(house)

        assert house.heard.chunks[:2] == [says("Hel"), says("lo")]
        assert error_in(house.heard.chunks[2])["code"] == "draining"
        assert len(house.heard.chunks) == 3
        assert not house.heard.ended and house.talk.wire.disconnecting
        assert house.vendor.body.stopped
        ((entry, sent_by_then),) = house.entries
        assert (entry.ending, entry.status) == (Ending.TRUNCATED, 200)
        assert entry.usage is not None and entry.usage.completion > 0
        assert b"draining" not in sent_by_then
        house.vendor.says(finish(), DONE)
        assert len(house.heard.chunks) == 3
        self.unharmed(house)

    def test_twice(self) -> None:
        """Breaking off twice, or what has ended, changes nothing."""
        house = House()
        house.call()
        house.vendor.answers(ANSWER)
        answered = house.talk.wire.value()
        self.broken_off(house)
        self.broken_off(house)

        assert house.talk.wire.value() == answered
        assert json.loads(house.heard.body) == ANSWER
        assert house.entry.ending is Ending.SERVED
        assert house.quiet()

    def test_no_room(self) -> None:
        """Without room for the ledger the client is told all the same."""
        for stream in (True, False):
            house = House()
            house.call(stream=stream)
            if stream:
                house.vendor.begins(says("Hel"))
            house.full = True
            self.broken_off(house)

            told: Any = error_in(house.heard.chunks[-1]) if stream else json.loads(house.heard.body)["error"]
            assert told["code"] == "draining"
            assert not house.entries
            house.talk.pass_seconds(3)
            assert house.quiet()
