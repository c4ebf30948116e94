"""Awkward requests, however they arrive, each with a good request behind it (faults catalogue, A; P12).

The tables are in tests/web/corpus. What is asked of each: it is served or refused as the table says, and the request
behind it gets its own answer or, where the connection has ended, none: the two are never taken for one another.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from targon_gw.web.request import Request
from tests.web.conversation import NEXT, Answer, Conversation, Desk, ask, statuses
from tests.web.corpus import chunks, connection, fields, lengths, opening
from tests.web.corpus.case import MARKED, MARKER, Case, Served, chunked, post

CASES = [*lengths.CASES, *chunks.CASES, *opening.CASES, *fields.CASES, *connection.CASES]
IDS = [case.name for case in CASES]
PIECES = 2000
"""Reads that one case is cut into at most: the longest would take seconds byte by byte."""
WARM = post(b"Content-Length: 3", body=b"abc")
"""A request that goes well, with the head that many cases have, but for the length."""

Said = Callable[[Conversation, bytes], None]


def serve(request: Request) -> None:
    """Tell the request what was understood of it; HEAD by a status that has no body."""
    if request.method == b"HEAD":
        request.answer(204, [], b"")
    else:
        request.answer(200, [], b"%b %b %b" % (request.method, request.uri, request.body))


def hold(request: Request) -> None:
    """Answer later."""


def whole(talk: Conversation, data: bytes) -> None:
    """All in one read."""
    talk.say(data)


def bytewise(talk: Conversation, data: bytes) -> None:
    """Byte by byte, as far as that takes no more than `PIECES` reads."""
    talk.say(data, max(1, len(data) // PIECES))


def slowly_answered(talk: Conversation, data: bytes) -> None:
    """All in one read, and each request answered when nothing else happens any more."""
    talk.desk.serve = hold
    talk.say(data)
    for request in talk.desk.seen:  # it grows with each answer
        serve(request)


def cut_at(at: int) -> Said:
    """Two reads."""

    def said(talk: Conversation, data: bytes) -> None:
        talk.say(data[:at])
        talk.say(data[at:])

    return said


def served(talk: Conversation) -> list[Served]:
    """What whoever answers has seen."""
    return [(request.method, request.uri, request.body) for request in talk.desk.seen]


def check(case: Case, said: Said, before: bytes = b"", *warm: Served) -> Conversation:
    """Have `case` said to a new connection, the marker behind it, and compare with what is to become of it."""
    talk = Conversation(Desk(serve))
    said(talk, before + case.raw + MARKER)
    ends = bool(case.status or case.closes)
    expected = [*warm, *case.served] + [MARKED] * (not ends and not case.swallows)
    answers = [answer for answer in talk.heard() if b"allow" not in answer.headers or answer.status != 204]

    assert served(talk) == expected
    assert statuses(answers) == [told(request) for request in expected] + [case.status] * bool(case.status)
    for answer, request in zip(answers, expected, strict=False):
        assert answer.status == 204 or answer.body == b" ".join(request)
    for request, seen in zip(talk.desk.seen, expected, strict=True):
        assert case.swallows or (request.header(b"x-marker") is not None) == (seen == MARKED)
    if ends:
        check_end(talk, answers[-1])
    else:
        assert not talk.wire.disconnecting and not talk.wire.aborted
    return talk


def told(request: Served) -> int:
    """The status that `serve` answers with."""
    return 204 if request[0] == b"HEAD" else 200


def check_end(talk: Conversation, answer: Answer) -> None:
    """Nothing of what comes behind the last answer is looked at, and the connection ends within a second."""
    before = talk.wire.value()
    assert answer.headers[b"connection"] == b"close"
    talk.say(MARKER)
    talk.pass_seconds(1)
    assert (talk.wire.disconnecting, talk.wire.value()) == (True, before)
    talk.leave()
    assert talk.clock.getDelayedCalls() == []


class CorpusTests:
    """What a request is does not depend on how it arrives (A-29)."""

    @pytest.mark.parametrize("case", CASES, ids=IDS)
    def test_whole(self, case: Case) -> None:
        """All in one read."""
        check(case, whole)

    @pytest.mark.parametrize("case", CASES, ids=IDS)
    def test_bytewise(self, case: Case) -> None:
        """Byte by byte."""
        check(case, bytewise)

    @pytest.mark.parametrize("case", CASES, ids=IDS)
    def test_behind_another(self, case: Case) -> None:
        """Behind a request that went well, in the same read and in another: nothing is remembered from it (A-20)."""
        check(case, whole, WARM, (b"POST", b"/x", b"abc"))
        check(case, bytewise, WARM, (b"POST", b"/x", b"abc"))

    @pytest.mark.parametrize("case", [case for case in CASES if case.served], ids=lambda case: case.name)
    def test_slowly_answered(self, case: Case) -> None:
        """While the requests wait for their answers: one is served at a time, in order (A-20)."""
        if len(case.raw) + len(MARKER) < 16 << 10:  # beyond, it is abuse
            check(case, slowly_answered)

    @pytest.mark.parametrize("case", [*lengths.SMUGGLED, *connection.CASES], ids=lambda case: case.name)
    def test_cut_anywhere(self, case: Case) -> None:
        """In two reads, cut at every byte."""
        for at in range(1, len(case.raw) + len(MARKER)):
            check(case, cut_at(at))

    def test_enough(self) -> None:
        """P12: there are at least 200 of them, each with a name of its own, more than half of them refused."""
        assert len(set(IDS)) == len(IDS) >= 200
        assert sum(case.status > 0 for case in CASES) * 2 > len(IDS)


class RefusalTests:
    """What a refusal by HTTP's own rules looks like."""

    @pytest.mark.parametrize("case", [case for case in CASES if case.status], ids=lambda case: case.name)
    def test_envelope(self, case: Case) -> None:
        """It is JSON with an identity, Allow where it is about the method, and never asks for a body first."""
        talk = check(case, whole)
        answer = talk.heard()[-1]
        error = json.loads(answer.body)["error"]

        assert set(error) == {"message", "type", "param", "code"}
        assert answer.headers[b"x-request-id"].startswith(b"req_")
        assert (b"allow" in answer.headers) == (case.status == 405)
        assert b"HTTP/1.1 100" not in talk.wire.value()

    @pytest.mark.parametrize("split", [None, 1])
    def test_waits_its_turn(self, split: int | None) -> None:
        """A bad request behind a running one is refused after the first one's answer has left."""
        talk = Conversation(Desk(hold))
        talk.say(ask(body=b"abc") + b"GET /x HTTP/9.9\r\n\r\n", split)
        assert talk.wire.value() == b""

        talk.desk.seen[0].answer(200, [], b"first")

        assert statuses(talk.heard()) == [200, 505]
        assert len(talk.desk.seen) == 1

    def test_counted_by_code(self) -> None:
        """A-22: each refusal by HTTP's rules is counted under its code."""
        talk = Conversation()

        talk.say(opening.NOISE)

        assert talk.site.refusals == {"bad_request": 1}


class UnfinishedTests:
    """What is never finished."""

    @pytest.mark.parametrize(
        "raw",
        [
            b"G",
            b"GET /x HTTP/1.1\r\nHost: gw\r\n\r",
            post(b"Content-Length: 100", body=b"abc"),
            post(b"Content-Length: %d" % (len(NEXT) + 1)) + NEXT,
            chunked(b"5\r\nabcd"),
            chunked(b"5\r\nabcde\r\n0\r\n"),
            chunked(b"5"),
        ],
    )
    def test_is_not_served(self, raw: bytes) -> None:
        """A-12, A-14: nothing is served, a 408 tells of it at the deadline, and the connection ends."""
        talk = Conversation(Desk(serve))

        talk.say(raw)
        talk.pass_seconds(8)
        assert (talk.desk.seen, talk.wire.value()) == ([], b"")
        talk.pass_seconds(54)

        [answer] = talk.heard()
        assert (answer.status, talk.desk.seen) == (408, [])
        check_end(talk, answer)


class TrailerTests:
    """Trailers are not headers."""

    def test_trailer_never_becomes_a_header(self) -> None:
        """A-08: what comes behind the last chunk is not seen by who answers."""
        talk = Conversation()

        talk.say(chunked(b"0\r\nX-Late: 1\r\n\r\n"))

        assert talk.desk.seen[0].header(b"x-late") is None
