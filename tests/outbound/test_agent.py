"""Which connection a request goes out on, and what becomes of it."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionRefusedError, DNSLookupError, NoRouteError, TimeoutError
from twisted.web.client import ResponseDone
from twisted.web.iweb import IAgent, IResponse
from zope.interface.verify import verifyObject

from targon_gw.outbound.agent import AgentLimits
from targon_gw.outbound.errors import BrokenResponse, ConnectFailed
from targon_gw.outbound.requests import Body

from .wire import CHUNKED, HERE, OK, Bench, Reader, Vendor, failure, key, result, taken


class KeptConnectionTests:
    """What is used again, and what never."""

    def test_clean_end_is_used_again(self) -> None:
        """The second request of a key goes out on the first one's connection."""
        bench = Bench()
        assert bench.exchange(OK).body == b"hi"
        assert bench.exchange(OK).end is ResponseDone
        assert len(bench.vendor.lines) == 1
        bench.agent.close()
        assert bench.clock.getDelayedCalls() == []

    def test_whoever_hears_the_end_may_ask_again_on_it(self) -> None:
        """A request made from within a body's end finds the connection free."""
        bench = Bench()
        reader = Reader()
        second: list[Reader] = []

        def ask_again(reason: object) -> None:
            asked = bench.ask()
            bench.vendor.lines[0].say(OK)
            second.append(taken(asked))

        reader.connectionLost = ask_again  # type: ignore[method-assign, assignment]
        asked = bench.ask()
        bench.vendor.lines[0].say(CHUNKED)
        result(asked).deliverBody(reader)
        bench.vendor.lines[0].say(b"0\r\n\r\n")
        assert second[0].body == b"hi"
        assert len(bench.vendor.lines) == 1

    def test_keys_never_share(self) -> None:
        """D-31: another authorization gets another connection, also where one is free."""
        bench = Bench()
        bench.exchange(OK, key(b"a"))
        bench.ask(key(b"b"))
        assert len(bench.vendor.lines) == 2
        bench.ask(key(b"a"))
        assert len(bench.vendor.lines) == 2

    def test_newest_first(self) -> None:
        """Of two free connections the one used last is used."""
        bench = Bench()
        first, second = bench.ask(), bench.ask()
        bench.vendor.lines[1].say(OK)
        bench.vendor.lines[0].say(OK)
        assert taken(first).body == taken(second).body == b"hi"
        for line in bench.vendor.lines:
            line.heard()
        bench.ask()
        assert bench.vendor.lines[0].heard()
        assert not bench.vendor.lines[1].heard()

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nhi",
            b"HTTP/1.1 200 OK\r\nConnection: x, cLOSE\r\nContent-Length: 2\r\n\r\nhi",
            b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            OK + b"more",
            OK + OK,
            CHUNKED + b"2\r\nhi\r\n0\r\n\r\n" + OK,
        ],
    )
    def test_no_second_use(self, answer: bytes) -> None:
        """D-13, D-15, D-24: close, HTTP/1.0, two framings and extra bytes end the connection, the body being whole."""
        bench = Bench()
        reader = bench.exchange(answer)
        assert reader.body == b"hi"
        assert reader.end is ResponseDone
        assert bench.vendor.lines[0].aborted
        bench.ask()
        assert len(bench.vendor.lines) == 2

    def test_http_1_0_may_ask_to_stay(self) -> None:
        """HTTP/1.0 with keep-alive is used again."""
        bench = Bench()
        answer = b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nhi"
        bench.exchange(answer)
        assert bench.exchange(answer).body == b"hi"
        assert len(bench.vendor.lines) == 1

    def test_byte_on_an_idle_connection_ends_it(self) -> None:
        """D-31: what arrives unasked is nobody's answer, not even of a request made in the same turn."""
        bench = Bench()
        bench.exchange(OK)
        bench.vendor.lines[0].say(OK)
        assert bench.vendor.lines[0].aborted
        asked = bench.ask()
        assert len(bench.vendor.lines) == 2
        assert not asked.called

    def test_trailer_stays_with_its_answer(self) -> None:
        """A trailer of one answer is no header of that one, nor of the next on the same connection."""
        bench = Bench()
        bench.exchange(CHUNKED + b"2\r\nhi\r\n0\r\nX-Left: over\r\n\r\n")
        asked = bench.ask()
        bench.vendor.lines[0].say(OK)
        assert result(asked).get(b"x-left") is None
        assert len(bench.vendor.lines) == 1

    def test_idle_for_too_long(self) -> None:
        """After 30 s without work a connection is closed, by one timer for all, which then stops."""
        bench = Bench()
        bench.exchange(OK, key(b"a"))
        bench.clock.advance(10)
        bench.exchange(OK, key(b"b"))
        assert len(bench.clock.getDelayedCalls()) == 1
        bench.clock.advance(20)
        assert [line.transport.disconnecting for line in bench.vendor.lines] == [True, False]
        bench.clock.advance(10)
        assert bench.vendor.lines[1].transport.disconnecting
        assert bench.clock.getDelayedCalls() == []

    def test_no_more_than_so_many(self) -> None:
        """Beyond `kept` idle ones the oldest is closed."""
        bench = Bench(limits=AgentLimits(kept=1))
        bench.ask(), bench.ask()
        for line in bench.vendor.lines:
            line.say(OK)
        assert [line.transport.disconnecting for line in bench.vendor.lines] == [True, False]

    def test_no_more_than_so_many_in_all(self) -> None:
        """Of all keys' idle connections the oldest are closed where there are too many; busy ones are not counted."""
        bench = Bench(limits=AgentLimits(kept=100, kept_in_all=32))
        for number in range(50):
            bench.ask(key(b"%d" % number))
        lines = bench.vendor.lines
        for number, line in enumerate(lines):
            line.say(OK)
            bench.clock.advance(0.001)
            idle = [one for one in lines[: number + 1] if not one.transport.disconnecting]
            assert len(idle) <= 32
            assert idle == lines[number + 1 - len(idle) : number + 1]
        assert len(idle) >= 30

        bench.ask(key(b"49"))
        assert len(bench.vendor.lines) == 50
        for line in lines:
            line.hang_up()
        for number in range(32):
            bench.exchange(OK, key(b"%d" % number))
        assert not any(line.transport.disconnecting for line in bench.vendor.lines[50:])

    def test_vendor_closes_an_idle_one(self) -> None:
        """A connection that the vendor closed while idle is not used."""
        bench = Bench()
        bench.exchange(OK)
        bench.vendor.lines[0].hang_up()
        bench.ask()
        assert len(bench.vendor.lines) == 2

    def test_closed_agent_keeps_nothing(self) -> None:
        """After `close`, an answer under way goes on and its connection is closed behind it."""
        bench = Bench()
        asked = bench.ask()
        bench.agent.close()
        bench.vendor.lines[0].say(OK)
        assert taken(asked).body == b"hi"
        assert bench.vendor.lines[0].transport.disconnecting
        assert bench.clock.getDelayedCalls() == []


class RetryTests:
    """D-06: the one retry."""

    def test_kept_connection_dies_before_a_byte(self) -> None:
        """The request goes out again, whole, on a fresh connection though another kept one is free."""
        bench = Bench()
        bench.ask(), bench.ask()
        for line in bench.vendor.lines:
            line.say(OK)
        asked = bench.ask(body=b"payload")
        sent = bench.vendor.lines[1].heard()
        bench.vendor.lines[1].hang_up(rudely=True)
        assert len(bench.vendor.lines) == 3
        assert sent.endswith(bench.vendor.lines[2].heard())
        bench.vendor.lines[2].say(OK)
        assert taken(asked).body == b"hi"

    def test_only_once(self) -> None:
        """The fresh connection's death is the request's."""
        bench = Bench()
        bench.exchange(OK)
        asked = bench.ask()
        bench.vendor.lines[0].hang_up()
        bench.vendor.lines[1].hang_up()
        error = failure(asked)
        assert isinstance(error, BrokenResponse)
        assert (error.fault, error.received, error.reused) == ("closed", 0, False)
        assert len(bench.vendor.lines) == 2

    def test_not_in_an_outage(self) -> None:
        """Where a fresh connection has died so, too, it is no race: for a while no request is sent twice (D-47)."""
        bench = Bench()
        for name in (b"a", b"b"):
            bench.exchange(OK, key(name))
        lost = bench.ask(key(b"a"))
        bench.vendor.lines[0].hang_up()
        bench.vendor.lines[2].hang_up()
        assert isinstance(failure(lost), BrokenResponse)
        asked = bench.ask(key(b"b"))
        bench.vendor.lines[1].hang_up()
        error = failure(asked)
        assert (error.fault, error.received, error.reused) == ("closed", 0, True)
        assert len(bench.vendor.lines) == 3

        bench.clock.advance(bench.limits.idle)
        bench.exchange(OK, key(b"b"))
        bench.ask(key(b"b"))
        bench.vendor.lines[-1].hang_up()
        assert len(bench.vendor.lines) == 5

    def test_not_after_a_byte(self) -> None:
        """Where a byte of the answer came, nothing is sent twice."""
        bench = Bench()
        bench.exchange(OK)
        asked = bench.ask()
        bench.vendor.lines[0].say(b"H")
        bench.vendor.lines[0].hang_up()
        error = failure(asked)
        assert (error.fault, error.received, error.reused) == ("closed", 1, True)
        assert len(bench.vendor.lines) == 1

    def test_not_for_the_cancelled(self) -> None:
        """A cancelled request is not sent again when its connection goes."""
        bench = Bench()
        bench.exchange(OK)
        asked = bench.ask()
        asked.cancel()
        bench.vendor.lines[0].hang_up()
        assert isinstance(failure(asked), CancelledError)
        assert len(bench.vendor.lines) == 1


class CancelTests:
    """Cancelling, in each phase."""

    def test_while_connecting(self) -> None:
        """The attempt to connect is given up."""
        bench = Bench(vendor=Vendor(slow=True))
        asked = bench.ask()
        asked.cancel()
        assert bench.vendor.cancelled == 1
        assert isinstance(failure(asked), CancelledError)
        assert bench.clock.getDelayedCalls() == []

    def test_while_waiting(self) -> None:
        """The connection is dropped at once, and its late answer is nobody's."""
        bench = Bench()
        asked = bench.ask()
        bench.vendor.lines[0].say(b"HTTP/1.1 200 ")
        asked.cancel()
        assert bench.vendor.lines[0].aborted
        assert isinstance(failure(asked), CancelledError)
        bench.vendor.lines[0].say(OK)
        bench.ask()
        assert len(bench.vendor.lines) == 2

    def test_in_the_body(self) -> None:
        """`stopProducing` drops the connection, also a paused one; nothing more is delivered but the end."""
        bench = Bench()
        asked = bench.ask()
        line = bench.vendor.lines[0]
        line.say(CHUNKED + b"2\r\nhi\r\n")
        reader = taken(asked)
        reader.transport.pauseProducing()
        reader.transport.stopProducing()
        assert line.aborted
        line.say(b"2\r\nho\r\n0\r\n\r\n")
        line.hang_up()
        assert reader.parts == [b"hi"]
        assert len(reader.ends) == 1
        assert reader.end is not ResponseDone
        bench.ask()
        assert len(bench.vendor.lines) == 2


class ConnectTests:
    """No connection."""

    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (DNSLookupError(), "dns"),
            (ConnectionRefusedError(), "refused"),
            (TimeoutError(), "timeout"),
            (NoRouteError(), "other"),
            (ConnectFailed("private"), "private"),
        ],
    )
    def test_kinds(self, error: Exception, kind: str) -> None:
        """D-01 to D-03: each way of not connecting has its name, and leaves no timer."""
        bench = Bench(vendor=Vendor(slow=True))
        asked = bench.ask()
        bench.vendor.refuse(error)
        found = failure(asked)
        assert isinstance(found, ConnectFailed)
        assert found.kind == kind
        assert bench.clock.getDelayedCalls() == []

    def test_silence(self) -> None:
        """D-01, D-03: a silent resolver or a black hole costs 5 s."""
        bench = Bench(vendor=Vendor(slow=True))
        asked = bench.ask()
        bench.clock.advance(4.9)
        assert not asked.called
        bench.clock.advance(0.2)
        assert failure(asked).kind == "timeout"
        assert bench.vendor.cancelled == 1

    def test_deadline_ends_with_the_connection(self) -> None:
        """Once connected, only the caller's deadlines count."""
        bench = Bench()
        asked = bench.ask()
        assert bench.clock.getDelayedCalls() == []
        bench.clock.advance(1000)
        assert not asked.called


class FaceTests:
    """What callers of an IAgent expect."""

    def test_interfaces(self) -> None:
        """The agent and its responses are what they say."""
        bench = Bench()
        verifyObject(IAgent, bench.agent)
        asked = bench.ask()
        bench.vendor.lines[0].say(OK)
        response = result(asked)
        verifyObject(IResponse, response)
        assert response.version == (b"HTTP", 1, 1)
        assert (response.code, response.phrase, response.length) == (200, b"OK", 2)
        assert response.request.absoluteURI == HERE
        assert response.previousResponse is None

    def test_where_to(self) -> None:
        """Scheme, host and port are the address's; brackets are not part of a host."""
        bench = Bench()
        bench.agent.request(b"GET", b"HTTPS://[::1]:8443/v1")
        bench.agent.request(b"GET", b"http://Host.example")
        bench.agent.request(b"GET", b"https://host.example?a=b")
        assert bench.vendor.asked == [
            (b"https", b"::1", 8443),
            (b"http", b"host.example", 80),
            (b"https", b"host.example", 443),
        ]

    @pytest.mark.parametrize(
        "uri",
        [
            b"ftp://a.example/",
            b"/v1",
            b"http://user@a.example/",
            b"http://a.example:70000/",
            b"http://a.example:0/",
            b"http://a.example/a b",
            b"http://a.example/\r\nX: y",
            b"http://a.example/#part",
            b"http://a.example/\xc3\xa9",
        ],
    )
    def test_addresses_that_are_none(self, uri: bytes) -> None:
        """F-18: no user names, no ports out of range, nothing but visible ASCII."""
        with pytest.raises(ValueError):
            Bench().agent.request(b"POST", uri, None, Body(b""))

    def test_redirects_are_answers(self) -> None:
        """D-41: a 302 is handed over as it is, nothing is asked anywhere else."""
        bench = Bench()
        asked = bench.ask()
        bench.vendor.lines[0].say(b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n")
        assert result(asked).code == 302
        assert len(bench.vendor.asked) == 1
