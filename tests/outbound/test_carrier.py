"""A call, carried: whatever happens to it, it is settled once and its lease comes back."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.logger import capturedLogs

from targon_gw.core.attempts import Served, Throttled, VendorFault
from targon_gw.core.call import State
from targon_gw.core.config import Duration, Retries, Timeouts
from targon_gw.core.ledger import Ending
from targon_gw.outbound.errors import ConnectFailed
from targon_gw.outbound.stream import StreamEnd
from tests import fakes

from .stage import DONE, WHOLE, Carried, Sink, Stage, bug, chunk, event

TIMES = Timeouts(first_token=Duration(5.0), idle=Duration(5.0), total=Duration(60.0))


def stage(keys: int = 1, roll: float = 0.0, **settings: Any) -> Stage:
    """A stage with a vendor of that many keys; `roll` of a quarter of a second is the pause before the same key."""
    return Stage(fakes.config(fakes.upstream(keys, timeouts=TIMES), **settings), roll=lambda: roll)


def settled(on: Stage) -> Ending:
    """How the one call that was settled ended; all must be over."""
    on.rest()
    (entry,) = on.entries
    assert entry.ending is not None
    return entry.ending


class WholeTests:
    """Answers that are not streamed."""

    def test_served(self) -> None:
        """The answer is passed on as it came, and the call settled as served."""
        on = stage()
        carried = on.carry()
        on.vendor.last.whole(WHOLE)
        assert len(carried.sink.whole) == 1
        assert carried.results == [None]
        assert settled(on) is Ending.SERVED

    def test_another_key(self) -> None:
        """D-02: what one key does not get another does, and the client never hears of it."""
        on = stage(keys=2)
        carried = on.carry()
        first = on.vendor.last
        first.fail(ConnectFailed("refused"))
        second = on.vendor.last
        assert second.head.authorization != first.head.authorization
        second.whole(WHOLE)
        assert carried.sink.whole and not carried.sink.refusals
        assert settled(on) is Ending.SERVED
        assert on.entries[0].attempts == 2

    def test_same_key_after_a_pause(self) -> None:
        """A vendor with one key is asked once more after a pause, then the client is told that it failed."""
        on = stage(roll=0.8)
        carried = on.carry()
        on.vendor.last.fail(ConnectFailed("refused"))
        assert len(on.vendor.requests) == 1
        on.clock.advance(0.19)
        assert len(on.vendor.requests) == 1
        on.clock.advance(0.02)
        on.vendor.last.fail(ConnectFailed("refused"))
        assert len(on.vendor.requests) == 2
        (refusal,) = carried.sink.refusals
        assert refusal.code == "upstream_failed"
        assert carried.sink.attempts == 2
        assert settled(on) is Ending.FAILED

    def test_rest_of_the_only_account(self) -> None:
        """D-32: where the only account is told to wait, the call waits with it and then is served."""
        on = stage()
        carried = on.carry()
        on.vendor.last.whole(b"", 429, retry_after=["7"])
        on.advance(6.75)
        assert len(on.vendor.requests) == 1
        on.advance(0.25)
        on.vendor.last.whole(WHOLE)
        assert carried.sink.whole
        assert settled(on) is Ending.SERVED

    def test_callers_fault(self) -> None:
        """D-37: the request's own fault goes back to the client, and counts as refused."""
        on = stage(keys=2)
        carried = on.carry()
        on.vendor.last.whole({"error": {"message": "bad temperature"}}, 400)
        assert [refusal.code for refusal in carried.sink.refusals] == ["invalid_value"]
        assert len(on.vendor.requests) == 1
        assert settled(on) is Ending.REFUSED

    def test_nobody_to_ask(self) -> None:
        """A call that no key may serve is refused without an attempt."""
        on = stage(keys=0)
        carried = on.carry()
        assert [refusal.code for refusal in carried.sink.refusals] == ["no_usable_key"]
        assert carried.sink.attempts == 0
        assert settled(on) is Ending.REFUSED

    def test_silence(self) -> None:
        """D-07: a vendor that is silent until there is no more time is a 504 to the client."""
        on = stage()
        carried = on.carry(stream=True)
        on.advance(5)
        assert [refusal.code for refusal in carried.sink.refusals] == ["upstream_timeout"]
        assert settled(on) is Ending.FAILED


class StreamTests:
    """Answers that are streamed."""

    def test_served(self) -> None:
        """Every event reaches the client's side, and then the call is settled as served."""
        on = stage()
        carried = on.carry(stream=True)
        reply = on.vendor.last.reply(200, chunk("a"))
        reply.say(chunk("b", "stop"))
        assert carried.results == []
        reply.end()
        assert carried.sink.events == [chunk("a"), chunk("b", "stop")]
        assert carried.results == [None]
        assert settled(on) is Ending.SERVED

    def test_error_first(self) -> None:
        """D-20: a stream that begins with an error is tried elsewhere, and the client sees the other stream alone."""
        on = stage(keys=2)
        carried = on.carry(stream=True)
        on.vendor.last.reply(200, event({"error": {"message": "busy", "type": "overloaded_error"}}), clean=True)
        assert len(on.vendor.requests) == 2
        on.vendor.last.reply(200, chunk("a", "stop") + DONE, clean=True)
        assert carried.sink.events == [chunk("a", "stop"), DONE]
        assert settled(on) is Ending.SERVED

    @pytest.mark.parametrize(("seconds", "how"), [(5, StreamEnd.STALLED), (0, StreamEnd.BROKEN)])
    def test_cut(self, seconds: float, how: StreamEnd) -> None:
        """D-09, D-10: a stream that stalls or breaks is told as that, and charged to the vendor."""
        on = stage()
        carried = on.carry(stream=True)
        reply = on.vendor.last.reply(200, chunk())
        on.advance(seconds) if seconds else reply.end(clean=False)
        assert carried.sink.ends == [how]
        assert settled(on) is Ending.TRUNCATED
        (route,) = on.gateway.pools["acme"].routes.values()
        assert route.cuts == 1


class LeavingTests:
    """The client leaves: the vendor is left at once, in every phase (promise P9)."""

    def leave(self, on: Stage, carried: Carried, faults: int = 0) -> None:
        """Leave, twice, and see that nothing is left and the vendor charged with no more than its `faults`."""
        carried.running.cancel()
        carried.running.cancel()
        assert carried.results == [None]
        assert not carried.sink.faults
        assert settled(on) is Ending.ABANDONED
        assert not carried.sink.whole and not carried.sink.refusals
        (route,) = on.gateway.pools["acme"].routes.values()
        assert route.faults == faults

    @pytest.mark.parametrize("stream", [True, False])
    def test_before_the_head(self, stream: bool) -> None:
        """While the head is awaited, the request is given up."""
        on = stage()
        carried = on.carry(stream=stream)
        self.leave(on, carried)
        assert on.vendor.last.cancelled

    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize("code", [200, 500])
    def test_before_the_first_event(self, stream: bool, code: int) -> None:
        """While the first event or the rest of an answer is awaited, the connection is dropped."""
        on = stage()
        carried = on.carry(stream=stream)
        reply = on.vendor.last.reply(code, b": wait\n\n")
        self.leave(on, carried)
        assert reply.pipe.stopped
        reply.say(chunk())
        reply.end(clean=False)
        assert settled(on) is Ending.ABANDONED

    @pytest.mark.parametrize("pause", ["7", None])
    def test_during_a_wait(self, pause: str | None) -> None:
        """While the call waits, for an account's rest or before the same key, nothing is asked any more."""
        on = stage(roll=0.8)
        carried = on.carry()
        if pause is None:
            on.vendor.last.fail(ConnectFailed("refused"))
        else:
            on.vendor.last.whole(b"", 429, retry_after=[pause])
        self.leave(on, carried, faults=1 if pause is None else 0)
        on.advance(10)
        assert len(on.vendor.requests) == 1

    def test_during_a_wait_after_a_failure_at_once(self) -> None:
        """A vendor that could not even be asked is no reason to go on for a client that has left."""
        on = stage(roll=0.8)
        on.vendor.down = ConnectFailed("private")
        carried = on.carry()
        self.leave(on, carried, faults=1)
        on.advance(10)
        assert len(on.vendor.requests) == 1

    def test_mid_stream(self) -> None:
        """In the middle of a stream, its connection is dropped; the sink has settled."""
        on = stage()
        carried = on.carry(stream=True)
        reply = on.vendor.last.reply(200, chunk("a"))
        self.leave(on, carried)
        assert reply.pipe.stopped
        reply.say(chunk("b"))
        reply.end(clean=False)
        assert carried.sink.events == [chunk("a")]
        assert carried.sink.ends == []

    def test_mid_stream_of_a_sink_that_does_nothing(self) -> None:
        """A sink that does not act when it is cancelled neither keeps the connection nor the lease."""
        on = stage()
        sink = Sink()
        sink.done._canceller = None
        carried = on.carry(sink, stream=True)
        reply = on.vendor.last.reply(200, chunk("a"))
        self.leave(on, carried)
        assert reply.pipe.stopped

    @pytest.mark.parametrize("stream", [True, False])
    def test_after_the_end(self, stream: bool) -> None:
        """After the end, leaving changes nothing."""
        on = stage()
        carried = on.carry(stream=stream)
        on.vendor.last.reply(200, chunk("a", "stop"), clean=True) if stream else on.vendor.last.whole(WHOLE)
        carried.running.cancel()
        assert carried.results == [None]
        assert settled(on) is Ending.SERVED


def bug_at_once(*_: object) -> Any:
    """A bug of ours, wherever it is called."""
    raise bug()


class BugTests:
    """A bug of ours: raised, and nothing is lost by it."""

    @pytest.mark.parametrize(
        ("where", "stream", "ending"),
        [
            ("pass_whole", False, Ending.FAILED),
            ("after_settling", False, Ending.SERVED),
            ("pass_stream", True, Ending.FAILED),
            ("events_came", True, Ending.FAILED),
        ],
    )
    def test_in_the_sink(self, where: str, stream: bool, ending: Ending) -> None:
        """A sink that fails is not hushed up; the lease comes back and blames no key, the connection is dropped."""
        on = stage()
        carried = on.carry(Sink(bug_in=where), stream=stream)
        if stream:
            reply = on.vendor.last.reply(200, chunk())
            assert reply.pipe.stopped
        else:
            on.vendor.last.whole(WHOLE)
        assert carried.failed_with is RuntimeError
        assert settled(on) is ending
        assert on.gateway.pools["acme"].census(on.clock.seconds())["usable"] == 1

    def test_in_a_refusal(self) -> None:
        """A sink that fails at a refusal has been settled before it."""
        on = stage(keys=0)
        carried = on.carry(Sink(bug_in="refuse"))
        assert carried.failed_with is RuntimeError
        assert settled(on) is Ending.REFUSED

    def test_before_anything(self) -> None:
        """A call that can't even begin is told of, and settled as failed."""
        on = stage()
        on.carrier.now = bug_at_once
        sink = Sink()
        call = fakes.call(on.gateway, on.clock.seconds(), fakes.ask())
        on.carrier.carry(call, sink)
        (fault,) = sink.faults
        assert fault.check(RuntimeError)

    def test_as_it_is_settled(self) -> None:
        """A bug in the last settling is told as well, whatever came before it."""
        on = stage()
        carried = on.carry()
        on.carrier.record = bug_at_once
        carried.running.cancel()
        assert carried.failed_with is RuntimeError

    def test_in_the_sending(self) -> None:
        """A bug in the sending ends the call as failed."""
        on = stage()
        carried = on.carry()
        on.vendor.last.fail(KeyError())
        assert carried.failed_with is KeyError
        assert settled(on) is Ending.FAILED

    def test_between_stream_and_client(self) -> None:
        """A stream that came is dropped where a bug keeps it from being passed on."""
        on = stage()
        carried = on.carry(stream=True)
        carried.call.state = State.WAITING  # so that judging it raises
        reply = on.vendor.last.reply(200, chunk())
        assert carried.failed_with is RuntimeError
        assert reply.pipe.stopped
        assert settled(on) is Ending.FAILED


class TellingTests:
    """What is told of a call."""

    def test_changes(self) -> None:
        """Each change in the health of a key or its account is logged once, with its reason and no secret."""
        on = stage(keys=2, retries=Retries(attempts=1))
        with capturedLogs() as logs:
            on.carry()
            on.vendor.last.whole(b"Unauthorized", 401)
            on.carrier.tell()
        (told,) = logs
        key = next(k for k in on.gateway.pools["acme"].keys.values() if told["what"] == k.id)
        assert (told["upstream"], told["before"], told["after"]) == ("acme", "ready", "suspect")
        assert (told["status"], told["request_id"], told["rest_s"]) == (401, "req_1", None)
        assert key.secret.reveal not in repr(told)
        on.rest()

    def test_entries(self) -> None:
        """Who keeps the records hears of each call once, with what served it."""
        on = stage(keys=2)
        on.carry()
        on.vendor.last.whole(b"", 429)
        on.clock.advance(1)
        on.vendor.last.whole(WHOLE)
        (entry,) = on.entries
        assert (entry.upstream, entry.attempts, entry.first, entry.took) == ("acme", 2, 1.0, 1.0)
        on.rest()

    def test_outcomes(self) -> None:
        """Every attempt is judged by what came of it."""
        on = stage(keys=3)
        carried = on.carry()
        on.vendor.last.whole(b"", 429)
        on.vendor.last.whole(b"", 500)
        on.vendor.last.whole(WHOLE)
        kinds = [type(attempt.outcome) for attempt in carried.call.attempts]
        assert kinds == [Throttled, VendorFault, Served]
        on.rest()
