"""Figures for pages: as JSON has them, cheap at any size."""

from __future__ import annotations

from msgspec import json

from targon_gw.core.config import ModelSettings
from targon_gw.core.history import SPANS
from targon_gw.web.figures import Figures
from tests import fakes


def figures(**settings: object) -> Figures:
    """Of a gateway of those settings, which has run for a minute and a half."""
    return Figures(fakes.gateway(fakes.config(**settings)), lambda: 90.5, 0.0, "1.2.3")  # type: ignore[arg-type]


class FiguresTests:
    """`Figures`."""

    def test_plain(self) -> None:
        """All of it is JSON as it stands."""
        one = figures()
        for told in (one.overview(), one.models(), one.points(), one.catalogue(), *map(one.monitor, SPANS)):
            assert json.decode(json.encode(told))

    def test_moments(self) -> None:
        """Moments are Unix seconds, and how long it has run is whole ones."""
        told = figures().overview()
        assert (told["at"], told["uptime_s"]) == (fakes.WALL + 90.5, 90)
        assert figures().monitor("15m")["t"][-1] == (fakes.WALL + 90.5) // 5 * 5

    def test_two_points(self) -> None:
        """Of each chart the last but one and the last."""
        told = figures().points()
        assert {span: points[1]["t"] - points[0]["t"] for span, points in told.items()} == {
            span: step for span, (step, _) in SPANS.items()
        }

    def test_a_thousand_models(self) -> None:
        """What nobody has called costs few bytes."""
        models = [ModelSettings(f"m-{number}") for number in range(1000)]
        assert len(json.encode(figures(models=models).models())) < 150_000
