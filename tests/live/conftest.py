"""One rig for the tests that need no faults of their own; those that do start another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.rig import Rig, Wishes, started


@pytest.fixture(scope="session")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway before a vendor that speaks as Targon does, quickly."""
    with started(tmp_path_factory.mktemp("rig"), Wishes(events_per_second=400.0)) as found:
        yield found
