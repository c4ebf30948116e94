"""A rehearsal vendor in a process of its own: `python -m tests.live.vendor_process '{"accounts": …}' FD`, which is a
socket that listens already.

Its accounts have no limits unless the settings say so, and it speaks as fast as it may.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Any

from targon_gw.core.config import Dialect
from targon_gw.rehearsal.accounts import Account
from targon_gw.rehearsal.scene import Pace
from targon_gw.rehearsal.telling import Model
from targon_gw.rehearsal.vendor import Vendor
from targon_gw.rehearsal.wire import VendorFactory


def vendor_of(settings: dict[str, Any]) -> Vendor:
    """The vendor that `settings` describe: accounts {name: [key…]}, models, dialect, events a second."""
    accounts = tuple(Account(name, tuple(keys)) for name, keys in settings["accounts"].items())
    models = tuple(Model(name, reasoning="R1" in name) for name in settings["models"])
    pace = Pace(settings.get("first_token", 0.0), settings.get("events_per_second", 0.0))
    return Vendor(accounts, Dialect(settings.get("dialect", "targon")), models, pace)


def main() -> None:
    """Run until terminated."""
    from twisted.internet import reactor

    vendor, fd = vendor_of(json.loads(sys.argv[1])), int(sys.argv[2])
    reactor.adoptStreamPort(fd, socket.AF_INET, VendorFactory(vendor, reactor))  # type: ignore[attr-defined]
    os.close(fd)  # the reactor has made one of its own
    reactor.run()  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
