"""The charts of a record, as SVG files beside it.

Usage: python -m bench.draw RECORD.json FOLDER
"""

import sys
from pathlib import Path

from bench import drawing, record
from bench.summary import UNITS, fastest_first

TITLES = {
    "unary": "Whole answers",
    "burst": "Streams of 32 events, sent at once",
    "paced": "300 streams, 50 events a second each",
}


def charts(read: record.Record) -> dict[str, str]:
    """File name → SVG: one for each kind of work of a comparison; none for what was drawn where it was measured."""
    if read["measure"] != "compare":
        return {}
    rounds = read["plan"]["rounds"]
    return {
        f"compare-{kind}.svg": drawing.bars(
            TITLES[kind],
            f"{UNITS[kind]}, on one core; median of {rounds}",
            [(name, row["figure"]) for name, row in fastest_first(by_name) if not row["bad"]],
        )
        for kind, by_name in read["medians"].items()
    }


def main(path: str, folder: str) -> None:
    """Draw a record into a folder."""
    for name, chart in charts(record.load(Path(path))).items():
        (Path(folder) / name).write_text(chart, "utf-8")
        print(Path(folder) / name)


if __name__ == "__main__":
    main(*sys.argv[1:])
