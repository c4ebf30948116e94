"""A call whose stream is cut, carried: another stream is passed to the same sink, or it is told to give up; once."""

from __future__ import annotations

from typing import Any

import pytest

from targon_gw.core.config import Prefill, Replay, RescuePlan
from targon_gw.core.ledger import Ending
from targon_gw.outbound.errors import ConnectFailed
from tests import fakes

from .stage import DONE, Carried, Sink, Stage, bug, chunk, event

SEED = {"stream": True, "seed": 1}


def stage(keys: int = 2, **settings: Any) -> Stage:
    """A stage with a vendor of that many keys."""
    return Stage(fakes.config(fakes.upstream(keys, **settings)), roll=lambda: 0.8)


def cut(on: Stage, **asked: Any) -> Carried:
    """A call whose first stream has said something and broken off."""
    carried = on.carry(Sink(rescues=True), **{**SEED, **asked})
    on.vendor.last.reply(200, chunk("Hel")).end(clean=False)
    return carried


def ended(on: Stage) -> Ending:
    """How the one call that was settled ended; all must be over."""
    on.rest()
    (entry,) = on.entries
    assert entry.ending is not None
    return entry.ending


class RescueTests:
    """Another stream, or none."""

    def test_another_stream(self) -> None:
        """The sink is given the second one, and the call is over when that is."""
        on = stage()
        carried = cut(on)
        first, second = on.vendor.requests
        assert second.body == first.body
        assert second.head.authorization != first.head.authorization
        assert carried.results == []
        reply = second.reply(200, chunk("Hello"), DONE)
        assert carried.results == []
        reply.end()

        assert len(carried.sink.streams) == 2
        assert carried.results == [None]
        assert ended(on) is Ending.SERVED

    def test_nobody(self) -> None:
        """Where nobody goes on, the sink is told to give up, whether at once, after an attempt or after a pause."""
        at_once = stage(rescue=RescuePlan(Replay.NEVER))
        later, last = stage(), stage(keys=1)
        for on in (at_once, later, last):
            carried = cut(on)
            while not carried.results:
                on.clock.advance(0.25)
                if not carried.results and not on.vendor.last.answer.called:
                    on.vendor.last.fail(ConnectFailed("refused"))

            assert carried.sink.gave_up == 1
            assert not carried.sink.refusals
            assert ended(on) is Ending.TRUNCATED
        assert [len(on.vendor.requests) for on in (at_once, later, last)] == [1, 3, 2]

    def test_told(self) -> None:
        """Whoever counts rescues is told of each, once the call is settled."""
        on = stage()
        told: list[tuple[str, str]] = []
        on.carrier.rescued = lambda means, result: told.append((means, result))
        cut(on)
        assert told == []
        on.vendor.last.fail(ConnectFailed("refused"))
        on.clock.advance(0.25)
        on.vendor.last.reply(200, chunk("Hello"), DONE).end()

        assert told == [("replay", "failed"), ("replay", "failed")]  # this sink passes without looking: none is level
        ended(on)

    def test_prefill_is_what_is_sent(self) -> None:
        """The vendor is sent what the client has."""
        on = stage(rescue=RescuePlan(Replay.NEVER, Prefill.VLLM))
        carried = cut(on, seed=None)
        body = on.vendor.last.body
        assert body["messages"][-1] == {"role": "assistant", "content": "Hel"}
        assert body["continue_final_message"] is True
        on.vendor.last.whole({"error": {"message": "extra inputs are not permitted"}}, 400)

        assert carried.sink.gave_up == 1
        assert not carried.sink.refusals
        assert ended(on) is Ending.TRUNCATED

    @pytest.mark.parametrize("phase", ["pause", "sent", "head", "passing"])
    def test_client_leaves(self, phase: str) -> None:
        """A-17: whatever is under way is given up at once; the call is settled once, and nothing ticks."""
        on = stage(keys=1 if phase == "pause" else 2)
        carried = cut(on)
        request = on.vendor.last
        reply = (
            request.reply(200, *([chunk("He")] if phase == "passing" else [])) if phase in ("head", "passing") else None
        )
        carried.running.cancel()

        assert carried.results == [None]
        assert ended(on) is Ending.ABANDONED
        assert request.cancelled is (phase == "sent")
        assert reply is None or reply.pipe.stopped

    def test_error_first(self) -> None:
        """D-20: a second stream that begins with an error is none; a third is sought."""
        on = stage(keys=3)
        carried = cut(on)
        on.vendor.last.reply(200, event({"error": {"message": "overloaded", "code": 529}}))
        on.vendor.last.reply(200, chunk("Hello"), DONE).end()

        assert len(carried.sink.streams) == 2
        assert on.entries[0].attempts == 3
        assert ended(on) is Ending.SERVED

    @pytest.mark.parametrize("where", ["give_up", "pass_stream"])
    def test_bug_in_the_sink(self, where: str) -> None:
        """A bug that shows as the sink is told what follows leaves no lease and no stream behind."""
        on = stage()
        carried = cut(on)
        carried.sink.bug_in = where
        assert carried.sink.waits is not None
        faults: list[Any] = []
        carried.sink.waits.addErrback(faults.append)
        if where == "give_up":
            for _ in range(2):
                on.vendor.last.fail(ConnectFailed("refused"))
                on.clock.advance(0.25)
        else:
            on.vendor.last.reply(200, chunk("Hello"))

        assert [type(fault.value) for fault in faults] == [type(bug())]
        carried.sink.done.errback(faults[0])
        assert carried.failed_with is type(bug())
        assert ended(on) is Ending.FAILED
