"""The archive: packed after a month, removed when `keep` is over, and never before the sums have it."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from targon_gw.store import archive
from targon_gw.store.archive import Archive, Tidied, folded_into, tidy
from targon_gw.store.folder import StateFolder
from targon_gw.store.recovery import recover
from targon_gw.store.snapshot import Snapshot
from tests.store.stage import DAY, NOON, at_once, ledger, opened, result, text_of

OLD, OLDER, NOW = "2025-10-10", "2025-09-01", NOON
YEAR = 400 * DAY


def filled(tmp_path: Path, *ns: int) -> StateFolder:
    """Lines of two old days and of today, and snapshots of those lines."""
    folder = opened(tmp_path)
    ledger(folder, OLDER).write_bytes(text_of([1, 2]))
    ledger(folder, OLD).write_bytes(text_of([3, 4]))
    ledger(folder).write_bytes(text_of([5, 6]))
    snapshots = Snapshot(folder, at_once)
    for n in ns:
        result(snapshots.write({}, n))
    return folder


def names(folder: StateFolder) -> list[str]:
    """What lies in the ledger's folder."""
    return sorted(os.listdir(folder.ledger))


class TidyTests:
    def test_a_month_old_is_packed(self, tmp_path: Path) -> None:
        """Its lines are the same, its file is small, and today's stays as it is."""
        folder = filled(tmp_path, 6, 6)
        done = result(Archive(folder, at_once).tidy(NOW, YEAR))

        assert done == Tidied(packed=(f"{OLDER}.yaml", f"{OLD}.yaml"))
        assert names(folder) == [f"{OLDER}.yaml.gz", f"{OLD}.yaml.gz", "2025-11-21.yaml"]
        assert gzip.decompress(Path(f"{ledger(folder, OLD)}.gz").read_bytes()) == text_of([3, 4])
        assert os.stat(f"{ledger(folder, OLD)}.gz").st_mode & 0o777 == 0o600
        assert tidy(folder, NOW, YEAR) == Tidied()

    def test_a_day_short_of_a_month_is_not(self, tmp_path: Path) -> None:
        """The usual tools read it for a month."""
        folder = filled(tmp_path, 6, 6)
        packed_from = NOON - (NOON - 1_760_097_600) + 32 * DAY
        assert tidy(folder, packed_from - DAY, YEAR).packed == (f"{OLDER}.yaml",)
        assert tidy(folder, packed_from, YEAR).packed == (f"{OLD}.yaml",)

    def test_what_is_older_than_kept_is_removed(self, tmp_path: Path) -> None:
        """Packed or not."""
        folder = filled(tmp_path, 6, 6)
        tidy(folder, NOW, YEAR)

        assert tidy(folder, NOW, 60 * DAY) == Tidied(removed=(f"{OLDER}.yaml.gz",))
        assert tidy(folder, NOW, 5 * DAY) == Tidied(removed=(f"{OLD}.yaml.gz",))
        assert names(folder) == ["2025-11-21.yaml"]

    @pytest.mark.parametrize("ns", [(), (6,), (3, 6)])
    def test_nothing_goes_that_a_snapshot_may_need(self, tmp_path: Path, ns: tuple[int, ...]) -> None:
        """A file stays until both generations have its last line."""
        folder = filled(tmp_path, *ns)
        tidy(folder, NOW, 5 * DAY)

        assert f"{OLD}.yaml" in names(folder)
        assert (f"{OLDER}.yaml" in names(folder)) == (len(ns) < 2)

    def test_a_bad_snapshot_holds_nothing(self, tmp_path: Path) -> None:
        """One that is not whole is as one that is not there."""
        folder = filled(tmp_path, 6, 6)
        assert folded_into(folder) == 6
        content = Path(folder.state_before).read_bytes()
        Path(folder.state_before).write_bytes(content.replace(b'"n":6', b'"n":7'))

        assert folded_into(folder) == 0

    def test_a_damaged_file_stays_and_is_told(self, tmp_path: Path) -> None:
        """It is a matter for `state verify`, and the others are packed."""
        folder = filled(tmp_path, 6, 6)
        ledger(folder, OLDER).write_bytes(b"no line\n" + text_of([2]))
        done = tidy(folder, NOW, YEAR)

        assert done.packed == (f"{OLD}.yaml",)
        assert f"{OLDER}.yaml:1: " in done.problems[0]
        assert ledger(folder, OLDER).exists()

    def test_a_crash_before_the_plain_file_went_is_made_up_for(self, tmp_path: Path) -> None:
        """Both are there, the lines count once, and the next day one of them is gone."""
        folder = filled(tmp_path, 6, 6)
        plain = ledger(folder, OLDER).read_bytes()
        tidy(folder, NOW, YEAR)
        ledger(folder, OLDER).write_bytes(plain)
        os.unlink(folder.state)
        os.unlink(folder.state_before)
        assert [number for number, _ in recover(folder).lines] == [1, 2, 3, 4, 5, 6]

        snapshots = Snapshot(folder, at_once)
        for _ in range(2):
            result(snapshots.write({}, 6))
        assert tidy(folder, NOW, YEAR).packed == (f"{OLDER}.yaml",)
        assert gzip.decompress(Path(f"{ledger(folder, OLDER)}.gz").read_bytes()) == plain

    def test_later_lines_of_a_packed_day_are_packed_behind(self, tmp_path: Path) -> None:
        """A clock that leapt back wrote them."""
        folder = filled(tmp_path, 6, 6)
        tidy(folder, NOW, YEAR)
        ledger(folder, OLD).write_bytes(text_of([5, 6]))
        tidy(folder, NOW, YEAR)

        assert gzip.decompress(Path(f"{ledger(folder, OLD)}.gz").read_bytes()) == text_of([3, 4, 5, 6])
        assert f"{OLD}.yaml" not in names(folder)

    def test_no_room_leaves_the_plain_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What could not be packed whole is not there at all, and is told."""
        folder = filled(tmp_path, 6, 6)
        monkeypatch.setattr(archive, "_trailer", lambda path: (0, 0))
        done = tidy(folder, NOW, YEAR)

        assert [problem.split(": ")[1] for problem in done.problems] == ["what was packed is not what was read"] * 2
        assert names(folder) == [f"{OLDER}.yaml", f"{OLD}.yaml", "2025-11-21.yaml"]
