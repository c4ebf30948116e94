"""docs/performance.rst: its figures, out of the records of real runs, between markers that say which.

Nobody types a figure there. A slot stands between `.. figures: NAME` and `.. end of figures`; a slot without a record
stays as it is. A comparison fills compare, ratios and capacity; every other record the slot of its measure.

Usage: python -m bench.report [FOLDER [PAGE]], by default docs/performance and docs/performance.rst
"""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import draw, record
from bench.drawing import figure
from bench.summary import OURS, UNITS, Summary, ratio
from bench.systems import ROOT

FOLDER = ROOT / "docs" / "performance"
PAGE = ROOT / "docs" / "performance.rst"
SLOT = re.compile(r"^\.\. figures: (\S+)\n(.*?)^\.\. end of figures$", re.MULTILINE | re.DOTALL)
EVENTS = 50
"""Events a second of one stream: what a good vendor gives."""
TOKENS = 500
"""Of a stream, for the capacity: its call is paid once, its events one by one."""
BUSY = 0.7
"""Of a core, at the most: above that answers begin to queue."""


def cells(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A simple table of reStructuredText: text to the left in the first column, figures to the right in the others."""
    shown = [list(heads), *(list(row) for row in rows)]
    widths = [max(len(row[at]) for row in shown) for at in range(len(heads))]
    rule = "  ".join("=" * width for width in widths)
    lines = [
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in shown
    ]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])


def setting(read: record.Record) -> str:
    """When, at which revision, on what a record was made."""
    on = read["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in on["packages"].items() if version)
    return (
        f"{read['date'][:10]}, revision ``{read['revision']}``; {on['cpu']}, {on['processors']} processors, "
        f"{on['memory_mib'] / 1024:.0f} GiB; {on['kernel']}; Python {on['python']}, {packages}."
    )


def compared(read: record.Record) -> str:
    """Everybody's figures: a row for each system, the fastest at paced streams first."""
    medians, versions = read["medians"], read["versions"]
    kinds = list(medians)
    names = sorted({name for by_name in medians.values() for name in by_name})
    names.sort(key=lambda name: -medians[kinds[-1]].get(name, {"figure": 0.0})["figure"])
    rows = []
    for name in names:
        found = [medians[kind].get(name) for kind in kinds]
        figures = ["–" if row is None else "bad answers" if row["bad"] else figure(row["figure"]) for row in found]
        most = max((row["mib"] for row in found if row), default=0.0)
        rows.append([name, versions.get(name) or "–", *figures, f"{most:.0f}"])
    return cells(["system", "version", *(f"{kind}, {UNITS[kind]}" for kind in kinds), "MiB"], rows)


def ratios(read: record.Record) -> str:
    """The gateway's figure divided by that of each other system; a table for each way in which it was started."""
    medians = read["medians"]
    names = list(medians[list(medians)[-1]])
    ours = sorted((name for name in names if name.startswith(OURS)), key=len)  # its own is the shortest
    others = [name for name in names if name not in ours]
    return "\n\n".join(_ratios_of(name, others, medians) for name in ours)


def _ratios_of(ours: str, others: Sequence[str], medians: Summary) -> str:
    rows = []
    for name in others:
        row = [name]
        for by_name in medians.values():
            times = ratio(by_name, ours, name)
            bad = times is None or by_name[name]["bad"] or by_name[ours]["bad"]
            row.append("–" if bad else f"{times:.2f}")
        rows.append(row)
    return cells([f"{'the gateway' if ours == OURS else ours} ÷", *medians], rows)


def streams_of_a_core(row: Mapping[str, float], call: float) -> float:
    """How many streams one core carries without rest: `row` is the paced one, `call` the seconds of a whole call."""
    return TOKENS / EVENTS / (TOKENS / row["figure"] + call)


def capacity(read: record.Record) -> str:
    """Open streams, events and calls that cores carry at the load that they should be given."""
    medians = read["medians"]
    call = 1 / medians["unary"][OURS]["cpu_figure"]
    rows = []
    for cores in (1, 2, 4, 10):
        streams = cores * BUSY * streams_of_a_core(medians["paced"][OURS], call)
        rows.append([str(cores), figure(streams), figure(streams * EVENTS), figure(streams * EVENTS / TOKENS)])
    heads = ["cores", "open streams", "events a second", "streams begun a second"]
    told = f"Each core {BUSY:.0%} busy, streams of {TOKENS} events at {EVENTS} a second:\n\n{cells(heads, rows)}"
    front = medians["paced"].get("haproxy")
    if front and not front["bad"]:
        needed = streams * EVENTS / (BUSY * front["figure"])
        told += (
            f"\n\nBefore ten cores of gateways, a balancer as fast as HAProxy needs {figure(needed)} cores of its own."
        )
    return told


def compared_whole(read: record.Record) -> dict[str, str]:
    """What a comparison fills."""
    plan = read["plan"]
    head = (
        f"{setting(read)} Medians of {plan['rounds']} rounds of {figure(plan['seconds'])} s "
        f"({figure(plan['paced_seconds'])} s of paced streams); {plan['connections']} connections, "
        f"{plan['streams']} paced streams."
    )
    return {"compare": f"{head}\n\n{compared(read)}", "ratios": ratios(read), "capacity": capacity(read)}


def slots(read: record.Record) -> dict[str, str]:
    """Slot → reStructuredText, of one record."""
    if read["measure"] == "compare":
        return compared_whole(read)
    table = "\n".join(f"   {line}".rstrip() for line in read["told"].strip("\n").split("\n"))
    images = "".join(
        f"\n\n.. image:: performance/{name}\n   :alt: {name.removesuffix('.svg')}" for name in read["charts"]
    )
    return {read["measure"]: f"{setting(read)}\n\n::\n\n{table}{images}"}


def filled(page: str, texts: Mapping[str, str]) -> str:
    """The page with the slots that `texts` names filled; SystemExit where it lacks one of them."""
    if missing := set(texts) - {match.group(1) for match in SLOT.finditer(page)}:
        raise SystemExit(f"the page has no slot for {', '.join(sorted(missing))}")

    def put(match: re.Match[str]) -> str:
        name, old = match.group(1), match.group(2)
        inner = f"\n{texts[name]}\n\n" if name in texts else old
        return f".. figures: {name}\n{inner}.. end of figures"

    return SLOT.sub(put, page)


def main(folder: str = str(FOLDER), page: str = str(PAGE)) -> None:
    """Draw what is to be drawn, and write the page."""
    texts: dict[str, str] = {}
    for path in sorted(Path(folder).glob("*.json")):
        read = record.load(path)
        texts |= slots(read)
        for name, chart in draw.charts(read).items():
            (Path(folder) / name).write_text(chart, "utf-8")
    before = Path(page).read_text("utf-8")
    Path(page).write_text(filled(before, texts), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
