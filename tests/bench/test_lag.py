"""What is said of a wait, from outside and from inside."""

from __future__ import annotations

import json
from typing import Any

from bench import lag
from bench.pinger import Lag


class LagTests:
    """What is said of a wait."""

    def test_gauge_is_read_from_the_page(self) -> None:
        """In milliseconds; comments and names that begin alike are not it."""
        page = (
            "# TYPE targon_gw_loop_lag_seconds gauge\n"
            "targon_gw_loop_lag_seconds 0.0125\n"
            "targon_gw_loop_lag_seconds_other 7\n"
        )

        assert lag.gauge(page) == 12.5
        assert lag.gauge("targon_gw_calls_in_flight 3\n") is None

    def test_waits_are_judged(self) -> None:
        """Beyond 100 ms is too long, beyond 20 is not the goal."""
        told = [lag.verdict(worst) for worst in (19.0, 21.0, 101.0)]

        assert told == ["", "not the goal", "TOO LONG"]

    def test_rows_can_be_written(self) -> None:
        """A row is plain JSON, gauge or none."""
        row = lag.Row("nothing", 1.0, Lag(200, 0.2, 0.4, 0.9), None)

        plain: dict[str, Any] = json.loads(json.dumps(lag.reported([row])))

        assert plain["nothing"]["lag"]["worst"] == 0.9
        assert "0.90" in lag.tables([row])
