"""Tests of targon_gw/settings/addresses.py."""

from __future__ import annotations

import pytest

from targon_gw.settings.addresses import endpoint_fault, privacy_fault, url_fault


class UrlTests:
    """A vendor's URL (faults catalogue, F-18)."""

    @pytest.mark.parametrize(
        "url", ["https://api.targon.com/v1", "http://h", "https://[2001:db8::1]:8443/", "https://a.b./"]
    )
    def test_usual(self, url: str) -> None:
        """Host names and usual addresses are taken, with a port and a path or without."""
        assert url_fault(url) == ""

    @pytest.mark.parametrize(
        ("url", "wanted"),
        [
            ("https://user@h/", "a URL without a user name in it"),
            ("https://h/?q", "a URL without a query or fragment"),
            ("https://h/#", "a URL without a query or fragment"),
            ("https://127.1/", "a URL with a host name or a usual IP address"),
            ("https://0x7f000001/", "a URL with a host name or a usual IP address"),
            ("https://a..b/", "a URL with a host name or a usual IP address"),
            ("https://h:99999/", "a URL such as https://api.example.org/v1"),
            ("https://h\r\nX: y", "a URL such as https://api.example.org/v1"),
            ("file:///etc/passwd", "a URL such as https://api.example.org/v1"),
        ],
    )
    def test_unusual(self, url: str, wanted: str) -> None:
        """Addresses that resolvers and parsers read differently are refused, and so is what is no address."""
        assert url_fault(url) == wanted

    def test_privacy(self) -> None:
        """Public https needs nobody's leave; http and private addresses do."""
        assert privacy_fault("https://8.8.8.8/v1") == ""
        assert privacy_fault("https://[::ffff:8.8.8.8]/v1") == ""
        assert privacy_fault("http://8.8.8.8/v1") == "http:// sends keys unencrypted"
        assert privacy_fault("https://[fe80::1]/v1") == "this is a private address"


class EndpointTests:
    """Where to listen."""

    @pytest.mark.parametrize(
        "text", ["tcp:0", "tcp6:80", "unix:/run/x.sock:mode=660", "haproxy:tcp:80", "fd:3", "ssl:443:privateKey=/gone"]
    )
    def test_taken(self, text: str) -> None:
        """Twisted's endpoints are taken; nothing is opened, so a certificate need not be there yet."""
        assert endpoint_fault(text) == ""

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("3811", "there is no endpoint '3811'"),
            ("tcp", "the port or path is missing"),
            ("tcp:80:bogus=1", "tcp takes no 'bogus'"),
            ("tcp:http!", "it cannot be understood"),
            ("haproxy:tcp:port=70000", "the port is not between 0 and 65535"),
            ("systemd:", "nothing behind the colon"),
        ],
    )
    def test_refused(self, text: str, fault: str) -> None:
        """What Twisted would not understand at the start is told before it, in words for operators."""
        assert endpoint_fault(text) == fault
