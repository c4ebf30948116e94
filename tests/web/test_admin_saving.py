"""Tests of targon_gw/web/admin_saving.py: a change of files and its reload, as one act."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from targon_gw.web.admin_desk import Objection
from targon_gw.web.admin_files import Undo
from targon_gw.web.admin_saving import kept, saved

from .office import Office


class SavedTests:
    """`saved`."""

    def act(self, office: Office, told: list[str], name: str) -> Deferred[object]:
        """Have a change done that notes itself and its undoing."""

        def work() -> Undo:
            told.append(name)
            return lambda: told.append(f"not {name}")

        return ensureDeferred(saved(office.desk, work, name))

    def test_one_at_a_time(self, tmp_path: Path) -> None:
        """Another change waits until the first is done, reload and all."""
        office, told = Office(tmp_path), []  # type: ignore[var-annotated]
        first = office.desk.reloading = Deferred()
        self.act(office, told, "one")
        self.act(office, told, "two")
        assert told == ["one"]
        office.desk.reloading = None
        first.callback(None)
        assert told == ["one", "two"] and office.desk.reloads == ["one", "two"]

    @pytest.mark.parametrize(
        ("problem", "code"),
        [("keys.yaml:1:1: no", "not_applied"), ("… write 'confirm_removal: 3' …", "confirm_removal")],
    )
    def test_not_taken(self, tmp_path: Path, problem: str, code: str) -> None:
        """What is not taken is undone, and it is told apart whether that can be confirmed."""
        office, told = Office(tmp_path), []  # type: ignore[var-annotated]
        office.desk.problems = [problem]
        failures: list[Failure] = []
        self.act(office, told, "one").addErrback(failures.append)
        assert told == ["one", "not one"]
        error = failures[0].value
        assert isinstance(error, Objection) and error.code == code and problem in error.message
        assert office.desk.reloads == ["one", "one, undone"]  # or /status would tell of a problem that is gone
        office.desk.problems = []
        self.act(office, told, "two")
        assert told[-1] == "two"

    def test_reload_breaks(self, tmp_path: Path) -> None:
        """A reload that comes to nothing undoes it too, and lets the next one in."""
        office, told = Office(tmp_path), []  # type: ignore[var-annotated]
        broken = office.desk.reloading = Deferred()
        failures: list[Failure] = []
        self.act(office, told, "one").addErrback(failures.append)
        broken.errback(RuntimeError("bug"))
        assert told == ["one", "not one"] and failures[0].check(RuntimeError)
        office.desk.reloading = None
        self.act(office, told, "two")
        assert told[-1] == "two"


class KeptTests:
    """`kept`."""

    def test_goes_on(self) -> None:
        """Who leaves does not end it; what fails then is logged."""
        step: Deferred[None] = Deferred()
        done: list[int] = []

        async def work() -> int:
            await step
            done.append(1)
            raise RuntimeError("bug")

        waiting = kept(work())
        waiting.addErrback(lambda _: None)
        waiting.cancel()
        with capturedLogs() as logs:
            step.callback(None)
        assert done == [1]
        assert [log for log in logs if "nobody waits" in log["log_format"]]
