"""How a client's limits stand, in the headers; and that what they say is true."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest
from attrs import evolve

from targon_gw.core.config import Anonymous, Config, Per, QuotaPlan, RateLimits, Unit
from targon_gw.core.limits import Shown
from targon_gw.web.ratelimits import duration, limit_lines
from tests import fakes

from .conversation import Answer
from .house import ANSWER, BEARER, DONE, JSON, House, codes, finish, says

LIMITS = b"x-ratelimit-"


def limited(quota: QuotaPlan | None = None, **limits: Any) -> Config:
    """Settings whose one client has these limits."""
    settings = fakes.config()
    client = evolve(settings.clients[0], limits=RateLimits(**limits), quota=quota)
    return evolve(settings, clients=(client,))


def shown(answer: Answer) -> dict[str, str]:
    """The headers about limits, without what they all begin with."""
    return {
        name.removeprefix(LIMITS).decode(): value.decode()
        for name, value in answer.headers.items()
        if name.startswith(LIMITS)
    }


class DurationTests:
    """`duration`."""

    @pytest.mark.parametrize(
        ("seconds", "written"),
        [
            (-1.0, b"0ms"),
            (0.0, b"0ms"),
            (0.0001, b"1ms"),
            (0.012, b"12ms"),
            (0.9999, b"1000ms"),
            (1.0, b"1s"),
            (1.2, b"2s"),
            (59.0, b"59s"),
            (10.000000001, b"10s"),
            (59.1, b"1m0s"),
            (360.0, b"6m0s"),
            (3599.5, b"1h0m0s"),
            (3661.0, b"1h1m1s"),
            (90000.0, b"25h0m0s"),
        ],
    )
    def test_written(self, seconds: float, written: bytes) -> None:
        """Written as OpenAI writes it, and never too early."""
        assert duration(seconds) == written


class LinesTests:
    """`limit_lines`."""

    def test_only_what_there_is(self) -> None:
        """Each limit has its three lines; what is not limited has none."""
        assert limit_lines(Shown(None, None)) == b""
        assert limit_lines(Shown((60, 59, 1.0), None)).split(b"\r\n") == [
            b"x-ratelimit-limit-requests: 60",
            b"x-ratelimit-remaining-requests: 59",
            b"x-ratelimit-reset-requests: 1s",
            b"",
        ]
        assert limit_lines(Shown(None, (1000, 0, 61.2))).split(b"\r\n") == [
            b"x-ratelimit-limit-tokens: 1000",
            b"x-ratelimit-remaining-tokens: 0",
            b"x-ratelimit-reset-tokens: 1m2s",
            b"",
        ]


class AnswerTests:
    """On what is answered."""

    def test_whole_answer(self) -> None:
        """A whole answer tells how the limits stand once it is settled: what was not used is given back."""
        house = House(limited(requests_per_minute=60, tokens_per_minute=6000))
        house.call(max_tokens=1000)
        house.vendor.answers(ANSWER)

        assert shown(house.heard) == {
            "limit-requests": "60",
            "remaining-requests": "59",
            "reset-requests": "1s",
            "limit-tokens": "6000",
            "remaining-tokens": "5994",
            "reset-tokens": "60ms",
        }

    def test_stream(self) -> None:
        """A stream tells in its head what is left while the call holds what it may use."""
        house = House(limited(requests_per_minute=60, tokens_per_minute=6000))
        house.call(stream=True, max_tokens=1000)
        house.vendor.begins(says("x"))
        held = 1000 + house.vendor.asked[0].ask.prompt_estimate

        assert shown(house.heard)["remaining-requests"] == "59"
        assert shown(house.heard)["remaining-tokens"] == str(6000 - held)
        house.talk.leave()

    def test_early_head(self) -> None:
        """A head that leaves before anything has come tells them, too."""
        house = House(limited(requests_per_minute=2))
        house.call(stream=True)
        house.talk.pass_seconds(21)

        assert shown(house.heard) == {"limit-requests": "2", "remaining-requests": "1", "reset-requests": "10s"}
        house.talk.leave()

    def test_without_limits(self) -> None:
        """Who has no limit is told of none."""
        house = House(limited())
        house.call()
        house.vendor.answers(ANSWER)

        assert shown(house.heard) == {}

    def test_failure(self) -> None:
        """A failure of the vendor's tells them, too."""
        house = House(evolve(limited(requests_per_minute=60), retries=fakes.patient(attempts=1)))
        house.call()
        house.vendor.fails()

        assert house.heard.status == 502
        assert shown(house.heard)["remaining-requests"] == "59"


class RefusalTests:
    """C-08, C-09, C-10: turned away by one's own limits."""

    def turned_away(self, house: House, code: str, **asked: Any) -> Answer:
        """Call, and be refused with that code, without anybody being asked or anything being counted."""
        before = len(house.vendor.asked), len(house.entries)
        house.talk.wire.clear()
        house.call(**asked)
        assert (house.heard.status, codes([house.heard])) == (429, [code])
        assert (len(house.vendor.asked), len(house.entries)) == before
        return house.heard

    def served(self, house: House) -> None:
        """Call, and be served."""
        house.talk.wire.clear()
        house.call()
        house.vendor.answers(ANSWER)
        assert house.heard.status == 200

    def test_requests(self) -> None:
        """C-08: `Retry-After` is true: a second before it is too early, and then the call is served."""
        house = House(limited(requests_per_minute=6))
        for _ in range(6):
            self.served(house)
        answer = self.turned_away(house, "rate_limit_exceeded")

        assert answer.headers[b"retry-after"] == b"10"
        assert b"x-should-retry" not in answer.headers
        assert shown(answer) == {"limit-requests": "6", "remaining-requests": "0", "reset-requests": "1m0s"}
        assert answer.headers[b"access-control-allow-origin"] == b"*"
        house.talk.pass_seconds(9)
        assert self.turned_away(house, "rate_limit_exceeded").headers[b"retry-after"] == b"1"
        house.talk.pass_seconds(1)
        self.served(house)

    def test_tokens(self) -> None:
        """C-08: a call that may use more tokens than are left is told when they will be there."""
        house = House(limited(tokens_per_minute=600))
        house.call(stream=True, max_tokens=500)
        house.vendor.begins(says("x"))
        house.vendor.says(finish(), DONE)
        answer = self.turned_away(house, "rate_limit_exceeded", max_tokens=595)

        assert shown(answer)["limit-tokens"] == "600"
        wait = int(answer.headers[b"retry-after"])
        house.talk.pass_seconds(wait)
        house.call(max_tokens=595)
        assert len(house.vendor.asked) == 2
        house.talk.leave()

    def test_quota(self) -> None:
        """C-10: an exhausted quota is not to be tried again by itself; the wait is as long as a client bears."""
        house = House(limited(QuotaPlan(Unit.REQUESTS, 1, Per.DAY), requests_per_minute=60))
        self.served(house)
        answer = self.turned_away(house, "insufficient_quota")

        assert answer.headers[b"x-should-retry"] == b"false"
        assert answer.headers[b"retry-after"] == b"120"
        assert shown(answer)["remaining-requests"] == "59"

    def test_other_refusals_tell_none(self) -> None:
        """What is not about limits does not speak of them."""
        house = House(limited(requests_per_minute=60))
        house.call(model="acme/none")
        assert shown(house.heard) == {}
        house.gateway.shut = "no room"
        house.call()
        assert house.heard.status == 503
        assert shown(house.heard) == {}
        assert house.heard.headers[b"retry-after"] == b"5"


class AddressTests:
    """C-12: callers without a key are told apart by their address, which nobody may make up."""

    PROXY = "192.0.2.200"

    def house(self, *trusted: str) -> House:
        """A house that anybody may call once a minute, through a proxy at `PROXY`."""
        settings = evolve(
            fakes.config(),
            anonymous=Anonymous(enabled=True, models=(fakes.MODEL,), limits=RateLimits(requests_per_minute=1)),
            trusted_proxies=tuple(ipaddress.ip_network(network) for network in trusted),
        )
        house = House(settings)
        house.talk.channel.client_host = self.PROXY
        return house

    def status(self, house: House, forwarded: str) -> int:
        """What a caller whom the proxy says to be at `forwarded` is answered."""
        house.talk.wire.clear()
        house.call(lines=f"X-Forwarded-For: {forwarded}\r\n{JSON}")
        if len(house.vendor.asked) > len(house.entries):
            house.vendor.answers(ANSWER)
        return house.heard.status

    def test_trusted_proxy(self) -> None:
        """Behind a proxy that is trusted each caller has limits of its own, and the ledger no address."""
        house = self.house("192.0.2.200/32")

        assert [self.status(house, f"203.0.113.{n}") for n in (1, 2, 1, 2)] == [200, 200, 429, 429]
        assert self.status(house, "203.0.113.9, 203.0.113.1") == 429
        assert {entry.client for entry, _ in house.entries} == {"anonymous"}

    def test_anybody_else(self) -> None:
        """From a peer that is not trusted what is forwarded is made up: all of it is one caller."""
        house = self.house()

        assert [self.status(house, f"203.0.113.{n}") for n in (1, 2, 3)] == [200, 429, 429]

    def test_keys_are_not_told_apart(self) -> None:
        """Who calls with a key has the key's limits wherever it calls from."""
        settings = evolve(limited(requests_per_minute=1), trusted_proxies=(ipaddress.ip_network("192.0.2.200/32"),))
        house = House(settings)
        house.talk.channel.client_host = self.PROXY
        found = []
        for n in (1, 2):
            house.talk.wire.clear()
            house.call(lines=f"X-Forwarded-For: 203.0.113.{n}\r\n{BEARER}{JSON}")
            if len(house.vendor.asked) > len(house.entries):
                house.vendor.answers(ANSWER)
            found.append(house.heard.status)

        assert found == [200, 429]
        assert json.loads(house.heard.body)["error"]["type"] == "rate_limit_error"
