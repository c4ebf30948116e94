"""What is told of keys that can't serve; `test_call_refusals` has what calls make of it."""

from __future__ import annotations

from targon_gw.core.attempts import Throttled
from targon_gw.core.catalog import Leg
from targon_gw.core.unserved import unserved
from tests.fakes import MODEL, key, lease, pool


class UnservedTests:
    def test_the_longer_wait(self) -> None:
        """Where others wait for longer than the rest takes, that is the true time; where they don't, the rest is."""
        rests = pool()
        rests.give_back(lease(rests, 0.0), Throttled(20.0), 0.0)
        legs = [Leg(rests, MODEL)]

        assert unserved(MODEL, legs, 0, 0.0, longer=5.0).wait == 20.0
        later = unserved(MODEL, legs, 0, 0.0, longer=45.2)
        assert later.wait == 45.2
        assert later.message == f"No usable key for {MODEL}: 1 cooling (next in 46 s)."

    def test_busy(self) -> None:
        """Keys that are well and have no room: when it may be worth while again."""
        refusal = unserved(MODEL, [Leg(pool(2), MODEL)], 0, 0.0, longer=3.0)

        assert (refusal.code, refusal.wait) == ("overloaded", 3.0)
        assert refusal.message == f"Every key for {MODEL} is as busy as it may be. Try again in 3 s."

    def test_never(self) -> None:
        """Where time brings nobody back, however long others wait, none is named."""
        assert unserved(MODEL, [Leg(pool([key(0, enabled=False)]), MODEL)], 0, 0.0, longer=3.0).wait is None
