"""From where a request comes: the socket's peer, or, behind a proxy that the operator trusts, whoever that names."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final

from targon_gw.core.config import Network

LOCAL: Final = "unix"
"""The address of whoever comes by a Unix socket: a proxy, for nobody else can find it."""


def host_of(address: object) -> str:
    """The host of a transport's address, or `LOCAL` where it has none."""
    return str(getattr(address, "host", LOCAL))


def client_address(peer: str, forwarded: bytes | None, trusted: Sequence[Network]) -> str:
    """The client's IP address as text.

    `forwarded` is X-Forwarded-For. Each proxy adds at its end whom it saw, so it is read from there, as long as
    whoever wrote it is trusted; from a peer that is not, it is ignored (faults catalogue, A-26).
    """
    if forwarded is None or not is_trusted(peer, trusted):
        return peer
    address = peer
    for hop in reversed(forwarded.decode("latin-1").split(",")[-32:]):
        hop = hop.strip()
        try:
            address = str(ipaddress.ip_address(hop))
        except ValueError:
            break
        if not is_in(address, trusted):
            break
    return address


def is_trusted(peer: str, trusted: Sequence[Network]) -> bool:
    """Whether what the peer says of others is believed: it lies in one of these networks, or came by a Unix socket,
    which is open to whom its owner lets in."""
    return peer == LOCAL or (bool(trusted) and is_in(peer, trusted))


def is_in(address: str, networks: Sequence[Network]) -> bool:
    """Whether an IP address, as text, lies in one of `networks`; what is no address does not."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return any(ip in network for network in networks)
