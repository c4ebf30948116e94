"""The whole as one object: who is let in, and what is told about it all. How a call ends is in test_gateway_settle."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from targon_gw.core.allowance import Claim, Hold
from targon_gw.core.bank import Bank, MemoryBank, Tally
from targon_gw.core.call import Call, State
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import (
    Anonymous,
    ClientSettings,
    ModelSettings,
    RateLimits,
    Secret,
)
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Asking
from targon_gw.core.ledger import Ending
from tests.fakes import (
    ADDRESS,
    CLIENT_SECRET,
    MODEL,
    WALL,
    ask,
    call,
    client,
    closing,
    config,
    gateway,
    limited,
    memory,
    settled,
)


class AdmitTests:
    """Who is let in."""

    def test_a_call(self) -> None:
        """A hold is set aside, and the call is under way until it is settled."""
        desk = gateway()
        one = call(desk, 5.0)

        assert desk.calls == {one}
        assert (one.state, one.admitted, one.deadline) == (State.ADMITTED, 5.0, 605.0)
        assert memory(desk).tally("ann") == Tally(in_flight=1)

    @pytest.mark.parametrize(
        ("model", "code"), [("acme/lrage", "model_not_found"), ("secret/model", "model_not_allowed")]
    )
    def test_refused(self, model: str, code: str) -> None:
        """A model that there is not, or not for this client: nothing is held, nobody is asked (C-07)."""
        clients = (ClientSettings("ann", Secret(CLIENT_SECRET.decode()).digest, models=("acme/*",)),)
        desk = gateway(config(models=[ModelSettings(MODEL), ModelSettings("secret/model")], clients=clients))
        with pytest.raises(Refusal) as refused:
            call(desk, asked=ask(model))

        assert (refused.value.code, refused.value.param) == (code, "model")
        assert not desk.calls
        assert memory(desk).tally("ann") == Tally()
        assert [name for name, _ in desk.offered_to(client(desk))] == [MODEL]

    def test_draining(self) -> None:
        """Nobody new; what is under way goes on and is settled."""
        desk = gateway()
        one = call(desk)
        desk.draining = True
        with pytest.raises(Refusal) as refused:
            call(desk)

        assert (refused.value.code, refused.value.wait) == ("draining", 2.0)
        settled(desk, one, closing(Ending.SERVED), 1.0)
        assert not desk.calls

    def test_shut(self) -> None:
        """Where usage can't be recorded nobody new is let in, and the reason is told; nothing is held (P22)."""
        desk = gateway()
        one = call(desk)
        desk.shut = "There is no room for the ledger."
        with pytest.raises(Refusal) as refused:
            call(desk)

        assert (refused.value.code, refused.value.message) == ("overloaded", "There is no room for the ledger.")
        assert refused.value.wait == 5.0
        assert (desk.calls, memory(desk).tally("ann")) == ({one}, Tally(in_flight=1))
        desk.shut = None
        assert call(desk) in desk.calls

    def test_identify(self) -> None:
        """By the key, at the time of day; without one only where that is allowed."""
        desk = gateway()
        with pytest.raises(Refusal, match="Invalid API key"):
            desk.identify(None, ADDRESS, 0.0)
        anonymous = gateway(config(anonymous=Anonymous(True, ("*",))))
        assert isinstance(anonymous.identify(None, ADDRESS, 0.0), ClientKey)
        assert desk.wall == WALL


class FarBank(MemoryBank):
    """A bank that answers a moment later."""

    async def find(self, secret: bytes | None) -> ClientKey | None:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().find(secret)

    async def hold(  # type: ignore[override]
        self, client: ClientKey, claim: Claim, address: str, now: float
    ) -> Hold:
        await asyncio.sleep(0)
        return super().hold(client, claim, address, now)


class FarBankTests:
    """A bank that lives elsewhere is awaited, and nothing else is different."""

    def run(self, awaited: Any) -> Any:
        """What comes of it."""
        assert isinstance(awaited, Coroutine)
        return asyncio.run(awaited)

    def test_a_call(self) -> None:
        """Identified, admitted and settled."""
        desk = gateway()
        far: Bank = FarBank.of(desk.config.clients, Anonymous(), wall=WALL)
        desk.bank = far
        ann = self.run(desk.identify(CLIENT_SECRET, ADDRESS, 0.0))
        one = self.run(desk.admit(Asking(ann, ADDRESS, "req_1"), ask(), 0.0))
        assert isinstance(one, Call) and desk.calls == {one}
        one.begin(0.0)
        settled(desk, one, closing(Ending.ABANDONED), 1.0)

        assert memory(desk).tally("ann") == Tally(calls=1)
        with pytest.raises(Refusal):
            self.run(desk.identify(b"wrong", ADDRESS, 0.0))

    def test_refused(self) -> None:
        """What the bank refuses is refused, a moment later."""
        desk = gateway(limited(RateLimits(concurrent=1)))
        desk.bank = FarBank.of(desk.config.clients, Anonymous(), wall=WALL)
        ann = self.run(desk.identify(CLIENT_SECRET, ADDRESS, 0.0))
        self.run(desk.admit(Asking(ann, ADDRESS, "req_1"), ask(), 0.0))

        with pytest.raises(Refusal, match="1 at once"):
            self.run(desk.admit(Asking(ann, ADDRESS, "req_2"), ask(), 0.0))
        assert len(desk.calls) == 1
