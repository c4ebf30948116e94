"""The parsers under atheris, guided by the branches that an input takes: `make fuzz`, or
`python -m tests.fuzz.run [--seconds N] [--jobs N] [TARGET …]`.

Each target runs in a process of its own for so many seconds, from the seeds that the tests know. What is found is
kept in `.fuzz/`, each input in a file by the name of its target; `--again FILE` shows it once more. atheris comes with
the extra `fuzz` and has no wheels for every machine: without it nothing is run and nothing is said to have been. What
tests/fuzz/test_targets.py does with the same targets is hypothesis, which knows nothing of branches.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from attrs import frozen

from tests.fuzz.target import Target

PAGES = {
    "vendors": ("stream", "body", "wait", "answer"),
    "clients": ("head", "request", "document"),
    "files": ("yaml", "settings", "ledger"),
}
"""The targets by page: known here, since to import a page is to import what atheris is to look into."""
NAMES = tuple(name for names in PAGES.values() for name in names)
LONGEST = 8192
"""Bytes of an input."""
SLOWEST = 5
"""Seconds that one input may take."""
KEPT = Path(".fuzz")
_RUNS = re.compile(r"Done (\d+) runs")
_COVERED = re.compile(r"cov: (\d+)")


@frozen
class Ran:
    """How one target went. `branches` is how many were seen; `fault` is what it said, where it found something."""

    name: str
    runs: int
    branches: int
    fault: str = ""


def is_here() -> bool:
    """Whether atheris is installed."""
    return find_spec("atheris") is not None


def found(name: str) -> Target:
    """The target of that name, with its page."""
    (page,) = (page for page, names in PAGES.items() if name in names)
    targets: tuple[Target, ...] = importlib.import_module(f"tests.fuzz.{page}").TARGETS
    return next(target for target in targets if target.name == name)


def run_all(names: Sequence[str], seconds: int, jobs: int, seed: int = 0, inputs: int = -1) -> Iterator[Ran]:
    """Run several, so many at a time; in order."""
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda name: run(name, seconds, seed, inputs), names)


def run(name: str, seconds: int, seed: int = 0, inputs: int = -1) -> Ran:
    """Run one target in a process of its own, for so long or so many inputs (-1: any number).

    `seed` 0 is another one each time; the same seed and number of inputs are the same search.
    """
    options = [f"--seconds={seconds}", f"--seed={seed}", f"--inputs={inputs}"]
    command = [sys.executable, "-m", "tests.fuzz.run", "--inside", *options, name]
    env = {**os.environ, "PYTHONHASHSEED": str(seed)}
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, timeout=seconds + 120, env=env
    )
    said = done.stdout + done.stderr
    runs, branches = _RUNS.search(said), _COVERED.findall(said)
    fault = "" if done.returncode == 0 and runs else f"{done.stdout[-4000:]}\n{done.stderr[-1000:]}"
    return Ran(name, int(runs[1]) if runs else 0, int(branches[-1]) if branches else 0, fault)


def inside(name: str, seconds: int, seed: int, inputs: int) -> None:
    """Be that process; does not return."""
    import atheris  # only where it is to be run: it is slow to load, and may not be there

    with atheris.instrument_imports(include=["targon_gw"], enable_loader_override=False):
        target = found(name)
    KEPT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for number, data in enumerate(target.seeds()):
            Path(corpus, str(number)).write_bytes(data)
        arguments = [sys.argv[0], corpus, f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={SLOWEST}"]
        atheris.Setup(
            [*arguments, f"-seed={seed}", f"-runs={inputs}", f"-artifact_prefix={KEPT}/{name}-"], target.check
        )
        atheris.Fuzz()


def again(path: str) -> None:
    """Hold one kept input against its target, plainly."""
    name = Path(path).name.partition("-")[0]
    found(name).check(Path(path).read_bytes())
    print(f"{name} has nothing against {path}")


def main() -> int:
    """Run them; the exit code is 1 where something was found, 2 where atheris is not here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(NAMES))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument("--seed", type=int, default=0, help="0 is another one each time")
    parser.add_argument("--inputs", type=int, default=-1, help="at most so many for each, -1 for any number")
    parser.add_argument("--again", metavar="FILE")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.again:
        again(options.again)
        return 0
    if not is_here():
        print("atheris is not installed: pip install 'targon-gw[fuzz]' (Linux on x86-64)", file=sys.stderr)
        return 2
    if options.inside:
        inside(options.targets[0], options.seconds, options.seed, options.inputs)
    faults = 0
    for ran in run_all(options.targets or NAMES, options.seconds, options.jobs, options.seed, options.inputs):
        verdict = "FOUND" if ran.fault else "nothing found"
        print(f"{ran.name:<9} {ran.runs:>9,} inputs {ran.branches:>6,} branches  {verdict}", flush=True)
        if ran.fault:
            print(ran.fault)
            faults += 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
