"""What a browser keeps for us; faults catalogue, F-07."""

from __future__ import annotations

import ipaddress

import pytest

from targon_gw.web.cookies import SESSION, VISITOR, cookie, dropped, is_secure, kept
from targon_gw.web.request import Request

from .conversation import Conversation, Desk, ask

PROXY = (ipaddress.ip_network("192.168.0.0/16"),)
ID = b"a" * 43


def request(lines: str = "") -> Request:
    """One with those lines, from 192.168.1.1 in plain HTTP."""
    desk = Desk()
    talk = Conversation(resource=desk)
    talk.say(ask(lines))
    (found,) = desk.seen
    return found


class CookieTests:
    """`cookie`."""

    def test_plain(self) -> None:
        """Without TLS a cookie has its plain name, and the other is not heeded."""
        both = request(f"Cookie: other=1; tg_session={'a' * 43};__Host-tg_session={'b' * 43}\r\n")

        assert cookie(both, SESSION, secure=False) == ID
        assert cookie(both, SESSION, secure=True) == b"b" * 43
        assert cookie(both, VISITOR, secure=False) is None

    @pytest.mark.parametrize(
        "value",
        ["", "short", "a" * 21, "a" * 129, "a" * 30 + "%", "a" * 30 + ";", "a" * 30 + '"', "a b" * 20, "é" * 30],
    )
    def test_none_of_ours(self, value: str) -> None:
        """What we can't have made is no id; it is never looked up or repeated."""
        found = cookie(request(f"Cookie: tg_session={value}\r\n"), SESSION, secure=False)
        assert found is None or value.startswith("a" * 30 + ";")

    def test_kept(self) -> None:
        """F-07: no script reads it, no other site sends it along; over TLS nobody but this host can have set it."""
        assert kept(SESSION, ID, False, 60.0) == (
            b"set-cookie",
            b"tg_session=" + ID + b"; Path=/; HttpOnly; SameSite=Lax; Max-Age=60",
        )
        assert kept(SESSION, ID, True)[1] == b"__Host-tg_session=" + ID + b"; Path=/; HttpOnly; SameSite=Lax; Secure"

    def test_dropped(self) -> None:
        """It is over at once."""
        assert dropped(SESSION, False)[1] == b"tg_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"


class SecureTests:
    """`is_secure`."""

    @pytest.mark.parametrize(
        ("lines", "trusted", "secure"),
        [
            ("", (), False),
            ("X-Forwarded-Proto: https\r\n", (), False),
            ("X-Forwarded-Proto: https\r\n", PROXY, True),
            ("X-Forwarded-Proto: HTTPS\r\n", PROXY, True),
            ("X-Forwarded-Proto: https, http\r\n", PROXY, False),
            ("X-Forwarded-Proto: http\r\n", PROXY, False),
            ("", PROXY, False),
        ],
    )
    def test_behind_a_proxy(self, lines: str, trusted: tuple[ipaddress.IPv4Network, ...], secure: bool) -> None:
        """A proxy's word counts where it is trusted, and the last one's at that."""
        assert is_secure(request(lines), trusted) is secure

    def test_by_a_unix_socket(self) -> None:
        """There is always a proxy, whose word counts without a network that it could be named by."""
        behind = request("X-Forwarded-Proto: https\r\n")
        behind._client_host = "unix"
        assert is_secure(behind, ())
