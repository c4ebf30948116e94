"""What a promise came to: the figure that was measured, beside the one that was promised.

Each script ends by `concluded`: it prints its figures, and one line that says whether the promise is kept. The exit
status is 1 where it is not; what broke it is told in full.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from tests.promises.register import Promise, promise
from tests.promises.witness import told

Figures = tuple[tuple[str, object], ...]
"""Names and figures, as they are printed."""


@frozen
class Measured:
    """What a run came to: the figure that stands for it, in words, and all the others."""

    figure: str
    rows: Figures = ()
    kept: bool = True


@frozen
class Verdict:
    """A promise and what it came to."""

    number: str
    about: str
    promised: str
    measured: str
    kept: bool
    seconds: float = 0.0

    def __str__(self) -> str:
        word = "kept" if self.kept else "BROKEN"
        return f"{self.number} {self.about}: {self.measured} ({self.promised}): {word}"


def of(one: Promise, measured: str, kept: bool, seconds: float) -> Verdict:
    """The verdict about a promise."""
    return Verdict(one.number, one.about, one.promised, measured, kept, seconds)


def options(doc: str | None, known: Mapping[str, Any]) -> argparse.ArgumentParser:
    """The command line of a script: what it knows by name, with what each is unless it is given."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    for name, usual in known.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(usual), default=usual)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the verdict there")
    return parser


def concluded(
    module: str,
    doc: str | None,
    known: Mapping[str, Any],
    work: Callable[[argparse.Namespace, Path], Measured],
    argv: list[str] | None = None,
) -> int:
    """Do `work` in a folder of its own and say what came of it; the exit status."""
    one, parser = promise(module), options(doc, known)
    asked = parser.parse_args(argv)
    given = ", ".join(f"{name} {getattr(asked, name)}" for name in (*known, "seed"))
    print(f"{one.number} {one.about}: {given}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="targon-gw-promise-") as folder:
        try:
            measured = work(asked, Path(folder))
        except (AssertionError, SystemExit) as error:  # what a proof raises where it finds something wrong
            measured = Measured(_first_line(error), (("wrong", str(error) or _first_line(error)),), kept=False)
    told(measured.rows)
    verdict = of(one, measured.figure, measured.kept, time.monotonic() - began)
    print(verdict, flush=True)
    if asked.json is not None:
        asked.json.write_text(json.dumps(asdict(verdict)) + "\n", "utf-8")
    return 0 if verdict.kept else 1


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    if not lines:
        where = traceback.extract_tb(error.__traceback__)[-1]
        lines = [f"{Path(where.filename).name}:{where.lineno}: {where.line}"]
    return lines[0][:200]


def percentile(values: list[float], share: float) -> float:
    """The value that a `share` of all is at most: `0.99` for p99."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
