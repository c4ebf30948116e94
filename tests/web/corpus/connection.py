"""What a client wants of the connection: to stay, to go, another protocol, a `100 Continue`; and pipelines
(A-20, A-21, A-25; RFC 9110, 7.6 to 7.8, 10.1.1)."""

from __future__ import annotations

from .case import HOST, Case, chunked, get, got, last, lines, post, posted, refused, taken

OLD = b"GET /x HTTP/1.0"
X = (b"POST", b"/x", b"")
ABC = (b"POST", b"/x", b"abc")
BODY = (b"Content-Length: 3",)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WEBSOCKET = (b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: AAAA")

CASES: list[Case] = [
    *(
        last(f"Connection {value!r}", get(b"Connection: " + value))
        for value in (b"close", b"Close", b"CLOSE", b"close, x", b"x ,\tclose", b"keep-alive, close", b",close,",
            b"TE, close")
    ),
    *(
        got(f"Connection {value!r}", get(b"Connection: " + value))
        for value in (b"keep-alive", b"Keep-Alive", b"", b",", b"closed", b"close-not", b"x", b"Host",
            b"Content-Length, Host")
    ),
    last("Connection twice", get(b"Connection: keep-alive", b"Connection: close")),
    last("Connection: close behind a body", post(*BODY, b"Connection: close", body=b"abc"), ABC),
    last("Connection: close in chunks", chunked(b"3\r\nabc\r\n0\r\n\r\n", b"Connection: close"), ABC),
    posted("Proxy-Connection says nothing", post(*BODY, b"Proxy-Connection: close", body=b"abc"), b"abc"),
    posted("Keep-Alive says nothing", post(*BODY, b"Keep-Alive: timeout=0, max=0", body=b"abc"), b"abc"),
    last("A-21 HTTP/1.0", lines(OLD, HOST)),
    last("A-21 HTTP/1.0 that would stay", lines(OLD, HOST, b"Connection: keep-alive")),
    last("A-21 HTTP/1.0 with a body", lines(b"POST /x HTTP/1.0", *BODY) + b"abc", ABC),
    last("A-21 HTTP/1.0 without a length", lines(b"POST /x HTTP/1.0") + b"abc", X),
    last("A-21 HTTP/1.0 that expects", lines(b"POST /x HTTP/1.0", *BODY, b"Expect: 100-continue") + b"abc", ABC),
    last("A-21 HTTP/1.0 that expects the unknown", lines(b"POST /x HTTP/1.0", *BODY, b"Expect: x") + b"abc", ABC),
    refused("A-21 HTTP/1.0 with chunks and a length", 400,
            lines(b"POST /x HTTP/1.0", *BODY, b"Transfer-Encoding: chunked") + b"0\r\n\r\n"),
    got("Upgrade: websocket", get(*WEBSOCKET)),
    posted("Upgrade: websocket with a body", post(*WEBSOCKET, *BODY, body=b"abc"), b"abc"),
    got("Upgrade without Connection", get(b"Upgrade: websocket")),
    got("Upgrade: h2c", get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")),
    posted("Upgrade: h2c with a body", post(b"Connection: Upgrade", b"Upgrade: h2c", *BODY, body=b"abc"), b"abc"),
    posted("Upgrade: h2c in chunks", chunked(b"3\r\nabc\r\n0\r\n\r\n", b"Connection: Upgrade", b"Upgrade: h2c"),
        b"abc"),
    refused("Upgrade: h2c, and HTTP/2 without waiting", 505,
            get(b"Connection: Upgrade", b"Upgrade: h2c") + PREFACE, (b"GET", b"/x", b"")),
    refused("Upgrade: websocket, and a frame without waiting", 400,
            get(*WEBSOCKET) + b"\x81\x85\x00\x00\x00\x00Hello", (b"GET", b"/x", b"")),
    got("Upgrade: TLS", get(b"Connection: Upgrade", b"Upgrade: TLS/1.3, HTTP/1.1")),
    *(
        refused(f"A-25 Expect {value!r}", 417, post(*BODY, b"Expect: " + value, body=b"abc"))
        for value in (b"x", b"", b"100-continue, x", b"y 100-continue", b"100-continue;", b"100", b"200-ok",
            b"100-continu\xe9")
    ),
    refused("A-25 Expect twice", 400, post(*BODY, b"Expect: 100-continue", b"Expect: 100-continue", body=b"abc")),
    refused("A-25 folded", 400, post(*BODY, b"Expect:", b" 100-continue", body=b"abc")),
    posted("A-25 a body that came along", post(*BODY, b"Expect: 100-continue", body=b"abc"), b"abc"),
    posted("A-25 in capitals", post(*BODY, b"EXPECT: 100-CONTINUE", body=b"abc"), b"abc"),
    posted("A-25 in chunks", chunked(b"3\r\nabc\r\n0\r\n\r\n", b"Expect: 100-continue"), b"abc"),
    posted("A-25 no body", post(b"Expect: 100-continue"), b""),
    got("A-25 GET", get(b"Expect: 100-continue")),
    taken("A-20 three of them", post(*BODY, body=b"abc") + chunked(b"1\r\na\r\n0\r\n\r\n") + get(),
          ABC, (b"POST", b"/x", b"a"), (b"GET", b"/x", b"")),
    taken("A-20 twenty of them", get() * 20, *((b"GET", b"/x", b""),) * 20),
    taken("A-20 empty lines between", get() + b"\r\n" + get() + b"\r\n", *((b"GET", b"/x", b""),) * 2),
    refused("A-20 two empty lines between", 400, get() + b"\r\n\r\n", (b"GET", b"/x", b"")),
    refused("A-20 the second is bad", 400, post(*BODY, body=b"abc") + get(HOST), ABC),
    refused("A-20 the second's chunks are bad", 400, post(*BODY, body=b"abc") + chunked(b"x\r\n"), ABC),
    refused("A-20 the second is too large", 413, get() + post(b"Content-Length: 99999999"), (b"GET", b"/x", b"")),
    last("A-20 the second is the last", get() + get(b"Connection: close"), *((b"GET", b"/x", b""),) * 2),
    last("A-20 the second is old", post(*BODY, body=b"abc") + lines(OLD), ABC, (b"GET", b"/x", b"")),
]  # fmt: skip
