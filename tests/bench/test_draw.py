"""The charts of a comparison: one for each kind of work, without those who answered wrongly."""

from __future__ import annotations

from bench import draw

from .test_report import COMPARED, HEAD


class ChartsTests:
    """From a record to files."""

    def test_each_kind_has_its_chart(self) -> None:
        """Named after the kind, the fastest above; a system with bad answers is in none."""
        charts = draw.charts(COMPARED)

        assert list(charts) == ["compare-unary.svg", "compare-paced.svg"]
        assert charts["compare-unary.svg"].index(">nginx<") < charts["compare-unary.svg"].index(">gateway<")
        assert "nginx" not in charts["compare-paced.svg"]
        assert "median of 3" in charts["compare-unary.svg"]

    def test_other_measures_bring_their_own(self) -> None:
        """What was drawn where it was measured is not drawn again."""
        assert draw.charts(HEAD | {"measure": "growth"}) == {}
