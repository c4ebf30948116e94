"""What a client sees of a call that waits for a key."""

from __future__ import annotations

import json

from targon_gw.core import byhand
from targon_gw.core.call import Call, Try
from targon_gw.core.config import PerKey
from tests import fakes
from tests.core.queues import bounds
from tests.fakes import config, upstream

from .conversation import Wire, ask
from .house import ANSWER, BEARER, CHAT, JSON, QUESTION, House, finish, says
from .scraping import figure, scraped

POST = f"POST {CHAT} HTTP/1.1\r\nHost: h\r\n{BEARER}{JSON}Content-Length: 5000000\r\n\r\n".encode()


def busy(**settings: object) -> tuple[House, Call]:
    """A house whose only key has a call of somebody else's under way."""
    house = House(config(upstream(1, per_key=PerKey(1)), **settings))  # type: ignore[arg-type]
    other = fakes.call(house.gateway, house.now())
    assert isinstance(other.begin(house.now()), Try)
    return house, other


def over(house: House, other: Call) -> None:
    """That one is."""
    own = house.gateway.entries_of(other, fakes.closing(fakes.Ending.ABANDONED), 0.0)[-1]
    house.gateway.settle(other, own, None, 0.0)
    house.talk.clock.advance(0)


class WaitingTests:
    def test_served_in_the_end(self) -> None:
        """The answer is as any other, but for the time it took; the figures tell of the wait."""
        house, other = busy()
        house.call()
        house.talk.pass_seconds(3)
        assert figure(scraped(house), "targon_gw_calls_waiting") == 1
        over(house, other)
        house.vendor.answers(ANSWER)

        assert house.heard.status == 200
        assert b"x-targon-attempts" not in house.heard.headers
        found = scraped(house)
        assert figure(found, "targon_gw_calls_waiting") == 0
        assert figure(found, "targon_gw_wait_seconds_sum", result="went") == 3.0
        assert not house.gateway.calls

    def test_a_key_that_is_put_back_by_hand(self) -> None:
        """Who waits is asked to try it at once."""
        house = House(config(upstream(2, per_key=PerKey(1))))
        pool = house.gateway.pools["acme"]
        other = list(pool.keys)[1]
        byhand.disable(pool, other, None, house.now())
        for _ in range(3):
            channel = house.talk.site.buildProtocol(None)
            channel.makeConnection(Wire())
            channel.dataReceived(ask(BEARER + JSON, json.dumps(QUESTION).encode(), CHAT))
        assert (len(house.vendor.asked), len(house.gateway.waiting)) == (1, 2)
        byhand.enable(pool, other, house.now())
        house.talk.pass_seconds(1)

        assert (len(house.vendor.asked), len(house.gateway.waiting)) == (2, 1)

    def test_told_at_once(self) -> None:
        """Where waiting does not help, the 503 and its true time come in the same turn."""
        house, other = busy(limits=bounds(0))
        house.call()

        assert (house.heard.status, house.heard.headers[b"retry-after"]) == (503, b"1")
        over(house, other)
        assert house.quiet()

    def test_a_stream_is_kept_alive(self) -> None:
        """A stream that waits longer than `head_after` has its head and comments, and then its events."""
        house, other = busy(limits=bounds(seconds=60.0), head_after=2.0)
        house.call(stream=True)
        house.talk.pass_seconds(3)
        assert house.heard.status == 200 and house.heard.chunks == [b": keep-alive\n\n"]
        over(house, other)
        house.vendor.begins(says("Hello"))
        house.vendor.says(finish())
        house.vendor.ends()

        assert house.heard.ended and b"Hello" in house.heard.body
        assert house.quiet()

    def test_it_leaves(self) -> None:
        """A-17: nothing is left of a call whose client leaves as it waits."""
        house, other = busy()
        house.call()
        house.talk.leave()
        assert not house.gateway.waiting

        over(house, other)
        assert not house.vendor.asked and not house.gateway.calls
        assert house.quiet()


class StrainTests:
    def test_too_much(self) -> None:
        """A-32: a call is told to come again, before its body is looked at; what is no call is answered."""
        house = House()
        house.gateway.strained = "too much"
        house.call(model=5)
        assert (house.heard.status, house.heard.headers[b"retry-after"]) == (503, b"1")
        assert house.get("/v1/models").status == 200
        house.gateway.strained = None
        house.talk.wire.clear()
        house.call()
        house.vendor.answers(ANSWER)

        assert house.heard.status == 200
        assert house.quiet()

    def test_before_the_body(self) -> None:
        """A body that is still to come is not waited for."""
        house = House()
        house.gateway.strained = "too much"
        house.talk.say(POST)

        assert house.heard.status == 503
        house.talk.leave()
        house.talk.pass_seconds(2)
