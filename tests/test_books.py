"""The books over a real folder: what is counted outlives the process, once, and nothing is taken that can't be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import capturedLogs

from targon_gw.books import LOOK_EVERY
from targon_gw.core.config import Duration
from targon_gw.core.errors import Refusal
from targon_gw.core.ledger import Entry, Kind, figures_of
from targon_gw.store.folder import Damaged, Locked, Unusable
from tests import fakes
from tests.lives import FLUSH, USED, Run
from tests.store.stage import Later, at_once, result


class RestartTests:
    """P1 to P3: what was acknowledged is counted, once, whatever happened in between."""

    def test_first_start(self, tmp_path: Path) -> None:
        """An empty folder is a start from nothing; its end leaves a state."""
        run = Run(tmp_path / "state").begin()
        assert run.used == (0, 0, 0)
        run.close()

        assert run.state() is not None
        Run(tmp_path / "state").begin().close()

    def test_stopped(self, tmp_path: Path) -> None:
        """After a stop in good order all is as it was."""
        run = Run(tmp_path).begin()
        run.call()
        run.call()
        run.close()
        again = Run(tmp_path).begin()

        assert again.used == run.used == (14, 2, 2)
        assert again.gateway.ledger.to_state() == run.gateway.ledger.to_state()
        again.call()
        assert again.used == (21, 3, 3)
        again.close()

    @pytest.mark.parametrize("flushed", [0, 1, 2, 3])
    def test_killed(self, tmp_path: Path, flushed: int) -> None:
        """E-01: after a kill the lines behind the state are counted, those in it not twice."""
        run = Run(tmp_path).begin()
        for number in range(3):
            if number == flushed:
                result(run.books.flush())
            run.call()
        if flushed == 3:
            result(run.books.flush())
        run.die()
        again = Run(tmp_path).begin()

        assert again.used == run.used == (21, 3, 3)
        assert again.gateway.ledger.to_state() == run.gateway.ledger.to_state()
        again.close()
        assert Run(tmp_path).begin().used == (21, 3, 3)

    def test_other_kinds_count_for_no_client(self, tmp_path: Path) -> None:
        """Probes and changes are lines of the ledger, and nobody's use."""
        run = Run(tmp_path).begin()
        run.books.record(Entry(fakes.WALL, "probe_1", Kind.PROBE, upstream="acme", **figures_of(USED)))
        run.die()
        again = Run(tmp_path).begin()

        assert again.used == (0, 0, 1)
        assert again.gateway.ledger.totals["upstream"]["acme"].probe_tokens == 7
        assert run.out.getvalue() == again.out.getvalue() == ""
        again.close()


class OpenTests:
    """What can't be gone on from."""

    def test_locked(self, tmp_path: Path) -> None:
        """E-13: a second daemon is told who is at work, and harms nothing."""
        run = Run(tmp_path).begin()
        with pytest.raises(Locked) as told:
            Run(tmp_path).books.open()

        assert str(os.getpid()) in str(told.value)
        run.call()
        run.close()

    def test_unusable(self, tmp_path: Path) -> None:
        """E-09: a folder that others may write to is not used."""
        tmp_path.chmod(0o777)
        with pytest.raises(Unusable):
            Run(tmp_path).books.open()

    def test_damaged(self, tmp_path: Path) -> None:
        """E-04: a damaged ledger stops the start and lets go of the folder; with --recover it goes on without it."""
        run = Run(tmp_path).begin()
        for _ in range(3):
            run.call()
        run.die()
        (file,) = (tmp_path / "ledger").glob("*.yaml")
        lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(lines[0] + lines[1].replace(b"served", b"sorved") + lines[2])
        with pytest.raises(Damaged):
            Run(tmp_path).books.open()
        again = Run(tmp_path)
        with capturedLogs() as logs:
            again.begin(insist=True)

        assert again.gateway.ledger.n == 3
        assert again.used[1] == 2
        assert any(log["log_format"] == "{note}" for log in logs)
        again.close()

    def test_state_of_another_shape(self, tmp_path: Path) -> None:
        """A bug in reading the state is not hushed up, and lets go of the folder."""
        run = Run(tmp_path).begin()
        run.close()
        other = Run(tmp_path)
        other.gateway.bank = _BROKEN
        with pytest.raises(KeyError):
            other.books.open()

        Run(tmp_path).begin().close()

    def test_abandon(self, tmp_path: Path) -> None:
        """A start that comes to nothing elsewhere leaves nothing ticking, and the folder free."""
        run = Run(tmp_path)
        run.books.open()
        run.books.abandon()

        assert not run.clock.getDelayedCalls()
        Run(tmp_path).begin().close()


class _Broken:
    """A Bank whose state can be neither written nor read."""

    def to_state(self) -> Any:
        """Raise."""
        raise KeyError("bank")

    def restore(self, state: Any, now: float) -> None:
        """Raise."""
        raise KeyError("bank")


_BROKEN: Any = _Broken()


class RecordTests:
    """`record`."""

    def test_line_of_the_log(self, tmp_path: Path) -> None:
        """A call that is on file gets its line in the log; an attempt does not."""
        run = Run(tmp_path).begin()
        run.call()
        run.books.record(Entry(fakes.WALL, "req_2", Kind.ATTEMPT))
        run.close()

        assert run.out.getvalue().count("\n") == 1
        assert run.gateway.ledger.n == 2

    def test_no_room(self, tmp_path: Path) -> None:
        """E-05, E-08: what can't be on file is not counted and not admitted; soon after there is room, it is again."""
        run = Run(tmp_path).begin()
        (tmp_path / "ledger").rename(tmp_path / "away")
        with pytest.raises(Refusal) as refused:
            run.call()

        assert (refused.value.code, refused.value.wait) == ("overloaded", 5.0)
        assert run.gateway.ledger.n == 0
        assert run.out.getvalue() == ""
        with pytest.raises(Refusal) as refused:
            fakes.call(run.gateway)
        assert refused.value.code == "overloaded"
        run.clock.pump([1.0] * 5)
        assert run.gateway.shut is not None

        (tmp_path / "away").rename(tmp_path / "ledger")
        with capturedLogs() as logs:
            run.clock.pump([1.0] * 2)
        assert run.gateway.shut is None
        assert [log["log_format"] for log in logs] == ["there is room for the ledger again"]
        assert run.call().id == "req_1"
        assert run.gateway.ledger.n == 1
        run.close()

    def test_journal_that_has_failed(self, tmp_path: Path) -> None:
        """E-07: after a sync that failed the process is to end, and no call is acknowledged until it does."""
        run = Run(tmp_path).begin()
        run.call()
        run.books.journal.in_thread = _fails
        run.clock.advance(1)

        assert len(run.reasons) == 1
        with pytest.raises(Refusal):
            run.call()
        assert run.gateway.ledger.n == 1
        run.die()


def _fails(*_: object) -> Deferred[Any]:
    return at_once(_raise)


def _raise() -> None:
    raise OSError(5, "Input/output error")


class FlushTests:
    """When the state is written."""

    def test_timer(self, tmp_path: Path) -> None:
        """Every `flush` seconds, and only where something has changed."""
        run = Run(tmp_path).begin()
        run.call()
        assert run.state() is None
        run.clock.advance(FLUSH)
        first = run.state()
        assert first is not None
        assert run.books.written_at == FLUSH
        run.clock.pump([FLUSH] * 3)
        assert run.state() == first

        run.call()
        run.clock.advance(FLUSH)
        assert run.state() != first
        run.close()

    def test_nothing_new_at_the_end(self, tmp_path: Path) -> None:
        """The last flush writes nothing that is written already."""
        run = Run(tmp_path).begin()
        run.call()
        run.clock.advance(FLUSH)
        before = run.state()
        run.close()

        assert run.state() == before

    def test_other_settings(self, tmp_path: Path) -> None:
        """A `flush` that changes is gone by at once; one that does not leaves the timer alone."""
        run = Run(tmp_path).begin()
        run.call()
        run.clock.advance(1)
        run.books.follow()
        run.gateway.config = evolve(run.gateway.config, flush=Duration(2.0))
        run.books.follow()
        run.clock.advance(2)

        assert run.books.written_at == 3.0
        run.close()

    def test_ledger_first(self, tmp_path: Path) -> None:
        """The state is written once all lines that are in it are on the disk."""
        threads = Later()
        run = Run(tmp_path, threads).begin()
        run.call()
        run.books.flush()

        (sync,) = threads.asked
        assert run.state() is None
        threads.go()
        assert run.state() is None
        threads.go()
        assert run.state() is not None
        assert sync[1].__name__ == "_sync"
        run.die()

    def test_failure(self, tmp_path: Path) -> None:
        """E-06: a state that can't be written is tried again at the next beat; calls go on."""
        run = Run(tmp_path).begin()
        run.call()
        tmp_path.joinpath("state.yaml.next").mkdir()
        with capturedLogs():
            run.clock.advance(FLUSH)
        assert run.books.written_at is None
        run.call()
        tmp_path.joinpath("state.yaml.next").rmdir()
        run.clock.advance(FLUSH)

        assert run.books.written_at == 2 * FLUSH
        run.close()

    def test_bug(self, tmp_path: Path) -> None:
        """A bug in one beat is logged, and the beats go on; at the end the folder is let go all the same."""
        run = Run(tmp_path).begin()
        run.call()
        bank, run.gateway.bank = run.gateway.bank, _BROKEN
        with capturedLogs() as logs:
            run.clock.advance(FLUSH)
        assert [log["log_format"] for log in logs] == ["the state could not be written"]
        run.gateway.bank = bank
        run.clock.advance(FLUSH)
        assert run.books.written_at == 2 * FLUSH

        run.call()
        run.gateway.bank = _BROKEN
        with capturedLogs():
            run.close()
        assert Run(tmp_path).begin().used == (14, 2, 2)


class CloseTests:
    """The end."""

    def test_order(self, tmp_path: Path) -> None:
        """The folder is another daemon's only when nothing of ours is at work in it any more."""
        threads = Later()
        run = Run(tmp_path, threads).begin()
        run.call()
        run.books._tidy()
        tidying = threads.asked.pop()
        ended = ensureDeferred(run.books.close())
        for waiting in ([], [tidying]):
            threads.asked += waiting
            while threads.asked:
                assert not ended.called
                with pytest.raises(Locked):
                    Run(tmp_path).books.open()
                threads.go()

        assert ended.called
        Run(tmp_path).begin().close()

    def test_tidied(self, tmp_path: Path) -> None:
        """E-19: what `keep` is over for is removed now and then, and that is told."""
        run = Run(tmp_path).begin()
        run.call()
        result(run.books.flush())
        run.clock.advance(40 * 86400)
        run.gateway.config = evolve(run.gateway.config, keep=Duration(30 * 86400.0))
        run.call()
        result(run.books.flush())
        run.call()
        result(run.books.flush())
        with capturedLogs() as logs:
            run.clock.advance(3600)

        assert len(list((tmp_path / "ledger").glob("*.yaml"))) == 1
        assert [log["done"] for log in logs if "done" in log] == ["removed"]
        run.close()
        assert Run(tmp_path).begin().used == (21, 3, 3)

    def test_not_tidied_by_a_wrong_clock(self, tmp_path: Path) -> None:
        """E-16, E-19: where the clock was set nothing is too old, by whichever of the two: all is kept meanwhile."""
        run = Run(tmp_path).begin()
        run.call()
        result(run.books.flush())
        run.clock.advance(40 * 86400)
        run.gateway.config = evolve(run.gateway.config, keep=Duration(30 * 86400.0))
        for _ in range(2):
            run.call()
            result(run.books.flush())
        run.ahead = -40 * 86400.0
        with capturedLogs() as logs:
            run.clock.advance(LOOK_EVERY)
            run.clock.advance(3600)
            kept = len(list((tmp_path / "ledger").iterdir()))
            run.ahead = 0.0
            run.clock.advance(LOOK_EVERY)
            run.clock.advance(3600)

        assert (kept, len(list((tmp_path / "ledger").iterdir()))) == (2, 1)
        assert len([log for log in logs if "system's clock is" in log["log_format"]]) == 1
        run.close()
