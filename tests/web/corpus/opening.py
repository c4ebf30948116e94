"""The request line: methods, targets, versions; and what is no HTTP at all (A-06, A-11, A-22, A-23, A-24)."""

from __future__ import annotations

import random

from .case import HOST, Case, get, got, last, lines, post, posted, refused

NOISE = random.Random(11).randbytes(256)
TLS = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 60
"""The beginning of a TLS handshake."""


def line(first: bytes) -> bytes:
    """A request with that first line."""
    return lines(first, HOST)


def target(of: bytes) -> bytes:
    """A GET of that target."""
    return line(b"GET " + of + b" HTTP/1.1")


FIRST_LINES = (
    b"", b"GET", b"GET /x", b"/x HTTP/1.1", b" GET /x HTTP/1.1", b"\tGET /x HTTP/1.1", b"GET  /x HTTP/1.1",
    b"GET /x  HTTP/1.1", b"GET\t/x HTTP/1.1", b"GET /x\tHTTP/1.1", b"GET /x HTTP/1.1 ", b"GET /x HTTP/1.1\t",
    b"GET /x HTTP/1.1 x", b"GET\x0b/x HTTP/1.1", b"GET /x y HTTP/1.1", b"GET /x\x00 HTTP/1.1", b"G\x00T /x HTTP/1.1",
    b"G\xc3\x89T /x HTTP/1.1", b"G@T /x HTTP/1.1", b"G(T /x HTTP/1.1", b"\"GET\" /x HTTP/1.1", b": /x HTTP/1.1",
    b"GET /x http/1.1", b"GET /x Http/1.1", b"GET /x HTTPS/1.1", b"GET /x HTTP/1", b"GET /x HTTP/1.", b"GET /x HTTP/.1",
    b"GET /x HTTP/11", b"GET /x HTTP/1.10", b"GET /x HTTP/01.1", b"GET /x HTTP/1,1", b"GET /x HTTP /1.1",
    b"GET /x HTTP/1.1\x00", b"GET /x HTTP\\1.1", b"GET /x XTTP/1.1", b"GET HTTP/1.1", b"GET /x HTTP/1.\xb9",
    b"HTTP/1.1 200 OK", b"GET /x RTSP/1.0",
)  # fmt: skip
TARGETS = (
    b"x", b"*", b"?x", b"gw", b"gw:80", b"http:/x", b"http:///x", b"http://", b"http://other/x", b"http://gw:81/x",
    b"http://u@gw/x", b"http://u:p@gw/x", b"http://gw@other/x", b"http://gw\\@other/x", b"http://gw:x/x", b"ftp://gw/x",
    b"ws://gw/x", b"file:///x", b"javascript:x", b"://gw/x", b"/\xc3\xa9", b"/\xc0\xaf", b"/\x7f", b"/\x01", b"/a b",
    b"/a#b", b"/#", b"/%ff", b"/%c0%af", b"/%ed%a0%80", b"/a%00b", b"/a%0d%0ab", b"/%7f", b"/a%1bb", b"/x?\xe9",
    b"/x?#",
)  # fmt: skip

CASES: list[Case] = [
    *(refused(f"A-22 line {first!r}", 400, line(first)) for first in FIRST_LINES),
    *(refused(f"A-06 target {of!r}", 400, target(of)) for of in TARGETS),
    *(
        refused(f"A-22 version {version!r}", 505, line(b"GET /x HTTP/" + version))
        for version in (b"0.9", b"1.2", b"1.9", b"2.0", b"3.0", b"9.9", b"0.0")
    ),
    *(
        refused(f"A-23 {method!r}", 405, line(method + b" /x HTTP/1.1"))
        for method in (
            b"TRACE", b"CONNECT", b"BREW", b"get", b"Get", b"GETX", b"GE", b"PROPFIND", b"MKCOL", b"QUERY", b"SOURCE",
            b"PURGE", b"DESCRIBE", b"PRI", b"!", b"G-T", b"A" * 60,
        )
    ),
    refused("A-23 CONNECT to an authority", 405, lines(b"CONNECT gw:443 HTTP/1.1", b"Host: gw:443")),
    refused("A-22 HTTP/0.9", 400, b"GET /x\r\n\r\n"),
    refused("A-22 h2 preface", 505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    refused("A-22 TLS hello", 400, TLS),
    refused("A-22 noise", 400, NOISE),
    refused("A-22 PROXY protocol unasked", 400, b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + get()),
    refused("A-22 two empty lines in front", 400, b"\r\n\r\n" + get()),
    refused("A-22 a bare LF in front", 400, b"\n" + get()),
    refused("A-22 a bare CR in front", 400, b"\r" + get()),
    refused("A-22 NUL in front", 400, b"\x00" + get()),
    refused("A-22 a mark of UTF-8 in front", 400, b"\xef\xbb\xbf" + get()),
    refused("A-22 all lines end with LF", 400, b"GET /x HTTP/1.1\nHost: gw\n\n"),
    refused("A-22 all lines end with CR", 400, b"GET /x HTTP/1.1\rHost: gw\r\r"),
    refused("A-22 the first ends with LF", 400, b"GET /x HTTP/1.1\nHost: gw\r\n\r\n"),
    refused("A-22 the empty line is LF", 400, b"GET /x HTTP/1.1\r\nHost: gw\r\n\n"),
    refused("A-22 a field ends with LF", 400, b"GET /x HTTP/1.1\r\nHost: gw\nX-A: b\r\n\r\n"),
    refused("A-22 a field ends with CR CR LF", 400, b"GET /x HTTP/1.1\r\nHost: gw\r\r\n\r\n"),
    refused("A-22 the empty line is CR CR LF", 400, b"GET /x HTTP/1.1\r\nHost: gw\r\n\r\r\n"),
    refused("A-22 a blank in the empty line", 400, b"GET /x HTTP/1.1\r\nHost: gw\r\n \r\n\r\n"),
    refused("A-11 long target", 414, target(b"/" + b"a" * (9 << 10))),
    refused("A-11 longer target", 414, target(b"/" + b"a" * (20 << 10))),
    refused("A-11 long query", 414, target(b"/x?" + b"a" * (9 << 10))),
    refused("A-11 target without an end", 414, b"GET /" + b"a" * (40 << 10)),
    refused("A-24 Host and target differ in port", 400, lines(b"GET http://gw:8080/x HTTP/1.1", HOST)),
    got("A-24 absolute", lines(b"GET http://GW/x?y HTTP/1.1", HOST), b"/x?y"),
    got("A-24 absolute, TLS", target(b"https://gw/x"), b"/x"),
    got("A-24 absolute in capitals", target(b"HTTP://gw/x"), b"/x"),
    got("A-24 absolute, no path", target(b"http://gw"), b"/"),
    got("A-24 absolute, only a query", target(b"http://gw?y"), b"/?y"),
    got("A-24 absolute, with a port", lines(b"GET http://gw:80/x HTTP/1.1", b"Host: gw:80"), b"/x"),
    last("A-24 absolute without Host", lines(b"GET http://gw/x HTTP/1.0")),
    got("A-06 escapes", target(b"/a%2Fb%C3%A9?q=%ff"), b"/a%2Fb%C3%A9?q=%ff"),
    got("A-06 a broken escape is itself", target(b"/a%zz%4?%"), b"/a%zz%4?%"),
    got("A-06 an escape of an escape", target(b"/a%2500"), b"/a%2500"),
    got("A-06 dots stay", target(b"/a/../b/./%2e%2e/c"), b"/a/../b/./%2e%2e/c"),
    got("A-06 slashes stay", target(b"//gw//x/"), b"//gw//x/"),
    got("A-06 odd but seen", target(b"/a|b\\c{d}\"<e>^`;,=+$'"), b"/a|b\\c{d}\"<e>^`;,=+$'"),
    got("A-11 target of 8 KiB", target(b"/" + b"a" * 8191), b"/" + b"a" * 8191),
    Case("A-23 OPTIONS *", line(b"OPTIONS * HTTP/1.1"), ()),
    got("an empty line in front", b"\r\n" + get()),
    posted("a line behind a body", post(b"Content-Length: 3", body=b"abc\r\n"), b"abc"),
    *(
        Case(f"A-23 {method.decode()}", line(method + b" /x HTTP/1.1"), ((method, b"/x", b""),))
        for method in (b"HEAD", b"PUT", b"PATCH", b"DELETE", b"OPTIONS")
    ),
    *(
        Case(f"A-23 {method.decode()} with a body", lines(method + b" /x HTTP/1.1", HOST,
            b"Content-Length: 3") + b"abc",
             ((method, b"/x", b"abc"),))
        for method in (b"GET", b"HEAD", b"PUT", b"PATCH", b"DELETE", b"OPTIONS")
    ),
    *(
        Case(f"A-23 {method.decode()} in chunks",
             lines(method + b" /x HTTP/1.1", HOST, b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n",
             ((method, b"/x", b"abc"),))
        for method in (b"GET", b"HEAD", b"DELETE")
    ),
]  # fmt: skip
