"""Tests of targon_gw/settings/reading.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from targon_gw.settings.reading import Unreadable, folder_beside, read_bytes, read_document

from .folder import refused


class ReadingTests:
    """Files, and what is none."""

    def test_what_is_no_file(self, tmp_path: Path) -> None:
        """A folder, a name with a NUL, a file that is too large or not UTF-8 is a problem (faults catalogue, E-12)."""
        (tmp_path / "folder").mkdir()
        (tmp_path / "large.yaml").write_text("# x\n" * (1 << 20) + "#")
        (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: caf\xe9\n")
        gateway = 'keys: folder\nclients: large.yaml\nmodels: latin.yaml\nstate: "\\0"\n'

        said = refused(tmp_path, {"gateway.yaml": gateway})

        assert "folder: cannot be read: not a regular file" in said
        assert "large.yaml: is larger than 4194304 bytes" in said
        assert "latin.yaml:2:7: this is not UTF-8" in said
        assert "gateway.yaml:4:8: expected one line of text" in said

    def test_largest(self, tmp_path: Path) -> None:
        """A file of exactly the largest size is read, one byte more is refused."""
        (tmp_path / "a").write_bytes(b"12345")

        assert read_bytes(str(tmp_path / "a"), 5) == b"12345"
        with pytest.raises(Unreadable, match="larger than 4 bytes"):
            read_bytes(str(tmp_path / "a"), 4)

    def test_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        """A pipe that nobody writes to is refused at once."""
        os.mkfifo(tmp_path / "pipe")

        with pytest.raises(Unreadable, match="not a regular file"):
            read_bytes(str(tmp_path / "pipe"), 5)

    def test_byte_order_mark(self, tmp_path: Path) -> None:
        """A byte order mark, as some editors write it, is no part of the first name."""
        (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")

        assert read_document(str(tmp_path / "a.yaml"), 0, sensitive=False).plain == {"a": 1}

    def test_no_folder_beside(self, tmp_path: Path) -> None:
        """Where there is no folder beside a file, or something else of its name, nothing more is read."""
        assert folder_beside(str(tmp_path / "keys.yaml")) == []
        (tmp_path / "keys.d").write_text("")
        assert folder_beside(str(tmp_path / "keys.yaml")) == []
