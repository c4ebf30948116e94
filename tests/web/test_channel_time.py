"""The channel's deadlines, and how connections end."""

from __future__ import annotations

import json

from targon_gw.web.request import Request
from tests.web.conversation import NEXT, Conversation, Desk, Wire, ask, statuses


def later(request: Request) -> None:
    """Answer when the test says so."""


def code_of(talk: Conversation) -> str:
    """The code of the only answer."""
    [answer] = talk.heard()
    return str(json.loads(answer.body)["error"]["code"])


class HeadDeadlineTests:
    """The whole head within ten seconds."""

    def test_drip(self) -> None:
        """A-12: a byte every second moves no deadline: 408 ten seconds after the first byte, not before."""
        talk = Conversation()
        talk.pass_seconds(70)

        for byte in b"GET /x HTT":
            talk.say(bytes([byte]))
            assert talk.wire.value() == b""
            talk.pass_seconds(1)

        assert code_of(talk) == "request_timeout"
        talk.say(b"P/1.1\r\nHost: gw\r\n\r\n")
        assert talk.desk.seen == []

    def test_starts_anew(self) -> None:
        """Each request has its own ten seconds, also behind one that ran long."""
        talk = Conversation(Desk(later))
        talk.say(NEXT + NEXT[:5])
        talk.pass_seconds(100)
        talk.desk.seen[0].answer(200, [], b"")

        talk.pass_seconds(9)
        talk.say(NEXT[5:])

        assert len(talk.desk.seen) == 2


class BodyDeadlineTests:
    """The body within a minute, unless it keeps coming."""

    def test_slow(self) -> None:
        """A-13: a byte a second ends in 408 after a minute."""
        talk = Conversation()
        talk.say(ask("Content-Length: 1000\r\n", method="PUT"))

        for _ in range(59):
            talk.say(b"a")
            talk.pass_seconds(1)
        assert talk.wire.value() == b""
        talk.pass_seconds(1)

        assert code_of(talk) == "request_timeout"
        talk.pass_seconds(1)
        assert talk.wire.disconnecting

    def test_long_but_steady(self) -> None:
        """A-13: at 1 KiB a second a body may take longer; ten seconds of less end it."""
        talk = Conversation()
        talk.say(ask("Transfer-Encoding: chunked\r\n", method="PUT"))
        for _ in range(100):
            talk.say(b"400\r\n" + b"a" * 1024 + b"\r\n")
            talk.pass_seconds(1)
        assert talk.wire.value() == b""

        talk.pass_seconds(20)

        assert code_of(talk) == "request_timeout"

    def test_silence(self) -> None:
        """A-14: a body that stops coming ends in 408."""
        talk = Conversation()
        talk.say(ask("Content-Length: 100\r\n", method="PUT") + b"abc")

        talk.pass_seconds(60)

        assert code_of(talk) == "request_timeout"


class IdleTests:
    """Connections that nobody uses."""

    def test_closed_without_a_word(self) -> None:
        """A-30: after 75 s between requests the connection is closed, and nothing is said."""
        talk = Conversation()
        talk.say(NEXT)
        said = talk.wire.value()

        talk.pass_seconds(74.5)
        assert not talk.wire.disconnecting
        talk.pass_seconds(0.5)

        assert talk.wire.disconnecting
        assert talk.wire.value() == said

    def test_running_request_has_no_deadline(self) -> None:
        """A request may run for an hour: its deadlines are not the channel's."""
        talk = Conversation(Desk(later))
        talk.say(NEXT)

        talk.pass_seconds(3600)
        talk.desk.seen[0].answer(200, [], b"late")

        assert statuses(talk.heard()) == [200]
        assert not talk.wire.disconnecting

    def test_long_answer_is_still_being_read(self) -> None:
        """A client that slowly reads a long answer is not idle; one that has stopped reading is."""
        talk = Conversation()
        talk.say(NEXT)
        for waits in range(100_000, 0, -20_000):
            talk.wire.dataBuffer = b"a" * waits
            talk.pass_seconds(75 if waits == 100_000 else 5)
        assert not talk.wire.disconnecting

        talk.pass_seconds(5)

        assert talk.wire.disconnecting

    def test_few_timers(self) -> None:
        """A thousand requests in a row ask the reactor for no timer."""
        talk = Conversation()
        before = talk.clock.getDelayedCalls()

        for _ in range(1000):
            talk.say(NEXT[:10])
            talk.say(NEXT[10:])

        assert talk.clock.getDelayedCalls() == before


class ClosingTests:
    """A closing connection does not stay for ever."""

    def test_abort_after_grace(self) -> None:
        """A client that reads nothing of what is left is cut off after five seconds."""
        talk = Conversation(Desk(later))
        talk.say(NEXT)
        talk.wire.dataBuffer = b"a" * 1000
        talk.desk.seen[0].end_unfinished()
        assert talk.wire.disconnecting

        talk.pass_seconds(4.5)
        assert not talk.wire.aborted
        talk.pass_seconds(0.5)

        assert talk.wire.aborted
        talk.leave()
        assert talk.clock.getDelayedCalls() == []

    def test_reader_may_finish(self) -> None:
        """A client that goes on reading gets all of it, however long it takes."""
        talk = Conversation()
        talk.wire.dataBuffer = b"a" * 1000
        talk.say(ask("Connection: close\r\n"))

        for waits in range(900, 0, -100):
            talk.wire.dataBuffer = b"a" * waits
            talk.pass_seconds(5)

        assert not talk.wire.aborted
        talk.pass_seconds(5)
        assert talk.wire.aborted

    def test_tls_waits_for_a_farewell(self) -> None:
        """Where all has left and only TLS's farewell is missing, the connection beneath is closed, not aborted: what
        the kernel still holds arrives.
        """
        talk = Conversation()
        beneath = Wire()
        talk.wire.transport = beneath
        talk.say(ask("Connection: close\r\n"))

        talk.pass_seconds(5)

        assert beneath.disconnecting
        assert not talk.wire.aborted
