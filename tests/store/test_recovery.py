"""The way back: what may be gone on from, and what is a refusal to start."""

from __future__ import annotations

from pathlib import Path

import pytest

from targon_gw.store import recovery
from targon_gw.store.folder import Damaged, StateFolder, seen
from targon_gw.store.recovery import Recovered, Torn, recover, verify
from targon_gw.store.snapshot import Snapshot
from tests.store.stage import DAY, NOON, TODAY, Kept, at_once, entry, ledger, opened, result, text_of

TOMORROW = "2025-11-22"


def flush(folder: StateFolder, *ns: int) -> None:
    """Snapshots of those lines, one behind the other."""
    snapshots = Snapshot(folder, at_once, seen(folder.state))
    for n in ns:
        result(snapshots.write({"history": n}, n))


def numbers(found: Recovered) -> list[int]:
    """The lines behind the snapshot."""
    return [number for number, _ in found.lines]


class FirstStartTests:
    def test_an_empty_folder_is_a_first_start(self, tmp_path: Path) -> None:
        """Nothing was there, and nothing is said."""
        found = recover(opened(tmp_path))

        assert (found.state, found.n, numbers(found), found.notes, found.seen) == (None, 0, [], [], None)

    def test_a_ledger_alone_is_replayed_from_its_first_line(self, tmp_path: Path) -> None:
        """It stopped before the first flush: nothing is lost."""
        folder = opened(tmp_path)
        ledger(folder).write_bytes(text_of([1, 2, 3]))
        found = recover(folder)

        assert (found.state, found.n) == (None, 0)
        assert list(found.lines) == [(n, entry(n)) for n in (1, 2, 3)]

    def test_a_ledger_whose_beginning_is_gone_is_refused(self, tmp_path: Path) -> None:
        """Its sums would begin at zero: never (faults catalogue, E-09)."""
        folder = opened(tmp_path)
        ledger(folder).write_bytes(text_of([7, 8]))
        with pytest.raises(Damaged, match=f"{TODAY}.yaml:1: begins with line 7"):
            recover(folder)

        found = recover(folder, recover=True)
        assert numbers(found) == [7, 8]
        assert "they are not counted" in found.notes[0]


class BehindTests:
    def test_only_what_is_behind_the_snapshot_is_folded(self, tmp_path: Path) -> None:
        """What is in the sums already is not counted again (faults catalogue, E-01)."""
        folder = opened(tmp_path)
        ledger(folder).write_bytes(text_of([1, 2, 3, 4]))
        ledger(folder, TOMORROW).write_bytes(text_of([5, 6]))
        flush(folder, 2)
        found = recover(folder)

        assert (found.state, found.n, numbers(found), found.notes) == ({"history": 2}, 2, [3, 4, 5, 6], [])
        assert found.seen == seen(folder.state)

    def test_files_before_the_snapshot_may_be_gone(self, tmp_path: Path) -> None:
        """Old files are removed; the sums have them."""
        folder = opened(tmp_path)
        ledger(folder, TOMORROW).write_bytes(text_of([5, 6]))
        flush(folder, 4)
        assert numbers(recover(folder)) == [5, 6]

        ledger(folder, TOMORROW).unlink()
        assert numbers(recover(folder)) == []

    def test_a_snapshot_ahead_of_the_ledger_is_gone_on_from(self, tmp_path: Path) -> None:
        """Power was lost when the snapshot was on the disk and the last lines were not: a gap is left."""
        folder = opened(tmp_path)
        ledger(folder).write_bytes(text_of([1, 2]))
        flush(folder, 5)
        assert numbers(recover(folder)) == []

        ledger(folder).write_bytes(text_of([1, 2, 6]))
        assert numbers(recover(folder)) == [6]

    def test_a_missing_line_is_a_refusal(self, tmp_path: Path) -> None:
        """A file between two is gone, or lines of one: it is named (faults catalogue, E-04)."""
        folder = opened(tmp_path)
        ledger(folder).write_bytes(text_of([1, 2, 3]))
        ledger(folder, TOMORROW).write_bytes(text_of([6, 7]))
        flush(folder, 1)
        with pytest.raises(Damaged, match=f"{TOMORROW}.yaml: line number 6 follows number 3"):
            numbers(recover(folder))

        found = recover(folder, recover=True)
        assert numbers(found) == [2, 3, 6, 7]
        assert "those between are missing" in found.notes[-1]

    def test_a_clock_that_leapt_back_loses_no_line(self, tmp_path: Path) -> None:
        """Lines lie in the file of the day that the clock told, and are read by their numbers (E-16)."""
        folder = opened(tmp_path)
        kept = Kept(folder)
        for number, at in enumerate([NOON, NOON + 9 * DAY, NOON, 5.0, NOON + 9 * DAY, NOON], 1):
            kept.append(number, at=at)
        kept.close()
        assert numbers(recover(folder)) == [1, 2, 3, 4, 5, 6]

        flush(folder, 3)
        assert numbers(recover(folder)) == [4, 5, 6]

    def test_the_end_of_what_is_folded_in_is_looked_through(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A flipped bit in the last lines is a refusal though they are in the sums; one far behind is `verify`'s."""
        folder = opened(tmp_path)
        good = text_of(range(1, 2001))
        ledger(folder).write_bytes(good.replace(b'"req_7"', b'"req_8"'))
        flush(folder, 2000)
        with pytest.raises(Damaged, match=f"{TODAY}.yaml:7: .*checksum"):
            numbers(recover(folder))

        monkeypatch.setattr(recovery, "CHECKED", 1000)
        assert numbers(recover(folder)) == []
        assert [problem.split(": ")[0] for problem in verify(folder)] == [f"{ledger(folder)}:7"]


class TornTests:
    def test_a_torn_last_line_is_cut_off(self, tmp_path: Path) -> None:
        """It goes, it is told once, and the journal goes on behind the line before it (faults catalogue, E-03)."""
        folder = opened(tmp_path)
        whole = text_of([1, 2])
        ledger(folder).write_bytes(whole + text_of([3])[:20])
        found = recover(folder)

        assert numbers(found) == [1, 2]
        assert found.torn == Torn(str(ledger(folder)), len(whole), 20)
        assert "20 bytes cut off" in found.notes[0]
        assert ledger(folder).read_bytes() == whole
        assert recover(folder).torn is None

    def test_a_bad_last_line_is_cut_off_and_kept(self, tmp_path: Path) -> None:
        """It may have been whole once: it lies in a file beside (faults catalogue, E-03)."""
        folder = opened(tmp_path)
        bad = text_of([2]).replace(b"ann", b"anm")
        ledger(folder).write_bytes(text_of([1]) + bad)

        assert numbers(recover(folder)) == [1]
        assert ledger(folder).read_bytes() == text_of([1])
        assert Path(f"{ledger(folder)}.bad").read_bytes() == bad

    def test_the_first_line_of_a_day_may_be_torn(self, tmp_path: Path) -> None:
        """The file was made, and then it ended (faults catalogue, E-02)."""
        folder = opened(tmp_path)
        ledger(folder).write_bytes(text_of([1]))
        for torn in (b"", b"- {"):
            ledger(folder, TOMORROW).write_bytes(torn)
            assert numbers(recover(folder)) == [1]
            assert ledger(folder, TOMORROW).read_bytes() == b""

    @pytest.mark.parametrize("before", [[], [1, 2]])
    def test_the_last_line_may_be_torn_in_an_older_day(self, tmp_path: Path, before: list[int]) -> None:
        """The clock was set back, and then it ended: by its number it is the last (faults catalogue, E-02, E-16)."""
        folder = opened(tmp_path)
        ledger(folder).write_bytes(text_of(before) + text_of([5])[:60])
        ledger(folder, TOMORROW).write_bytes(text_of(n for n in range(1, 5) if n not in before))

        assert numbers(recover(folder)) == [1, 2, 3, 4]
        assert ledger(folder).read_bytes() == text_of(before)

    def test_another_torn_line_of_an_older_day_is_damage(self, tmp_path: Path) -> None:
        """Its number is not the next one: no crash leaves that (faults catalogue, E-04)."""
        folder = opened(tmp_path)
        ledger(folder).write_bytes(text_of([3])[:60])
        ledger(folder, TOMORROW).write_bytes(text_of([1, 2, 3, 4]))

        with pytest.raises(Damaged, match=f"{TODAY}.yaml: ends in a line that is not whole"):
            recover(folder)

    def test_a_torn_line_that_others_follow_is_damage(self, tmp_path: Path) -> None:
        """No crash leaves that (faults catalogue, E-04)."""
        folder = opened(tmp_path)
        ledger(folder).write_bytes(text_of([1]) + b"- {")
        ledger(folder, TOMORROW).write_bytes(text_of([2]))

        with pytest.raises(Damaged, match=f"{TODAY}.yaml: ends in a line that is not whole"):
            recover(folder)

    def test_looking_changes_nothing(self, tmp_path: Path) -> None:
        """A look at a running daemon's folder leaves every byte."""
        folder = opened(tmp_path)
        content = text_of([1, 2]) + b"- {"
        ledger(folder).write_bytes(content)

        assert numbers(recover(folder, touch=False)) == [1, 2]
        assert ledger(folder).read_bytes() == content
        assert "not whole" in verify(folder)[0]


class BadSnapshotTests:
    def both(self, tmp_path: Path) -> StateFolder:
        """Four lines, and snapshots of the second and the third."""
        folder = opened(tmp_path)
        ledger(folder).write_bytes(text_of([1, 2, 3, 4]))
        flush(folder, 2, 3)
        return folder

    @pytest.mark.parametrize("content", [b"", bytes(100), b"\t", b"- a\n", b'# targon-gw state\n{"version":1,"n":3,\n'])
    def test_the_one_before_and_its_lines_are_gone_on_from(self, tmp_path: Path, content: bytes) -> None:
        """Nothing is lost, the bad file is kept, and the next flush leaves the good one be (faults catalogue, E-09)."""
        folder = self.both(tmp_path)
        Path(folder.state).write_bytes(content)
        found = recover(folder)

        assert (found.state, numbers(found)) == ({"history": 2}, [3, 4])
        [kept] = Path(folder.path).glob("state.yaml.bad-*")
        assert kept.read_bytes() == content
        assert str(kept) in " ".join(found.notes)
        flush(folder, 4)
        assert numbers(recover(folder)) == []

    def test_between_the_two_renames_the_one_before_is_the_newest(self, tmp_path: Path) -> None:
        """There is no state.yaml for an instant of every flush (faults catalogue, E-02)."""
        folder = self.both(tmp_path)
        Path(folder.state).rename(folder.state_before)
        found = recover(folder)

        assert (found.state, numbers(found), found.seen) == ({"history": 3}, [4], None)

    def test_none_that_is_good_is_a_refusal(self, tmp_path: Path) -> None:
        """Never a start from zero, though the ledger is whole (faults catalogue, E-09)."""
        folder = self.both(tmp_path)
        Path(folder.state).write_bytes(b"")
        Path(folder.state_before).write_bytes(b"\0")
        for _ in range(2):
            with pytest.raises(Damaged, match=r"state.yaml: it is empty, and there is no good one before it"):
                recover(folder)

        found = recover(folder, recover=True)
        assert (found.state, numbers(found)) == (None, [1, 2, 3, 4])
        assert len(list(Path(folder.path).glob("state.yaml*.bad-*"))) == 2

    def test_a_newer_one_is_a_refusal_even_before_a_good_one(self, tmp_path: Path) -> None:
        """This gateway would undo what a later one has done (faults catalogue, E-24)."""
        folder = self.both(tmp_path)
        newer = Path(folder.state).read_bytes().replace(b'"version":2', b'"version":3')
        Path(folder.state).write_bytes(newer)
        with pytest.raises(Damaged, match="its version is 3, and this gateway knows those up to 2"):
            recover(folder)
        assert Path(folder.state).read_bytes() == newer

        assert recover(folder, recover=True).state == {"history": 2}
        assert [kept.read_bytes() for kept in Path(folder.path).glob("state.yaml.bad-*")] == [newer]

    def test_verify_tells_all_that_is_wrong(self, tmp_path: Path) -> None:
        """Both snapshots and every line, in one go."""
        folder = self.both(tmp_path)
        assert verify(folder) == []
        Path(folder.state_before).write_bytes(b"")
        ledger(folder).write_bytes(text_of([1]) + b"no line\n" + text_of([2]))
        first = len(text_of([1]))

        assert [problem.removeprefix(folder.path) for problem in verify(folder)] == [
            "/state.yaml.1: it is empty",
            f"/ledger/{TODAY}.yaml:2: it is not a line of the ledger, or not the whole of one (byte {first})",
        ]


class RecoverTests:
    def test_a_bad_line_is_moved_beside_and_the_rest_is_folded(self, tmp_path: Path) -> None:
        """The operator has said so; the line is in a file beside and the ledger is whole again (E-04)."""
        folder = opened(tmp_path)
        bad = text_of([3]).replace(b"ann", b"anm")
        ledger(folder).write_bytes(text_of([1, 2]) + bad + text_of([4]))
        flush(folder, 1)
        with pytest.raises(Damaged, match=f"{TODAY}.yaml:3: "):
            numbers(recover(folder))

        found = recover(folder, recover=True)
        assert numbers(found) == [2, 4]
        assert Path(f"{ledger(folder)}.bad").read_bytes() == bad
        assert ledger(folder).read_bytes() == text_of([1, 2, 4])
        flush(folder, 4)
        assert numbers(recover(folder)) == []
