"""The collector leaves alone what stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from targon_gw import collector


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """The collector of the tests themselves is as it was."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


class CalmTests:
    """`calm`."""

    def test_what_there_is_stays(self) -> None:
        """It is frozen, and the young are looked at seldom."""
        before = gc.get_freeze_count()
        collector.calm()
        assert gc.get_freeze_count() > before and gc.get_threshold() == collector.THRESHOLDS


class RestingTests:
    """`resting`."""

    def test_nothing_is_collected_meanwhile(self) -> None:
        """However much is made; afterwards it is not gone through, and what is young is collected as ever."""
        before = gc.get_freeze_count()
        runs: list[int] = []
        gc.callbacks.append(lambda phase, told: runs.append(1))
        try:
            with collector.resting():
                runs.clear()  # what there was before was gone through
                kept = [[n] for n in range(collector.LARGE)]
                assert not runs
            assert gc.isenabled() and gc.get_freeze_count() - before > len(kept)
            assert gc.get_count()[0] < 1000
        finally:
            gc.callbacks.pop()

    def test_a_small_reading(self) -> None:
        """What is no burden is left to be collected: a ring that is made meanwhile is found."""
        gc.collect()  # Python 3.12 sets aside what is immortal with each
        before = gc.get_freeze_count()
        with collector.resting():
            ring: list[object] = []
            ring.append(ring)
            del ring
        assert gc.get_freeze_count() == before
        assert gc.collect() >= 1

    def test_a_reading_that_fails(self) -> None:
        """It collects again after that, too."""
        with pytest.raises(ValueError, match="bad"), collector.resting():
            raise ValueError("bad")
        assert gc.isenabled()
