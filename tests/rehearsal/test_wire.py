"""The vendor's end of a connection: order, pace, pressure and partings."""

from __future__ import annotations

from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.config import Dialect
from targon_gw.rehearsal.record import Ending
from targon_gw.rehearsal.scene import Pace

from .stage import chat, get, post, response, stage
from .test_reading import split


class ConversationTests(TestCase):
    """Requests in, answers out."""

    def test_pipelined_requests_are_answered_in_order(self) -> None:
        """Each waits for the one before, whatever that takes."""
        scene = stage(pace=Pace(1.0, 0.0))
        scene.say(chat(max_tokens=1) + chat("nope") + get("/v1/models"))
        assert response(scene.line.value()).whole is False
        scene.wait(1)
        scene.wait(1)
        first = response(scene.line.take())
        second = response(first.rest)
        third = response(second.rest)
        assert [first.status, second.status, third.status] == [200, 404, 200]
        assert third.rest == b""

    def test_long_pipeline_does_not_nest(self) -> None:
        """As many requests as may wait are answered at once, one after another; one who sends more is dropped."""
        scene = stage()
        scene.say(chat("nope") * 100)
        assert scene.line.take().count(b"HTTP/1.1 404 ") == 100
        scene.say(chat("fault/silent") + chat("nope") * 101)
        assert scene.line.ended == "rst"

    @given(st.lists(st.integers(0, 2000), max_size=20))
    def test_any_split_of_requests(self, cuts: list[int]) -> None:
        """However requests arrive, the answers are the same."""
        data = chat(max_tokens=2, seed=1) + get("/v1/nope") + chat("nope")
        whole, parted = stage(), stage()
        whole.vendor.luck.seed(1)
        parted.vendor.luck.seed(1)
        whole.say(data)
        for part in split(data, cuts):
            parted.say(part)
        assert parted.line.take() == whole.line.take()

    def test_connection_close(self) -> None:
        """Who does not want to stay is let go after the answer."""
        scene = stage()
        scene.say(post("/v1/chat/completions", {}, "sk-nobody", "Connection: close"))
        assert (response(scene.line.take()).status, scene.line.ended) == (401, "fin")

    def test_unreadable(self) -> None:
        """What is no HTTP is answered 400 and let go."""
        scene = stage()
        scene.say(b"\x16\x03\x01\x00\xa5")
        assert (response(scene.line.take()).status, scene.line.ended) == (400, "fin")

    def test_unreadable_after_a_request(self) -> None:
        """The request before the nonsense gets its answer first."""
        scene = stage(pace=Pace(1.0, 0.0))
        scene.say(chat(max_tokens=1) + b"\x16\x03\x01\x00\xa5")
        assert scene.line.ended is None
        scene.wait(1)
        first = response(scene.line.take())
        assert first.whole
        assert (response(first.rest).status, scene.line.ended) == (400, "fin")

    def test_expectation(self) -> None:
        """Who asks first is told to go on."""
        scene = stage()
        head, _, body = post("/v1/chat/completions", {}, "sk", "Expect: 100-continue").partition(b"\r\n\r\n")
        scene.say(head + b"\r\n\r\n")
        assert scene.line.take() == b"HTTP/1.1 100 Continue\r\n\r\n"
        scene.say(body)
        assert response(scene.line.take()).status == 401

    def test_body_over_the_bound(self) -> None:
        """D-40: a body over the vendor's bound is answered while it comes, and the connection ends."""
        scene = stage(max_body=100)
        request = post("/v1/chat/completions", b"x" * 500)
        scene.say(request[:-300])
        assert response(scene.line.take()).status == 413
        scene.say(request[-300:])
        scene.wait(2)
        assert scene.line.ended == "fin"


class PaceTests(TestCase):
    """When things are said."""

    def test_first_token_and_pace(self) -> None:
        """The first event comes after the time to the first token, the others at the pace."""
        scene = stage(Dialect.TARGON, Pace(2.0, 4.0))
        scene.say(chat())
        scene.wait(1.9)
        assert scene.line.take() == b""
        scene.wait(0.1)
        assert len(response(scene.line.value()).payloads) == 1
        for _ in range(8):
            scene.wait(0.25)
        assert len(response(scene.line.value()).payloads) == 9

    def test_openai_sends_the_head_first(self) -> None:
        """Others than Targon don't keep the head until the first token."""
        scene = stage(pace=Pace(2.0, 4.0))
        scene.say(chat())
        assert scene.line.take().startswith(b"HTTP/1.1 200 ")

    def test_lateness_is_made_up_for(self) -> None:
        """A reactor that was busy for half a second costs the stream nothing."""
        scene = stage(pace=Pace(1.0, 8.0))
        scene.say(chat())
        scene.wait(1.0)
        scene.clock.advance(0.5)
        scene.turn()
        assert len(response(scene.line.value()).payloads) == 1 + 4

    def test_whole_answer_takes_its_time(self) -> None:
        """An answer in one comes when the last piece would have come."""
        scene = stage(pace=Pace(1.0, 10.0))
        scene.say(chat(stream=False, max_tokens=20))
        scene.wait(2.9)
        assert scene.line.take() == b""
        scene.wait(0.2)
        assert response(scene.line.take()).whole


class PressureTests(TestCase):
    """A reader who falls behind."""

    def test_nothing_is_drawn_while_paused(self) -> None:
        """While the reader has enough, not one event is made."""
        scene = stage(pace=Pace(0.0, 10.0))
        scene.connect(room=1)
        scene.say(chat())
        scene.wait(100)
        assert response(scene.line.value()).payloads == []
        assert len(response(scene.line.take() + scene.line.value()).payloads) <= 1

    def test_no_flood_after_a_pause(self) -> None:
        """Who comes back after a minute gets the pace, not the minute's worth."""
        scene = stage(pace=Pace(0.0, 10.0))
        scene.say(chat())
        scene.talk.pauseProducing()
        scene.wait(60)
        scene.line.take()
        scene.talk.resumeProducing()
        scene.turn()
        scene.wait(0.3)
        assert scene.line.take().count(b"data: ") <= 5

    def test_other_connections_get_their_turn(self) -> None:
        """A flood for a reader who takes everything leaves the reactor between bursts."""
        scene = stage()
        scene.talk.dataReceived(chat("fault/flood:8"))
        once = len(scene.line.value())
        assert once < 2 << 20
        scene.clock.advance(0)
        assert len(scene.line.value()) > once


class PartingTests(TestCase):
    """Who leaves, and what is left."""

    def test_client_gone_in_every_phase(self) -> None:
        """Before the head, mid-stream, paused or idle: nothing ticks on and nothing is counted as open."""
        for seconds in (None, 0.0, 0.5, 1.2):
            scene = stage(Dialect.TARGON, Pace(1.0, 10.0))
            if seconds is not None:
                scene.say(chat())
                scene.wait(seconds)
            assert scene.vendor.connections == 1
            scene.leave()
            assert (scene.vendor.connections, scene.vendor.answering) == (0, 0)
            assert not scene.clock.getDelayedCalls()
            assert all(entry.ending is Ending.CLIENT_LEFT for entry in scene.vendor.log)

    def test_resumed_after_the_end(self) -> None:
        """A transport that resumes what is gone starts nothing."""
        scene = stage(pace=Pace(1.0, 10.0))
        scene.say(chat())
        scene.talk.pauseProducing()
        scene.leave()
        scene.talk.resumeProducing()
        assert not scene.clock.getDelayedCalls()

    def test_script_is_closed_with_the_connection(self) -> None:
        """An answer that nobody waits for is not drawn any further."""
        scene = stage(pace=Pace(0.0, 10.0))
        scene.say(chat())
        entry = scene.vendor.log[-1]
        scene.wait(0.3)
        scene.leave()
        said = entry.completion_tokens
        scene.wait(100)
        assert entry.completion_tokens == said > 0
