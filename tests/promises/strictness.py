"""Requests that HTTP does not allow are refused, and none desynchronises those behind it (promise P12; catalogue, A).

The corpus of tests/web/corpus, each case with a good request behind it on the same connection: in one read, byte by
byte, with slow answers, behind a request that goes well. Who counts and judges is tests/web/test_channel_corpus.py, the
everyday form; here its verdict becomes a figure. `python -m tests.promises.strictness`
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from tests.live.rig import ROOT
from tests.promises import verdict
from tests.promises.verdict import Measured

CORPUS = "tests/web/test_channel_corpus.py"


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    from tests.web.test_channel_corpus import CASES

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", CORPUS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0 and found is not None, done.stdout[-3000:]
    rows = (
        ("raw requests", len(CASES)),
        ("of these refused", sum(case.status > 0 for case in CASES)),
        ("trials of them, in all ways", found[1]),
    )
    return Measured(f"0 of {len(CASES)} raw requests, {found[1]} trials", rows, kept=len(CASES) >= 200)


def main() -> int:
    """Print the figures."""
    return verdict.concluded("strictness", __doc__, {}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
