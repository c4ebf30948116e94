"""Probes, performed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from targon_gw.core.attempts import Barred, Exhausted
from targon_gw.core.config import Duration, Kind, ModelSettings, Price, ProbePlan, Timeouts
from targon_gw.core.health import Barred as Out
from targon_gw.core.health import Cooling, Ready, Suspect
from targon_gw.core.keys import UpstreamKey
from targon_gw.core.pool import KeyPool
from targon_gw.core.probes import COST, PER_ROUND
from targon_gw.outbound.errors import ConnectFailed
from targon_gw.outbound.probe import TICK, Prober, question
from tests import fakes

from .stage import WHOLE, Request, Stage, bug

PATIENCE = 8.0


@define(eq=False)
class Watch:
    """A stage and its prober."""

    stage: Stage
    told: int = 0
    prober: Prober = field(init=False)

    def __attrs_post_init__(self) -> None:
        on = self.stage
        self.prober = Prober(on.gateway, on.sending, on.clock, on.clock.seconds, self.tell, on.record)

    def tell(self) -> None:
        self.told += 1

    @property
    def clock(self) -> Clock:
        return self.stage.clock

    @property
    def pool(self) -> KeyPool:
        return self.stage.gateway.pools["acme"]

    @property
    def sent(self) -> list[Request]:
        return self.stage.vendor.requests

    def key(self, number: int = 0) -> UpstreamKey:
        return fakes.the(self.pool, number)

    def stop(self) -> None:
        """Stop, and see that nothing is left."""
        self.prober.stop()
        self.stage.rest()


def watch(keys: int = 1, served: bool = True, models: list[ModelSettings] | None = None, **plan: Any) -> Watch:
    """A prober of one vendor, whose keys have all served or none."""
    upstream = fakes.upstream(keys, timeouts=Timeouts(first_token=Duration(PATIENCE)), probe=ProbePlan(**plan))
    made = Watch(Stage(fakes.config(upstream, models=models or ())))
    for key in made.pool.keys.values():
        key.served_at = 0.0 if served else None
    return made


class RoundTests:
    """Rounds of probes."""

    def test_first_round_is_at_once(self) -> None:
        """A key that has never served is asked as soon as probing begins; what it answers is taken as evidence."""
        on = watch(served=False)
        on.prober.start()
        (request,) = on.sent
        assert request.body["max_tokens"] == 1
        assert request.body["stream"] is False
        assert request.head.authorization == b"Bearer " + on.key().secret.reveal.encode()
        on.clock.advance(2)
        request.whole(WHOLE)
        assert on.key().served == 1
        assert on.key().first_token == 2.0
        assert on.prober.allowances["acme"].spent == 7
        assert on.told == 1
        on.stop()

    def test_nothing_to_ask(self) -> None:
        """Keys that are well cost nothing."""
        on = watch(keys=3)
        on.prober.start()
        on.clock.pump([TICK] * 5)
        assert on.sent == []
        on.stop()

    @pytest.mark.parametrize(("answer", "code", "health"), [(WHOLE, 200, Ready), (b"no", 401, Out)])
    def test_suspect(self, answer: Any, code: int, health: type) -> None:
        """A suspect is asked within a tick, however long `every` is: it is cleared or confirmed."""
        on = watch(3, every=3600.0)
        on.prober.start()
        on.pool.give_back(fakes.lease(on.pool, 0.0), Barred(), 0.0)
        assert isinstance(on.key().standing.health, Suspect)
        on.clock.advance(TICK)
        on.sent[0].whole(answer, code)
        assert isinstance(on.key().standing.health, health)
        on.stop()

    def test_credit(self) -> None:
        """A probe that is served ends the rest of an account that was out of credit."""
        on = watch()
        on.pool.give_back(fakes.lease(on.pool, 0.0), Exhausted(), 0.0)
        on.prober.start()
        on.sent[0].whole(WHOLE)
        assert isinstance(on.key().account.standing.health, Ready)
        on.stop()

    def test_suspects_first(self) -> None:
        """Where more are due than a round asks, suspects come first."""
        on = watch(keys=20, served=False)
        on.key(19).standing.move(Suspect())
        on.prober.start()
        assert len(on.sent) == PER_ROUND
        assert on.sent[0].head.authorization == b"Bearer " + on.key(19).secret.reveal.encode()
        on.stop()

    def test_rounds_follow_one_another(self) -> None:
        """A round that takes long is not overtaken by the next."""
        on = watch(keys=2, served=False)
        on.prober.start()
        assert len(on.sent) == 2
        on.clock.advance(TICK)
        assert len(on.sent) == 2
        on.key(0).standing.move(Suspect())
        for request in on.sent:
            request.fail(ConnectFailed("refused"))
        on.clock.advance(TICK)
        assert len(on.sent) == 3
        on.stop()

    def test_silence(self) -> None:
        """D-07: a probe waits no longer than a call would, and its lease comes back."""
        on = watch(served=False)
        on.prober.start()
        on.stage.advance(PATIENCE)
        assert on.sent[0].cancelled
        assert on.key().in_flight == 0
        on.stop()


class AllowanceTests:
    """What a day's probes may cost."""

    def test_daily_tokens(self) -> None:
        """Where the day's tokens are used up no key is asked, and none is taken for asked."""
        on = watch(keys=3, served=False, daily_tokens=2 * COST)
        on.prober.start()
        assert len(on.sent) == 2
        for request in on.sent:
            request.whole({**WHOLE, "usage": None})
        on.clock.pump([TICK] * 4)
        assert len(on.sent) == 2
        assert on.key(2).probed_at is None
        on.stop()

    @pytest.mark.parametrize(("code", "spent"), [(401, 0), (429, 0), (500, COST)])
    def test_failures(self, code: int, spent: int) -> None:
        """D-50: a vendor that turns a probe down bills nothing; one that fails may."""
        on = watch(served=False)
        on.prober.start()
        on.sent[0].whole(b"", code)
        assert on.prober.allowances["acme"].spent == spent
        on.stop()

    @pytest.mark.parametrize("total", [True, "9", 10.5, None])
    def test_usage_that_is_none(self, total: Any) -> None:
        """D-26: a total that is no whole number is taken for none."""
        on = watch(served=False)
        on.prober.start()
        on.sent[0].whole({**WHOLE, "usage": {"total_tokens": total}})
        assert on.prober.allowances["acme"].spent == COST
        on.stop()


class ModelTests:
    """What is asked for."""

    CHEAP = ModelSettings("acme/small", price=Price(0.1, 0.1), upstream_id="small")
    DEAR = ModelSettings("acme/large", price=Price(2.0, 2.0))
    FREE = ModelSettings("acme/vectors", kind=Kind.EMBEDDING, price=Price())
    UNPRICED = ModelSettings("acme/any")

    @pytest.mark.parametrize(
        ("named", "asked"), [(None, "small"), ("acme/large", "acme/large"), ("acme/none", "small")]
    )
    def test_choice(self, named: str | None, asked: str) -> None:
        """The model that the settings name, else the cheapest that can chat, as the vendor calls it."""
        on = watch(served=False, models=[self.UNPRICED, self.DEAR, self.FREE, self.CHEAP], model=named)
        on.prober.start()
        assert on.sent[0].body["model"] == asked
        on.stop()

    def test_model_at_rest(self) -> None:
        """A model that the vendor does not serve tells nothing of a key: the next cheapest is asked for."""
        on = watch(served=False, models=[self.DEAR, self.CHEAP])
        on.pool.route("small").standing.move(Cooling(100.0, 1))
        on.prober.start()
        assert on.sent[0].body["model"] == "acme/large"
        on.stop()

    @pytest.mark.parametrize("models", [[FREE], [ModelSettings("other/m", routes=())]])
    def test_nothing_to_ask_for(self, models: list[ModelSettings]) -> None:
        """A vendor that serves no model that can chat is not asked."""
        on = watch(served=False, models=models)
        on.prober.start()
        assert on.sent == []
        on.stop()

    def test_question(self) -> None:
        """The question is as small as one can be."""
        asked = question("m")
        assert (asked.model, asked.stream, asked.max_tokens) == ("m", False, 1)


class BugTests:
    """A bug of ours ends no more than it must."""

    def test_in_a_probe(self) -> None:
        """A probe that fails by a bug is logged; its lease comes back, the other probes and rounds go on."""
        on = watch(keys=2, served=False)
        with capturedLogs() as logs:
            on.prober.start()
            on.sent[0].fail(bug())
            on.sent[1].whole(WHOLE)
        assert [log["log_format"] for log in logs] == ["a probe failed"]
        assert on.key(1).served == 1
        assert on.prober.allowances["acme"].spent == COST + 7
        on.key(0).standing.move(Suspect())
        on.clock.advance(TICK)
        assert len(on.sent) == 3
        on.stop()

    def test_before_a_probe(self) -> None:
        """So is one that fails before its lease was drawn."""
        on = watch(served=False)
        on.prober.start()
        on.sent[0].whole(WHOLE)
        on.key().standing.move(Suspect())
        del on.prober.allowances["acme"]
        with capturedLogs() as logs:
            on.clock.advance(TICK)
        assert [log["log_format"] for log in logs] == ["a probe failed"]
        on.stop()

    def test_in_a_round(self) -> None:
        """A round that fails is logged, and the rounds go on."""
        on = watch(served=False)
        catalog, on.stage.gateway.catalog = on.stage.gateway.catalog, _Broken()  # type: ignore[assignment]
        with capturedLogs() as logs:
            on.prober.start()
        assert [log["log_format"] for log in logs] == ["a round of probes failed"]
        on.stage.gateway.catalog = catalog
        on.clock.advance(TICK)
        assert len(on.sent) == 1
        on.stop()


class _Broken:
    """A catalog that fails to be read."""

    def __iter__(self) -> Iterator[Any]:
        raise bug()


class StopTests:
    """The end of probing."""

    def test_under_way(self) -> None:
        """Probes under way are given up: nothing is logged, no key is blamed, every lease is back."""
        on = watch(keys=3, served=False)
        on.prober.start()
        on.sent[0].reply(200, b"{")
        with capturedLogs() as logs:
            on.stop()
        assert logs == []
        assert on.sent[1].cancelled and on.sent[2].cancelled
        assert on.pool.census(on.clock.seconds())["usable"] == 3
        on.clock.advance(100)
        assert len(on.sent) == 3

    def test_twice(self) -> None:
        """It may be stopped twice, or without having begun."""
        on = watch()
        on.prober.stop()
        on.prober.start()
        on.prober.stop()
        on.stop()
