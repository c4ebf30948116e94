"""A backup in the place of a state folder: whole, or not at all, however it is broken off."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from targon_gw.store import restoring
from targon_gw.store.folder import StateFolder, Unusable
from targon_gw.store.recovery import recover, verify
from targon_gw.store.restoring import NotWhole, restore
from targon_gw.store.snapshot import encoded

from .stage import TODAY, ledger, opened, text_of

FILES = ("secret.key", "state.yaml", "audit.yaml", "audit.yaml.1", f"ledger/{TODAY}.yaml")


class Killed(BaseException):
    """The process has ended here."""


def state(path: Path, n: int) -> StateFolder:
    """A folder with all that belongs to a state, folded up to that line; its lines before that are long gone."""
    folder = opened(path)
    Path(folder.state).write_bytes(b"".join(encoded({"n": n}, n)))
    ledger(folder).write_bytes(text_of(range(n - 1, n + 3)))
    for name in ("secret.key", "audit.yaml", "audit.yaml.1"):
        (Path(folder.path) / name).write_text(f"{name} of {n}\n")
    return folder


def backup(path: Path, n: int = 50) -> str:
    """One of another folder."""
    folder = state(path, n)
    folder.close()
    archive = str(path / "b.tar.gz")
    with tarfile.open(archive, "w:gz") as tar:
        for name in FILES:
            tar.add(os.path.join(folder.path, name), name)
    return archive


def contents(folder: str) -> dict[str, bytes]:
    """What of a state is in a folder."""
    return {name: (Path(folder) / name).read_bytes() for name in FILES if (Path(folder) / name).exists()}


def kill_at(monkeypatch: pytest.MonkeyPatch, act: str, number: int) -> None:
    """Have the process end before the n-th of these acts, whatever it is in the middle of."""
    real, left = getattr(os, act), [number]

    def act_or_end(*args: str, **more: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        real(*args, **more)

    monkeypatch.setattr(restoring.os, act, act_or_end)


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """A backup."""
    (tmp_path / "other").mkdir()
    return backup(tmp_path / "other")


class RestoreTests:
    """`restore`."""

    def test_swapped(self, tmp_path: Path, archive: str) -> None:
        """What is in the backup is in force; what was there is beside it, and nothing else is left."""
        folder = state(tmp_path, 9)
        before = contents(folder.path)
        kept = restore(archive, folder)

        assert kept is not None and contents(kept) == before
        assert contents(folder.path) == contents(str(tmp_path / "other" / "state"))
        assert sorted(os.listdir(folder.path)) == sorted(
            ["lock", "ledger", os.path.basename(kept), *(name for name in FILES if "/" not in name)]
        )

    @pytest.mark.parametrize("number", range(1, 13))
    def test_killed(self, tmp_path: Path, archive: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """E-09: wherever it ends, the next start is from the old state or is refused; to restore again mends it."""
        folder = state(tmp_path, 9)
        before, after = contents(folder.path), contents(str(tmp_path / "other" / "state"))
        with monkeypatch.context() as patch:
            kill_at(patch, "rename", number)
            try:
                restore(archive, folder)
            except Killed:
                pass
            else:
                assert number == 12  # one for the mark, five aside, five into place
                return
        folder.close()
        again = StateFolder(folder.path)
        if number == 1:
            again.open()
            assert contents(folder.path) == before and recover(again).n == 9
            again.close()
        else:
            with pytest.raises(Unusable, match="restore was not finished"):
                again.open()
            assert any("restore was not finished" in fault for fault in verify(again))
            (fresh,) = Path(folder.path).glob("restored-*")  # whatever has ended it, nothing of the backup is lost
            assert {**contents(folder.path), **contents(str(fresh))} == after
        again.open(unfinished=True)
        kept = restore(archive, again)
        again.close()

        assert kept is not None and contents(kept) == before
        assert contents(folder.path) == after and recover(again).n == 50
        assert not list(Path(folder.path).glob("restored-*")) and again.unfinished() is None

    def test_killed_at_the_last(self, tmp_path: Path, archive: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """All is in its place and the mark is there: what this one had put there is kept apart from the old state."""
        folder = state(tmp_path, 9)
        before = contents(folder.path)
        with monkeypatch.context() as patch:
            kill_at(patch, "unlink", 1)
            with pytest.raises(Killed):
                restore(archive, folder)
        kept = restore(archive, folder)
        (apart,) = Path(kept or "").glob("unfinished-*")

        assert contents(kept or "") == before
        assert contents(str(apart)) == contents(folder.path)

    @pytest.mark.parametrize("number", [2, 3])
    def test_killed_where_nothing_was(
        self, tmp_path: Path, archive: str, number: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """On a new machine, too, half of a state is none to start from."""
        folder = opened(tmp_path)
        with monkeypatch.context() as patch:
            kill_at(patch, "rename", number)
            with pytest.raises(Killed):
                restore(archive, folder)
        folder.close()
        with pytest.raises(Unusable, match=r"run 'targon-gw restore' again$"):
            folder.open()
        folder.open(unfinished=True)
        restore(archive, folder)

        assert contents(folder.path) == contents(str(tmp_path / "other" / "state"))

    def test_not_whole(self, tmp_path: Path, archive: str) -> None:
        """A backup with a damaged line is told so; nothing is changed, and nothing is left behind."""
        folder, other = state(tmp_path, 9), tmp_path / "other" / "state"
        path = other / "ledger" / f"{TODAY}.yaml"
        path.write_bytes(path.read_bytes().replace(b'"req_50"', b'"req_55"'))
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(path, f"ledger/{TODAY}.yaml")
        before = sorted(os.walk(folder.path))
        with pytest.raises(NotWhole) as bad:
            restore(archive, folder)

        assert len(bad.value.faults) == 1
        assert sorted(os.walk(folder.path)) == before
