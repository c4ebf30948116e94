"""The key file of the state folder: made once, read again, and never in the way of a start."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from targon_gw.store.folder import StateFolder
from targon_gw.store.vault import NAME, Vault

KEY = "sk-tg-canary-canary-canary-canary-ca"


def opened(path: Path) -> Vault:
    """The vault of that folder, with nothing to tell."""
    vault = Vault(StateFolder(str(path)))
    assert vault.open() == []
    return vault


class SealTests:
    """What is sealed."""

    def test_round_trip(self, tmp_path: Path) -> None:
        """It comes back, in the next run too; no two look alike, and none shows anything."""
        first = opened(tmp_path)
        one, other = first.seal(KEY, "ann"), first.seal(KEY, "ann")
        assert one is not None and other is not None and one != other
        again = opened(tmp_path)

        assert first.unseal(one, "ann") == again.unseal(one, "ann") == again.unseal(other, "ann") == KEY
        assert "canary" not in one and (first.fresh, again.fresh) == (True, False)

    def test_of_somebody_else(self, tmp_path: Path) -> None:
        """A key put under another name is none."""
        vault = opened(tmp_path)
        sealed = vault.seal(KEY, "ann")
        assert sealed is not None

        assert vault.unseal(sealed, "bob") is None

    @pytest.mark.parametrize("sealed", ["", "x", "AAAA", "A" * 64, "=" * 5, "\u00fc", "A" * 15])
    def test_what_was_never_sealed(self, sealed: str, tmp_path: Path) -> None:
        """It is told as such, and breaks nothing."""
        assert opened(tmp_path).unseal(sealed, "ann") is None

    def test_altered(self, tmp_path: Path) -> None:
        """Each byte of it counts."""
        vault = opened(tmp_path)
        sealed = vault.seal(KEY, "ann")
        assert sealed is not None
        for place in range(0, len(sealed), 7):
            other = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
            assert vault.unseal(other, "ann") is None

    def test_tokens(self, tmp_path: Path) -> None:
        """What pages' tokens are made with is the same after a restart, and is not what keys are sealed with."""
        first, again = opened(tmp_path), opened(tmp_path)

        assert first.csrf() == again.csrf() and len(first.csrf()) == 32
        assert first.csrf().hex() not in (tmp_path / NAME).read_text()


class FileTests:
    """The file itself."""

    def test_made_once(self, tmp_path: Path) -> None:
        """F-14: 256 bits that nobody else may read; nothing else is left beside it."""
        old = os.umask(0)
        try:
            opened(tmp_path)
        finally:
            os.umask(old)
        content = (tmp_path / NAME).read_bytes()
        opened(tmp_path)

        assert len(bytes.fromhex(content.decode())) == 32
        assert (tmp_path / NAME).read_bytes() == content
        assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
        assert os.listdir(tmp_path) == [NAME]

    def test_missing(self, tmp_path: Path) -> None:
        """Another one is made; what was sealed with the one before can't be shown."""
        sealed = opened(tmp_path).seal(KEY, "ann")
        assert sealed is not None
        (tmp_path / NAME).unlink()

        assert opened(tmp_path).unseal(sealed, "ann") is None

    @pytest.mark.parametrize("content", [b"", b"x" * 64, b"ab" * 31, b"ab" * 33, bytes(5000), b"AB" * 32])
    def test_bad(self, content: bytes, tmp_path: Path) -> None:
        """It is kept aside, and said; the start goes on."""
        (tmp_path / NAME).write_bytes(content)
        vault = Vault(StateFolder(str(tmp_path)))
        (note,) = vault.open()
        (aside,) = [name for name in os.listdir(tmp_path) if name.startswith(f"{NAME}.bad-")]

        assert "is not the key that was made here" in note and aside in note
        assert (tmp_path / aside).read_bytes() == content
        assert vault.lasting and opened(tmp_path).csrf() == vault.csrf()

    def test_open_to_others(self, tmp_path: Path) -> None:
        """It is used, and said."""
        before = opened(tmp_path)
        (tmp_path / NAME).chmod(0o644)
        vault = Vault(StateFolder(str(tmp_path)))

        assert vault.open() == [f"{tmp_path / NAME} may be read by others (mode 0644): chmod 600 it"]
        assert vault.csrf() == before.csrf()

    @pytest.mark.parametrize("what", ["link", "folder"])
    def test_what_is_no_file_of_ours(self, what: str, tmp_path: Path) -> None:
        """A link or a folder of that name is not followed; keys are issued all the same, and can't be shown later."""
        if what == "link":
            (tmp_path / "elsewhere").write_text("ab" * 32)
            (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
        else:
            (tmp_path / NAME).mkdir()
        vault = Vault(StateFolder(str(tmp_path)))
        (note,) = vault.open()

        assert "can't be shown after a restart" in note
        assert vault.seal(KEY, "ann") is None and not vault.lasting
        assert len(vault.csrf()) == 32

    def test_shows_nothing(self, tmp_path: Path) -> None:
        """F-14: its repr has no key."""
        vault = opened(tmp_path)
        assert (tmp_path / NAME).read_text()[:8] not in repr(vault)
