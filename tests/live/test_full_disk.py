"""A disk without room: refused at once, well again by itself, and nothing lost that was acknowledged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from targon_gw.store.folder import StateFolder
from targon_gw.store.journal import JournalFull
from targon_gw.store.recovery import recover
from targon_gw.store.snapshot import Snapshot, SnapshotFailed, read_snapshot
from tests.live.test_disk import small_disk
from tests.store.stage import Kept, at_once, ledger, opened, result, text_of

pytestmark = pytest.mark.live

SIZE = 64 << 10


@pytest.fixture
def small(tmp_path: Path) -> Iterator[StateFolder]:
    """A state folder on a disk of 64 KiB."""
    with small_disk(tmp_path, SIZE) as disk:
        folder = opened(disk)
        yield folder
        folder.close()


def fill(folder: StateFolder) -> Path:
    """A stranger's file that leaves no page free."""
    stranger = Path(folder.path).parent / "stranger"
    with open(stranger, "wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return stranger


class FullDiskTests:
    def test_refuses_at_once_and_goes_on_within_five_seconds(self, small: StateFolder) -> None:
        """What append has returned for is there, what it refused is not, in several rounds (E-05, P22)."""
        kept = Kept(small)
        kept.append(0)
        number, told = 1, [0]
        for _ in range(4):
            stranger = fill(small)
            with pytest.raises(JournalFull):
                while True:
                    kept.append(number)
                    told.append(number)
                    number += 1
            assert kept.journal.full
            assert ledger(small).read_bytes().endswith(b'"}\n')
            for _ in range(3):
                kept.clock.advance(1.0)
                with pytest.raises(JournalFull):
                    kept.append(number)

            stranger.unlink()
            kept.clock.pump([1.0] * 5)
            assert not kept.journal.full
            kept.append(number)
            told.append(number)
            number += 1
        kept.close()

        assert kept.reasons == []
        assert [entry.id for _, entry in recover(small).lines] == [f"req_{number}" for number in told]
        assert os.listdir(small.ledger) == [ledger(small).name]

    def test_a_line_of_which_a_part_went_in_is_taken_back(self, small: StateFolder) -> None:
        """The kernel takes what fits into the last page: no half of a line stays behind (E-05)."""
        kept = Kept(small)
        kept.append(0)
        stranger = fill(small)
        number = 1
        with pytest.raises(JournalFull):
            while True:
                kept.append(number)
                number += 1
        assert 4096 - len(text_of([number])) < ledger(small).stat().st_size % 4096
        assert [one for one, _ in recover(small, touch=False).lines] == list(range(1, number + 1))
        stranger.unlink()
        kept.close()

    def test_the_old_snapshot_stands_until_there_is_room(self, small: StateFolder) -> None:
        """A flush that finds no room leaves no temporary file, and the next one that does is whole (E-06)."""
        snapshots = Snapshot(small, at_once)
        result(snapshots.write({"text": "x" * 9000}, 1))
        stranger = fill(small)
        for _ in range(3):
            with pytest.raises(SnapshotFailed, match="No space left"):
                result(snapshots.write({"text": "y" * 9000}, 2))
        assert sorted(os.listdir(small.path)) == ["ledger", "lock", "state.yaml"]
        assert read_snapshot(small.state).n == 1

        stranger.unlink()
        result(snapshots.write({"text": "y" * 9000}, 2))
        assert [read_snapshot(path).n for path in (small.state_before, small.state)] == [1, 2]
