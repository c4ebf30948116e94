"""Tests of targon_gw/drift.py: a clock that is set while the daemon runs."""

from __future__ import annotations

import pytest
from attrs import define, field
from twisted.logger import capturedLogs

from targon_gw.drift import MOST, Drift


@define(eq=False)
class Wall:
    """A clock on the wall that is `ahead`, and what is logged of it."""

    ahead: float = 0.0
    drift: Drift = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.drift = Drift(lambda: 1000.0, lambda: 1000.0 + self.ahead)

    def looks(self, *aheads: float) -> list[str]:
        """What is logged where it is found so at one look after the other."""
        with capturedLogs() as logs:
            for self.ahead in aheads:
                self.drift.look()
        return [log["log_format"].format(**log) for log in logs]


class DriftTests:
    """`Drift.look`."""

    def test_agrees(self) -> None:
        """What a clock that is slewed comes to is nothing."""
        wall = Wall()

        assert wall.looks(0.0, 0.4, MOST, -MOST) == []
        assert wall.drift.agrees and wall.drift.seconds == -MOST

    @pytest.mark.parametrize(("ahead", "said"), [(7200.0, "7200 s ahead"), (-7200.0, "-7200 s ahead")])
    def test_set(self, ahead: float, said: str) -> None:
        """E-16: a clock that was set is told once, whichever way; and once more when it is set again, or right."""
        wall = Wall()
        (told,) = wall.looks(ahead, ahead + 1.0, ahead - 1.0)

        assert said in told and "restart" in told
        assert not wall.drift.agrees
        assert len(wall.looks(2 * ahead, 2 * ahead)) == 1
        assert wall.looks(0.0, 0.0) == ["the system's clock agrees with the daemon's again"]
        assert wall.drift.agrees
