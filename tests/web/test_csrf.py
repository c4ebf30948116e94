"""Whether a page of ours asks; faults catalogue, F-04."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

import pytest

from targon_gw.core.errors import Refusal
from targon_gw.web.csrf import guard, own_origin, token_of
from targon_gw.web.request import Request

from .conversation import Conversation, Desk

TOKEN = token_of(b"secret", b"visitor")
PROXY = (ipaddress.ip_network("192.168.0.0/16"),)
SAME = "Origin: http://gw.example\r\n"
BEARING = f"X-Csrf-Token: {TOKEN}\r\n"


def request(lines: str, method: str = "POST", host: str = "gw.example") -> Request:
    """One with those lines, from 192.168.1.1 in plain HTTP."""
    desk = Desk()
    talk = Conversation(resource=desk)
    length = "" if method == "GET" else "Content-Length: 0\r\n"
    talk.say(f"{method} /api/x HTTP/1.1\r\nHost: {host}\r\n{length}{lines}\r\n".encode())
    (found,) = desk.seen
    return found


def refused(lines: str, trusted: Sequence[Any] = (), **of: str) -> bool:
    """Whether it is."""
    try:
        guard(request(lines, **of), TOKEN, trusted)
    except Refusal as refusal:
        assert refusal.code == "csrf_failed" and TOKEN not in refusal.message
        return True
    return False


class TokenTests:
    """The token."""

    def test_of_whom(self) -> None:
        """It is another one for each browser and each secret, and tells neither."""
        tokens = {token_of(secret, who) for secret in (b"a", b"b") for who in (b"x", b"y")}
        assert len(tokens) == 4 and all(len(token) == 64 for token in tokens)

    @pytest.mark.parametrize(
        "lines", ["", "X-Csrf-Token: \r\n", f"X-Csrf-Token: {TOKEN[:-1]}\r\n", "X-Csrf-Token: é\r\n"]
    )
    def test_wrong(self, lines: str) -> None:
        """F-04: none, an empty one, a part of it."""
        assert refused(SAME + lines)

    def test_of_nobody(self) -> None:
        """A browser that we know nothing of has no right one."""
        with pytest.raises(Refusal):
            guard(request(SAME + BEARING), None)

    def test_get(self) -> None:
        """GET changes nothing, and needs none."""
        assert not refused("", method="GET")


class OriginTests:
    """Where it comes from."""

    @pytest.mark.parametrize(
        "origin",
        [
            "http://evil.example", "null", "", "https://gw.example", "http://gw.example:8080", "http://gw.example.evil",
            "http://evil.example/http://gw.example", "http://user@gw.example", "http://gw.example, http://gw.example",
        ],
    )  # fmt: skip
    def test_wrong(self, origin: str) -> None:
        """F-04, F-12: any other origin is refused, though it has the token."""
        assert refused(f"Origin: {origin}\r\n{BEARING}")

    @pytest.mark.parametrize("origin", ["http://gw.example", "http://GW.example", "http://gw.example:80"])
    def test_right(self, origin: str) -> None:
        """Our own, however it is written."""
        assert not refused(f"Origin: {origin}\r\n{BEARING}")

    @pytest.mark.parametrize(
        ("site", "is_refused"),
        [("same-origin", False), ("same-site", True), ("cross-site", True), ("none", True), (None, True)],
    )
    def test_without_one(self, site: str | None, is_refused: bool) -> None:
        """Where there is no Origin, the browser must say that it is the same."""
        assert refused(BEARING + (f"Sec-Fetch-Site: {site}\r\n" if site else "")) is is_refused

    def test_an_origin_comes_first(self) -> None:
        """A wrong Origin is not made good by the other header."""
        assert refused(f"Origin: http://evil.example\r\nSec-Fetch-Site: same-origin\r\n{BEARING}")

    def test_port(self) -> None:
        """A port that is not the usual one is a part of it."""
        assert not refused(f"Origin: http://gw.example:3811\r\n{BEARING}", host="gw.example:3811")
        assert refused(f"Origin: http://gw.example\r\n{BEARING}", host="gw.example:3811")


class ProxyTests:
    """Behind a proxy."""

    def test_trusted(self) -> None:
        """What it says of scheme and host is our origin."""
        lines = "X-Forwarded-Proto: https\r\nX-Forwarded-Host: gw.example.org\r\n"
        assert own_origin(request(lines), PROXY) == b"https://gw.example.org"
        assert own_origin(request("X-Forwarded-Proto: https\r\n"), PROXY) == b"https://gw.example"
        assert not refused(f"Origin: https://gw.example.org\r\n{lines}{BEARING}", PROXY)

    def test_not_trusted(self) -> None:
        """F-04: anybody else's word is nothing."""
        lines = "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\n"
        assert own_origin(request(lines), ()) == b"http://gw.example"
        assert refused(f"Origin: https://evil.example\r\n{lines}{BEARING}")
