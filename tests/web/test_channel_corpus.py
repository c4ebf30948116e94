"""Awkward requests: each whole and byte by byte, each with a good request behind it (faults catalogue, A)."""

from __future__ import annotations

import json
import random

import pytest

from tests.web.conversation import NEXT, Conversation, ask, statuses


def with_head(*lines: bytes) -> bytes:
    """A request out of these lines."""
    return b"\r\n".join((*lines, b"", b""))


HOST = b"Host: gw"


def get(*lines: bytes) -> bytes:
    """A GET with a Host and these lines."""
    return with_head(b"GET /x HTTP/1.1", HOST, *lines)


def post(*lines: bytes) -> bytes:
    """A POST with a Host and these lines."""
    return with_head(b"POST /x HTTP/1.1", HOST, *lines)


CHUNKED = post(b"Transfer-Encoding: chunked")
NOISE = random.Random(11).randbytes(256)

REFUSED: list[tuple[str, int, bytes]] = [
    ("A-01 both framings", 400, post(b"Content-Length: 3", b"Transfer-Encoding: chunked")),
    ("A-01 other order", 400, post(b"Transfer-Encoding: chunked", b"Content-Length: 3")),
    ("A-02 two lengths", 400, post(b"Content-Length: 3", b"Content-Length: 4")),
    ("A-02 equal lengths", 400, post(b"Content-Length: 3", b"Content-Length: 3")),
    *(
        (f"A-02 {length!r}", 400, post(b"Content-Length: " + length))
        for length in (b"5, 6", b"+5", b"-1", b"0x5", b"5_0", b"5 5", b"", b"\xb2")
    ),
    ("A-03 no Host", 400, with_head(b"GET /x HTTP/1.1")),
    ("A-03 two Hosts", 400, get(HOST)),
    *(
        (f"A-03 {host!r}", 400, with_head(b"GET /x HTTP/1.1", b"Host: " + host))
        for host in (b"", b"a, b", b"u@h", b"h/p", b"h#@x", b"a b", b"h:port", b"[::1", b"h\xe9", b"h?x", b"x" * 300)
    ),
    ("A-04 folded", 400, get(b"Authorization: Bearer", b" key")),
    ("A-04 folded first", 400, with_head(b"GET /x HTTP/1.1", b" Host: gw")),
    *(
        (f"A-05 {value!r}", 400, get(b"X-A: a" + value + b"b"))
        for value in (b"\x07", b"\x0b", b"\x7f", b"\x00", b"\r", b"\n")
    ),
    ("A-05 space before colon", 400, get(b"X-A : b")),
    ("A-05 no colon", 400, get(b"X-A")),
    *(
        (f"A-06 {target!r}", 400, with_head(b"GET /" + target + b" HTTP/1.1", HOST))
        for target in (b"\xc3\xa9", b"\xc0\xaf", b"\x7f", b"a b", b"a#b", b"%ff", b"%c0%af", b"a%00b", b"a%0d%0ab")
    ),
    ("A-06 no slash", 400, with_head(b"GET x HTTP/1.1", HOST)),
    ("A-06 star", 400, with_head(b"GET * HTTP/1.1", HOST)),
    *(
        (f"A-07 {coding!r}", 400, post(b"Transfer-Encoding: " + coding))
        for coding in (b"identity", b"xchunked", b"gzip, chunked", b"chunked, chunked", b"\x0bchunked", b"a\x00", b"")
    ),
    ("A-07 identity and length", 400, post(b"Transfer-Encoding: identity", b"Content-Length: 0")),
    ("A-07 twice", 400, post(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked")),
    ("A-07 in HTTP/1.0", 400, with_head(b"POST /x HTTP/1.0", HOST, b"Transfer-Encoding: chunked") + b"0\r\n\r\n"),
    *(
        (f"A-08 {size!r}", 400, CHUNKED + size)
        for size in (b"5;\r\nabcde\r\n", b"5\nabcde\n", b"0x5\r\n", b"5_0\r\n", b"0" * 20, b"\r\n", b"-1\r\n")
    ),
    ("A-08 extension", 400, CHUNKED + b"5;a=" + b"b" * (64 << 10) + b"\r\nabcde\r\n0\r\n\r\n"),
    ("A-08 longer than its size", 400, CHUNKED + b"2\r\nabc\r\n0\r\n\r\n"),
    *(
        (f"A-08 trailer {trailer!r}", 400, CHUNKED + b"1\r\na\r\n0\r\n" + trailer + b"\r\n\r\n")
        for trailer in (b"Content-Length: 3", b"Transfer-Encoding: x", b"Host: x", b"Authorization: k", b"x", b" a: b")
    ),
    ("A-09 above the cap", 413, post(b"Content-Length: 33554433")),
    ("A-09 2^63", 413, post(b"Content-Length: 9223372036854775808")),
    ("A-09 30 digits", 413, post(b"Content-Length: " + b"9" * 30)),
    ("A-09 5000 digits", 413, post(b"Content-Length: " + b"9" * 5000)),
    ("A-10 chunk above the cap", 413, CHUNKED + b"2000001\r\n"),
    ("A-11 long line", 431, get(b"X-A: " + b"a" * (17 << 10))),
    ("A-11 long head", 431, get(*[b"X-%d: " % n + b"a" * 400 for n in range(60)])),
    ("A-11 many lines", 431, get(*[b"X: a"] * 500)),
    ("A-11 long target", 414, with_head(b"GET /" + b"a" * (9 << 10) + b" HTTP/1.1", HOST)),
    ("A-11 longer target", 414, with_head(b"GET /" + b"a" * (20 << 10) + b" HTTP/1.1", HOST)),
    ("A-22 1.2", 505, with_head(b"GET /x HTTP/1.2", HOST)),
    ("A-22 9.9", 505, with_head(b"GET /x HTTP/9.9", HOST)),
    ("A-22 2.0", 505, with_head(b"GET /x HTTP/2.0", HOST)),
    ("A-22 h2 preface", 505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("A-22 lower case", 400, with_head(b"GET /x http/1.1", HOST)),
    ("A-22 HTTP/0.9", 400, b"GET /x\r\n\r\n"),
    ("A-22 two spaces", 400, with_head(b"GET  /x HTTP/1.1", HOST)),
    ("A-22 bare LF", 400, b"GET /x HTTP/1.1\nHost: gw\n\n"),
    ("A-22 one bare LF", 400, b"GET /x HTTP/1.1\r\nHost: gw\n\r\n"),
    ("A-22 TLS hello", 400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 60),
    ("A-22 noise", 400, NOISE),
    ("A-22 empty lines", 400, b"\r\n\r\n"),
    ("A-23 TRACE", 405, with_head(b"TRACE /x HTTP/1.1", HOST)),
    ("A-23 CONNECT", 405, with_head(b"CONNECT gw:80 HTTP/1.1", HOST)),
    ("A-23 unknown", 405, with_head(b"BREW /x HTTP/1.1", HOST)),
    ("A-23 lower case", 405, with_head(b"get /x HTTP/1.1", HOST)),
    ("A-24 another host", 400, with_head(b"GET http://other/x HTTP/1.1", HOST)),
    ("A-24 user", 400, with_head(b"GET http://u@gw/x HTTP/1.1", HOST)),
    ("A-25 expectation", 417, post(b"Content-Length: 3", b"Expect: x")),
    ("A-25 too large", 413, post(b"Expect: 100-continue", b"Content-Length: 99999999")),
    ("A-27 two keys", 400, get(b"Authorization: Bearer a", b"Authorization: Bearer b")),
    ("A-28 encoded", 415, post(b"Content-Encoding: gzip", b"Content-Length: 3") + b"abc"),
]  # fmt: skip

TAKEN: list[tuple[str, bytes, bytes]] = [
    ("sized", ask(body=b"abc"), b"POST /x abc"),
    ("chunked", CHUNKED + b"3\r\nabc\r\n00A;n=v; m=\"q\"\r\n0123456789\r\n0\r\n\r\n", b"POST /x abc0123456789"),
    ("A-08 harmless trailer", CHUNKED + b"1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n", b"POST /x a"),
    ("A-24 absolute", with_head(b"GET http://GW/x?y HTTP/1.1", HOST), b"GET /x?y "),
    ("A-24 absolute, no path", with_head(b"GET http://gw?y HTTP/1.1", HOST), b"GET /?y "),
    ("A-26 lookalikes", post(b"Content_Length: 5", b"X_Forwarded_For: 1.2.3.4"), b"POST /x "),
    ("A-33 ignored", ask("Range: bytes=0-1\r\nIf-None-Match: *\r\nAccept: nonsense\r\n", method="GET"), b"GET /x "),
    ("Host with port", with_head(b"GET /x HTTP/1.1", b"Host: [::1]:3811"), b"GET /x "),
    ("an upgrade that is not offered", ask("Connection: Upgrade\r\nUpgrade: h2c\r\n", b"abc"), b"POST /x abc"),
    ("an empty line in front", b"\r\n" + ask(body=b"abc"), b"POST /x abc"),
    ("escapes", ask(target="/a%2Fb%C3%A9?q=%ff", method="GET"), b"GET /a%2Fb%C3%A9?q=%ff "),
    ("GET with a body", ask("Content-Length: 3\r\n", method="GET") + b"abc", b"GET /x abc"),
]  # fmt: skip


@pytest.mark.parametrize("split", [None, 1], ids=["whole", "bytes"])
class CorpusTests:
    """What a request is does not depend on how it arrives (A-29)."""

    @pytest.mark.parametrize(("status", "raw"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
    def test_refused(self, status: int, raw: bytes, split: int | None) -> None:
        """It is answered once, in JSON, at once; nothing of it or behind it is served, and the connection ends."""
        talk = Conversation()

        talk.say(raw + NEXT, split)

        [answer] = talk.heard()
        error = json.loads(answer.body)["error"]
        assert (answer.status, set(error)) == (status, {"message", "type", "param", "code"})
        assert answer.headers[b"connection"] == b"close"
        assert answer.headers[b"x-request-id"].startswith(b"req_")
        assert (b"allow" in answer.headers) == (status == 405)
        assert b"HTTP/1.1 100" not in talk.wire.value()
        assert talk.desk.seen == []
        talk.pass_seconds(1)
        assert talk.wire.disconnecting
        talk.leave()
        assert talk.clock.getDelayedCalls() == []

    @pytest.mark.parametrize(("raw", "body"), [case[1:] for case in TAKEN], ids=[case[0] for case in TAKEN])
    def test_taken(self, raw: bytes, body: bytes, split: int | None) -> None:
        """It is served, and so is the request behind it."""
        talk = Conversation()

        talk.say(raw + NEXT, split)

        answers = talk.heard()
        assert statuses(answers) == [200, 200]
        assert [answer.body for answer in answers] == [body, b"GET /next "]
        assert not talk.wire.disconnecting

    def test_refusal_waits_its_turn(self, split: int | None) -> None:
        """A bad request behind a running one is refused after the first one's answer has left."""
        talk = Conversation()
        talk.desk.serve = lambda request: None
        talk.say(ask(body=b"abc") + b"GET /x HTTP/9.9\r\n\r\n", split)
        assert talk.wire.value() == b""

        talk.desk.seen[0].answer(200, [], b"first")

        assert statuses(talk.heard()) == [200, 505]
        assert len(talk.desk.seen) == 1


class TrailerTests:
    """Trailers are not headers."""

    def test_trailer_never_becomes_a_header(self) -> None:
        """A-08: what comes behind the last chunk is not seen by who answers."""
        talk = Conversation()

        talk.say(CHUNKED + b"0\r\nX-Late: 1\r\n\r\n")

        assert talk.desk.seen[0].header(b"x-late") is None


class RefusalLogTests:
    """What scanners send is counted, not logged each time."""

    def test_counts_by_code(self) -> None:
        """A-22: each refusal by HTTP's rules is counted under its code."""
        talk = Conversation()

        talk.say(NOISE)

        assert talk.site.refusals == {"bad_request": 1}
