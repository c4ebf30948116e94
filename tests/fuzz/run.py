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
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from attrs import frozen

PAGES = ("vendors", "clients", "files")
NAMES = ("stream", "body", "wait", "answer", "head", "request", "document", "yaml", "settings", "ledger")
"""The targets of those pages; to know them must not import what atheris is to look into."""
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


def run(name: str, seconds: int) -> Ran:
    """Run one target in a process of its own."""
    command = [sys.executable, "-m", "tests.fuzz.run", "--inside", "--seconds", str(seconds), name]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=seconds + 120)
    said = done.stdout + done.stderr
    runs, branches = _RUNS.search(said), _COVERED.findall(said)
    fault = "" if done.returncode == 0 and runs else said[-6000:]
    return Ran(name, int(runs[1]) if runs else 0, int(branches[-1]) if branches else 0, fault)


def inside(name: str, seconds: int) -> None:
    """Be that process; does not return."""
    import atheris  # only where it is to be run: it is slow to load, and may not be there

    with atheris.instrument_imports(include=["targon_gw"], enable_loader_override=False):
        pages = [importlib.import_module(f"tests.fuzz.{page}") for page in PAGES]
    (target,) = (each for page in pages for each in page.TARGETS if each.name == name)
    KEPT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(target.seeds()):
            Path(corpus, str(number)).write_bytes(seed)
        arguments = [sys.argv[0], corpus, f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={SLOWEST}"]
        atheris.Setup([*arguments, f"-artifact_prefix={KEPT}/{name}-"], target.check)
        atheris.Fuzz()


def again(path: str) -> None:
    """Hold one kept input against its target, plainly."""
    name = Path(path).name.partition("-")[0]
    pages = [importlib.import_module(f"tests.fuzz.{page}") for page in PAGES]
    (target,) = (each for page in pages for each in page.TARGETS if each.name == name)
    target.check(Path(path).read_bytes())
    print(f"{name} has nothing against {path}")


def main() -> int:
    """Run them; the exit code is 1 where something was found, 2 where atheris is not here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(NAMES))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) - 1))
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
        inside(options.targets[0], options.seconds)
    found = False
    with ThreadPoolExecutor(options.jobs) as pool:
        for ran in pool.map(lambda name: run(name, options.seconds), options.targets or NAMES):
            verdict = "FOUND" if ran.fault else "nothing found"
            print(f"{ran.name:<9} {ran.runs:>9,} inputs {ran.branches:>6,} branches  {verdict}", flush=True)
            if ran.fault:
                print(ran.fault)
                found = True
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
