"""Large bodies, which are read aside while others are served."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from targon_gw.web.api import LARGE

from .house import ANSWER, House, codes

WORDS = "x" * (LARGE + 1)


class Thread:
    """A thread in memory: what it is given is done when it is told."""

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []

    def __call__(self, work: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """As `deferToThread`."""
        done: Deferred[Any] = Deferred()

        def do() -> None:
            if done.called:  # it was given up meanwhile
                return
            try:
                result = work(*args)
            except Exception as error:
                done.errback(error)
            else:
                done.callback(result)

        self.work.append(do)
        return done

    def turn(self) -> None:
        """Do what there is to do."""
        work, self.work = self.work, []
        for do in work:
            do()


def house() -> tuple[House, Thread]:
    """A gateway with such a thread."""
    made, thread = House(), Thread()
    made.api.aside = thread
    return made, thread


class LargeTests:
    """A body beyond `LARGE` (faults catalogue, B-10)."""

    def test_read_aside(self) -> None:
        """Nobody is asked before it is read; then it is a call like any other."""
        made, thread = house()
        made.call(messages=[{"role": "user", "content": WORDS}])
        assert made.vendor.asked == [] and len(thread.work) == 1
        thread.turn()
        made.vendor.answers(ANSWER)

        assert json.loads(made.heard.body)["choices"] == ANSWER["choices"]
        assert [entry.ending.value for entry, _ in made.entries if entry.ending] == ["served"]

    def test_a_small_one_is_not(self) -> None:
        """It is read at once."""
        made, thread = house()
        made.call()

        assert thread.work == [] and len(made.vendor.asked) == 1

    def test_refused(self) -> None:
        """What is wrong with it is told as of a small one, and no call begins."""
        made, thread = house()
        made.call(messages=[{"role": "user", "content": WORDS}], temperature=9)
        thread.turn()

        assert codes([made.heard]) == ["invalid_value"]
        assert made.vendor.asked == [] and made.gateway.calls == set()

    def test_the_client_leaves_meanwhile(self) -> None:
        """Nothing comes of it (faults catalogue, A-17)."""
        made, thread = house()
        made.call(messages=[{"role": "user", "content": WORDS}])
        made.talk.leave()
        thread.turn()

        assert made.vendor.asked == [] and made.gateway.calls == set() and made.entries == []
