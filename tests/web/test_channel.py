"""The channel: pipelining, framing, the gate, limits, pressure, and clients that leave."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from targon_gw.core.errors import Refusal
from targon_gw.web.request import Request
from targon_gw.web.strict import HttpLimits
from tests.web.conversation import NEXT, Conversation, Desk, ask, statuses


def later(request: Request) -> None:
    """Answer when the test says so."""


CHUNKED = b"POST /c HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n"
PIPELINE = (
    ask(body=b"one"),
    CHUNKED + b"3\r\ntwo\r\n1;x\r\n!\r\n0\r\nA: b\r\n\r\n",
    NEXT,
    b"\r\n" + ask(target="/e"),
    ask(body=b"\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
)
SERVED = [b"POST /x one", b"POST /c two!", b"GET /next ", b"POST /e ", b"POST /x \r\n\r\nGET / HTTP/1.1\r\n\r\n"]


class PipelineTests:
    """Requests on one connection are kept apart, and answered one by one, in order."""

    @settings(max_examples=150, deadline=None)
    @given(cuts=st.lists(st.integers(0, len(b"".join(PIPELINE))), max_size=12), waits=st.booleans())
    def test_any_split_is_the_same(self, cuts: list[int], waits: bool) -> None:
        """A-20, A-29: however the bytes come, and however late the answers, each request is served alone, in order."""
        talk = Conversation(Desk(later) if waits else Desk())
        raw = b"".join(PIPELINE)
        edges = [0, *sorted(cuts), len(raw)]

        for start, end in pairwise(edges):
            talk.channel.dataReceived(raw[start:end])
        for turn in range(len(PIPELINE) if waits else 0):
            assert len(talk.desk.seen) == turn + 1
            request = talk.desk.seen[turn]
            request.answer(200, [], b"%b %b %b" % (request.method, request.uri, request.body))

        assert [answer.body for answer in talk.heard()] == SERVED
        assert len({request.request_id for request in talk.desk.seen}) == len(PIPELINE)

    def test_each_with_its_own_key(self) -> None:
        """A-20: two pipelined requests bear each its own Authorization."""
        talk = Conversation()

        talk.say(ask("Authorization: Bearer a\r\n") + ask("Authorization: Bearer b\r\n") + NEXT)

        assert [request.header(b"authorization") for request in talk.desk.seen] == [b"Bearer a", b"Bearer b", None]

    @pytest.mark.parametrize("split", [None, 1000])
    def test_flood_behind_a_running_request(self, split: int | None) -> None:
        """A-18: more than 16 KiB behind a running request abort the connection, and the one who answers is told."""
        talk = Conversation(Desk(later))
        gone: list[bool] = []
        talk.say(ask(body=b"abc"))
        talk.desk.seen[0].on_gone = lambda: gone.append(True)

        talk.say(NEXT * 600, split)
        assert talk.wire.aborted
        talk.leave()

        assert gone == [True]
        assert len(talk.desk.seen) == 1

    def test_answer_after_the_abort(self) -> None:
        """A-18: who answers before the abort has arrived wakes nothing: no further request is served."""
        talk = Conversation(Desk(later))
        talk.say(ask(body=b"abc") + NEXT * 600)

        talk.desk.seen[0].answer(200, [], b"")
        talk.channel.dataReceived(NEXT)

        assert len(talk.desk.seen) == 1

    def test_reading_goes_on_while_a_request_runs(self) -> None:
        """A-17: the client's leaving is seen though pipelined requests wait and the client reads nothing."""
        talk = Conversation(Desk(later))
        talk.say(ask(body=b"abc") + NEXT * 100)

        talk.channel.pauseProducing()

        assert talk.wire.producerState == "producing"

    def test_unread_answers_hold_up_the_next_request(self) -> None:
        """A client that pipelines and does not read gets no more answers until it does."""
        talk = Conversation(Desk(later))
        talk.say(ask(body=b"abc") + NEXT)
        talk.channel.pauseProducing()
        talk.desk.seen[0].answer(200, [], b"")
        assert (len(talk.desk.seen), talk.wire.producerState) == (1, "paused")

        talk.channel.resumeProducing()

        assert (len(talk.desk.seen), talk.wire.producerState) == (2, "producing")

    def test_nothing_is_served_behind_close(self) -> None:
        """`Connection: close` among other tokens ends the connection behind the answer."""
        talk = Conversation()

        talk.say(ask("Connection: x, Close\r\n") + NEXT)

        assert statuses(talk.heard()) == [200]
        assert talk.heard()[0].headers[b"connection"] == b"close"
        assert talk.wire.disconnecting


class OldClientTests:
    """HTTP/1.0."""

    def test_whole_answer(self) -> None:
        """A-21: an answer to HTTP/1.0, which needs no Host, ends the connection."""
        talk = Conversation()

        talk.say(b"GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + NEXT)

        assert [answer.body for answer in talk.heard()] == [b"GET /x "]
        assert talk.wire.disconnecting

    def test_stream(self) -> None:
        """A-21: a stream to HTTP/1.0 has no chunks; its end is the connection's."""
        talk = Conversation(Desk(later))
        talk.say(b"GET /x HTTP/1.0\r\n\r\n")
        [request] = talk.desk.seen

        request.open_stream(200, [])
        request.send_parts([b"a", b"b"])
        request.end_stream([b"c"])

        head, _, body = talk.wire.value().partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head
        assert body == b"abc"
        assert talk.wire.disconnecting

    def test_expectation_is_ignored(self) -> None:
        """RFC 9110, 10.1.1: HTTP/1.0 has no `100 Continue`."""
        talk = Conversation()

        talk.say(b"POST /x HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")

        assert talk.wire.value() == b""


class GateTests:
    """Whether a body is wanted is asked before any of it is read."""

    def test_refused_without_continue(self) -> None:
        """A-25: a bad key gets its 401 without a `100 Continue`; what follows is dropped, then all closed."""
        refusal = Refusal("invalid_api_key", "No.")
        talk = Conversation(gate=lambda request: refusal)

        talk.say(ask("Expect: 100-continue\r\nContent-Length: 5\r\n", method="PUT"))
        talk.say(b"abcde" + NEXT)

        assert statuses(talk.heard()) == [401]
        assert b"HTTP/1.1 100" not in talk.wire.value()
        assert talk.desk.seen == []
        assert not talk.wire.disconnecting
        talk.pass_seconds(1)
        assert talk.wire.disconnecting

    def test_continue_after_the_gate(self) -> None:
        """The gate is asked once, with the head; then `100 Continue` asks for the body."""
        asked: list[bytes | None] = []
        talk = Conversation(gate=lambda request: asked.append(request.header(b"authorization")))

        talk.say(ask("Authorization: k\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n", method="PUT"))
        assert talk.wire.value() == b"HTTP/1.1 100 Continue\r\n\r\n"
        talk.say(b"abcde")

        assert asked == [b"k"]
        assert [answer.body for answer in talk.heard()] == [b"PUT /x abcde"]

    def test_no_continue_where_the_body_came(self) -> None:
        """A body that is there already needs no `100 Continue`."""
        talk = Conversation()

        talk.say(ask("Expect: 100-continue\r\nContent-Length: 5\r\n", method="PUT") + b"abcde")

        assert b"HTTP/1.1 100" not in talk.wire.value()

    def test_not_asked_without_a_body_to_come(self) -> None:
        """A request without a body, or whose body has come with the head, passes the gate unasked."""
        asked: list[Request] = []
        talk = Conversation(gate=lambda request: asked.append(request))

        talk.say(NEXT + ask(body=b"") + ask(body=b"abc"))

        assert statuses(talk.heard()) == [200, 200, 200]
        assert asked == []

    def test_refused_though_it_has_come(self) -> None:
        """What is refused by who answers has come whole: the connection stays open for the next request."""
        talk = Conversation(Desk(lambda request: request.refuse(Refusal("invalid_api_key", "No."))))

        talk.say(ask(body=b"abc") + NEXT)

        assert statuses(talk.heard()) == [401, 401]
        assert not talk.wire.disconnecting

    def test_a_bug_behind_the_gate(self) -> None:
        """What the gate raises is answered 500, and the connection closed: the body was not read."""

        def gate(request: Request) -> None:
            raise KeyError("bug")

        talk = Conversation(gate=gate)

        talk.say(ask(body=b"abc")[:-1])
        talk.say(b"c" + NEXT)

        assert statuses(talk.heard()) == [500]
        talk.pass_seconds(1)
        assert talk.wire.disconnecting


class BodyCapTests:
    """Bodies have an end."""

    def test_largest_body(self) -> None:
        """A-09: a body of exactly the limit is taken; one byte more is refused before it is read."""
        limits = HttpLimits(body=1000)
        talk, other = Conversation(limits=limits), Conversation(limits=limits)

        talk.say(ask(body=b"a" * 1000), 100)
        other.say(b"POST /x HTTP/1.1\r\nHost: gw\r\nContent-Length: 1001\r\n\r\n")

        assert len(talk.desk.seen[0].body) == 1000
        assert statuses(other.heard()) == [413]

    def test_chunks_past_the_cap(self) -> None:
        """A-10: a chunked body is refused by the first chunk that would pass the limit, and nothing is kept of it."""
        talk = Conversation(limits=HttpLimits(body=1000))

        talk.say(CHUNKED + b"3e8\r\n" + b"a" * 1000 + b"\r\n")
        assert talk.heard() == []
        talk.say(b"1\r\n")

        assert statuses(talk.heard()) == [413]
        talk.pass_seconds(1)
        assert talk.wire.disconnecting

    def test_cut_body(self) -> None:
        """A-14: of a body that ends too early nothing is served, and whoever passed it through the gate is told."""
        gone: list[bool] = []

        def gate(request: Request) -> None:
            request.on_gone = lambda: gone.append(True)

        talk = Conversation(gate=gate)
        talk.say(ask("Content-Length: 100\r\n", method="PUT") + b"abc")

        talk.leave()

        assert (talk.desk.seen, gone) == ([], [True])
        assert talk.clock.getDelayedCalls() == []


class PressureTests:
    """What the client does not read slows down whoever answers."""

    def test_reaches_the_producer(self) -> None:
        """A-15: the transport's pause and resume arrive at the producer, also where it comes late."""
        talk = Conversation(Desk(later))
        talk.say(NEXT)
        [request] = talk.desk.seen
        told: list[str] = []

        class Source:
            def pauseProducing(self) -> None:
                told.append("pause")

            def resumeProducing(self) -> None:
                told.append("resume")

            def stopProducing(self) -> None:
                told.append("stop")

        talk.channel.pauseProducing()
        request.registerProducer(Source(), True)
        talk.channel.resumeProducing()
        talk.channel.pauseProducing()
        request.answer(200, [], b"")
        talk.channel.resumeProducing()

        assert told == ["pause", "resume", "pause"]
