"""The core's tests are to run in a few seconds: here hypothesis tries few examples, elsewhere as many as usual.

`HYPOTHESIS_LONG=1 pytest tests/core` is the long form, with ten times as many as each test says.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

HERE = Path(__file__).parent
FEW = 12


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test of this folder its number of examples."""
    for item in items:
        if not item.path.is_relative_to(HERE):
            continue
        case: Any = getattr(item, "cls", None)
        if case is not None and isinstance(getattr(case, "settings", None), settings):
            case.settings = _fewer(case.settings)
        test: Any = getattr(getattr(item, "obj", None), "__func__", getattr(item, "obj", None))
        if getattr(test, "is_hypothesis_test", False):
            known = getattr(test, "_hypothesis_internal_use_settings", None) or settings.default
            test._hypothesis_internal_use_settings = _fewer(known)


def _fewer(known: settings) -> settings:
    long = bool(os.environ.get("HYPOTHESIS_LONG"))
    return settings(known, max_examples=known.max_examples * 10 if long else min(known.max_examples, FEW))
