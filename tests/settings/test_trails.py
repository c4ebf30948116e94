"""Tests of targon_gw/settings/trails.py: where a change of a file would show."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from targon_gw.settings.reading import beside, folder_beside
from targon_gw.settings.trails import folders_of, marks_before, marks_of, places_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose own path has no links in it."""
    return tmp_path.resolve()


def places(*files: Path) -> dict[str, set[str]]:
    """The names that are looked for, by folder."""
    return {where: names.only for where, names in places_of(map(str, files)).items()}


class FoldersTests:
    """keys.d beside keys.yaml."""

    def test_beside_settings_only(self) -> None:
        """Each settings file has a folder; a single secret has none, nor has what lies in such a folder."""
        assert folders_of(["/a/keys.yaml", "/a/keys.d/one.yaml", "/run/k3"]) == ["/a/keys.d"]

    def test_whatever_the_names(self) -> None:
        """`.yml` is a settings file too; settings that themselves lie in a folder named `….d` are like any others."""
        assert folders_of(["/a/keys.yml", "/a/keys.d/one.yaml"]) == ["/a/keys.d"]
        assert folders_of(["/a/gw.d/keys.yaml", "/a/gw.d/keys.d/one.yaml"]) == ["/a/gw.d/keys.d"]

    @pytest.mark.parametrize("name", ["keys.yaml", "keys.yml", "my.keys.yaml"])
    def test_what_is_read_is_looked_at(self, tmp_path: Path, name: str) -> None:
        """Each file that is read beside that of keys is one whose change is noticed."""
        (tmp_path / name).write_text("")
        more = Path(beside(str(tmp_path / name)))
        more.mkdir()
        (more / "more.yaml").write_text("")
        read = folder_beside(str(tmp_path / name))

        assert read == [str(more / "more.yaml")]
        assert set(read) <= marks_of([str(tmp_path / name)]).keys()


class PlacesTests:
    """Which names in which folders."""

    def test_plain_file(self, folder: Path) -> None:
        """A file is looked for in its folder, whether it is there or not; so is the folder that belongs to it."""
        assert places(folder / "keys.yaml") == {str(folder): {"keys.yaml", "keys.d"}}

    def test_folder_that_is_there(self, folder: Path) -> None:
        """In keys.d any settings file matters, whatever its name; what editors leave beside does not."""
        (folder / "keys.d").mkdir()

        names = places_of([str(folder / "keys.yaml")])[str(folder / "keys.d")]

        assert names.matter("new.yaml")
        assert not any(map(names.matter, ("new.yaml~", ".new.yaml.swp", ".new.yaml", "4913")))

    def test_links_on_the_way(self, folder: Path) -> None:
        """As Kubernetes has it: the file's link, `..data` and the file at the end are all looked for."""
        (folder / "..2026").mkdir()
        (folder / "..2026" / "keys.yaml").write_text("")
        (folder / "..data").symlink_to("..2026")
        (folder / "keys.yaml").symlink_to("..data/keys.yaml")

        found = places(folder / "keys.yaml")

        assert found[str(folder)] == {"keys.yaml", "..data", "keys.d"}
        assert found[str(folder / "..2026")] == {"keys.yaml"}

    def test_absolute_link_and_parent(self, folder: Path) -> None:
        """A link to elsewhere, and one that goes up first, are followed."""
        (folder / "a").mkdir()
        (folder / "b").mkdir()
        (folder / "a" / "x.json").symlink_to("../b/x.json")
        (folder / "y.json").symlink_to(folder / "a" / "x.json")

        assert places(folder / "y.json") == {
            str(folder): {"y.json"},
            str(folder / "a"): {"x.json"},
            str(folder / "b"): {"x.json"},
        }

    def test_missing_folder(self, folder: Path) -> None:
        """Where a folder is missing, its name is looked for in the one above."""
        assert places(folder / "conf" / "deep" / "k3") == {str(folder): {"conf"}}

    def test_circle_of_links(self, folder: Path) -> None:
        """Links that go round are given up on."""
        (folder / "a").symlink_to("b")
        (folder / "b").symlink_to("a")

        assert places(folder / "a") == {str(folder): {"a", "b"}}


class MarksTests:
    """What a file looks like."""

    def test_any_change_shows(self, folder: Path) -> None:
        """Writing, replacing by the same text, leave to read, and deletion each look different."""
        path = folder / "keys.yaml"
        path.write_text("a")
        seen = [marks_of([str(path)])]
        path.write_text("ab")
        seen.append(marks_of([str(path)]))
        (folder / "new").write_text("ab")
        os.replace(folder / "new", path)
        seen.append(marks_of([str(path)]))
        path.chmod(0o400)
        seen.append(marks_of([str(path)]))
        path.unlink()
        seen.append(marks_of([str(path)]))

        assert len({tuple(each.items()) for each in seen}) == 5
        assert seen[-1] == {str(path): None}

    def test_changed_while_it_was_read(self, folder: Path) -> None:
        """A file that has changed since the reading began looks like none that is; an older or missing one as it is."""
        (folder / "keys.yaml").write_text("a")
        files = [str(folder / "keys.yaml"), str(folder / "clients.yaml")]
        changed = (folder / "keys.yaml").stat().st_ctime_ns / 1e9

        assert marks_before(files, changed + 0.001) == marks_of(files)
        assert marks_before(files, changed - 0.001) == {**marks_of(files), files[0]: ()}

    def test_files_beside(self, folder: Path) -> None:
        """The files of keys.d are looked at, read before or not."""
        (folder / "keys.d").mkdir()
        (folder / "keys.d" / "new.yaml").write_text("")

        assert list(marks_of([str(folder / "keys.yaml")])) == [
            str(folder / "keys.yaml"),
            str(folder / "keys.d" / "new.yaml"),
        ]

    def test_touching_nothing(self, folder: Path) -> None:
        """Looked at twice, a file is the same."""
        path = folder / "keys.yaml"
        path.write_text("a")

        assert marks_of([str(path)]) == marks_of([str(path)])
