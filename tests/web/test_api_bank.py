"""`/v1` over a Bank that answers later, as one in another process would."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from targon_gw.core.allowance import Hold
from targon_gw.core.bank import Defaults, MemoryBank
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import RateLimits
from targon_gw.core.errors import Refusal
from targon_gw.core.ledger import Ending
from targon_gw.core.limits import Shown
from tests import fakes

from .conversation import ask
from .house import ANSWER, BEARER, CHAT, DONE, JSON, House, codes, finish, says


class FarBank:
    """A Bank in another process: every answer is awaited. `said` is fired by the test."""

    def __init__(self, settings: Any, coroutines: bool) -> None:
        self.near = MemoryBank.of(settings.clients, settings.anonymous, Defaults(), fakes.WALL)
        self.coroutines = coroutines
        self.waiting: list[tuple[Deferred[Any], Any]] = []
        self.cancelled = 0

    def _later(self, answer: Any) -> Any:
        def note(_: object) -> None:
            self.cancelled += 1

        deferred: Deferred[Any] = Deferred(note)
        self.waiting.append((deferred, answer))

        async def awaited() -> Any:
            return await deferred

        return awaited() if self.coroutines else deferred

    def find(self, secret: bytes | None) -> Any:
        """As Bank's, later."""
        found: ClientKey | None = self.near.find(secret)
        return self._later(found)

    def hold(self, *asked: Any) -> Any:
        """As Bank's, later."""
        try:
            return self._later(self.near.hold(*asked))
        except Refusal as refusal:
            return self._later(Failure(refusal))

    def settle(self, *used: Any) -> None:
        """As Bank's."""
        self.near.settle(*used)

    def limits_of(self, hold: Hold, now: float) -> Shown:
        """As Bank's."""
        return self.near.limits_of(hold, now)

    def limits_at(self, client: ClientKey, address: str, now: float) -> Shown:
        """As Bank's."""
        return self.near.limits_at(client, address, now)

    def speak(self) -> None:
        """Answer all that waits, and what comes of it."""
        while self.waiting:
            deferred, answer = self.waiting.pop(0)
            if not deferred.called:
                deferred.callback(answer)


@pytest.mark.parametrize("coroutines", [True, False])
@pytest.mark.filterwarnings("error")
class FarBankTests:
    """The whole API over a Bank that answers later, with Deferreds or coroutines."""

    def house(self, coroutines: bool, **limits: Any) -> tuple[House, FarBank]:
        """A house with such a bank."""
        settings = fakes.config()
        settings = evolve(settings, clients=(evolve(settings.clients[0], limits=RateLimits(**limits)),))
        bank = FarBank(settings, coroutines)
        return House(settings, bank), bank

    def test_call(self, coroutines: bool) -> None:
        """A stream is admitted once the bank has answered, relayed and settled."""
        house, bank = self.house(coroutines)
        house.call(stream=True)
        assert not house.vendor.asked
        bank.speak()
        house.vendor.begins(says("x"), finish(), DONE)

        assert house.heard.ended
        assert house.entry.ending is Ending.SERVED
        assert bank.near.tally("ann").in_flight == 0

    def test_limit(self, coroutines: bool) -> None:
        """C-08: a refusal by a limit tells how the limits stand, however late the bank says so."""
        house, bank = self.house(coroutines, requests_per_minute=1)
        house.call()
        bank.speak()
        house.vendor.answers(ANSWER)
        house.talk.wire.clear()
        house.call()
        bank.speak()

        assert (house.heard.status, codes([house.heard])) == (429, ["rate_limit_exceeded"])
        assert house.heard.headers[b"x-ratelimit-limit-requests"] == b"1"
        assert house.heard.headers[b"x-ratelimit-remaining-requests"] == b"0"
        assert house.heard.headers[b"x-ratelimit-reset-requests"] == b"1m0s"
        assert house.heard.headers[b"retry-after"] == b"60"
        assert len(house.vendor.asked) == 1
        assert house.quiet()

    def test_unknown_key(self, coroutines: bool) -> None:
        """A key that the bank does not know is a 401, for a call and for the list; before the body is judged."""
        house, bank = self.house(coroutines)
        house.talk.say(ask("Authorization: Bearer wrong\r\n" + JSON, b"{nonsense", CHAT))
        bank.speak()
        assert house.heard.status == 401

        house.talk.say(ask(target="/v1/models", method="GET"))
        bank.speak()
        assert [answer.status for answer in house.talk.heard()] == [401, 401]

    def test_bad_body(self, coroutines: bool) -> None:
        """A bad body of a known client is told as ever."""
        house, bank = self.house(coroutines)
        house.talk.say(ask(BEARER + JSON, b"{nonsense", CHAT))
        bank.speak()

        assert codes([house.heard]) == ["invalid_json"]
        assert house.heard.headers[b"access-control-allow-origin"] == b"*"

    def test_client_leaves_meanwhile(self, coroutines: bool) -> None:
        """A client who leaves while the bank thinks has asked nobody."""
        house, bank = self.house(coroutines)
        house.call(stream=True)
        house.talk.leave()
        bank.speak()

        assert bank.cancelled == 1
        assert not house.vendor.asked and not house.gateway.calls
