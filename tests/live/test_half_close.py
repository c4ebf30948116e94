"""A client that says no more, and may still listen (faults catalogue, A-19)."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.live.rig import Wishes, started, wait_until
from tests.live.test_pressure import answering, request

pytestmark = pytest.mark.live


@pytest.mark.parametrize("streamed", [True, False])
def test_half_a_close_is_a_close(tmp_path: Path, streamed: bool) -> None:
    """A-19: a client that closes its sending half behind a request has left: the vendor is let go, nothing stays."""
    with started(tmp_path, Wishes(events_per_second=20.0, first_token=0.5)) as rig:
        wait_until(lambda: rig.admin("log")["served"] and answering(rig) == 0, 5)  # the first probe
        with rig.connect() as client:
            client.sendall(request(streamed))
            wait_until(lambda: answering(rig) == 1, 5)
            client.shutdown(socket.SHUT_WR)
            assert wait_until(lambda: answering(rig) == 0, 3) <= 1.0
            client.settimeout(5)
            assert client.recv(65536) == b""
