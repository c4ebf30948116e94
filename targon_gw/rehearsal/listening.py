"""Where the vendor is put on a port: for the demo, and for tests inside one process."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import IListeningPort

from .vendor import Vendor
from .wire import VendorFactory

BACKLOG = 1024
"""Connections that may wait to be accepted: a thousand streams may be begun at once."""


def start(reactor: Any, vendor: Vendor, port: int = 0, interface: str = "127.0.0.1") -> Deferred[IListeningPort]:
    """Listen on `port` (0: any free one; `getHost()` says which). `reactor` is also the vendor's clock."""
    factory = VendorFactory(vendor, reactor)
    listening: Deferred[IListeningPort] = execute(
        reactor.listenTCP, port, factory, backlog=BACKLOG, interface=interface
    )
    return listening
