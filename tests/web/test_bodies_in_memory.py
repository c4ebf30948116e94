"""Bodies stay in memory, within their cap: no file is made for one (faults catalogue, E-26)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from .conversation import Conversation, Desk, ask

SIZE = 1 << 20
"""Beyond what twisted.web itself would keep in memory."""


class NoFileTests:
    """Where temporary files would lie there is nothing."""

    @pytest.mark.parametrize("chunked", [False, True])
    def test_large_body(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunked: bool) -> None:
        """E-26: a body of a megabyte arrives whole though no temporary file can be made."""
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
        with pytest.raises(OSError):
            tempfile.mkstemp()
        talk, body = Conversation(Desk()), b"x" * SIZE
        if chunked:
            head = ask("Transfer-Encoding: chunked\r\n", method="PUT")
            talk.say(head + b"%x\r\n%b\r\n0\r\n\r\n" % (SIZE, body), 65536)
        else:
            talk.say(ask(body=body), 65536)

        [request] = talk.desk.seen
        assert bytes(request.body) == body
        assert talk.heard()[0].status == 200
