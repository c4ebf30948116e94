"""Answers: whole, streamed, refused, cut; and clients that leave."""

from __future__ import annotations

import json
import re

import pytest
from twisted.logger import LogEvent, globalLogPublisher
from twisted.python.failure import Failure

from targon_gw.core.errors import Refusal
from targon_gw.web.request import Request
from tests.web.conversation import NEXT, Conversation, Desk, ask, statuses


def later(request: Request) -> None:
    """Answer when the test says so."""


def begun(raw: bytes = NEXT) -> tuple[Conversation, Request]:
    """A conversation with one request that waits for its answer."""
    talk = Conversation(Desk(later))
    talk.say(raw)
    return talk, talk.desk.seen[0]


def heard_of(request: Request) -> list[str]:
    """What `notifyFinish` and `on_gone` tell, as it comes."""
    told: list[str] = []
    request.on_gone = lambda: told.append("gone")
    request.notifyFinish().addCallbacks(lambda _: told.append("finished"), lambda _: told.append("lost"))
    return told


class AnswerTests:
    """Whole answers."""

    def test_one_write(self) -> None:
        """Head and body leave in one write, with length, date and identity, and no server's name."""
        talk, request = begun()

        request.answer(200, [(b"content-type", b"text/plain")], b"hello")

        [answer] = talk.heard()
        assert (talk.wire.writes, answer.body, answer.ended) == (1, b"hello", True)
        assert answer.headers == {
            b"date": b"Thu, 01 Jan 1970 00:00:00 GMT",
            b"x-request-id": request.request_id,
            b"content-type": b"text/plain",
            b"content-length": b"5",
        }
        assert re.fullmatch(rb"req_[0-9a-f]{32}", request.request_id)

    def test_lines_of_headers(self) -> None:
        """Headers may be handed over as their lines; the answer is the same to the byte."""
        pairs, lines = [(b"a", b"b"), (b"c", b"")], b"a: b\r\nc: \r\n"
        answers = []
        for headers in (pairs, lines):
            talk, request = begun()
            request.answer(200, headers, b"x")
            answers.append(talk.wire.value().replace(request.request_id, b""))

        assert answers[0] == answers[1]

    def test_date(self) -> None:
        """Date is the second's in which the answer begins, as RFC 9110 writes it."""
        talk, request = begun()
        talk.clock.advance(0.9)
        request.answer(200, [], b"")
        talk.clock.advance(0.2)
        talk.say(NEXT)
        talk.desk.seen[1].answer(200, [], b"")
        talk.say(NEXT)
        talk.clock.advance(60)
        talk.desk.seen[2].answer(200, [], b"")

        assert [answer.headers[b"date"][17:25] for answer in talk.heard()] == [b"00:00:00", b"00:00:01", b"00:01:01"]

    @pytest.mark.parametrize("code", [204, 304])
    def test_no_body(self, code: int) -> None:
        """204 and 304 have neither body nor length."""
        talk, request = begun()

        request.answer(code, [], b"ignored")
        talk.say(NEXT)
        talk.desk.seen[1].answer(200, [], b"")

        assert statuses(talk.heard()) == [code, 200]
        assert b"content-length" not in talk.heard()[0].headers

    def test_head(self) -> None:
        """A-23: HEAD gets the length of the body, without the body."""
        talk, request = begun(ask(method="HEAD"))

        request.answer(200, [], b"hello")

        assert talk.wire.value().endswith(b"content-length: 5\r\n\r\n")

    @pytest.mark.parametrize("value", [b"a\r\nSet-Cookie: b", b"a\n", b"\ra"])
    def test_line_break_in_a_header(self, value: bytes) -> None:
        """A header that would split the answer is a bug: nothing of it leaves."""
        talk, request = begun()

        with pytest.raises(ValueError):
            request.answer(200, [(b"y", b"z"), (b"x", value)], b"")

        assert talk.wire.value() == b""

    def test_second_answer(self) -> None:
        """An answer behind a stream that has begun is a bug; behind one that has ended, nothing."""
        talk, request = begun()
        request.open_stream(200, [])
        request.send_parts([b"a"])

        with pytest.raises(RuntimeError):
            request.answer(200, [], b"b")
        request.end_stream()
        request.answer(200, [], b"c")

        [answer] = talk.heard()
        assert answer.chunks == [b"a"]

    def test_refuse(self) -> None:
        """A refusal is its envelope with its own headers, and those given."""
        talk, request = begun()

        request.refuse(Refusal("overloaded", "Busy.", wait=3.0), [(b"x-a", b"b")])

        [answer] = talk.heard()
        assert (answer.status, json.loads(answer.body)["error"]["message"]) == (503, "Busy.")
        assert (answer.headers[b"retry-after"], answer.headers[b"x-a"]) == (b"3", b"b")

    def test_asterisk(self) -> None:
        """A-23: `OPTIONS *` says what methods there are."""
        talk = Conversation()

        talk.say(ask(target="*", method="OPTIONS"))

        assert (talk.heard()[0].status, talk.desk.seen) == (204, [])


class StreamTests:
    """Streamed answers."""

    def test_one_part_one_chunk(self) -> None:
        """Each part is a chunk; the head waits for the first; what is sent together is one write."""
        talk, request = begun()

        request.open_stream(200, [(b"content-type", b"text/event-stream")])
        assert talk.wire.writes == 0
        request.send_parts([b"a\n\n", b"", b"b\n\n"])
        assert talk.wire.writes == 1
        request.end_stream([b"c\n\n"])

        [answer] = talk.heard()
        assert talk.wire.writes == 2
        assert (answer.chunks, answer.ended) == ([b"a\n\n", b"b\n\n", b"c\n\n"], True)
        assert not talk.wire.disconnecting

    def test_flush_head(self) -> None:
        """The head may leave before there is anything to say, once."""
        talk, request = begun()
        request.open_stream(200, [])

        request.flush_head()
        request.flush_head()

        assert talk.wire.value().count(b"HTTP/1.1 200") == 1
        assert talk.wire.value().endswith(b"transfer-encoding: chunked\r\n\r\n")

    def test_refusal_instead_of_a_stream(self) -> None:
        """While its head has not left, a stream may still be refused."""
        talk, request = begun()
        request.open_stream(200, [])

        request.refuse(Refusal("upstream_failed", "No."))

        assert [(a.status, a.ended) for a in talk.heard()] == [(502, True)]
        assert b"transfer-encoding" not in talk.heard()[0].headers

    def test_head_of_a_stream(self) -> None:
        """HEAD gets the head of a stream, and not even its end."""
        talk, request = begun(ask(method="HEAD"))

        request.open_stream(200, [])
        request.send_parts([b"a"])
        request.end_stream([b"b"])

        assert talk.wire.value().endswith(b"\r\n\r\n")
        assert not talk.wire.value().endswith(b"0\r\n\r\n")

    def test_unfinished(self) -> None:
        """A cut stream has no last chunk, whatever is called afterwards, and its connection is closed."""
        talk, request = begun()
        told = heard_of(request)
        request.open_stream(200, [])
        request.send_parts([b"a"])

        request.end_unfinished([b"error"])
        request.finish()
        request.write(b"more")
        request.end_stream([b"more"])
        request.send_parts([b"more"])

        [answer] = talk.heard()
        assert (answer.chunks, answer.ended) == ([b"a", b"error"], False)
        assert talk.wire.disconnecting
        talk.leave()
        assert told == ["lost"]
        assert talk.clock.getDelayedCalls() == []

    def test_unfinished_by_twisteds_name(self) -> None:
        """`loseConnection` leaves an answer visibly unfinished, though `finish` follows."""
        talk, request = begun()
        request.write(b"a")

        request.loseConnection()
        request.finish()

        assert [(a.body, a.ended) for a in talk.heard()] == [(b"a", False)]


class LeavingTests:
    """A-17: the client leaves, in every phase."""

    @pytest.mark.parametrize("phase", ["before", "opened", "streaming", "written"])
    def test_told_once(self, phase: str) -> None:
        """Whoever answers is told, once, and may go on calling without harm."""
        talk, request = begun()
        told = heard_of(request)
        if phase == "written":
            request.write(b"a")
        elif phase != "before":
            request.open_stream(200, [])
            if phase == "streaming":
                request.send_parts([b"a"])
        written = talk.wire.value()

        talk.leave()
        request.send_parts([b"b"])
        request.flush_head()
        request.end_stream([b"c"])
        request.end_unfinished([b"d"])
        request.answer(200, [], b"e")
        request.refuse(Refusal("draining", "f"))
        request.open_stream(200, [])
        request.write(b"g")
        request.unregisterProducer()
        request.finish()

        assert (told, request.gone) == (["gone", "lost"], True)
        assert talk.wire.value() == written
        assert talk.clock.getDelayedCalls() == []

    def test_not_told_of_a_good_end(self) -> None:
        """After the answer has ended the client's leaving is nobody's business."""
        talk, request = begun()
        told = heard_of(request)

        request.answer(200, [], b"")
        talk.leave()

        assert (told, request.gone) == (["finished"], False)

    def test_address_outlives_the_connection(self) -> None:
        """Who it was can be said afterwards."""
        talk, request = begun()
        talk.leave()

        assert request.client_host() == talk.wire.getPeer().host


class FailureTests:
    """Bugs of ours."""

    def failing(self, talk: Conversation) -> list[LogEvent]:
        """Let the desk fail on one request; what was logged."""
        events: list[LogEvent] = []
        globalLogPublisher.addObserver(events.append)
        try:
            talk.say(ask(target="/x?key=secret", method="GET"))
        finally:
            globalLogPublisher.removeObserver(events.append)
        return [event for event in events if "log_failure" in event]

    def test_before_the_answer(self) -> None:
        """A bug is answered 500 with the request's identity, logged whole but without the query; the next is served."""

        def fail(request: Request) -> None:
            request.open_stream(200, [])
            raise KeyError("bug")

        talk = Conversation(Desk(fail))

        [event] = self.failing(talk)
        talk.desk.serve = lambda request: request.answer(200, [], b"")
        talk.say(NEXT)

        request_id = talk.desk.seen[0].request_id.decode("ascii")
        assert statuses(talk.heard()) == [500, 200]
        assert request_id in json.loads(talk.heard()[0].body)["error"]["message"]
        assert (event["path"], event["request_id"]) == ("/x", request_id)
        assert isinstance(event["log_failure"], Failure)

    def test_inside_the_answer(self) -> None:
        """A bug in the midst of a stream cuts it: no second status, no last chunk."""

        def fail(request: Request) -> None:
            request.open_stream(200, [])
            request.send_parts([b"a"])
            raise KeyError("bug")

        talk = Conversation(Desk(fail))

        assert len(self.failing(talk)) == 1
        assert [(a.status, a.body, a.ended) for a in talk.heard()] == [(200, b"a", False)]
        assert talk.wire.disconnecting
