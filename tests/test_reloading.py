"""Settings read again: what is taken, what is refused, and what is known about it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import Logger, LogLevel, formatEvent

from targon_gw.core.diff import Diff, Edit
from targon_gw.core.gateway import Gateway
from targon_gw.core.reload import Refused
from targon_gw.reloading import MOST_LOGGED, SPACING, Outcome, Reloading, applied_to
from targon_gw.settings.loading import Loaded, load
from targon_gw.settings.problems import SettingsError
from tests.settings.folder import written

EDIT = Diff(settings=(Edit("", "drain", "30", "60"),))
EMPTY = Loaded(config=None, files=())  # type: ignore[arg-type]


def at_once(work: Callable[[], Loaded]) -> Deferred[Loaded]:
    """A thread that is done before anybody looks."""
    try:
        return succeed(work())
    except BaseException:
        return fail()


@define(eq=False)
class Threads:
    """Threads that end when the test says so."""

    begun: list[tuple[Deferred[Loaded], Callable[[], Loaded]]] = field(factory=list)

    def run(self, work: Callable[[], Loaded]) -> Deferred[Loaded]:
        ended: Deferred[Loaded] = Deferred()
        self.begun.append((ended, work))
        return ended

    def end(self) -> None:
        ended, work = self.begun[-1]
        try:
            ended.callback(work())
        except Exception:
            ended.errback()


@define(eq=False)
class Desk:
    """A Reloading, what it logs, and what it is to read and apply."""

    load: Callable[[], Loaded] = lambda: EMPTY
    apply: Callable[[Loaded], Diff] = lambda loaded: EDIT
    in_thread: Callable[[Callable[[], Loaded]], Deferred[Loaded]] = at_once
    clock: Clock = field(factory=Clock)
    events: list[dict[str, Any]] = field(factory=list)
    reloading: Reloading = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.clock.advance(1_000.0)
        log = Logger(observer=self.events.append)
        self.reloading = Reloading(
            lambda: self.load(), lambda loaded: self.apply(loaded), log, self.clock, self.in_thread
        )

    def reload(self, reason: str = "SIGHUP") -> Outcome:
        """One reading, with the pause behind it."""
        got: list[Outcome] = []
        self.reloading.reload(reason).addCallback(got.append)
        self.clock.advance(SPACING)
        (outcome,) = got
        return outcome

    def lines(self, level: LogLevel | None = None) -> list[str]:
        """What has been logged."""
        return [formatEvent(event) for event in self.events if level in (None, event["log_level"])]


def refuses(error: Exception) -> Callable[..., Any]:
    """What raises `error`."""

    def call(*_: object) -> Any:
        raise error

    return call


class ReloadTests:
    """One reading."""

    def test_meanwhile(self) -> None:
        """What is asked for meanwhile lasts until the settings are in force, or are not to be."""
        desk, heard = Desk(), []

        @contextmanager
        def meanwhile() -> Iterator[None]:
            heard.append("begun")
            try:
                yield
            finally:
                heard.append("over")

        desk.reloading.meanwhile = meanwhile
        desk.apply = lambda loaded: heard.append("applied") or EDIT  # type: ignore[func-returns-value]
        assert desk.reload().applied
        desk.load = refuses(Refused("too many"))
        assert not desk.reload().applied
        assert heard == ["begun", "applied", "over", "begun", "over"]

    def test_applied(self) -> None:
        """Good settings are put in force; the diff is logged and told to who asked."""
        desk = Desk()

        outcome = desk.reload()

        assert outcome == Outcome("SIGHUP", EDIT) and outcome.applied
        assert desk.lines() == ["settings applied (SIGHUP): drain 30→60"]
        assert (desk.reloading.succeeded, desk.reloading.failed, desk.reloading.changed_at) == (1, 0, 1000.0)
        assert outcome.to_plain()["text"] == "drain 30→60"
        assert desk.clock.getDelayedCalls() == []

    def test_nothing_changed(self) -> None:
        """Settings that are the same are said to be, and are no change."""
        desk = Desk(apply=lambda loaded: Diff())

        desk.reload("saved")

        assert desk.lines() == ["settings applied (saved): nothing changed"]
        assert desk.reloading.changed_at is None

    def test_bad_file(self, tmp_path: Path) -> None:
        """A bad file leaves all as it was: file, line and column are logged and known, and since when (E-10)."""
        path = written(tmp_path, {"keys.yaml": "targon:\n  - secret_fil: /k3\n"})
        applied: list[Loaded] = []
        desk = Desk(load=lambda: load(path, {}), apply=lambda loaded: applied.append(loaded) or EDIT)  # type: ignore[func-returns-value]

        outcome = desk.reload()

        assert not outcome.applied and applied == []
        assert f"{tmp_path}/keys.yaml:2:5: unknown setting 'secret_fil'" in str(outcome.problem)
        assert desk.reloading.problem == outcome.problem and desk.reloading.since == 1000.0
        assert desk.reloading.failed == 1
        errors = desk.lines(LogLevel.error)
        assert errors and all(
            line.startswith(f"settings not taken (SIGHUP): {tmp_path}/keys.yaml:2:") for line in errors
        )
        assert desk.lines(LogLevel.warn) == ["the last good settings stay in force"]

    def test_deleted_file(self, tmp_path: Path) -> None:
        """A file that has gone is a mistake, not "no keys" (E-11)."""
        path = written(tmp_path, {})
        (tmp_path / "keys.yaml").unlink()

        outcome = Desk(load=lambda: load(path, {})).reload()

        assert "keys.yaml: cannot be read: No such file" in str(outcome.problem)

    def test_since_the_first(self) -> None:
        """It is known since when the files are bad, not when they were last read; a good one ends it."""
        desk = Desk(apply=refuses(Refused("this would take away 9 of 10")))
        desk.reload()
        desk.clock.advance(50.0)
        desk.reload()

        assert (desk.reloading.since, desk.reloading.failed) == (1000.0, 2)
        assert desk.reloading.problem == "this would take away 9 of 10"

        desk.apply = lambda loaded: EDIT
        assert desk.reload().applied
        assert (desk.reloading.since, desk.reloading.problem, desk.reloading.failed) == (None, None, 2)

    @pytest.mark.parametrize("where", ["load", "apply"])
    def test_bug(self, where: str) -> None:
        """A bug is logged whole, counts as a failure, and the next reading is as good as any."""
        desk = Desk()
        good = getattr(desk, where)
        setattr(desk, where, refuses(RuntimeError("a bug")))

        outcome = desk.reload()

        assert outcome.problem == "internal error: RuntimeError"
        assert [event["log_failure"].getErrorMessage() for event in desk.events if "log_failure" in event] == ["a bug"]
        setattr(desk, where, good)
        assert desk.reload().applied

    @pytest.mark.parametrize("good", [True, False])
    def test_is_told_of(self, good: bool) -> None:
        """Whoever wants to know is told when a reading begins and when it is over, whatever comes of it."""

        def read() -> Loaded:
            told.append("read")
            if not good:
                raise SettingsError([])
            return EMPTY

        told: list[object] = []
        desk = Desk(load=read)
        desk.reloading.under_way = told.append
        desk.reloading.reload("saved")
        desk.clock.advance(SPACING)

        assert told == [True, "read", False]

    def test_many_problems(self, tmp_path: Path) -> None:
        """A file of a thousand mistakes is not a thousand lines of the log."""
        path = written(tmp_path, {"keys.yaml": "targon:\n" + "  - {secret_fil: x}\n" * 1000})
        desk = Desk(load=lambda: load(path, {}))

        desk.reload()

        assert len(desk.lines(LogLevel.error)) == MOST_LOGGED + 1
        assert "more" in desk.lines(LogLevel.error)[-1]

    def test_no_secret_is_logged(self, tmp_path: Path) -> None:
        """A key with a mistake beside it is in no line."""
        secret = "sn4_" + "s" * 28
        path = written(tmp_path, {"keys.yaml": f"targon:\n  - {{secret: {secret}, weigt: 2}}\n  - {secret} x\n"})
        desk = Desk(load=lambda: load(path, {}))

        outcome = desk.reload()

        assert outcome.problem and secret not in outcome.problem + "".join(desk.lines())


class CoalescingTests:
    """Many at once (faults catalogue, P4: a hundred signals)."""

    def test_hundred_signals(self) -> None:
        """Of a hundred while one reading is under way, one more follows, for all of them."""
        threads = Threads()
        read: list[float] = []
        desk = Desk(in_thread=threads.run)
        desk.load = lambda: read.append(desk.clock.seconds()) or EMPTY  # type: ignore[func-returns-value]
        got: list[Outcome] = []
        for _ in range(100):
            desk.reloading.reload("SIGHUP").addCallback(got.append)

        assert len(threads.begun) == 1
        threads.end()
        assert len(got) == 1
        desk.clock.advance(SPACING)
        assert len(threads.begun) == 2
        threads.end()
        desk.clock.advance(SPACING)

        assert len(got) == 100 and len(read) == 2
        assert desk.clock.getDelayedCalls() == []

    def test_a_second_of_signals(self) -> None:
        """A hundred signals within a second are at most six readings, and the last signal is heeded within 200 ms."""
        read: list[float] = []
        desk = Desk()
        desk.load = lambda: read.append(desk.clock.seconds()) or EMPTY  # type: ignore[func-returns-value]

        for _ in range(100):
            desk.reloading.reload("SIGHUP")
            last = desk.clock.seconds()
            desk.clock.advance(0.01)
        desk.clock.pump([0.01] * 25)

        assert 2 <= len(read) <= 6
        assert last <= read[-1] < last + SPACING + 0.02

    def test_asked_by_who_is_told(self) -> None:
        """Who asks again on being told gets another reading, after the pause."""
        desk = Desk()
        got: list[str] = []

        def again(outcome: Outcome) -> None:
            got.append(outcome.reason)
            desk.reloading.reload("again").addCallback(lambda o: got.append(o.reason))

        desk.reloading.reload("first").addCallback(again)
        assert got == ["first"]
        desk.clock.advance(SPACING)

        assert got == ["first", "again"]

    @pytest.mark.parametrize("ended", [False, True], ids=["reading", "pausing"])
    def test_stop(self, ended: bool) -> None:
        """Stopped in the middle, nothing is left ticking, and who waits is told so; a late thread changes nothing."""
        threads = Threads()
        applied: list[Loaded] = []
        desk = Desk(in_thread=threads.run, apply=lambda loaded: applied.append(loaded) or EDIT)  # type: ignore[func-returns-value]
        got: list[Outcome] = []
        for _ in range(2):
            desk.reloading.reload("SIGHUP").addCallback(got.append)
        if ended:
            threads.end()

        desk.reloading.stop()

        assert [outcome.applied for outcome in got] == [ended, False]
        assert desk.clock.getDelayedCalls() == []
        if not ended:
            threads.end()
        assert len(applied) == ended


class AppliedToTests:
    """Files, as they are edited, put in force in a gateway."""

    @pytest.fixture
    def gate(self, tmp_path: Path) -> Iterator[Gateway]:
        """A gateway with ten keys."""
        loaded = load(written(tmp_path, {"keys.yaml": self.keys(*range(10))}), {})
        yield Gateway.of(loaded.config, 0.0, lambda: 0.0)

    @staticmethod
    def keys(*numbers: int) -> str:
        return "targon:\n" + "".join(f"  - sn4_{n:028d}\n" for n in numbers)

    def after(self, gate: Gateway, folder: Path, text: str) -> Diff:
        """What the gateway makes of that keys.yaml."""
        (folder / "keys.yaml").write_text(text)
        return applied_to(gate, load(str(folder / "gateway.yaml"), {}), 1.0)

    def test_rotation(self, gate: Gateway, tmp_path: Path) -> None:
        """A key that is added and one that is taken out are in the diff, and in force."""
        diff = self.after(gate, tmp_path, self.keys(*range(1, 11)))

        assert (len(diff.pools[0].added), len(diff.pools[0].removed)) == (1, 1)
        assert len(gate.pools["targon"].keys) == 10

    def test_most_keys_taken_away(self, gate: Gateway, tmp_path: Path) -> None:
        """A file without most of the keys is refused; with the number in it, it is taken (E-11)."""
        for text in ("", self.keys(0), "confirm_removal: 8\n" + self.keys(0)):
            with pytest.raises(Refused, match="confirm_removal"):
                self.after(gate, tmp_path, text)
        assert len(gate.pools["targon"].keys) == 10

        self.after(gate, tmp_path, "confirm_removal: 9\n" + self.keys(0))

        assert len(gate.pools["targon"].keys) == 1

    def test_stale_leave(self, gate: Gateway, tmp_path: Path) -> None:
        """The number of an earlier change, left in the file, gives no leave for another one."""
        self.after(gate, tmp_path, "confirm_removal: 6\n" + self.keys(0, 1, 2, 3))

        with pytest.raises(Refused):
            self.after(gate, tmp_path, "confirm_removal: 6\n" + self.keys(0))

    def test_settings_equal(self, gate: Gateway, tmp_path: Path) -> None:
        """A file that is saved as it was changes nothing."""
        before = gate.config

        assert not self.after(gate, tmp_path, self.keys(*range(10)))
        assert gate.config == evolve(before)
