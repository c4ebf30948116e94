"""Each hold is settled once, whatever happens in whatever order (promise P7; faults catalogue, C-11 to C-15, E-25).

The bank is held against a plain list by hypothesis: calls are let in, settled, cancelled, settled again, processes
crash and go on from a snapshot and the lines behind it, windows end, limits and quotas change. After each step every
figure is the list's. The everyday form is tests/core/test_bank_model.py. `python -m tests.promises.settlement [--walks
N]`
"""

from __future__ import annotations

import argparse
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import seed as seeded
from hypothesis.stateful import invariant, run_state_machine_as_test

from tests.core import test_bank_model
from tests.promises import verdict
from tests.promises.verdict import Measured

STEPS = 80
"""Of a walk at most."""


class Counted(test_bank_model.BankModel):
    """The same, and how often it was looked at."""

    walks = steps = settled_in_all = 0

    def __init__(self) -> None:
        super().__init__()
        Counted.walks += 1

    @invariant()
    def agrees(self) -> None:
        """Every figure is the list's."""
        Counted.steps += 1
        super().agrees()

    def teardown(self) -> None:
        """What is under way is settled; then nothing is."""
        super().teardown()
        Counted.settled_in_all += len(self.settled)


def prove(walks: int, seed: int) -> None:
    """Go so many ways; raises AssertionError with the shortest that leads to a wrong figure."""
    how = settings(
        max_examples=walks,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seeded(seed)(Counted), settings=how)


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    prove(options.walks, options.seed)
    rows = (
        ("walks, and steps after each of which all figures agree", f"{Counted.walks:,}, {Counted.steps:,}"),
        ("calls settled, each once", f"{Counted.settled_in_all:,}"),
    )
    return Measured(f"0 wrong in {Counted.steps:,} steps, {Counted.settled_in_all:,} calls", rows)


def main() -> int:
    """Print the figures."""
    return verdict.concluded("settlement", __doc__, {"walks": 2000}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
