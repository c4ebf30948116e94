"""From rounds to figures: medians, ratios, the table for people, and whether a change made anything worse."""

import statistics
from collections.abc import Mapping
from typing import Any

UNITS = {"unary": "answers a second", "burst": "streams a second", "paced": "events a processor second"}
"""What each kind of work is measured in; more is better in all."""
OURS = "gateway"
"""The gateway's name, and what the names of its other rows and curves begin with: it is drawn in its own colour."""
BEFORE = "before"
"""The name of the other revision in a run of before and after."""
WORSE = 0.1
"""A figure that is worse by more than this share is a defect of the change."""
Result = dict[str, Any]
Results = dict[str, dict[str, list[Result]]]
"""kind → system → a result a round."""
Summary = dict[str, dict[str, Result]]
"""kind → system → figure, the same for a processor second, p99 in ms, MiB, bad answers."""


def summary(results: Results) -> Summary:
    """Medians over the rounds; the most memory.

    p99 is of a whole answer; of one event's way for paced.
    """
    out: Summary = {}
    for kind, by_name in results.items():
        late = "hop_us" if kind == "paced" else "latency_us"
        medians = {name: statistics.median(r["figure"] for r in rounds) for name, rounds in by_name.items()}
        out[kind] = {
            name: {
                "figure": figure,
                "cpu_figure": statistics.median(r["cpu_figure"] for r in by_name[name]),
                "p99_ms": statistics.median(r[late]["p99"] for r in by_name[name]) / 1e3,
                "mib": max(r["mib"] for r in by_name[name]),
                "bad": sum(r["bad"] for r in by_name[name]),
                "first_bad": next((r["first_bad"] for r in by_name[name] if r["bad"]), ""),
            }
            for name, figure in medians.items()
        }
    return out


def ratio(by_name: Mapping[str, Result], ours: str, other: str) -> float | None:
    """The figure of `ours` divided by the other's, of one kind; None where one was not measured, or did nothing."""
    mine, row = by_name.get(ours), by_name.get(other)
    return mine["figure"] / row["figure"] if mine and row and row["figure"] else None


def fastest_first(by_name: dict[str, Result]) -> list[tuple[str, Result]]:
    """The rows of one kind."""
    return sorted(by_name.items(), key=lambda item: -item[1]["figure"])


def table(report: Summary, rounds: int) -> str:
    """The report for people, the fastest first."""
    lines = []
    for kind, by_name in report.items():
        lines.append(f"\n{kind} ({UNITS[kind]}; median of {rounds})")
        for name, row in fastest_first(by_name):
            times = None if name == OURS else ratio(by_name, OURS, name)
            told = "" if times is None else f"{OURS} is {times:.2f} x"
            bad = f"   {row['bad']} BAD: {row['first_bad']}" if row["bad"] else ""
            figures = f"{row['figure']:10.0f}   {told:20s} p99 {row['p99_ms']:8.1f} ms {row['mib']:6.0f} MiB"
            lines.append(f"  {name:14s}{figures}{bad}")
    return "\n".join(lines)


def verdict(report: Summary, revision: str) -> tuple[str, bool]:
    """After ÷ before of each kind, in words, and whether any figure is worse by more than `WORSE`.

    What a processor second carries and memory are judged: whatever else the machine does disturbs these least. The
    slowest answers are shown; in short rounds they are chance.
    """
    lines, worse = [f"\nthis tree ÷ {revision}, work for a processor second"], False
    for kind, by_name in report.items():
        after, before = by_name[OURS], by_name[BEFORE]
        speed, memory = after["cpu_figure"] / before["cpu_figure"], after["mib"] / before["mib"]
        late = after["p99_ms"] / before["p99_ms"] if before["p99_ms"] else 1.0
        faults = [f"WORSE: {1 - speed:.0%} slower"] if speed < 1 - WORSE else []
        faults += [f"WORSE: {memory - 1:.0%} more memory"] if memory > 1 + WORSE else []
        worse = worse or bool(faults)
        told = "; ".join(faults) or ("better" if speed > 1 + WORSE else "as before")
        lines.append(f"  {kind:8s}{speed:6.2f} x   p99 {late:5.2f} x   memory {memory:5.2f} x   {told}")
    lines.append(f"{'worse' if worse else 'not worse'} than {revision}: the line is drawn at {WORSE:.0%}")
    return "\n".join(lines), worse
