"""Whose address counts."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.web.peers import client_address

TRUSTED = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]


class ClientAddressTests:
    """`client_address`."""

    @pytest.mark.parametrize(
        ("peer", "forwarded", "found"),
        [
            ("198.51.100.1", b"203.0.113.9", "198.51.100.1"),
            ("10.0.0.1", None, "10.0.0.1"),
            ("10.0.0.1", b"203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", b"1.2.3.4, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", b"203.0.113.9, 10.0.0.7 ,10.0.0.8", "203.0.113.9"),
            ("10.0.0.1", b"10.0.0.7, 10.0.0.8", "10.0.0.7"),
            ("10.0.0.1", b"", "10.0.0.1"),
            ("10.0.0.1", b"unknown", "10.0.0.1"),
            ("10.0.0.1", b"evil, 10.0.0.7", "10.0.0.7"),
            ("10.0.0.1", b"203.0.113.9\xff", "10.0.0.1"),
            ("fd00::1%eth0", b"2001:DB8:0:0::1", "2001:db8::1"),
            ("::ffff:10.0.0.1", b"203.0.113.9", "203.0.113.9"),
            ("unix", b"203.0.113.9", "203.0.113.9"),
            ("unix", b"1.2.3.4, 203.0.113.9, 10.0.0.8", "203.0.113.9"),
            ("unix", b"", "unix"),
        ],
    )
    def test_cases(self, peer: str, forwarded: bytes | None, found: str) -> None:
        """A-26: the header is read from its end, as long as whoever wrote it is trusted, and not beyond nonsense."""
        assert client_address(peer, forwarded, TRUSTED) == found

    def test_nobody_is_trusted(self) -> None:
        """A-26: without trusted proxies the header says nothing."""
        assert client_address("127.0.0.1", b"203.0.113.9", []) == "127.0.0.1"

    def test_a_unix_socket(self) -> None:
        """Nobody but a proxy comes by one, and no network says which: it is believed without settings."""
        assert client_address("unix", b"1.2.3.4, 203.0.113.9", []) == "203.0.113.9"

    @given(st.binary(max_size=200))
    def test_never_more_than_an_address(self, forwarded: bytes) -> None:
        """Whatever stands in the header, what comes out is an IP address."""
        ipaddress.ip_address(client_address("10.0.0.1", forwarded, TRUSTED))

    @given(st.ip_addresses(), st.text("0123456789., abc", max_size=60))
    def test_front_cannot_be_forged(self, real: ipaddress.IPv4Address | ipaddress.IPv6Address, front: str) -> None:
        """What a client writes in front of whom the proxy saw changes nothing, unless it is itself trusted."""
        if any(real in network for network in TRUSTED):
            return
        header = f"{front}, {real}".encode()
        plain = ipaddress.IPv6Address(real).ipv4_mapped if real.version == 6 else None

        if plain is None:
            assert client_address("10.0.0.1", header, TRUSTED) == str(real)
