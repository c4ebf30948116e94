"""What a test needs of the machine: where it lacks something, the test is skipped, but under CI=true it fails.

A green run of CI must mean that everything was run.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import NoReturn

import pytest


def need(tool: str, environ: Mapping[str, str] = os.environ) -> str:
    """The path of the program `tool`; without it the test that asks is skipped, or fails under CI."""
    return shutil.which(tool, path=environ.get("PATH")) or lacking(f"{tool} is not installed", environ)


def lacking(what: str, environ: Mapping[str, str] = os.environ) -> NoReturn:
    """End the test that asks: `what` says what the machine lacks."""
    if environ.get("CI", "").lower() in {"true", "1"}:
        pytest.fail(f"{what}, and under CI nothing is skipped", pytrace=False)
    pytest.skip(what)
