"""What clients cost: read from the process, asked for in the right words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import memory
from bench.systems import Setting


class MemoryTests:
    """What a process holds."""

    def test_pss_is_read(self) -> None:
        """The one line of that name, in MiB; not those that begin alike."""
        assert memory.pss_mib("Rss:  90000 kB\nPss:  51200 kB\nPss_Dirty:  1 kB\n") == 50.0

    def test_no_pss_is_an_error(self) -> None:
        """A kernel that does not tell is not taken for a process that holds nothing."""
        with pytest.raises(ValueError, match="no Pss"):
            memory.pss_mib("Rss: 1 kB\n")

    def test_stream_is_asked_for(self) -> None:
        """The request is a whole one, with the client's key, and its length is that of its body."""
        head, _, body = memory.stream_of(Setting(1, 2, Path()), 7).partition(b"\r\n\r\n")

        assert b"Authorization: Bearer sk-bench" in head
        assert f"Content-Length: {len(body)}".encode() in head
        assert json.loads(body)["stream"] is True
        assert json.loads(body)["max_tokens"] == 7
