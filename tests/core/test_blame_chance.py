"""Chance: a vendor that fails now and then, whoever asks. Nobody is to blame for that, and nobody may have to wait."""

from __future__ import annotations

import heapq
import random
from collections import Counter

import pytest

from targon_gw.core.attempts import Served, VendorFault
from targon_gw.core.call import Call, Pass, Step, Try, Wait
from targon_gw.core.entries import Closing
from targon_gw.core.health import Cooling, Ready
from targon_gw.core.keys import Want
from targon_gw.core.ledger import Ending
from tests import fakes
from tests.fakes import MODEL, lease, lease_of, pool, the

FAULT = VendorFault("500", 500)


class LoneFaultTests:
    """One fault of one key."""

    def test_is_chance(self) -> None:
        """Another key serves, and the one that did not stays in the draw."""
        keys = pool(4)
        keys.give_back(lease_of(keys, 0, 0.0), FAULT, 0.0)
        keys.give_back(lease_of(keys, 1, 0.1), Served(), 0.2)

        assert keys.census(0.2) == {"usable": 4}

    def test_is_forgotten_once_it_serves(self) -> None:
        """Faults with something served between them are no row."""
        keys = pool(4)
        for at in range(6):
            now = float(at)
            keys.give_back(lease_of(keys, 0, now), FAULT if at % 2 else Served(), now)
            keys.give_back(lease_of(keys, 1, now), Served(), now)

        assert keys.census(6.0) == {"usable": 4}

    def test_the_second_is_none(self) -> None:
        """Two with nothing between, while others serve: it rests."""
        keys = pool(4)
        for now in (0.0, 1.0):
            keys.give_back(lease_of(keys, 0, now), FAULT, now)
            keys.give_back(lease_of(keys, 1, now), Served(), now)

        assert isinstance(the(keys, 0).standing.health, Cooling)


class RowTests:
    """Faults in a row where many call."""

    def test_some_in_a_row_are_chance(self) -> None:
        """Somebody was served a moment ago: the third in a row opens nothing, the tenth does."""
        keys = pool(20)
        keys.give_back(lease(keys, 0.0), Served(), 0.0)
        for _ in range(9):
            keys.give_back(lease(keys, 0.1, Want(MODEL)), FAULT, 0.1)
        assert type(keys.route(MODEL).standing.health) is Ready
        keys.give_back(lease(keys, 0.1, Want(MODEL)), FAULT, 0.1)
        assert isinstance(keys.route(MODEL).standing.health, Cooling)

    def test_three_while_nobody_was_served(self) -> None:
        """A quarter of a second after the last one that was, three are enough."""
        keys = pool(20)
        keys.give_back(lease(keys, 0.0), Served(), 0.0)
        for now in (0.1, 0.2, 0.3):
            keys.give_back(lease(keys, now, Want(MODEL)), FAULT, now)
        assert isinstance(keys.route(MODEL).standing.health, Cooling)


class Traffic:
    """Calls at a rate, each attempt of which takes 50 to 150 ms and fails with a probability."""

    def __init__(self, keys: int, failing: float) -> None:
        self.luck = random.Random(1)
        self.failing = failing
        self.gateway = fakes.gateway(fakes.config(fakes.upstream(keys)), self.luck.random)
        self.ends: Counter[str] = Counter()
        self._coming: list[tuple[float, int, Call, bool]] = []
        self._number = 0

    def run(self, calls: int, rate: float) -> None:
        """So many, and then to the end of the last."""
        for number in range(calls):
            now = number / rate
            self._go_on(now)
            call = fakes.call(self.gateway, now)
            call.request_id = f"req_{number}"
            self._take(call, call.begin(now), now)
        self._go_on(float("inf"))

    def _go_on(self, until: float) -> None:
        while self._coming and self._coming[0][0] <= until:
            now, _, call, judged = heapq.heappop(self._coming)
            if judged:
                outcome = FAULT if self.luck.random() < self.failing else Served()
                self._take(call, call.judge(outcome, now), now)
            else:
                self._take(call, call.resume(now), now)

    def _take(self, call: Call, step: Step, now: float) -> None:
        self._number += 1
        match step:
            case Try():
                heapq.heappush(self._coming, (now + 0.05 + self.luck.random() * 0.1, self._number, call, True))
            case Wait():
                heapq.heappush(self._coming, (step.until, self._number, call, False))
            case _:
                self.ends[type(step).__name__] += 1
                ending = Ending.SERVED if isinstance(step, Pass) else Ending.FAILED
                entry = self.gateway.entries_of(call, Closing(ending), now)[-1]
                self.gateway.settle(call, entry, None, now)


class TrafficTests:
    @pytest.mark.parametrize("keys", [2, 4, 40])
    @pytest.mark.parametrize("failing", [0.0, 0.01, 0.05])
    def test_calls_are_served(self, keys: int, failing: float) -> None:
        """200 a second: whatever a vendor fails at by chance another attempt makes good, and nobody waits for a key."""
        traffic = Traffic(keys, failing)
        traffic.run(4000, 200.0)

        assert traffic.ends["Queue"] == 0
        assert traffic.ends["Pass"] >= 4000 * (1 - 2 * failing**2)
