"""What goes wrong, by name."""

from __future__ import annotations

import errno

import pytest
from OpenSSL.SSL import Error as TLSError
from twisted.internet.error import (
    ConnectBindError,
    ConnectionRefusedError,
    DNSLookupError,
    NoRouteError,
    TCPTimedOutError,
    TimeoutError,
)
from twisted.python.failure import Failure

from targon_gw.outbound.errors import BrokenBody, BrokenResponse, ConnectFailed, OutboundError, no_connection


class NoConnectionTests:
    """Why there is none."""

    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (DNSLookupError("no such host"), "dns"),
            (ConnectionRefusedError(), "refused"),
            (TimeoutError(), "timeout"),
            (TCPTimedOutError(), "timeout"),
            (TLSError([("SSL routines", "", "certificate verify failed")]), "tls"),
            (TLSError(), "tls"),
            (ConnectBindError(errno.EMFILE, "Too many open files"), "ours"),
            (ConnectBindError(errno.EADDRNOTAVAIL, "no"), "other"),
            (NoRouteError(), "other"),
        ],
    )
    def test_kinds(self, error: Exception, kind: str) -> None:
        """D-01 to D-04, E-17: Twisted's and OpenSSL's many errors are seven kinds."""
        assert no_connection(Failure(error)).kind == kind

    def test_ours_stays(self) -> None:
        """What is said in our words already is handed on."""
        error = ConnectFailed("private", "so it is")
        assert no_connection(Failure(error)) is error

    def test_openssls_words(self) -> None:
        """OpenSSL's own reason is kept, it is what an operator needs."""
        error = TLSError([("SSL routines", "", "certificate verify failed")])
        assert "certificate verify failed" in str(no_connection(Failure(error)))


class FamilyTests:
    """Three kinds, one family."""

    @pytest.mark.parametrize(
        "error", [ConnectFailed("dns"), BrokenResponse("closed"), BrokenBody("closed", "reset", 7)]
    )
    def test_said_in_a_line(self, error: OutboundError) -> None:
        """Each is an OutboundError that says itself in one line."""
        assert isinstance(error, OutboundError)
        assert str(error)
        assert "\n" not in str(error)
