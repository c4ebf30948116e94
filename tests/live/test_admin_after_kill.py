"""The admin socket of a gateway that was killed: its next start has it again, whoever has the dead one's number now."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.live.rig import Rig, Wishes, started, wait_until
from tests.promises.witness import ADMIN, asked

pytestmark = pytest.mark.live


def answers(rig: Rig) -> bool:
    """Whether somebody answers at the admin socket."""
    try:
        return bool(asked(rig, "/status")["version"])
    except OSError:
        return False


class AdminAfterKillTests:
    def test_the_number_is_somebody_elses(self, tmp_path: Path) -> None:
        """In a container the next start has the same process number as the one that was killed; so it may anywhere."""
        with started(tmp_path, Wishes(gateway=ADMIN)) as rig:
            wait_until(lambda: answers(rig), 5)
            rig.gateway.kill()
            rig.ended()
            assert (tmp_path / "admin.sock").is_socket()
            lock = tmp_path / "admin.sock.lock"
            lock.unlink()
            lock.symlink_to(str(os.getpid()))
            rig.again()

            wait_until(lambda: answers(rig), 5, rig.log.read_text)
