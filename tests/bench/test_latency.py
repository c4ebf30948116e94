"""What a system adds: reckoned within a round, told and drawn."""

from __future__ import annotations

import pytest

from bench import latency, stage


def seen(first: float, event: float, busy: float = 0.5) -> stage.Result:
    """What one load saw, its p99 ten times its median, in µs."""
    return {
        "ttft_us": {"n": 100, "p50": first, "p99": first * 10},
        "hop_us": {"n": 5000, "p50": event, "p99": event * 10},
        "busy": busy,
    }


class LatencyTests:
    """What a system adds."""

    rounds = {
        100: {
            "direct": [seen(20_000, 10), seen(30_000, 10), seen(20_000, 10)],
            "gateway": [seen(20_300, 210), seen(30_300, 210), seen(25_000, 900)],
        }
    }

    def test_added_is_reckoned_round_by_round(self) -> None:
        """A round in which the machine was slow for both adds nothing: 0.3 ms at the median of the three."""
        row = latency.summary(self.rounds)["100"]["gateway"]

        assert row["first_ms"]["added_p50"] == pytest.approx(0.3)
        assert row["event_ms"]["added_p50"] == pytest.approx(0.2)
        assert row["event_ms"]["added_p99"] == pytest.approx(2.0)
        assert (row["calls"], row["events"]) == (300, 15_000)

    def test_direct_is_shown_as_it_is(self) -> None:
        """The line without a gateway has its own figures, and no share of a processor."""
        shown = latency.tables(latency.summary(self.rounds)).splitlines()

        [direct] = [line for line in shown if "direct " in line and "open" not in line and "added" not in line]
        assert direct.split()[:4] == ["100", "direct", "20.0", "200"]
        assert "-" in direct.split()

    def test_chart_has_a_point_for_each_number_of_streams(self) -> None:
        """Both percentiles of what the gateway adds are drawn; what nobody adds is not."""
        drawn = latency.charts(latency.summary({**self.rounds, 500: self.rounds[100]}))

        assert set(drawn) == {"latency-first.svg", "latency-event.svg"}
        assert "gateway p99" in drawn["latency-event.svg"]
        assert "direct" not in drawn["latency-event.svg"]
