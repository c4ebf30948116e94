"""All promises, one after the other, each in its long form; and one table of what they came to.

Scripts are told apart by their exit status: 0 is kept. With `--record` the table goes into docs/promises.rst, between
its markers, and as a record of this machine and day into docs/promises.json; what was not run stays as it was there.
`python -m tests.promises.all [--only NAME,…] [--record]`
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict

from bench import record, report
from tests.live.rig import ROOT
from tests.promises import verdict
from tests.promises.register import HERE, PROMISES, Promise
from tests.promises.verdict import Verdict

RECORD, PAGE = ROOT / "docs" / "promises.json", ROOT / "docs" / "promises.rst"
_LINE = re.compile(r"^(?P<name>\S.{43}) (?P<figure>.+)$")
"""A figure as `witness.told` prints it."""


def run(one: Promise) -> Verdict:
    """Run a script in its long form; what it prints is printed."""
    if not (HERE / f"{one.module}.py").exists():
        return verdict.of(one, "there is no such script", False, 0.0)
    began, lines = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "verdict.json"
        command = [sys.executable, "-m", f"tests.promises.{one.module}", *one.long]
        command += ["--json", str(told)] if one.concludes else []
        timed = ["timeout", f"{one.minutes * 60:.0f}", *command]
        process = subprocess.Popen(timed, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip("\n"))
        status, seconds = process.wait(), time.monotonic() - began
        if told.exists():
            return Verdict(**json.loads(told.read_text("utf-8")))
    figures = [f"{found['name'].strip()}: {found['figure']}" for line in lines if (found := _LINE.match(line))]
    shown = [figure for figure in figures if not one.shows or figure.startswith(one.shows)]
    return verdict.of(one, "; ".join(shown) if not status else (lines or ["it said nothing"])[-1], not status, seconds)


def table(verdicts: Sequence[Verdict]) -> str:
    """For people, in a terminal."""
    wide = max(len(f"{one.number} {one.about}") for one in verdicts)
    return "\n".join(
        f"{f'{one.number} {one.about}'.ljust(wide)}  {'kept  ' if one.kept else 'BROKEN'}  {one.measured}"
        for one in verdicts
    )


def page(verdicts: Mapping[str, Mapping[str, Any]]) -> str:
    """The table of docs/promises.rst: by script, what was promised and what came of it."""
    rows = []
    for one in PROMISES:
        came = verdicts.get(one.module)
        told = "not run yet" if came is None else ("" if came["kept"] else "**broken**: ") + came["measured"]
        rows.append((f"{one.number} {one.about}", one.promised, f"``{one.module}``", told))
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 14 32 14 40", ""]
    for row in (("promise", "promised", "script", "measured"), *rows):
        lines += [f"   {'*' if not at else ' '} - {cell}" for at, cell in enumerate(row)]
    return "\n".join(lines)


def kept_in(came: Mapping[str, Any], before: Mapping[str, Any]) -> record.Record:
    """A record of what came of these, and of what an earlier one knows of the others."""
    return record.record("promises", {"verdicts": {**before.get("verdicts", {}), **came}})


def write(verdicts: Mapping[str, Verdict]) -> None:
    """Into the record and the page."""
    before = record.load(RECORD) if RECORD.exists() else {}
    written = kept_in({module: asdict(one) for module, one in verdicts.items()}, before)
    record.save(RECORD, written)
    texts = {"promises": f"{report.setting(written)}\n\n{page(written['verdicts'])}"}
    PAGE.write_text(report.filled(PAGE.read_text("utf-8"), texts), "utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, record; 1 where a promise is broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="names of scripts, with commas between them")
    parser.add_argument("--record", action="store_true", help="write docs/promises.json and docs/promises.rst")
    options = parser.parse_args(argv)
    names = set(filter(None, options.only.split(",")))
    if unknown := names - {one.module for one in PROMISES}:
        parser.error(f"there is no script {', '.join(sorted(unknown))}")
    verdicts = {}
    for one in PROMISES:
        if not names or one.module in names:
            verdicts[one.module] = run(one)
            print(f"\n{verdicts[one.module]}\n" if not one.concludes else "", flush=True)
            if options.record:
                write(verdicts)  # each at once: an hour is long
    print(table(list(verdicts.values())))
    return 0 if all(one.kept for one in verdicts.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
