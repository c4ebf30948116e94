"""Tests of targon_gw/outbound/probe.py: keys that are in no pool, and what was found out about them."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, ensureDeferred

from targon_gw.core.attempts import Abandoned, Served, Throttled
from targon_gw.core.config import Kind, ModelSettings, Secret
from targon_gw.core.health import Ready
from targon_gw.core.keys import Want
from targon_gw.core.ledger import Kind as LineKind
from tests import fakes

from .stage import WHOLE
from .test_probe import Watch, watch

NEW = Secret("sn4_canary_of_a_new_key_0001")


def tried(on: Watch, secret: Secret = NEW) -> list[Any]:
    """Try a key out; how it came out, once it has."""
    told: list[Any] = []
    ensureDeferred(on.prober.try_out(on.pool, secret)).addBoth(told.append)
    return told


class TryOutTests:
    """`try_out`."""

    @pytest.mark.parametrize(("answer", "code", "outcome"), [(WHOLE, 200, "Served"), (b"no", 401, "Barred")])
    def test_outcome(self, answer: Any, code: int, outcome: str) -> None:
        """The vendor is asked with that very key; how it answers moves nobody's health, and is on file."""
        on = watch()
        told = tried(on)
        on.clock.advance(2)
        (request,) = on.sent
        assert request.head.authorization == b"Bearer " + NEW.reveal.encode()
        request.whole(answer, code)

        ((found, took),) = told
        assert (type(found).__name__, took) == (outcome, 2.0)
        assert list(on.pool.keys) == [on.key().id] and on.key().standing.health == Ready()
        assert on.key().served == 0 and on.pool.taken_changes() == []
        assert NEW.reveal not in str(on.prober.sending._known)
        (entry,) = on.stage.others
        assert (entry.kind, entry.key, entry.client) == (LineKind.PROBE, NEW.fingerprint, None)
        on.stop()

    def test_cost(self) -> None:
        """It is asked whatever the day's allowance, and what it cost counts."""
        on = watch(daily_tokens=0)
        tried(on)
        on.sent[0].whole(WHOLE)
        assert on.prober.allowances["acme"].spent == 7
        on.stop()

    def test_nothing_to_ask(self) -> None:
        """A vendor without a model that can chat is asked nothing."""
        on = watch(models=[ModelSettings("vectors", kind=Kind.EMBEDDING)])
        (failure,) = tried(on)
        assert failure.check(LookupError) and on.sent == []
        on.stop()

    def test_stop(self) -> None:
        """Nothing of it outlives the prober."""
        on = watch()
        told = tried(on)
        on.prober.stop()
        assert told[0].check(CancelledError)
        on.stop()


class TakeTests:
    """`take`."""

    def test_served(self) -> None:
        """A key that was served when it was tried out has served: no round asks it again."""
        on = watch(served=False)
        on.prober.take(on.pool, on.key(), Served())
        assert on.key().served == 1 and on.told == 1
        on.prober.start()
        assert on.sent == []
        on.stop()

    def may_serve(self, on: Watch, now: float) -> bool:
        """Whether the first key may, by itself."""
        lease = on.pool.draw(Want(fakes.MODEL, tried_keys={on.key(1).id}), now)
        if lease is not None:
            on.pool.give_back(lease, Abandoned(), now)
        return lease is not None

    def test_throttled(self) -> None:
        """One that was told to wait waits."""
        on = watch(2)
        on.prober.take(on.pool, on.key(), Throttled(30.0))
        assert [self.may_serve(on, now) for now in (0.0, 29.0, 31.0)] == [False, False, True]
        on.stop()

    def test_nothing_to_ask(self) -> None:
        """Where no model can be named nothing is taken."""
        on = watch(models=[ModelSettings("vectors", kind=Kind.EMBEDDING)])
        on.prober.take(on.pool, on.key(), Served())
        assert on.key().served == 0
        on.stop()
