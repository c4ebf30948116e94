"""The state folder: who may use it, and what makes it unusable."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from targon_gw.store.folder import Locked, Seen, StateFolder, Unusable, beside, seen, sync_folder, write_whole
from tests.needs import lacking
from tests.store.stage import opened


def as_user(uid: int) -> None:
    """Skip where this process may not become another user."""
    if os.geteuid() != 0:
        lacking(f"becoming user {uid} needs root")


class StateFolderTests:
    def test_makes_what_is_missing_for_us_alone(self, tmp_path: Path) -> None:
        """A first start finds no folder: it is made, with the ledger's in it, and only we may look inside."""
        folder = opened(tmp_path)

        assert os.stat(folder.path).st_mode & 0o777 == 0o700
        assert os.stat(folder.ledger).st_mode & 0o777 == 0o700
        assert os.stat(Path(folder.path) / "lock").st_mode & 0o777 == 0o600
        folder.close()

    def test_is_not_made_below_a_folder_that_is_missing(self, tmp_path: Path) -> None:
        """A disk that is not mounted is not taken for a first start (faults catalogue, E-08)."""
        with pytest.raises(Unusable, match="cannot be made: No such file or directory"):
            StateFolder(str(tmp_path / "mnt" / "state")).open()

    def test_second_daemon_is_kept_out(self, tmp_path: Path) -> None:
        """The second daemon is told who the first is, and the first goes on (faults catalogue, E-15)."""
        first = opened(tmp_path)

        with pytest.raises(Locked, match=f"is in use by process {os.getpid()}"):
            StateFolder(first.path).open()

        with pytest.raises(Locked):
            StateFolder(first.path).open()
        first.close()
        second = StateFolder(first.path)
        second.open()
        second.close()
        second.close()

    def test_refuses_what_a_restore_has_left(self, tmp_path: Path) -> None:
        """E-09: half of a restore is no state to go on from; it is said where the old one lies, and it stays free."""
        folder = opened(tmp_path)
        folder.close()
        aside = Path(folder.path) / "before-restore-x"
        aside.mkdir()
        for text, said in (("before-restore-x\n", f"; the old state lies in {aside}"), ("", ""), ("../..\n", "")):
            Path(folder.restoring).write_text(text)
            with pytest.raises(Unusable) as refused:
                folder.open()
            assert refused.value.why == f"a restore was not finished: run 'targon-gw restore' again{said}"
        folder.open(unfinished=True)
        folder.close()

    @pytest.mark.parametrize("mode", [0o777, 0o770, 0o722])
    def test_refuses_a_folder_that_others_write_to(self, tmp_path: Path, mode: int) -> None:
        """Others could change what clients have used: one line says what to do (faults catalogue, E-08)."""
        (tmp_path / "state").mkdir()
        (tmp_path / "state").chmod(mode)

        with pytest.raises(Unusable, match=f"written to by others \\(mode {mode:04o}\\): chmod 700 it"):
            opened(tmp_path)

    def test_refuses_a_ledger_that_others_write_to_and_lets_go(self, tmp_path: Path) -> None:
        """The folder inside is looked at too, and the lock does not stay behind."""
        folder = opened(tmp_path)
        folder.close()
        os.chmod(folder.ledger, 0o777)
        with pytest.raises(Unusable, match="ledger: may be written"):
            folder.open()

        os.chmod(folder.ledger, 0o700)
        folder.open()
        folder.close()

    def test_refuses_what_is_no_folder(self, tmp_path: Path) -> None:
        """A file of that name is not replaced."""
        (tmp_path / "state").write_text("mine")

        with pytest.raises(Unusable, match="is not a folder"):
            opened(tmp_path)
        assert (tmp_path / "state").read_text() == "mine"

    def test_refuses_somebody_elses_folder(self, tmp_path: Path) -> None:
        """Files made as one user can't be read by the other at the next start (faults catalogue, E-08)."""
        as_user(1)
        (tmp_path / "state").mkdir(mode=0o700)
        os.chown(tmp_path / "state", 1, 1)

        with pytest.raises(Unusable, match="belongs to user 1, and the gateway runs as user 0"):
            opened(tmp_path)

    def test_refuses_a_folder_that_it_cannot_write_to(self, tmp_path: Path) -> None:
        """Read-only is told at the start, not at the first call (faults catalogue, E-08)."""
        as_user(1)
        (tmp_path / "state").mkdir(mode=0o500)
        for path in [tmp_path, *tmp_path.parents[:2]]:
            path.chmod(0o755)
        os.chown(tmp_path / "state", 1, 1)
        child = os.fork()
        if child == 0:
            os.seteuid(1)
            try:
                StateFolder(str(tmp_path / "state")).open()
            except Unusable as error:
                os._exit(7 if "cannot be" in str(error) else 8)
            finally:
                os._exit(9)

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7

    def test_a_link_in_the_locks_place_is_not_followed(self, tmp_path: Path) -> None:
        """Nothing outside of the folder is opened for writing."""
        (tmp_path / "state").mkdir(mode=0o700)
        (tmp_path / "state" / "lock").symlink_to(tmp_path / "elsewhere")

        with pytest.raises(Unusable, match="cannot be written to"):
            opened(tmp_path)
        assert not (tmp_path / "elsewhere").exists()


class PathTests:
    def test_any_edit_is_seen(self, tmp_path: Path) -> None:
        """Another size, another time and another file under the name are all told apart."""
        file = tmp_path / "file"
        assert seen(str(file)) is None
        file.write_text("one")
        first = seen(str(file))
        assert isinstance(first, Seen) and first == seen(str(file))

        file.write_text("three")
        second = seen(str(file))
        file.rename(tmp_path / "old")
        file.write_text("three")

        assert len({first, second, seen(str(file))}) == 3

    def test_a_name_beside_is_free(self, tmp_path: Path) -> None:
        """Two files set aside in one second don't share a name."""
        path = str(tmp_path / "state.yaml")
        names = []
        for _ in range(3):
            names.append(beside(path, "bad", "20251121T120000Z"))
            Path(names[-1]).touch()

        assert [name.removeprefix(path) for name in names] == [
            ".bad-20251121T120000Z",
            ".bad-20251121T120000Z-2",
            ".bad-20251121T120000Z-3",
        ]

    def test_a_folder_that_is_missing_cannot_be_synced(self, tmp_path: Path) -> None:
        """What is not on the disk is said, not passed over."""
        sync_folder(str(tmp_path))
        with pytest.raises(FileNotFoundError):
            sync_folder(str(tmp_path / "missing"))

    def test_all_is_written_through_a_narrow_pipe(self) -> None:
        """A descriptor that takes a little at a time gets all of it, in order."""
        read, write = os.pipe()
        content = bytes(range(256)) * 8192
        child = os.fork()
        if child == 0:
            os.close(read)
            write_whole(write, content)
            os._exit(0)
        os.close(write)
        with open(read, "rb") as pipe:
            got = pipe.read()
        os.waitpid(child, 0)

        assert got == content
