"""Tests of targon_gw/web/admin_files.py: what is written, what is found, and what is never touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from targon_gw.core.config import Secret
from targon_gw.settings.loading import load
from targon_gw.web.admin_desk import Objection
from targon_gw.web.admin_files import Place, added_file, changed, place_of_client, place_of_key
from targon_gw.web.admin_keys import NewKey, added, removed
from tests.settings.folder import written

OURS = "# Written by targon-gw.\n"
ONE, TWO, THREE = (f"sn4_{letter * 24}" for letter in "abc")


def fingerprint(secret: str) -> str:
    """A key's id."""
    return Secret(secret).fingerprint


class ChangedTests:
    """Writing."""

    def test_what_the_settings_read(self, tmp_path: Path) -> None:
        """Keys alone, of an account and with a note are read back as they were added; the file is ours alone."""
        gateway_yaml = written(tmp_path, {})
        path = added_file(str(tmp_path / "keys.yaml"), "2026-11-21")
        added(path, NewKey("targon", ONE))
        added(path, NewKey("targon", TWO, "alice", 'a "note", №1: 😀'))
        added(path, NewKey("targon", "1234567890"))
        first, second, third = load(gateway_yaml).config.upstreams[0].keys

        assert (first.secret.reveal, second.secret.reveal, third.secret.reveal) == (ONE, TWO, "1234567890")
        assert (second.account, second.note) == ("alice", 'a "note", №1: 😀')
        assert os.stat(path).st_mode & 0o777 == 0o600
        assert os.stat(tmp_path / "keys.d").st_mode & 0o777 == 0o700
        assert os.listdir(tmp_path / "keys.d") == ["added-2026-11-21.yaml"]

    @given(note=st.text(max_size=40).filter(str.isprintable))
    @settings(max_examples=50, deadline=None)
    def test_any_note(self, tmp_path_factory: pytest.TempPathFactory, note: str) -> None:
        """F-22: a note that looks like YAML, a tag or a number comes back as it was written."""
        folder = tmp_path_factory.mktemp("notes")
        gateway_yaml = written(folder, {})
        added(added_file(str(folder / "keys.yaml"), "2026-11-21"), NewKey("targon", ONE, note=note))

        assert load(gateway_yaml).config.upstreams[0].keys[0].note == note

    def test_undo(self, tmp_path: Path) -> None:
        """Undoing puts the very bytes back, also where somebody's comment was in them."""
        path = tmp_path / "keys.d" / "added-x.yaml"
        path.parent.mkdir()
        path.write_text(f"{OURS}# mine\ntargon: []\n")
        undo = changed(str(path), lambda entries: entries["targon"].append(ONE))
        assert ONE in path.read_text()
        undo()

        assert path.read_text() == f"{OURS}# mine\ntargon: []\n"

    def test_odd_file(self, tmp_path: Path) -> None:
        """A file that is not as we write it is left as it is."""
        path = tmp_path / "added-x.yaml"
        for odd in ("- a list\n", "targon: {}\n", "a: [\n", "\x00", "{}[]"):
            path.write_text(odd)
            with pytest.raises(Objection, match="not as targon-gw writes it"):
                changed(str(path), lambda entries: None)
            assert path.read_text() == odd

    def test_folder_that_is_not_ours(self, tmp_path: Path) -> None:
        """A file in the folder's place is told by name; nothing is left behind."""
        (tmp_path / "keys.d").write_text("")
        with pytest.raises(Objection, match="must own the folder") as raised:
            added(added_file(str(tmp_path / "keys.yaml"), "2026-11-21"), NewKey("targon", ONE))

        assert str(tmp_path) in str(raised.value)
        assert os.listdir(tmp_path) == ["keys.d"]

    def test_link_in_the_way(self, tmp_path: Path) -> None:
        """A link laid in the temporary file's place is not followed."""
        victim = tmp_path / "keys.yaml"
        victim.write_text("mine")
        (tmp_path / "keys.d").mkdir()
        (tmp_path / "keys.d" / ".added-x.yaml.new").symlink_to(victim)
        with pytest.raises(Objection, match="cannot be written"):
            added(str(tmp_path / "keys.d" / "added-x.yaml"), NewKey("targon", ONE))

        assert victim.read_text() == "mine"


class RemovedTests:
    """Taking a key out."""

    def test_of_an_account(self, tmp_path: Path) -> None:
        """Only that key goes; an account is left while it has another."""
        text = f'{OURS}targon:\n- {{account: a, keys: ["{ONE}", "{TWO}"]}}\n- {THREE}\n'
        written(tmp_path, {"keys.d/imported-x.yaml": text})
        keys = str(tmp_path / "keys.yaml")
        path, undo = removed(keys, "targon", fingerprint(ONE))
        left = [key.secret.reveal for key in load(str(tmp_path / "gateway.yaml")).config.upstreams[0].keys]
        assert (left, os.path.basename(path)) == ([TWO, THREE], "imported-x.yaml")
        undo()
        removed(keys, "targon", fingerprint(THREE))

        left = [key.secret.reveal for key in load(str(tmp_path / "gateway.yaml")).config.upstreams[0].keys]
        assert left == [ONE, TWO]

    def test_operators_files_are_never_touched(self, tmp_path: Path) -> None:
        """P21: of a key in the operator's file, or in one of their own in keys.d, file and line are told."""
        files = {"keys.yaml": f"# mine\ntargon:\n  - {ONE}\n", "keys.d/mine.yaml": f"targon:\n  - secret: {TWO}\n"}
        written(tmp_path, files)
        keys = str(tmp_path / "keys.yaml")
        with pytest.raises(Objection, match=r"keys\.yaml, line 3, which is yours"):
            removed(keys, "targon", fingerprint(ONE))
        with pytest.raises(Objection, match=r"mine\.yaml, line 2, which is yours"):
            removed(keys, "targon", fingerprint(TWO))

        assert {name: (tmp_path / name).read_text() for name in files} == files

    def test_a_name_like_ours_is_not_enough(self, tmp_path: Path) -> None:
        """P21: a file of the operator's that is named like one of ours keeps its comments, and gets no key."""
        files = {"keys.d/added-by-finance.yaml": f"# contract 17\ntargon:\n  - {ONE}   # paid until May\n"}
        written(tmp_path, files)
        keys = str(tmp_path / "keys.yaml")
        with pytest.raises(Objection, match=r"added-by-finance\.yaml, line 3, which is yours"):
            removed(keys, "targon", fingerprint(ONE))
        with pytest.raises(Objection, match="not as targon-gw writes it"):
            added(added_file(keys, "by-finance"), NewKey("targon", TWO))

        assert {name: (tmp_path / name).read_text() for name in files} == files

    def test_nowhere(self, tmp_path: Path) -> None:
        """A key of no file (the demo's) is told so."""
        written(tmp_path, {})
        with pytest.raises(Objection, match="none of the files"):
            removed(str(tmp_path / "keys.yaml"), "targon", fingerprint(ONE))


class PlaceTests:
    """Where a thing stands."""

    def test_secret_elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A key is found by the line that points at its file or its variable."""
        monkeypatch.setenv("KEY_OF_THE_TESTS", TWO)
        text = "targon:\n  - {secret_file: k1}\n  - {secret_env: KEY_OF_THE_TESTS}\n  - {secret_file: missing}\n"
        written(tmp_path, {"keys.yaml": text, "k1": f"{ONE}\n"})
        keys = str(tmp_path / "keys.yaml")

        assert place_of_key(keys, "targon", fingerprint(ONE)) == Place(keys, 2, False)
        assert place_of_key(keys, "targon", fingerprint(TWO)) == Place(keys, 3, False)
        assert place_of_key(keys, "other", fingerprint(ONE)) is None

    def test_broken_file(self, tmp_path: Path) -> None:
        """A file that an editor has half written is passed over: what is in force stands in another."""
        added = f"{OURS}clients:\n- {{name: bea}}\n"
        written(tmp_path, {"clients.yaml": "clients: [\n", "clients.d/added-x.yaml": added})
        place = place_of_client(str(tmp_path / "clients.yaml"), "bea")

        assert place is not None
        assert (os.path.basename(place.path), place.line, place.ours) == ("added-x.yaml", 3, True)
