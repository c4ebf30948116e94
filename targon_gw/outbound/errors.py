"""What can go wrong between us and a vendor, as three flat kinds; nothing here decides what it means for a call.

`ConnectFailed`: no byte of the request was sent, another try is always safe. `BrokenResponse`: the request may have
been sent, no usable head came. `BrokenBody`: the head came, the body did not come whole. None of them ever bears a byte
of a request or of an answer: both may hold secrets.
"""

from __future__ import annotations

import errno
from typing import Final, Literal

from attrs import define
from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet.error import (
    ConnectBindError,
    ConnectionRefusedError,
    DNSLookupError,
    TCPTimedOutError,
    TimeoutError,
)
from twisted.python.failure import Failure

NoWay = Literal["dns", "refused", "timeout", "tls", "private", "ours", "other"]
"""Why there is no connection; `private`: the name leads to an address that this upstream may not have. `ours`: this
process, or this machine, has no descriptor or no memory left for one."""
Fault = Literal["closed", "syntax", "head_too_large", "too_many_interim", "version", "upgrade", "framing", "encoding"]
"""Why an answer is of no use. `closed`: the connection ended first. `syntax`: not HTTP/1.x. `framing`: no one can say
where it ends. `encoding`: compressed in a way we don't undo, or not what it says."""


class OutboundError(Exception):
    """The three below, for those who treat them alike."""


@define(eq=False)
class ConnectFailed(OutboundError):
    """No connection, or none that is what it should be. No byte of the request has left."""

    kind: NoWay
    detail: str = ""

    def __str__(self) -> str:
        return f"no connection ({self.kind}): {self.detail}" if self.detail else f"no connection ({self.kind})"


@define(eq=False)
class BrokenResponse(OutboundError):
    """No usable head came.

    `received` counts the bytes that came since the request was sent; `head` says that the head was whole (and what it
    said is the trouble); `reused` that the connection had served before: with nothing received, such a request may be
    sent again on a fresh one (D-06).
    """

    fault: Fault
    detail: str = ""
    received: int = 0
    head: bool = False
    reused: bool = False

    def __str__(self) -> str:
        return f"broken response ({self.fault}) after {self.received} bytes: {self.detail}"


@define(eq=False)
class BrokenBody(OutboundError):
    """The body did not come whole. `received` counts the answer's bytes, head included."""

    fault: Fault
    detail: str = ""
    received: int = 0

    def __str__(self) -> str:
        return f"broken body ({self.fault}) after {self.received} bytes: {self.detail}"


_OURS: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def no_connection(reason: Failure) -> ConnectFailed:
    """What a failed attempt to connect, or a TLS handshake that came to nothing, is to us."""
    value = reason.value
    if isinstance(value, ConnectFailed):
        return value
    if isinstance(value, DNSLookupError):
        return ConnectFailed("dns")
    if isinstance(value, ConnectionRefusedError):
        return ConnectFailed("refused")
    if isinstance(value, TimeoutError | TCPTimedOutError):
        return ConnectFailed("timeout")
    if isinstance(value, ConnectBindError) and value.osError in _OURS:
        return ConnectFailed("ours")
    if isinstance(value, VerificationError):
        return ConnectFailed("tls", "the certificate is another host's")
    if isinstance(value, TLSError):
        return ConnectFailed("tls", _first_words(value))
    return ConnectFailed("other", type(value).__name__)


def _first_words(error: TLSError) -> str:
    """OpenSSL's own reason, for instance `certificate verify failed`."""
    queue = error.args[0] if error.args else None
    return str(queue[-1][-1]) if isinstance(queue, list) and queue else type(error).__name__
