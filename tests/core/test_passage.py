"""What of a stream passes to the client, what is kept of that, and what it comes to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from targon_gw.core.attempts import Abandoned, Served, Throttled, VendorFault
from targon_gw.core.call import Call
from targon_gw.core.config import ModelSettings, Prefill, RescuePlan
from targon_gw.core.passage import Passage, ceiling_of, passage_of
from targon_gw.core.rescue import REPLAY, Broken
from tests.fakes import MODEL, ask, attempt_of, call, config, gateway, upstream

from .answered import IDS, Written

ONE = Written(IDS)
ROLE = ONE.event(0, {"role": "assistant", "content": ""})
HELLO = ONE.event(0, {"content": "Hello"})
END = ONE.event(0, {}, "stop")


def passage(plan: RescuePlan = RescuePlan(), **fields: Any) -> Passage:
    """The passage of a call's first stream."""
    one = passing(plan, **fields)
    return passage_of(one, one.attempts[0], None)


def passing(plan: RescuePlan = RescuePlan(), **fields: Any) -> Call:
    """A call that is being passed on."""
    models = [ModelSettings(MODEL, context=1000), ModelSettings("nick", alias=MODEL)]
    one = call(gateway(config(upstream(2, rescue=plan), models=models)), 0.0, ask(stream=True, **fields))
    attempt_of(one.begin(0.0))
    one.judge(Served(), 1.0)
    return one


class KeptTests:
    """What is kept of what the client has."""

    @pytest.mark.parametrize(
        ("plan", "fields", "kept"),
        [
            (RescuePlan(), {}, False),
            (RescuePlan(), {"seed": 1}, True),
            (RescuePlan(prefill=Prefill.VLLM), {}, True),
        ],
    )
    def test_only_of_use(self, plan: RescuePlan, fields: dict[str, Any], kept: bool) -> None:
        """An answer that nobody could go on with is not kept, however it is read; one that has said nothing yet is.

        Of the first read that is asked when the second one comes.
        """
        for reads in ([[ROLE], [ROLE], [HELLO]], [[ROLE, HELLO], [HELLO]]):
            one = passage(plan, **fields)
            for events in reads:
                assert one.show(events) == events
                assert (one.kept is not None) is (kept or events is not reads[-1])
            assert one.kept is None or one.kept.events == [event for events in reads for event in events]

    def test_as_the_client_has_it(self) -> None:
        """What is kept has the model's name as the client knows it."""
        one = passage(seed=1, model="nick")
        (renamed,) = one.show([HELLO])

        assert b'"model":"nick"' in renamed.replace(b'"model": ', b'"model":')
        assert one.kept is not None and one.kept.events == [renamed]


class BrokenTests:
    """How it breaks off."""

    def test_cut(self) -> None:
        """What the vendor's bytes came to is its fault; what an error event says is whoever's it says."""
        one = passage(seed=1)
        one.show([HELLO])
        broken = one.broken("stalled")
        assert broken.outcome == VendorFault("the stream was cut: stalled", 200)
        assert (broken.usage.completion, broken.passed) == (1, one.kept)

        one.show([b'data: {"error":{"message":"slow down","code":429}}\n\n'])
        assert isinstance(one.broken("an error event").outcome, Throttled)

    def test_astray(self) -> None:
        """An answer that is another one, or that ends too early, is nobody's fault."""
        for said in ([ONE.event(0, {"content": "Good day"})], [ONE.event(0, {"content": "Hel"}), END]):
            one = self.second(said)
            assert one.astray
            assert isinstance(one.broken("").outcome, Abandoned)
        assert not self.second([ONE.event(0, {"content": "Hel"})]).astray
        assert not self.second([HELLO, END]).astray

    def second(self, events: list[bytes]) -> Passage:
        """The passage of a replay, which says this, behind a stream that said HELLO."""
        one = passing(seed=1)
        first = passage_of(one, one.attempts[0], None)
        first.show([HELLO])
        one.cut(first.broken("cut"), 2.0)
        one.judge(Served(), 3.0)
        found = passage_of(one, one.attempts[1], first)
        found.show(events)
        return found

    def test_keeps_on(self) -> None:
        """A stream that goes on passes what is new, keeps it with what was there, and is charged as one answer."""
        one = passing(seed=1)
        first = passage_of(one, one.attempts[0], None)
        first.show([HELLO])
        one.cut(first.broken("cut"), 2.0)
        assert one.attempts[1].sequel == REPLAY
        one.judge(Served(), 3.0)
        second = passage_of(one, one.attempts[1], first)
        assert second.delivered().completion == 1
        (passed,) = second.show([ONE.event(0, {"content": "Hel"}), ONE.event(0, {"content": "lo world"})])

        assert json.loads(passed[6:])["choices"][0]["delta"] == {"content": " world"}
        assert second.kept is not None and second.kept.events == [HELLO, passed]
        assert second.delivered().completion == 2
        assert isinstance(second.broken("cut"), Broken)


class CeilingTests:
    """The most that can be true of an answer's figures."""

    def test_context(self) -> None:
        """The model's context for each answer; unknown where the catalog does not say."""
        one = passing(n=2)
        assert ceiling_of(one.ask, one.attempts[0]) == 2000
        unknown = call(gateway(), 0.0)
        attempt_of(unknown.begin(0.0))
        assert ceiling_of(unknown.ask, unknown.attempts[0]) is None
