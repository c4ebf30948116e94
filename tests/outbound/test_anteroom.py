"""Calls that wait for a key, carried: they are sent when one is free, and nothing ticks when they are gone."""

from __future__ import annotations

import json
from typing import Any

from targon_gw.core.config import Config, PerKey
from targon_gw.core.ledger import Ending
from targon_gw.core.waiting import AT_ONCE
from tests.core.queues import bounds
from tests.fakes import config, upstream

from .stage import WHOLE, Carried, Stage, bug


def narrow(concurrent: int = 1, **settings: Any) -> Config:
    """One key, for so many calls at once."""
    return config(upstream(1, per_key=PerKey(concurrent)), **settings)


def crowd(stage: Stage, count: int) -> list[Carried]:
    """So many calls, one after the other."""
    return [stage.carry() for _ in range(count)]


class AnteroomTests:
    def test_the_next_is_sent(self) -> None:
        """A call that found no key free is sent in the turn behind the end of the one before."""
        stage = Stage(narrow())
        first, second = crowd(stage, 2)
        assert len(stage.vendor.requests) == 1
        stage.advance(2.0)
        stage.vendor.last.whole(WHOLE)
        stage.clock.advance(0)
        assert len(stage.vendor.requests) == 2
        stage.vendor.last.whole(WHOLE)

        assert [json.loads(each.sink.whole[0]) for each in (first, second)] == [WHOLE, WHOLE]
        assert [entry.note for entry in stage.entries] == [None, "waited 2.0 s for a key"]
        stage.rest()

    def test_its_time_is_up(self) -> None:
        """Nobody was free in time: told so then, and settled as a call that no vendor was asked for."""
        stage = Stage(narrow(limits=bounds(seconds=3.0)))
        first, second = crowd(stage, 2)
        stage.advance(2.75)
        assert not second.results
        stage.advance(0.25)

        assert second.results == [None]
        assert [refusal.code for refusal in second.sink.refusals] == ["overloaded"]
        assert [(entry.ending, entry.note) for entry in stage.entries] == [(Ending.REFUSED, "waited 3.0 s for a key")]
        first.running.cancel()
        stage.rest()

    def test_the_client_leaves(self) -> None:
        """A-17: it is out at once, and whoever stands behind goes when it is its turn."""
        stage = Stage(narrow())
        first, second, third = crowd(stage, 3)
        second.running.cancel()
        assert second.results == [None] and len(stage.gateway.waiting) == 1
        assert stage.entries[0].ending is Ending.ABANDONED
        first.running.cancel()
        stage.clock.advance(0)
        assert len(stage.vendor.requests) == 2
        third.running.cancel()

        stage.rest()

    def test_it_leaves_as_it_is_called(self) -> None:
        """Whose turn it is and who leaves in the same turn: the lease is back, and the next goes."""
        stage = Stage(narrow())
        first, second, third = crowd(stage, 3)
        first.running.cancel()
        second.running.cancel()
        stage.clock.advance(0)
        assert len(stage.vendor.requests) == 2
        third.running.cancel()

        stage.rest()

    def test_a_crowd_goes_in_slices(self) -> None:
        """However many may go at once, some of them go in a turn of the reactor and the rest in the next."""
        stage = Stage(narrow())
        calls = crowd(stage, 2 * AT_ONCE + 2)
        stage.gateway.reconfigure(narrow(100), 0.0)
        sent: list[int] = []

        def look() -> None:
            sent.append(len(stage.vendor.requests) - 1)
            if len(sent) < 3:
                stage.clock.callLater(0, look)

        look()
        stage.clock.advance(0)
        assert sent == [0, AT_ONCE, 2 * AT_ONCE]
        assert len(stage.vendor.requests) == len(calls)
        for each in calls:
            each.running.cancel()

        stage.rest()

    def test_all_leave(self) -> None:
        """Where nobody waits any more no timer runs."""
        stage = Stage(narrow())
        first, second = crowd(stage, 2)
        second.running.cancel()
        stage.vendor.last.whole(WHOLE)

        assert first.results == [None]
        stage.rest()

    def test_a_rest_ends(self) -> None:
        """D-32: the only account's rest is waited for, and the call is sent again when it is over."""
        stage = Stage()
        carried = stage.carry()
        stage.vendor.last.reply(429, b"{}", clean=True, retry_after=["5"])
        stage.advance(4.75)
        assert len(stage.vendor.requests) == 1
        stage.advance(0.25)
        assert len(stage.vendor.requests) == 2
        stage.vendor.last.whole(WHOLE)

        assert carried.results == [None] and carried.sink.whole
        stage.rest()

    def test_a_bug_behind_it(self) -> None:
        """What goes wrong as a call is sent on ends that call, and keeps no other waiting."""
        stage = Stage(narrow())
        first, second, third = crowd(stage, 3)
        stage.vendor.down = bug()
        stage.vendor.requests[0].whole(WHOLE)
        stage.clock.advance(0)
        stage.clock.advance(0)
        assert first.results == second.results == third.results == [None]
        assert second.failed_with is third.failed_with is RuntimeError

        stage.rest()
