"""What people look at, wired: the rooms of pages, accounts, live figures and administration, each made once."""

from __future__ import annotations

from targon_gw.desk import DaemonDesk
from targon_gw.web.rooms import Room
from targon_gw.wiring import Wiring


def rooms(wiring: Wiring, desk: DaemonDesk) -> list[Room]:
    """All rooms of the daemon, in the order in which they are asked for an address."""
    return []
