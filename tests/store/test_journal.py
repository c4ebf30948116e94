"""The journal: what is acknowledged, where it lies, and when it is on the disk."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, fail

from targon_gw.core.ledger import read_line
from targon_gw.store.folder import StateFolder
from targon_gw.store.journal import JournalFailed, JournalFull, date_of
from tests.store.stage import DAY, NOON, TODAY, Kept, Later, at_once, entry, ledger, opened, result, text_of


def numbers(path: Path) -> list[int]:
    """The numbers of the lines in a file."""
    return [read_line(line)[0] for line in path.read_bytes().splitlines(keepends=True)]


class AppendTests:
    def test_the_line_is_in_the_file_when_append_returns(self, tmp_path: Path) -> None:
        """No sync, no close: what append has returned for outlives the process (faults catalogue, E-01)."""
        kept = Kept(opened(tmp_path))

        assert kept.append(1, 2) == [1, 2]

        assert ledger(kept.folder).read_bytes() == text_of([1, 2])
        assert os.stat(ledger(kept.folder)).st_mode & 0o777 == 0o600
        kept.close()

    def test_goes_on_behind_what_is_there(self, tmp_path: Path) -> None:
        """After a restart the numbers and the file go on."""
        first = Kept(opened(tmp_path))
        first.append(1, 2)
        first.close()
        second = Kept(first.folder)
        second.journal.open(2)

        assert second.append(3) == [3]
        assert numbers(ledger(first.folder)) == [1, 2, 3]
        for loop in second.clock.getDelayedCalls():
            loop.cancel()

    def test_each_day_has_its_file(self, tmp_path: Path) -> None:
        """The UTC day of the entry says where its line goes; the numbers go on."""
        kept = Kept(opened(tmp_path))
        kept.append(1)
        kept.append(2, 3, at=NOON + DAY)

        assert numbers(ledger(kept.folder)) == [1]
        assert numbers(ledger(kept.folder, "2025-11-22")) == [2, 3]
        assert len(os.listdir("/proc/self/fd")) < 200
        kept.close()

    def test_a_step_back_across_midnight_stays_in_the_file(self, tmp_path: Path) -> None:
        """A call of yesterday that is settled today does not turn the page back and forth (faults catalogue, E-16)."""
        kept = Kept(opened(tmp_path))
        midnight = NOON + DAY / 2
        kept.append(1, at=midnight + 1)
        kept.append(2, at=midnight - 1)
        kept.append(3, at=midnight + 2)

        assert numbers(ledger(kept.folder, "2025-11-22")) == [1, 2, 3]
        assert not ledger(kept.folder).exists()
        kept.close()

    def test_a_leap_of_the_clock_keeps_the_numbers(self, tmp_path: Path) -> None:
        """In 1970 the lines go where they say they belong, and are numbered on (faults catalogue, E-16)."""
        kept = Kept(opened(tmp_path))
        kept.append(1)
        kept.append(2, at=5.0)
        kept.append(3)

        assert numbers(ledger(kept.folder)) == [1, 3]
        assert numbers(ledger(kept.folder, "1970-01-01")) == [2]
        kept.close()

    def test_takes_nothing_before_it_is_open_or_after_it_is_closed(self, tmp_path: Path) -> None:
        """Nothing is acknowledged that nobody will read back."""
        kept = Kept(opened(tmp_path))
        kept.append(1)
        kept.close()

        with pytest.raises(JournalFailed, match="closed"):
            kept.append(2)
        assert numbers(ledger(kept.folder)) == [1]
        assert kept.reasons == []

    def test_no_calendar_has_such_a_day(self) -> None:
        """A date beyond the calendar is refused by name."""
        assert date_of(0) == "1970-01-01"
        with pytest.raises(ValueError, match="no calendar"):
            date_of(10**9)


class SyncTests:
    def test_lines_are_on_the_disk_within_a_second(self, tmp_path: Path) -> None:
        """The beat syncs what was written since the last one, and rests where nothing was."""
        threads = Later()
        kept = Kept(opened(tmp_path), threads=threads)
        kept.append(1)
        kept.clock.advance(1.0)
        assert len(threads.asked) == 1
        assert kept.journal.behind() == 1.0

        threads.go()

        assert kept.journal.behind() == 0.0
        kept.clock.advance(1.0)
        assert threads.asked == []
        self.end(kept, threads)

    def test_a_slow_disk_has_one_sync_at_a_time(self, tmp_path: Path) -> None:
        """While one runs none is begun; what came meanwhile is the next one's, and its age is told."""
        threads = Later()
        kept = Kept(opened(tmp_path), threads=threads)
        kept.append(1)
        kept.clock.advance(1.0)
        kept.append(2)
        kept.clock.pump([1.0] * 5)
        assert len(threads.asked) == 1
        assert kept.journal.behind() == 6.0

        threads.go()
        assert kept.journal.behind() == 5.0
        kept.clock.advance(1.0)
        threads.go()
        assert kept.journal.behind() == 0.0
        self.end(kept, threads)

    def test_who_asks_waits_for_the_lines_before(self, tmp_path: Path) -> None:
        """A snapshot may ask that its lines be on the disk first, even while a sync runs that began without them."""
        threads = Later()
        kept = Kept(opened(tmp_path), threads=threads)
        kept.append(1)
        kept.clock.advance(1.0)
        kept.append(2)
        done: list[object] = []
        kept.journal.sync().addCallback(done.append)
        threads.go()
        assert not done
        threads.go()

        assert done
        self.end(kept, threads)

    def test_who_waits_may_leave(self, tmp_path: Path) -> None:
        """A sync goes on where nobody waits for it any more, and does not look like a failed disk (E-07)."""
        threads = Later()
        kept = Kept(opened(tmp_path), threads=threads)
        kept.append(1)
        for _ in range(2):  # one that runs, and one that waits for its turn
            left = kept.journal.sync()
            left.addErrback(lambda failure: failure.trap(CancelledError))
            left.cancel()
        threads.go()

        assert kept.reasons == [] and kept.journal.behind() == 0.0
        assert kept.append(2) == [2]
        self.end(kept, threads)

    def test_a_new_day_during_a_sync_leaves_its_file_open(self, tmp_path: Path) -> None:
        """The descriptor that a thread works on is closed when it has done, not before."""
        threads = Later()
        kept = Kept(opened(tmp_path), threads=threads)
        kept.append(1)
        kept.clock.advance(1.0)
        kept.append(2, at=NOON + DAY)
        threads.go()

        assert kept.reasons == []
        self.end(kept, threads)

    def test_a_failed_sync_is_the_end(self, tmp_path: Path) -> None:
        """Nothing is acknowledged behind it, nothing synced again, and the reason is told once (E-07)."""
        answers = [fail(OSError(5, "Input/output error"))]

        def threads(*_: object) -> Deferred[None]:
            return answers.pop()

        kept = Kept(opened(tmp_path), threads=threads)
        kept.append(1)
        kept.clock.advance(1.0)

        assert len(kept.reasons) == 1
        assert f"{TODAY}.yaml cannot be synced" in kept.reasons[0]
        with pytest.raises(JournalFailed, match="Input/output error"):
            kept.append(2)
        with pytest.raises(JournalFailed):
            result(kept.journal.sync())
        kept.clock.pump([1.0] * 3)
        assert numbers(ledger(kept.folder)) == [1]
        assert len(kept.reasons) == 1
        kept.close()

    def test_no_descriptor_for_the_folder_is_not_the_end(self, tmp_path: Path) -> None:
        """E-17: whoever asks is told that it is not all on the disk; calls go on, and it is tried again until it is."""
        kept = Kept(opened(tmp_path))
        kept.append(1)
        with no_descriptors():
            kept.clock.advance(1.0)
            with pytest.raises(JournalFull, match="no descriptor"):
                result(kept.journal.sync())
            kept.append(2)
            kept.clock.advance(1.0)
            assert kept.journal.behind() == 2.0
        kept.clock.advance(1.0)

        assert kept.journal.behind() == 0.0
        assert (kept.reasons, numbers(ledger(kept.folder))) == ([], [1, 2])
        kept.close()

    def test_a_ledger_that_was_taken_away_is_the_end(self, tmp_path: Path) -> None:
        """Lines in a file that nobody will find are not on file: within a second it stops."""
        kept = Kept(opened(tmp_path))
        kept.append(1)
        ledger(kept.folder).rename(tmp_path / "taken")
        kept.clock.advance(1.0)

        assert "moved or removed while in use" in kept.reasons[0]
        with pytest.raises(JournalFailed):
            kept.append(2)
        kept.close()

    def test_a_beat_that_fails_does_not_stop_the_beats(self, tmp_path: Path) -> None:
        """A thread pool that refuses once is asked again."""
        answers = [RuntimeError("no thread can be started")]

        def threads(f: Callable[..., Any], *args: Any) -> Deferred[Any]:
            if answers:
                raise answers.pop()
            return at_once(f, *args)

        kept = Kept(opened(tmp_path), threads=threads)
        kept.journal.full = True
        kept.clock.advance(1.0)
        assert kept.journal.full
        kept.clock.advance(1.0)

        assert not kept.journal.full
        kept.close()

    def test_a_sync_that_cannot_begin_is_a_failed_one(self, tmp_path: Path) -> None:
        """Without threads nothing reaches the disk: that is said at once."""

        def threads(*_: object) -> Deferred[None]:
            raise RuntimeError("no thread can be started")

        kept = Kept(opened(tmp_path), threads=threads)
        kept.append(1)
        kept.clock.advance(1.0)

        assert "no thread can be started" in kept.reasons[0]
        kept.close()

    def test_closing_syncs_what_is_left(self, tmp_path: Path) -> None:
        """It is closed when the last line is on the disk."""
        threads = Later()
        kept = Kept(opened(tmp_path), threads=threads)
        kept.append(1)
        closed = ensureDeferred(kept.journal.close())
        assert not closed.called
        threads.go()

        assert closed.called
        assert kept.reasons == []

    def end(self, kept: Kept, threads: Later) -> None:
        """Close, doing what that asks for."""
        closed = ensureDeferred(kept.journal.close())
        while threads.asked:
            threads.go()
        result(closed)
        assert not kept.clock.getDelayedCalls()


@contextmanager
def no_descriptors() -> Iterator[None]:
    """While this process may open no file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class MissingFolderTests:
    def test_a_folder_gone_at_run_time_refuses_and_comes_back(self, tmp_path: Path) -> None:
        """A folder that is taken away is as a full disk: refused at once, well again when it is back (E-08)."""
        folder: StateFolder = opened(tmp_path)
        kept = Kept(folder)
        shutil.rmtree(folder.ledger)
        with pytest.raises(Exception, match="no room for the ledger: No such file"):
            kept.append(1)
        assert kept.journal.full
        kept.clock.advance(1.0)
        assert kept.journal.full

        os.mkdir(folder.ledger)
        kept.clock.advance(1.0)
        assert not kept.journal.full
        assert kept.journal.append(entry(1))[0] == 1
        kept.close()


class NoRoomTests:
    def test_a_part_of_a_line_is_taken_back(self, tmp_path: Path) -> None:
        """Half a line went in and then there was no room: the file ends as before, and it goes on by itself (E-05)."""
        kept = Kept(opened(tmp_path))
        kept.append(1)
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(text_of([1, 2])) - 20, hard[1]))
        try:
            with pytest.raises(JournalFull, match="File too large"):
                kept.append(2)
            assert ledger(kept.folder).read_bytes() == text_of([1])
            kept.clock.advance(1.0)
            with pytest.raises(JournalFull):
                kept.append(2)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, hard)

        kept.clock.advance(1.0)
        assert kept.append(2) == [2]
        assert ledger(kept.folder).read_bytes() == text_of([1, 2])
        assert os.listdir(kept.folder.ledger) == [f"{TODAY}.yaml"]
        assert kept.reasons == []
        kept.close()

    def test_what_no_waiting_mends_is_the_end(self, tmp_path: Path) -> None:
        """A disk that answers with anything but a want of room is not written to again."""
        kept = Kept(opened(tmp_path))
        ledger(kept.folder).mkdir()
        with pytest.raises(JournalFailed, match="Is a directory"):
            kept.append(1)
        ledger(kept.folder).rmdir()

        with pytest.raises(JournalFailed):
            kept.append(1)
        assert len(kept.reasons) == 1
        assert not kept.journal.full
        kept.close()
