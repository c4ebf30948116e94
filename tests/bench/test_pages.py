"""What is reckoned and said of open pages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench import pages
from bench.pages import Measured, Plan, Round
from bench.pinger import Lag


def measured(busy: float = 0.06, calls: float = 970.0) -> Measured:
    """Two rounds, with 500 pages and without."""
    lag = Lag(400, 0.3, 1.5, 4.0)
    bare, watched = Round(0, 0.04, lag, 990.0, 1000.0, lag, 0.0), Round(500, busy, lag, 980.0, calls, lag, 12.0)
    return Measured(Plan(), [bare, watched] * 2)


class MeasuredTests:
    """`Measured`."""

    def test_a_tick(self) -> None:
        """What the gateway takes more with pages open, for the time of one tick."""
        assert measured().tick_ms == pytest.approx(10.0)
        assert measured(busy=0.03).tick_ms == 0.0

    def test_fewer_calls(self) -> None:
        """As a share of those without pages."""
        assert measured().fewer == pytest.approx(0.03)

    def test_into_a_lag(self) -> None:
        """A figure of a lag has its median, too."""
        assert measured().median("quiet.p99", 500) == 1.5


class TellingTests:
    """What is said of it."""

    @pytest.mark.parametrize(
        ("found", "dear"), [(measured(), False), (measured(busy=0.2), True), (measured(calls=900.0), True)]
    )
    def test_verdict(self, found: Measured, dear: bool) -> None:
        """More than a twentieth of the processor, or of the calls, is too much."""
        assert ("MORE THAN 5%" in pages.tables(found)) is dear

    def test_told(self) -> None:
        """A tick in all and a page."""
        assert (
            "10.0 ms of processor time for all, 20 µs a page; 3.0% fewer calls for a processor second"
            in pages.tables(measured())
        )

    def test_can_be_written(self) -> None:
        """It is plain JSON."""
        plain: dict[str, Any] = json.loads(json.dumps(pages.reported(measured())))
        assert plain["plan"]["pages"] == 500 and len(plain["rounds"]) == 4
