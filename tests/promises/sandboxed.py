"""What the unit may do is little: systemd's own reckoning (promise P26).

The everyday form is in tests/test_packaging.py, and tests/live/test_sandbox.py runs the gateway within as much of that
sandbox as a plain machine allows. `python -m tests.promises.sandboxed`
"""

from __future__ import annotations

import argparse
import re
import subprocess
from pathlib import Path

from tests.live.rig import ROOT
from tests.promises import verdict
from tests.promises.verdict import Measured

MOST = 1.5


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    unit = ROOT / "systemd" / "targon-gw.service"
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(unit)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    exposure = re.search(r"Overall exposure level for targon-gw.service: ([0-9.]+)", told.stdout)
    assert exposure is not None, told.stdout + told.stderr
    return Measured(f"exposure {exposure[1]}", (), kept=float(exposure[1]) <= MOST)


def main() -> int:
    """Print the figure."""
    return verdict.concluded("sandboxed", __doc__, {}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
