"""Keys that are none, as the gateway judges them (faults catalogue, C-05, C-06)."""

from __future__ import annotations

import pytest

from targon_gw.core.clients import ClientKey
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Gateway
from tests.fakes import CLIENT_SECRET, gateway


def told(desk: Gateway, secret: bytes | None, address: str = "192.0.2.1", now: float = 0.0) -> Refusal:
    """What whoever bears that is told."""
    with pytest.raises(Refusal) as caught:
        desk.identify(secret, address, now)
    return caught.value


class WrongKeyTests:
    def test_ten_thousand_from_one_address(self) -> None:
        """Twenty are wrong, all others too many; a client behind the same address is served, and so is any other."""
        desk = gateway()
        codes = [told(desk, b"sk-wrong-%d" % number).code for number in range(10_000)]
        assert codes == ["invalid_api_key"] * 20 + ["rate_limit_exceeded"] * 9_980
        assert told(desk, b"sk-wrong", "192.0.2.2").code == "invalid_api_key"

        assert isinstance(desk.identify(CLIENT_SECRET, "192.0.2.1", 0.0), ClientKey)

    def test_a_slash_64(self) -> None:
        """Whoever has one IPv6 address has all of its /64."""
        desk = gateway()
        codes = [told(desk, b"sk-wrong", f"2001:db8::{number:x}").code for number in range(30)]

        assert codes.count("invalid_api_key") == 20

    def test_no_key_is_no_wrong_key(self) -> None:
        """Who bears none is told to send one, as often as it asks, and no attempt is counted."""
        desk = gateway()
        assert {told(desk, None).code for _ in range(100)} == {"invalid_api_key"}

        assert told(desk, b"sk-wrong").code == "invalid_api_key"

    def test_the_same_answer_for_all(self) -> None:
        """A near miss, a far one and an old key cannot be told apart, before and after."""
        desk = gateway()
        near = CLIENT_SECRET[:-1] + b"x"
        texts = {told(desk, (near, b"x", b"y" * 5000)[number % 3]).message for number in range(20)}
        slower = {told(desk, (near, b"x", b"y" * 5000)[number % 3]).message for number in range(20)}

        assert len(texts) == len(slower) == 1
