"""Fields: Host, names, values, folds, numbers and sizes (A-03, A-04, A-05, A-11, A-26, A-27, A-28, A-33)."""

from __future__ import annotations

from .case import HOST, Case, get, got, last, lines, post, posted, refused

HOSTS = (
    b"", b" ", b"a, b", b"a,b", b"u@h", b"u:p@h", b"h/p", b"h/", b"h#@x", b"h?x", b"a b", b"a\tb", b"h:port", b"h:-1",
    b"h:123456", b"h:80:80", b":80", b"[::1", b"::1", b"[::1]x", b"[]", b"[::g]", b"[::1%25eth0]", b"h\xe9", b"h\x00",
    b"h\x7f", b"h\\x", b"h;x", b"h=x", b"h<x>", b"h\"x", b"h'x", b"h(x)", b"h%41", b"h!", b"$h", b"http://gw",
    b"x" * 300,
)  # fmt: skip
GOOD_HOSTS = (b"gw.", b"GW", b"a.b-c_d~e", b"127.0.0.1:3811", b"[::1]:3811", b"[2001:db8::1]", b"gw:0", b"\tgw \t")
NAMES = (
    b"", b" ", b"X A", b"X-A ", b"X\tA", b"X-A\t", b"X\x00A", b"X\x1bA", b"X\x0bA", b"X\x7fA", b"X\xc3\xa9", b"(X)",
    b"X,A",
    b"X/A", b"X[A]", b"{X}", b"X@A", b"X\\A", b"\"X\"", b"X=A", b"X;A", b"X<A", b"X?A",
)  # fmt: skip
CONTROLS = [bytes((code,)) for code in (*range(9), *range(10, 32), 127)]
"""All but the tab."""
DOUBLED = (b"Authorization: Bearer a", b"X-Api-Key: a", b"Content-Type: application/json", b"Expect: 100-continue")

CASES: list[Case] = [
    refused("A-03 no Host", 400, lines(b"GET /x HTTP/1.1")),
    refused("A-03 two Hosts", 400, get(HOST)),
    refused("A-03 two Hosts that differ", 400, get(b"Host: other")),
    refused("A-03 two Hosts, far apart", 400, get(b"X-A: b", b"hOST: gw")),
    refused("A-03 two Hosts in HTTP/1.0", 400, lines(b"GET /x HTTP/1.0", HOST, HOST)),
    refused("A-03 a bad Host in HTTP/1.0", 400, lines(b"GET /x HTTP/1.0", b"Host: a b")),
    refused("A-03 a bad Host beside an absolute target", 400, lines(b"GET http://gw/x HTTP/1.1", b"Host: g/w")),
    *(refused(f"A-03 Host {host[:20]!r}", 400, lines(b"GET /x HTTP/1.1", b"Host: " + host)) for host in HOSTS),
    *(got(f"A-03 good {host!r}", lines(b"GET /x HTTP/1.1", b"Host: " + host)) for host in GOOD_HOSTS),
    last("A-03 none in HTTP/1.0", lines(b"GET /x HTTP/1.0")),
    refused("A-04 folded", 400, get(b"Authorization: Bearer", b" key")),
    refused("A-04 folded with a tab", 400, get(b"X-A: b", b"\tc")),
    refused("A-04 folded, and nothing in it", 400, get(b"X-A: b", b" ")),
    refused("A-04 folded, another field in it", 400, get(b"X-A:", b" X-B: c")),
    refused("A-04 folded first", 400, lines(b"GET /x HTTP/1.1", b" Host: gw")),
    refused("A-04 folded Host", 400, lines(b"GET /x HTTP/1.1", b"Host:", b" gw")),
    *(refused(f"A-05 name {name!r}", 400, get(name + b": b")) for name in NAMES),
    *(refused(f"A-05 value {code!r}", 400, get(b"X-A: a" + code + b"b")) for code in CONTROLS),
    *(refused(f"A-05 value ends with {code!r}", 400, get(b"X-A: a" + code)) for code in (b"\x00", b"\x0b", b"\x0c",
        b"\r")),
    refused("A-05 no colon", 400, get(b"X-A")),
    refused("A-05 no colon, last", 400, get(b"X-A: b", b"GET /smuggled HTTP/1.1")),
    got("A-05 every letter of a name", get(b"!#$%&'*+-.^_`|~09azAZ: b")),
    got("A-05 a tab in a value", get(b"X-A: b\tc")),
    got("A-05 other letters in a value", get(b"X-A: caf\xc3\xa9 \xff")),
    got("A-05 nothing in a value", get(b"X-A:", b"X-B: \t ")),
    got("A-05 colons in a value", get(b"X-A: : b: c", b"X-B::")),
    refused("A-11 long line", 431, get(b"X-A: " + b"a" * (17 << 10))),
    refused("A-11 long name", 431, get(b"X" * (17 << 10) + b": a")),
    refused("A-11 a line without an end", 431, b"GET /x HTTP/1.1\r\nHost: gw\r\nX-A: " + b"a" * (40 << 10)),
    refused("A-11 long head", 431, get(*[b"X-%d: " % n + b"a" * 400 for n in range(60)])),
    refused("A-11 many lines", 431, get(*[b"X: a"] * 500)),
    refused("A-11 101 lines", 431, get(*[b"X: a"] * 100)),
    got("A-11 100 lines", get(*[b"X: a"] * 99)),
    got("A-11 a head of 16 KiB", get(b"X: " + b"a" * ((16 << 10) - len(get(b"X: "))))),
    refused("A-11 a head of 16 KiB and a byte", 431, get(b"X: " + b"a" * ((16 << 10) + 1 - len(get(b"X: "))))),
    *(refused(f"A-27 two {name[:7]!r}", 400, post(name, name, b"Content-Length: 0")) for name in DOUBLED),
    refused("A-27 two keys that differ", 400, get(b"Authorization: Bearer a", b"authorization: Bearer b")),
    refused("A-28 encoded", 415, post(b"Content-Encoding: gzip", b"Content-Length: 3", body=b"abc")),
    refused("A-28 encoded in chunks", 415, post(b"Content-Encoding: br", b"Transfer-Encoding: chunked")),
    refused("A-28 encoded twice", 415, post(b"Content-Encoding: gzip, gzip", b"Content-Length: 3", body=b"abc")),
    refused("A-28 two fields", 400, post(b"Content-Encoding: identity", b"Content-Encoding: gzip")),
    posted("A-28 not encoded", post(b"Content-Encoding: identity", b"Content-Length: 3", body=b"abc"), b"abc"),
    got("A-28 nothing to be encoded", get(b"Content-Encoding: gzip")),
    posted("A-26 lookalikes", post(b"Content_Length: 5", b"X_Forwarded_For: 1.2.3.4", b"Host_: x"), b""),
    got("A-26 of a proxy", get(b"X-Forwarded-For: 1.2.3.4, x", b"X-Real-IP: ::", b"Forwarded: for=x", b"Via: 1.1 x")),
    got("A-26 other methods and addresses", get(b"X-HTTP-Method-Override: PUT", b"X-Original-URL: /y",
        b"X-Rewrite-URL: /y")),
    got("A-33 ignored", get(b"Range: bytes=0-1", b"If-None-Match: *", b"If-Match: x", b"Accept: nonsense",
        b"Accept-Encoding: ,")),
    got("two cookies", get(b"Cookie: a=b", b"Cookie: c=d")),
]  # fmt: skip
