"""From rounds to figures: ratios are those of medians of one run, bad answers are seen, a change is judged."""

from __future__ import annotations

import pytest

from bench import summary
from bench.summary import BEFORE, Result, Summary


def result(figure: float, p99: float = 1000.0, bad: int = 0, mib: float = 50.0) -> Result:
    """What one round says of one system."""
    late = {"p99": p99}
    return {
        "figure": figure,
        "cpu_figure": figure * 2,
        "latency_us": late,
        "hop_us": late,
        "mib": mib,
        "bad": bad,
        "first_bad": "status 500",
    }


class SummaryTests:
    """From rounds to a report."""

    def test_ratio_is_of_medians(self) -> None:
        """One lucky round changes nothing: 300 to 100 is three, whatever a third round gave."""
        rounds = {"gateway": [result(300), result(299), result(9000)], "plain": [result(100), result(100), result(1)]}

        report = summary.summary({"unary": rounds})

        assert summary.ratio(report["unary"], "gateway", "plain") == 3.0
        assert report["unary"]["gateway"]["cpu_figure"] == 600
        assert "gateway is 3.00 x" in summary.table(report, 3)

    def test_without_the_gateway_there_is_no_ratio(self) -> None:
        """Others alone are listed with their figures, the fastest first, and no ratio is made up."""
        shown = summary.table(summary.summary({"burst": {"plain": [result(100)], "nginx": [result(900)]}}), 1)

        assert shown.index("nginx") < shown.index("plain")
        assert "gateway" not in shown

    def test_bad_answers_are_shown(self) -> None:
        """A fast system that answers wrongly is not a fast system: how many and what the first was stands beside it."""
        report = summary.summary({"unary": {"plain": [result(100), result(100, bad=7)]}})

        assert report["unary"]["plain"]["bad"] == 7
        assert "7 BAD: status 500" in summary.table(report, 2)


def two(after: Result, before: Result) -> Summary:
    """The report of a run of two trees."""
    return summary.summary({"unary": {"gateway": [after], BEFORE: [before]}})


class VerdictTests:
    """Before and after a change."""

    @pytest.mark.parametrize(("after", "worse"), [(89, True), (91, False), (100, False), (250, False)])
    def test_line_is_drawn_at_a_tenth(self, after: float, worse: bool) -> None:
        """Nine in a hundred slower is chance, eleven is a defect; faster never is."""
        told, found = summary.verdict(two(result(after), result(100)), "1a2b3c")

        assert found is worse
        assert ("WORSE: 11% slower" in told) is worse
        assert told.endswith(f"{'worse' if worse else 'not worse'} than 1a2b3c: the line is drawn at 10%")

    def test_memory_is_judged_too(self) -> None:
        """A fifth more memory is worse, however fast the tree has become."""
        told, worse = summary.verdict(two(result(200, mib=60.0), result(100, mib=50.0)), "1a2b3c")

        assert worse
        assert "WORSE: 20% more memory" in told

    def test_work_for_a_processor_second_is_what_counts(self) -> None:
        """Answers a second that halved because others used the machine are no defect of the change."""
        disturbed = {**result(50), "cpu_figure": 200.0}

        told, worse = summary.verdict(two(disturbed, result(100)), "1a2b3c")

        assert not worse
        assert "as before" in told
