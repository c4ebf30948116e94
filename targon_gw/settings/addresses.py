"""Whether an address in the settings may be used: a vendor's URL, a place to listen.

Nothing is opened, resolved or listened on. A URL that could point at this machine or its neighbours needs an operator
who says so (faults catalogue, F-18); the check of what a name resolves to is the outbound side's.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

_HOST: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_-]{1,63})*")
_NUMERIC: Final = re.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)(?:\.(?:0[xX][0-9A-Fa-f]*|[0-9]+))*")
"""Hosts that some resolvers take for an address: 2130706433, 0x7f.1, 0177.0.0.1."""
_UNCHECKED: Final = frozenset(("ssl", "tls", "systemd", "fd", "stdio"))
"""Endpoints that Twisted can only make where they are used: they read certificates or take over descriptors."""


def url_fault(text: str) -> str:
    """What was expected instead of `text` as a vendor's base URL; empty if nothing is wrong with it."""
    usual = "a URL such as https://api.example.org/v1"
    if len(text) > 2000 or not re.fullmatch(r"[\x21-\x7e]+", text) or "\\" in text:
        return usual
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return usual
    if parts.scheme not in ("http", "https") or not host or port == 0:
        return usual
    if "@" in parts.netloc:
        return "a URL without a user name in it"
    if "?" in text or "#" in text:
        return "a URL without a query or fragment"
    if _address(host) is None and (_NUMERIC.fullmatch(host) or not _HOST.fullmatch(host.removesuffix("."))):
        return "a URL with a host name or a usual IP address"
    return ""


def privacy_fault(url: str) -> str:
    """Why `url`, which has no `url_fault`, needs `allow_private: true`; empty if it does not."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    address = _address(host)
    if parts.scheme == "http":
        return "http:// sends keys unencrypted"
    if host == "localhost" or host.endswith(".localhost") or (address is not None and not _is_public(address)):
        return "this is a private address"
    return ""


def endpoint_fault(text: str) -> str:
    """What is wrong with `text` as a Twisted server endpoint; empty if nothing is. Nothing listens."""
    scheme, _, rest = text.partition(":")
    if scheme == "haproxy":
        return endpoint_fault(rest)
    if scheme in _UNCHECKED:
        return "" if rest or scheme == "stdio" else "nothing behind the colon"
    # Here, and not above: it takes longer to import than everything else of the settings together.
    from twisted.internet.endpoints import serverFromString

    try:
        # The parsers of the endpoints that get here keep the reactor and use it only to listen.
        serverFromString(object(), text)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        return _plainly(error, scheme)
    port = re.match(r"tcp6?:(?:port=)?([0-9]+)", text)
    return "the port is not between 0 and 65535" if port and int(port[1]) > 65535 else ""


def _plainly(error: Exception, scheme: str) -> str:
    """Twisted's complaint, in words for people who do not read its source."""
    text = str(error)
    unexpected = re.search(r"unexpected keyword argument '([^']{1,40})'", text)
    if unexpected:
        return f"{scheme} takes no '{unexpected[1]}'"
    if "missing" in text:
        return "the port or path is missing"
    if "Unknown endpoint type" in text:
        return f"there is no endpoint '{scheme[:20]}'"
    return "it cannot be understood"


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether `address`, or the IPv4 address inside it, is on the public internet."""
    inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (inner or address).is_global
