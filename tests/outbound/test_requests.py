"""Requests on their way to bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer, IClientRequest
from zope.interface import implementer
from zope.interface.verify import verifyObject

from targon_gw.outbound.agent import AgentLimits
from targon_gw.outbound.requests import OURS, Body, Head, head_of, target

from .wire import HERE, OK, Bench, failure, result


@implementer(IBodyProducer)
class Dripping:
    """A body producer of another make: writes when told."""

    def __init__(self, length: int | str) -> None:
        self.length = length
        self.stopped = False
        self.done: Deferred[None] = Deferred()

    def startProducing(self, consumer: object) -> Deferred[None]:
        self.consumer = consumer
        return self.done

    def drip(self, data: bytes) -> None:
        self.consumer.write(data)  # type: ignore[attr-defined]

    def pauseProducing(self) -> None: ...

    def resumeProducing(self) -> None: ...

    def stopProducing(self) -> None:
        self.stopped = True


class HeadTests:
    """Header lines, checked once."""

    def test_serialised(self) -> None:
        """Names and values stand as given, in order; the authorization is known."""
        head = Head.of([(b"X-A", b"1"), (b"authorization", b"Bearer k"), (b"x-a", b"2")])
        assert head.raw == b"X-A: 1\r\nauthorization: Bearer k\r\nx-a: 2\r\n"
        assert head.authorization == b"Bearer k"

    def test_no_secret_shows(self) -> None:
        """Nothing that bears a key or a body shows it."""
        head = Head.of([(b"authorization", b"Bearer sesame")])
        bench = Bench()
        asked = bench.ask(head, body=b"sesame")
        bench.vendor.lines[0].say(OK)
        for thing in (head, Body(b"sesame"), result(asked), result(asked).request, bench.vendor.lines[0].connection):
            assert "sesame" not in repr(thing)
            assert "sesame" not in repr(list(getattr(thing, "__rich_repr__", list)()))

    @pytest.mark.parametrize("value", [b"a\r\nEvil: 1", b"a\nb", b"a\rb", b"a\0b", b"\x7f"])
    def test_no_line_ends_in_values(self, value: bytes) -> None:
        """A value that could begin another line is refused, in `plus` too."""
        with pytest.raises(ValueError):
            Head.of([(b"x-a", value)])
        with pytest.raises(ValueError):
            Head.of([]).plus(b"x-a", value)

    @pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\r\n", b"\xc3\xa9"])
    def test_names_are_tokens(self, name: bytes) -> None:
        """A name is a token."""
        with pytest.raises(ValueError):
            Head.of([(name, b"x")])

    @pytest.mark.parametrize("name", sorted(OURS))
    def test_framing_is_ours(self, name: bytes) -> None:
        """Nobody else frames the message, in any spelling."""
        with pytest.raises(ValueError):
            Head.of([(name.title(), b"1")])

    def test_one_authorization(self) -> None:
        """Two would make it unclear whose connection it is."""
        with pytest.raises(ValueError):
            Head.of([(b"authorization", b"a"), (b"Authorization", b"b")])
        with pytest.raises(ValueError):
            Head.of([]).plus(b"Authorization", b"b")

    def test_plus(self) -> None:
        """One field more makes another head of the same key."""
        head = Head.of([(b"authorization", b"k")])
        more = head.plus(b"x-request-id", b"1")
        assert more == Head.of([(b"authorization", b"k"), (b"x-request-id", b"1")])
        assert more.authorization == b"k"
        assert len(head.fields) == 1

    @given(value=st.binary(max_size=30))
    def test_either_one_line_or_refused(self, value: bytes) -> None:
        """Whatever the value, the result is one line or a ValueError."""
        try:
            raw = Head.of([(b"x", value)]).raw
        except ValueError:
            return
        assert raw.count(b"\n") == 1
        assert raw.count(b"\r") == 1

    @given(
        st.lists(st.tuples(st.sampled_from([b"a", b"B"]), st.from_regex(rb"[ :\t!-~]*", fullmatch=True)), max_size=4)
    )
    def test_fields(self, fields: list[tuple[bytes, bytes]]) -> None:
        """The fields that a head was made of can be read off it."""
        assert Head.of(fields).fields == fields

    def test_ordinary_headers(self) -> None:
        """Headers work as well; their Accept-Encoding gives way to identity."""
        bench = Bench()
        headers = Headers({b"X-A": [b"1", b"2"], b"Accept-Encoding": [b"gzip"], b"Authorization": [b"k"]})
        asked = bench.ask(headers)  # type: ignore[arg-type]
        heard = bench.vendor.lines[0].heard()
        assert heard.count(b"\r\nX-A: ") == 2
        assert b"gzip" not in heard
        assert heard.count(b"Accept-Encoding: identity\r\n") == 1
        assert head_of(headers).authorization == b"k"
        bench.vendor.lines[0].say(OK)
        assert result(asked).request.headers.getRawHeaders(b"x-a") == [b"1", b"2"]

    def test_request_of_a_response(self) -> None:
        """The answer knows its request, and holds its body no longer."""
        bench = Bench()
        asked = bench.ask(body=b"x" * 1000)
        bench.vendor.lines[0].say(OK)
        request = result(asked).request
        verifyObject(IClientRequest, request)
        assert (request.method, request.absoluteURI, request.payload) == (b"POST", HERE, b"")


class TargetTests:
    """Where it goes."""

    def test_host_line(self) -> None:
        """The port is named where it is not the usual one; the query goes along."""
        assert b" /a?b=c HTTP/1.1\r\nHost: x.example:81\r\n" in target(b"GET", b"http://x.example:81/a?b=c").opening
        assert b"Host: x.example\r\n" in target(b"GET", b"https://x.example:443/").opening
        assert b"GET /?a HTTP/1.1\r\nHost: [::1]:80\r\n" in target(b"GET", b"https://[::1]:80?a").opening

    @pytest.mark.parametrize("method", [b"", b"get", b"GET ", b"GET\r\n", b"G/T"])
    def test_methods_that_are_none(self, method: bytes) -> None:
        """A method is a word in capitals."""
        with pytest.raises(ValueError):
            target(method, HERE)

    @given(uri=st.binary(max_size=40))
    def test_one_request_line(self, uri: bytes) -> None:
        """No address adds a line."""
        try:
            made = target(b"GET", b"http://a.example/" + uri)
        except ValueError:
            return
        assert made.opening.count(b"\r\n") == 3
        assert made.opening.split(b"\r\n")[0].count(b" ") == 2


class ForeignBodyTests:
    """Body producers of another make: taken whole, then sent."""

    @pytest.mark.parametrize("length", [6, UNKNOWN_LENGTH])
    def test_gathered(self, length: int | str) -> None:
        """Nothing is sent before the body is there; then all of it, with its length."""
        bench, body = Bench(), Dripping(length)
        bench.agent.request(b"POST", HERE, None, body)
        body.drip(b"abc")
        assert bench.vendor.lines == []
        body.drip(b"def")
        body.done.callback(None)
        assert bench.vendor.lines[0].heard().endswith(b"Content-Length: 6\r\n\r\nabcdef")

    def test_wrong_length(self) -> None:
        """A body that is not as long as it said is not sent."""
        bench, body = Bench(), Dripping(5)
        asked = bench.agent.request(b"POST", HERE, None, body)
        body.drip(b"abc")
        body.done.callback(None)
        assert isinstance(failure(asked), ValueError)
        assert bench.vendor.lines == []

    def test_too_long(self) -> None:
        """Beyond the limit it is stopped."""
        bench, body = Bench(limits=AgentLimits(upload=2)), Dripping(UNKNOWN_LENGTH)
        asked = bench.agent.request(b"POST", HERE, None, body)
        body.drip(b"abc")
        assert isinstance(failure(asked), ValueError)
        assert body.stopped

    def test_its_own_failure(self) -> None:
        """What the producer fails with is what the request fails with."""
        bench, body = Bench(), Dripping(1)
        asked = bench.agent.request(b"POST", HERE, None, body)
        body.done.errback(ZeroDivisionError())
        assert isinstance(failure(asked), ZeroDivisionError)

    def test_cancelled(self) -> None:
        """Cancelling stops the producer."""
        bench, body = Bench(), Dripping(1)
        asked = bench.agent.request(b"POST", HERE, None, body)
        asked.cancel()
        assert body.stopped
        failure(asked)
        body.drip(b"x")
        assert bench.vendor.lines == []

    def test_ours_elsewhere(self) -> None:
        """`Body` is an IBodyProducer for any agent."""
        body, dripped = Body(b"abc"), Dripping(3)
        verifyObject(IBodyProducer, body)
        written: list[bytes] = []
        dripped.write = written.append  # type: ignore[attr-defined]
        assert body.startProducing(dripped).called  # type: ignore[arg-type]
        assert (written, body.length) == ([b"abc"], 3)
        assert succeed(None).called
