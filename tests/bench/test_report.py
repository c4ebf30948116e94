"""The performance page: its figures are those of the records beside it, and nothing else in it is touched."""

from __future__ import annotations

from typing import Any

import pytest

from bench import draw, record, report
from bench.summary import Summary


def row(figure: float, cpu: float, bad: int = 0) -> dict[str, Any]:
    """One system's medians."""
    return {
        "figure": figure,
        "cpu_figure": cpu,
        "p99_ms": 1.0,
        "mib": 71.4,
        "bad": bad,
        "first_bad": "",
    }


MEDIANS: Summary = {
    "unary": {"gateway": row(8000, 10_000), "nginx": row(40_000, 50_000)},
    "paced": {"gateway": row(25_000, 25_000), "nginx": row(0, 0, bad=3)},
}
HEAD: record.Record = {
    "date": "2026-11-22T03:00Z",
    "revision": "1a2b3c4d5e",
    "machine": {
        "cpu": "A Processor",
        "processors": 2,
        "memory_mib": 24576,
        "kernel": "Linux 6.1",
        "python": "3.11.7",
        "packages": {"twisted": "26.10.0", "klein": None},
    },
}
COMPARED: record.Record = HEAD | {
    "measure": "compare",
    "plan": {"rounds": 3, "seconds": 4.0, "paced_seconds": 6.0, "connections": 32, "streams": 300},
    "versions": {"nginx": "1.22.1"},
    "medians": MEDIANS,
}
PAGE = """Performance
===========

.. figures: compare
old
.. end of figures

Words.

.. figures: ratios
.. end of figures

.. figures: capacity
.. end of figures

.. figures: lag
what was
.. end of figures
"""


class CellsTests:
    """A table."""

    def test_table_is_as_wide_as_its_cells(self) -> None:
        """Names to the left, figures to the right, the rules as long as the widest."""
        assert report.cells(["system", "a second"], [["nginx", "45,200"], ["haproxy", "–"]]) == "\n".join(
            [
                "=======  ========",
                "system   a second",
                "=======  ========",
                "nginx      45,200",
                "haproxy         –",
                "=======  ========",
            ]
        )


class SlotsTests:
    """What a record says on the page."""

    def test_comparison_names_machine_revision_and_versions(self) -> None:
        """Where, when and what of: a figure without these means nothing."""
        told = report.slots(COMPARED)["compare"]

        for said in ("2026-11-22", "``1a2b3c4d5e``", "A Processor, 2 processors, 24 GiB", "twisted 26.10.0", "1.22.1"):
            assert said in told
        assert "klein" not in told
        assert "Medians of 3 rounds of 4 s" in told

    def test_bad_answers_have_no_figure(self) -> None:
        """A system that answered wrongly is named so, in the table and by a dash among the ratios."""
        told = report.slots(COMPARED)

        assert "bad answers" in told["compare"]
        assert [line.split() for line in told["ratios"].splitlines() if line.startswith("nginx")] == [
            ["nginx", "0.20", "–"]
        ]

    def test_gateway_started_otherwise_has_ratios_of_its_own(self) -> None:
        """A table for each, the gateway as it is first; none of them stands among the others."""
        medians = {kind: {"gateway-jit": row(12_000, 12_000), **found} for kind, found in MEDIANS.items()}

        first, second = report.slots({**COMPARED, "medians": medians})["ratios"].split("\n\n")

        assert [line.split() for line in first.splitlines() if not line.startswith("=")] == [
            ["the", "gateway", "÷", "unary", "paced"],
            ["nginx", "0.20", "–"],
        ]
        assert [line.split() for line in second.splitlines() if not line.startswith("=")] == [
            ["gateway-jit", "÷", "unary", "paced"],
            ["nginx", "0.30", "–"],
        ]

    def test_capacity_is_reckoned_from_events_and_calls(self) -> None:
        """25,000 events and 10,000 calls a processor second: 500 events cost 20 ms, their call 0.1 ms, in 10 s.

        That is 497.5 streams to a core without rest, 348 of a core that is busy for seven tenths.
        """
        [one, *_, ten] = [
            line.split() for line in report.slots(COMPARED)["capacity"].splitlines() if line[:1].isdigit()
        ]

        assert one == ["1", "348", "17,413", "34.8"]
        assert ten == ["10", "3,483", "174,129", "348"]

    def test_other_measure_is_told_in_its_own_words(self) -> None:
        """Its table as it was printed, and its charts, in the slot of its name."""
        told = report.slots(HEAD | {"measure": "lag", "told": "\nworst, ms\n  flush   3.1", "charts": ["lag.svg"]})

        assert list(told) == ["lag"]
        assert "::\n\n   worst, ms\n     flush   3.1\n" in told["lag"]
        assert ".. image:: performance/lag.svg" in told["lag"]


class FilledTests:
    """The page."""

    def test_slots_are_filled_and_the_rest_stays(self) -> None:
        """Old figures go, words and slots without a record stay; done twice it is the same."""
        once = report.filled(PAGE, report.slots(COMPARED))

        assert "old" not in once and "Words." in once and "what was\n.. end of figures" in once
        assert ".. figures: ratios\n\n====" in once
        assert report.filled(once, report.slots(COMPARED)) == once

    def test_figures_without_a_place_are_refused(self) -> None:
        """A record that the page has no slot for would be lost without a word."""
        with pytest.raises(SystemExit, match="no slot for growth"):
            report.filled(PAGE, {"growth": "x"})


class PageTests:
    """docs/performance.rst as it stands."""

    def test_page_says_what_the_records_say(self) -> None:
        """The tables and the charts are those that `make bench-report` would write."""
        page, texts = report.PAGE.read_text("utf-8"), {}
        for path in sorted(report.FOLDER.glob("*.json")):
            read = record.load(path)
            texts |= report.slots(read)
            for name, chart in draw.charts(read).items():
                assert (report.FOLDER / name).read_text("utf-8") == chart, name

        assert {"compare", "ratios", "capacity"} <= set(texts)
        assert report.filled(page, texts) == page

    def test_page_is_restructured_text(self) -> None:
        """docutils has nothing to say about it, and each picture that it shows is there."""
        core = pytest.importorskip("docutils.core")
        page = report.PAGE.read_text("utf-8")

        core.publish_doctree(page, settings_overrides={"halt_level": 2, "report_level": 2, "warning_stream": False})

        for name in [line.split("::")[1].strip() for line in page.splitlines() if line.startswith(".. image::")]:
            assert (report.PAGE.parent / name).exists(), name
