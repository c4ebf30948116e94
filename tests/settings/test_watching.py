"""Tests of targon_gw/settings/watching.py: every way in which editors save, in a real folder, on a clock of ours.

The notices are the system's own; what reads them is turned by hand, so that a second takes no time.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from twisted.internet import inotify
from twisted.internet.task import Clock

from targon_gw.settings.trails import marks_of
from targon_gw.settings.watching import LOOK_ANYWAY, LOOK_EVERY, PATIENCE, Watching


class Pump(Clock):
    """A clock that also reads what has come, as a reactor does."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[Any] = set()

    def addReader(self, reader: Any) -> None:
        self.readers.add(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers.discard(reader)

    def removeWriter(self, writer: Any) -> None:
        """Nobody writes."""

    def read(self) -> None:
        """Take in all notices that there are."""
        while ready := select.select(list(self.readers), [], [], 0)[0]:
            for reader in ready:
                if reader in self.readers:
                    reader.doRead()

    def pass_time(self, seconds: float) -> None:
        """Let time pass in small steps, reading at each."""
        for _ in range(round(seconds / 0.05)):
            self.read()
            self.advance(0.05)
        self.read()


@define(eq=False)
class Desk:
    """A folder with four settings files and somebody who watches it."""

    folder: Path
    pump: Pump = field(factory=Pump)
    told: list[str] = field(factory=list)
    """What keys.yaml held each time that a change was told; "-" where it was not there."""
    watching: Watching = field(init=False)

    def __attrs_post_init__(self) -> None:
        for name in ("gateway", "keys", "clients", "models"):
            self.file(f"{name}.yaml").write_text("old")
        files = [str(self.file(f"{name}.yaml")) for name in ("gateway", "keys", "clients", "models")]
        self.watching = Watching(self.pump, files, self.changed)

    def file(self, name: str) -> Path:
        return self.folder / name

    def changed(self) -> None:
        try:
            self.told.append(self.file("keys.yaml").read_text())
        except OSError:
            self.told.append("-")

    def after(self, seconds: float) -> list[str]:
        """What has been told once that time has passed."""
        self.pump.pass_time(seconds)
        return self.told


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A watched folder; afterwards nothing is left ticking or open."""
    found = Desk(tmp_path)
    found.watching.start()
    yield found
    found.watching.stop()
    assert found.pump.getDelayedCalls() == [] and not found.pump.readers


@pytest.fixture
def blind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The same where the system has no notices left to give."""

    class Spent(inotify.INotify):
        def __init__(self, reactor: object) -> None:
            raise inotify.INotifyError("no more of them")

    monkeypatch.setattr(inotify, "INotify", Spent)
    found = Desk(tmp_path)
    found.watching.start()
    yield found
    found.watching.stop()
    assert found.pump.getDelayedCalls() == []


def rewrite(path: Path) -> None:
    """In place: emptied, then written."""
    path.write_text("new")


def rename_over(path: Path) -> None:
    """A new file put in its place."""
    other = path.with_suffix(".tmp")
    other.write_text("new")
    os.replace(other, path)


def backup_and_recreate(path: Path) -> None:
    """As vim does: the old one is moved aside, a new one is written, the old one goes."""
    old = path.with_name(path.name + "~")
    os.rename(path, old)
    path.write_text("new")
    old.unlink()


def link_in(path: Path) -> None:
    """A link put in its place."""
    target = path.with_name("elsewhere")
    target.write_text("new")
    os.symlink(target, path.with_suffix(".l"))
    os.replace(path.with_suffix(".l"), path)


SAVES: list[Callable[[Path], None]] = [rewrite, rename_over, backup_and_recreate, link_in]


class SaveTests:
    """The patterns by which editors save (faults catalogue, E-11)."""

    @pytest.mark.parametrize("save", SAVES)
    def test_told_once(self, desk: Desk, save: Callable[[Path], None]) -> None:
        """However it is saved, it is told once, when nothing has moved for 200 ms, and well within a second."""
        save(desk.file("keys.yaml"))

        assert desk.after(0.15) == []
        assert desk.watching.moving
        assert desk.after(0.2) == ["new"]
        assert desk.after(30.0) == ["new"]
        assert not desk.watching.moving

    @pytest.mark.parametrize("save", SAVES)
    def test_told_without_notices(self, blind: Desk, save: Callable[[Path], None]) -> None:
        """Where there are no notices, a look every second finds it."""
        blind.after(0.5)
        save(blind.file("keys.yaml"))

        assert blind.after(LOOK_EVERY + 0.3) == ["new"]
        assert blind.after(30.0) == ["new"]

    @pytest.mark.parametrize("save", SAVES)
    def test_each_of_many(self, desk: Desk, save: Callable[[Path], None]) -> None:
        """Saved again and again in the same way, each save is told (faults catalogue, P21)."""
        for number in range(1, 6):
            save(desk.file("keys.yaml"))
            assert len(desk.after(0.4)) == number

    def test_half_written(self, desk: Desk) -> None:
        """A file of which half is written, and the rest three seconds later, is told when it is closed."""
        with desk.file("keys.yaml").open("w") as file:
            file.write("ha")
            file.flush()
            assert desk.after(3.0) == []
            file.write("lf")
            file.flush()
            assert desk.after(3.0) == []

        assert desk.after(0.3) == ["half"]

    def test_new_file_half_written(self, desk: Desk) -> None:
        """A new file that is opened, and written to three seconds later, is told when it is closed."""
        desk.file("keys.yaml").unlink()
        with desk.file("keys.yaml").open("w") as file:
            assert desk.after(3.0) == []
            file.write("whole")

        assert desk.after(0.3) == ["whole"]

    def test_never_closed(self, desk: Desk) -> None:
        """A file that is held open for ever is waited for, and told at last."""
        with desk.file("keys.yaml").open("w") as file:
            file.write("open")
            file.flush()

            assert desk.after(PATIENCE - 0.5) == []
            assert desk.after(1.0) == ["open"]

    def test_still_moving(self, desk: Desk) -> None:
        """A file that is written every 100 ms is told when that has ended."""
        for number in range(20):
            desk.file("keys.yaml").write_text(str(number))
            assert desk.after(0.1) == []

        assert desk.after(0.3) == ["19"]

    def test_deleted_and_created(self, desk: Desk) -> None:
        """A file that goes and comes back a second later is told both times; the second time it is whole."""
        desk.file("keys.yaml").unlink()
        assert desk.after(1.0) == ["-"]
        desk.file("keys.yaml").write_text("new")

        assert desk.after(0.4) == ["-", "new"]

    def test_several_files(self, desk: Desk) -> None:
        """Files that are saved together are told once."""
        for name in ("gateway", "keys", "clients", "models"):
            rename_over(desk.file(f"{name}.yaml"))

        assert desk.after(1.0) == ["new"]

    def test_still_moving_unnoticed(self, blind: Desk) -> None:
        """Without notices too, a file that goes on changing is told when that has ended."""
        for number in range(30):
            blind.file("keys.yaml").write_text("x" * number)
            assert blind.after(0.1) == []

        assert blind.after(0.5) == ["x" * 29]

    def test_nothing_of_ours(self, desk: Desk) -> None:
        """What an editor leaves beside, and a file that is only read, are not told."""
        desk.file(".keys.yaml.swp").write_text("x")
        desk.file("4913").write_text("x")
        desk.file("keys.yaml").read_text()

        assert desk.after(LOOK_ANYWAY + 1) == []

    def test_leave_to_read(self, desk: Desk) -> None:
        """A file that may be read at last is worth another reading."""
        desk.file("keys.yaml").chmod(0o400)

        assert desk.after(0.4) == ["old"]


class FolderTests:
    """Folders that come, go and are swapped."""

    def test_folder_appears(self, desk: Desk) -> None:
        """keys.d is watched from when it appears; a file in it is told when it is whole."""
        desk.file("keys.d").mkdir()
        desk.pump.read()
        with desk.file("keys.d/more.yaml").open("w") as file:
            file.write("half")
            file.flush()
            assert desk.after(3.0) == []

        assert len(desk.after(0.4)) == 1
        desk.file("keys.d/more.yaml").unlink()
        assert len(desk.after(0.4)) == 2

    def test_data_swapped(self, tmp_path: Path) -> None:
        """As Kubernetes does: `..data` is swapped for a link to a new folder; told once, and what follows there too."""
        for version in ("..1", "..2"):
            (tmp_path / version).mkdir()
            (tmp_path / version / "keys.yaml").write_text(version)
        (tmp_path / "..data").symlink_to("..1")
        (tmp_path / "keys.yaml").symlink_to("..data/keys.yaml")
        told: list[str] = []
        pump = Pump()
        keys = tmp_path / "keys.yaml"
        watching = Watching(pump, [str(keys)], lambda: told.append(keys.read_text()))
        watching.start()

        (tmp_path / "..data_tmp").symlink_to("..2")
        os.replace(tmp_path / "..data_tmp", tmp_path / "..data")
        for name in ("keys.yaml", ""):
            (tmp_path / "..1" / name).unlink() if name else (tmp_path / "..1").rmdir()
        pump.pass_time(0.5)
        assert told == ["..2"]
        (tmp_path / "..2" / "keys.yaml").write_text("later")
        pump.pass_time(0.5)
        watching.stop()

        assert told == ["..2", "later"]
        assert pump.getDelayedCalls() == [] and not pump.readers

    @pytest.mark.parametrize("by_name", [True, False], ids=["renamed", "deleted"])
    def test_whole_folder_replaced(self, tmp_path: Path, by_name: bool) -> None:
        """The folder itself is renamed or deleted, and another takes its place: the watch goes on in that one."""
        (tmp_path / "conf").mkdir()
        desk = Desk(tmp_path / "conf")
        desk.watching.start()
        open_before = len(os.listdir("/proc/self/fd"))

        if by_name:
            (tmp_path / "conf").rename(tmp_path / "conf.old")
        else:
            for path in (tmp_path / "conf").iterdir():
                path.unlink()
            (tmp_path / "conf").rmdir()
        desk.after(1.0)
        (tmp_path / "conf").mkdir()
        desk.file("keys.yaml").write_text("again")
        assert desk.after(0.5)[-1] == "again"
        rename_over(desk.file("keys.yaml"))
        assert desk.after(0.5)[-1] == "new"

        assert len(os.listdir("/proc/self/fd")) == open_before
        desk.watching.stop()
        assert desk.pump.getDelayedCalls() == [] and not desk.pump.readers

    def test_two_folders_deleted_at_once(self, desk: Desk) -> None:
        """Two watched folders that go at once close nothing that belongs to somebody else."""
        for name in ("keys.d", "clients.d"):
            desk.file(name).mkdir()
        desk.after(1.0)
        before = sorted(os.listdir("/proc/self/fd"))
        for name in ("keys.d", "clients.d"):
            desk.file(name).rmdir()
        desk.after(1.0)

        rewrite(desk.file("keys.yaml"))
        assert desk.after(0.4)[-1] == "new"
        assert len(os.listdir("/proc/self/fd")) == len(before)

    def test_lost_notice(self, desk: Desk) -> None:
        """Where a notice gets lost, a look now and then finds what was saved."""
        reader = desk.pump.readers.pop()
        rewrite(desk.file("keys.yaml"))

        assert desk.after(LOOK_ANYWAY + 1.0) == ["new"]
        assert reader not in desk.pump.readers


class StartTests:
    """What happened before watching began."""

    def test_saved_after_it_was_read(self, tmp_path: Path) -> None:
        """A save between the reading of the settings and the beginning of the watch is told; no save is not."""
        desk = Desk(tmp_path)
        desk.watching.start(marks_of(desk.watching.files))
        assert desk.after(30) == []
        desk.watching.stop()

        known = marks_of(desk.watching.files)
        rewrite(desk.file("keys.yaml"))
        desk.watching.start(known)
        assert desk.after(30) == ["new"]
        desk.watching.stop()
        assert desk.pump.getDelayedCalls() == []


class RefreshTests:
    """The files are others after a reading."""

    def test_more_and_fewer(self, desk: Desk, tmp_path: Path) -> None:
        """A file that is named now is watched, one that is named no more is not; neither is told for that."""
        files = [str(desk.file(f"{name}.yaml")) for name in ("gateway", "keys", "clients")]
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "k3").write_text("x")

        desk.watching.refresh([*files, str(tmp_path / "run" / "k3")])
        desk.file("models.yaml").write_text("of no use")
        assert desk.after(1.0) == []
        (tmp_path / "run" / "k3").write_text("another secret")

        assert len(desk.after(0.4)) == 1

    def test_saved_meanwhile(self, desk: Desk) -> None:
        """What was saved while the files were read is told after they are watched anew."""
        files = list(desk.watching.files)
        rewrite(desk.file("keys.yaml"))
        desk.watching.refresh(files)

        assert desk.after(0.5) == ["new"]

    def test_come_meanwhile(self, desk: Desk) -> None:
        """A file that was not there when the settings were read, and is when they are watched anew, is told."""
        files = [*desk.watching.files, str(desk.file("k3"))]
        known = marks_of(files)
        desk.file("k3").write_text("secret")
        desk.watching.refresh(files, known)

        assert len(desk.after(0.5)) == 1
