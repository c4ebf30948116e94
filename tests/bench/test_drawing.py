"""Charts: well-formed SVG that holds every figure as text, true to scale, whatever the names are."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import drawing

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    """What a chart says."""
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def points(svg: str) -> list[list[tuple[float, float]]]:
    """The corners of each curve."""
    return [
        [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.attrib["points"].split())]
        for line in ET.fromstring(svg).iter(f"{SVG}polyline")
    ]


class FigureTests:
    """Numbers for people."""

    @pytest.mark.parametrize(
        ("value", "said"),
        [(45200.4, "45,200"), (100, "100"), (31.24, "31.2"), (4.5, "4.5"), (0.03124, "0.0312"), (0, "0"), (2.0, "2")],
    )
    def test_three_digits_count(self, value: float, said: str) -> None:
        """Large ones are whole with their thousands apart, small ones keep three digits and no idle zero."""
        assert drawing.figure(value) == said


class BarsTests:
    """Systems side by side."""

    def test_bars_are_to_scale_and_say_their_figures(self) -> None:
        """Twice the figure is twice the bar; each has its name and its figure; the gateway's differs."""
        svg = drawing.bars("Streams", "a second", [("nginx", 400.0), ("gateway", 200.0), ("plain", 100.0)])

        shapes = list(ET.fromstring(svg).iter(f"{SVG}rect"))
        widths = [float(shape.attrib["width"]) for shape in shapes]
        assert widths[0] == pytest.approx(2 * widths[1], rel=0.01) == pytest.approx(4 * widths[2], rel=0.01)
        assert [shape.attrib["class"] for shape in shapes] == ["b", "o", "b"]
        assert texts(svg) == ["Streams", "a second", "nginx", "400", "gateway", "200", "plain", "100"]

    def test_nothing_runs_out_of_the_picture(self) -> None:
        """A long name and a long figure both have room."""
        svg = drawing.bars("t", "u", [("a-name-that-is-rather-long", 123_456_789.0), ("b", 0.0)])

        for shape in ET.fromstring(svg).iter(f"{SVG}rect"):
            assert float(shape.attrib["x"]) > 26 * drawing.LETTER
            assert float(shape.attrib["x"]) + float(shape.attrib["width"]) + 11 * drawing.LETTER < drawing.WIDTH

    def test_reader_chooses_light_or_dark(self) -> None:
        """Colours follow the reader's scheme, and the picture is told to those who hear it."""
        svg = drawing.bars("Streams", "a second", [("nginx", 400.0)])

        assert "prefers-color-scheme:dark" in svg and "currentColor" in svg
        assert "<desc>nginx 400 (a second)</desc>" in svg

    @given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co"))))
    def test_any_name_is_text(self, name: str) -> None:
        """Whatever a system is called, the chart is well-formed and says just that."""
        assert name in texts(drawing.bars("t", "u", [(name, 1.0)]))


class CurvesTests:
    """What grows."""

    def test_tens_are_evenly_apart_and_zero_is_the_ground(self) -> None:
        """Each power of ten is one step to the right; twice the value is twice as high above the axis."""
        [line] = points(drawing.curves("t", "µs", [10, 100, 1000], {"keys": [5.0, 10.0, 20.0]}, "keys"))

        assert line[1][0] - line[0][0] == pytest.approx(line[2][0] - line[1][0], abs=0.2)
        ground = 66 + drawing.PLOT
        assert ground - line[2][1] == pytest.approx(2 * (ground - line[1][1]), abs=0.2)

    def test_line_ends_in_its_name_and_figure(self) -> None:
        """Two lines that end at one height have their names one below the other, and differ by dash and mark."""
        svg = drawing.curves("t", "µs", [1, 10], {"keys": [5.0, 5.0], "models": [4.0, 5.01]}, "how many")

        ends = [
            one for one in ET.fromstring(svg).iter(f"{SVG}text") if (one.text or "").split(" ")[0] in {"keys", "models"}
        ]
        assert [one.text for one in ends] == ["keys 5", "models 5.01"]
        assert abs(float(ends[0].attrib["y"]) - float(ends[1].attrib["y"])) >= 16.9
        assert len({line.attrib.get("stroke-dasharray") for line in ET.fromstring(svg).iter(f"{SVG}polyline")}) == 2

    @pytest.mark.parametrize(("xs", "ys"), [([0, 1], [1.0, 2.0]), ([1, 2], [1.0]), ([], [])])
    def test_what_cannot_be_drawn_is_refused(self, xs: list[float], ys: list[float]) -> None:
        """Zero has no place on a logarithmic axis; a missing figure is not made up."""
        with pytest.raises(ValueError):
            drawing.curves("t", "u", xs, {"a": ys}, "x")

    def test_one_point_is_a_point(self) -> None:
        """A single x lies in the middle."""
        [[(x, _)]] = points(drawing.curves("t", "u", [100], {"a": [3.0]}, "x"))

        assert 200 < x < 500


class StepsTests:
    """The marks of the vertical axis."""

    @given(st.floats(1e-6, 1e12))
    def test_marks_reach_above_the_most(self, most: float) -> None:
        """From zero in even steps to the most or just above; few enough to read."""
        marks = drawing.steps(most)

        assert marks[0] == 0 and marks[-1] >= most * 0.998
        assert 3 <= len(marks) <= 7


class ApartTests:
    """Names beside the ends of lines."""

    @given(st.lists(st.floats(0, 240), min_size=1, max_size=6))
    def test_no_two_lie_closer_than_the_gap(self, wanted: list[float]) -> None:
        """Each keeps its distance, and the order from top to bottom stays."""
        placed = drawing.apart(wanted, 17)

        heights = sorted(placed)
        assert all(lower - upper >= 16.5 for upper, lower in pairwise(heights))
        assert sorted(range(len(wanted)), key=lambda at: placed[at]) == sorted(
            range(len(wanted)), key=lambda at: wanted[at]
        )
