"""The proofs are named for what they do, not `test_…`; they are run all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.promises import register

PROOFS = register.MODULES


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """The module of a proof; one that was asked for by its path pytest finds by itself."""
    if file_path.name in PROOFS and not parent.session.isinitpath(file_path):
        return pytest.Module.from_parent(parent, path=file_path)
    return None
