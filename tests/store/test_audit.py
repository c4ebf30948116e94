"""Tests of targon_gw/store/audit.py: what is noted is on file, in order, and never more than may be."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from targon_gw.store import audit as module
from targon_gw.store.audit import REMEMBERED, Audit, Event, append
from targon_gw.store.folder import StateFolder

from .stage import at_once


@define(eq=False)
class Slow:
    """A thread that does what it is given when it is told to."""

    waiting: list[tuple[Deferred[Any], Any, tuple[Any, ...]]] = field(factory=list)

    def __call__(self, work: Any, *args: Any) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.waiting.append((done, work, args))
        return done

    def go(self) -> None:
        """Do the next."""
        done, work, args = self.waiting.pop(0)
        try:
            result = work(*args)
        except OSError:
            done.errback()
        else:
            done.callback(result)


def audit(path: Path, in_thread: Any = at_once) -> Audit:
    """One over a folder."""
    clock: Iterator[float] = iter(range(10**9))
    made = Audit(StateFolder(str(path)), in_thread, lambda: float(next(clock)))
    made.open()
    return made


def lines(path: Path, name: str = "audit.yaml") -> list[dict[str, Any]]:
    """What is on file, as YAML."""
    found: list[dict[str, Any]] = yaml.safe_load((path / name).read_text()) or []
    return found


class NoteTests:
    """`note` and `last`."""

    def test_line(self, tmp_path: Path) -> None:
        """One JSON object behind a dash, which YAML reads too; for us alone."""
        audit(tmp_path).note("ann", "added", "k-1f2e3d4c", "192.0.2.1")
        text = (tmp_path / "audit.yaml").read_text()

        assert json.loads(text.removeprefix("- ")) == lines(tmp_path)[0]
        assert lines(tmp_path) == [
            {"at": 0.0, "who": "ann", "act": "added", "on": "k-1f2e3d4c", "address": "192.0.2.1"}
        ]
        assert (tmp_path / "audit.yaml").stat().st_mode & 0o777 == 0o600

    def test_no_secret(self, tmp_path: Path) -> None:
        """P19, F-16: what looks like a secret is blotted out, and what moves a cursor is none; nothing is endless."""
        audit(tmp_path).note("ann\x1b[2J", "added", "sn4_canary_of_the_vendors_key_0001 \n- x", "y" * 999)
        (line,) = lines(tmp_path)
        assert line["on"].startswith("…") and "canary" not in str(line)
        assert line["who"] == "ann [2J" and len(line["address"]) == 200

    def test_last(self, tmp_path: Path) -> None:
        """The newest first, also what an earlier run has noted; lines that are none are passed over."""
        audit(tmp_path).note("ann", "one")
        with open(tmp_path / "audit.yaml", "a") as file:
            file.write("nonsense\n")
        later = audit(tmp_path)
        later.note("bob", "two")
        assert [event["act"] for event in later.last(9)] == ["two", "one"]
        assert [event["act"] for event in later.last(1)] == ["two"]

    def test_torn(self, tmp_path: Path) -> None:
        """A line that a crash has torn spoils none that follow."""
        (tmp_path / "audit.yaml").write_text('- {"at":1.0,"who":"an')
        audit(tmp_path).note("ann", "one")
        assert [event["act"] for event in audit(tmp_path).last(9)] == ["one"]

    def test_cannot_be_read(self, tmp_path: Path) -> None:
        """That is no reason not to start."""
        (tmp_path / "audit.yaml").mkdir()
        with capturedLogs() as logs:
            assert audit(tmp_path).last(9) == []
        assert [log for log in logs if "cannot be read" in log["log_format"]]


class WritingTests:
    """When lines are written."""

    def test_in_order(self, tmp_path: Path) -> None:
        """One write at a time; what comes meanwhile goes with the next; the end waits for all."""
        slow = Slow()
        made = audit(tmp_path, slow)
        for act in ("one", "two", "three"):
            made.note("ann", act)
        ends: list[None] = []
        made.close().addCallback(ends.append)
        assert len(slow.waiting) == 1
        slow.go()
        assert ends == [] and len(slow.waiting) == 1
        slow.go()
        assert [line["act"] for line in lines(tmp_path)] == ["one", "two", "three"] and ends == [None]

    def test_nothing_to_wait_for(self, tmp_path: Path) -> None:
        """An end where nothing is under way."""
        assert audit(tmp_path).close().called

    def test_no_room(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """E-06: what can't be written waits, is told once, and goes with the next; the end waits for no disk."""
        made, full = audit(tmp_path), True
        write = os.fdatasync

        def fails(file: int) -> None:
            if full:
                raise OSError(28, "No space left on device")
            write(file)

        monkeypatch.setattr(module.os, "fdatasync", fails)
        with capturedLogs() as logs:
            made.note("ann", "one")
            made.note("ann", "two")
        assert len([log for log in logs if "can't be written" in log["log_format"]]) == 1
        assert made.close().called
        os.unlink(tmp_path / "audit.yaml")
        full = False
        made.note("ann", "three")
        assert [line["act"] for line in lines(tmp_path)] == ["one", "two", "three"]

    def test_many(self, tmp_path: Path) -> None:
        """Where nothing can be written only the newest wait, and none is written twice."""
        slow = Slow()
        made = audit(tmp_path, slow)
        for number in range(REMEMBERED + 10):
            made.note("ann", str(number))
        while slow.waiting:
            slow.go()
        acts = [line["act"] for line in lines(tmp_path)]
        assert acts == ["0", *[str(number) for number in range(10, REMEMBERED + 10)]]

    def test_no_descriptor_left(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where the next file can't be opened, the full one is closed once: not what has its number by then."""
        monkeypatch.setattr(module, "LARGEST", 100)
        folder, path, opened = StateFolder(str(tmp_path)), str(tmp_path / "audit.yaml"), []
        append(folder, path, [Event(1.0, "ann", "x" * 80)])
        open_, close = os.open, os.close
        closed: list[int] = []

        def open_one(*args: Any) -> int:
            if opened:
                raise OSError(24, "Too many open files")
            opened.append(open_(*args))
            return opened[0]

        monkeypatch.setattr(module.os, "open", open_one)
        monkeypatch.setattr(module.os, "close", lambda file: (closed.append(file), close(file)))
        with pytest.raises(OSError, match="Too many open files"):
            append(folder, path, [Event(2.0, "ann", "two")])

        assert closed == opened

    def test_two_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A full file becomes the one before, and the one before that goes."""
        monkeypatch.setattr(module, "LARGEST", 400)
        made = audit(tmp_path)
        for number in range(30):
            made.note("ann", str(number))
        before, now = lines(tmp_path, "audit.yaml.1"), lines(tmp_path)
        assert [int(line["act"]) for line in [*before, *now]] == list(range(30 - len(before) - len(now), 30))
        assert (tmp_path / "audit.yaml.1").stat().st_size <= 400 and sorted(os.listdir(tmp_path)) == [
            "audit.yaml",
            "audit.yaml.1",
        ]
