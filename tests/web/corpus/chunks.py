"""Chunks, their extensions, and trailers (A-08, A-10)."""

from __future__ import annotations

from .case import Case, chunked, posted, refused

SIZES = (
    b"5;\r\nabcde\r\n", b"5\nabcde\n", b"5\n", b"5\rabcde\r\n", b"0x5\r\n", b"0X5\r\n", b"5_0\r\n", b"+5\r\nabcde\r\n",
    b"-1\r\n", b"-0\r\n", b" 5\r\nabcde\r\n", b"\t5\r\nabcde\r\n", b"5 \r\nabcde\r\n", b"5\t\r\nabcde\r\n", b"5.0\r\n",
    b"5,5\r\n", b"5h\r\n", b"g\r\n", b"\r\n", b"\n", b"\x005\r\n", b"5\x00\r\n", b"\xb2\r\n", b"5\x0b\r\nabcde\r\n",
    b"0" * 17 + b"\r\n", b"0" * 20, b"f" * 17 + b"\r\n", b";a\r\n", b";a=b\r\n", b"\"5\"\r\n", b"5 5\r\n",
    b"5\r\r\nabcde",
)  # fmt: skip
EXTENSIONS = (
    b";", b";;", b";a;", b";=b", b";a=", b";a=\"b", b";a=b\"", b";a=\"\\\"\"", b";a b", b";a=b c", b";a\x00",
    b";a\x07=b",
    b";a=\x7f", b";a\xc3\xa9", b";a=b\rc", b";a=\"b\nc\"", b" ;", b";a=\"b\"c",
)  # fmt: skip
TRAILERS = (
    b"Content-Length: 3", b"Transfer-Encoding: x", b"Transfer-Encoding: chunked", b"TE: trailers", b"Trailer: x",
    b"Host: x", b"Authorization: k", b"authorization: k", b"X-Api-Key: k", b"Connection: close", b"Upgrade: h2c",
    b"Expect: 100-continue", b"Content-Type: x", b"Content-Encoding: gzip", b"x", b" a: b", b"a : b", b": b",
    b"a\x00: b",
    b"a: b\x00", b"a: b\x07", b"a: b\rc: d", b"a: b\r\n c", b"a: b\nc: d", b"GET / HTTP/1.1",
)  # fmt: skip

CASES: list[Case] = [
    *(refused(f"A-08 size {size!r}", 400, chunked(size)) for size in SIZES),
    *(
        refused(f"A-08 extension {extension!r}", 400, chunked(b"1%b\r\na\r\n0\r\n\r\n" % extension))
        for extension in EXTENSIONS
    ),
    *(
        refused(f"A-08 trailer {trailer!r}", 400, chunked(b"1\r\na\r\n0\r\n%b\r\n\r\n" % trailer))
        for trailer in TRAILERS
    ),
    refused("A-08 a size above the cap", 413, chunked(b"2000001\r\n")),
    refused("A-08 16 digits", 413, chunked(b"f" * 16 + b"\r\n")),
    refused("A-08 2^32 + 1", 413, chunked(b"100000001\r\na\r\n0\r\n\r\n")),
    refused("A-08 2^63", 413, chunked(b"8000000000000000\r\n")),
    refused("A-10 chunks that add up", 413, chunked(b"1\r\na\r\n2000000\r\n")),
    refused("A-08 64 KiB of extension", 400, chunked(b"5;a=" + b"b" * (64 << 10) + b"\r\nabcde\r\n0\r\n\r\n")),
    refused("A-08 many small extensions", 400, chunked(b"1;a=bcdefgh\r\na\r\n" * 2400)),
    refused("A-08 many trailers", 400, chunked(b"0\r\n" + b"X: y\r\n" * 4200)),
    refused("A-08 a trailer of 20 KiB", 400, chunked(b"0\r\nX: " + b"y" * (20 << 10))),
    refused("A-08 longer than its size", 400, chunked(b"2\r\nabc\r\n0\r\n\r\n")),
    refused("A-08 shorter than its size", 400, chunked(b"4\r\nabc\r\n0\r\n\r\n")),
    refused("A-08 ends with LF", 400, chunked(b"3\r\nabc\n0\r\n\r\n")),
    refused("A-08 ends with CR", 400, chunked(b"3\r\nabc\r0\r\n\r\n")),
    refused("A-08 ends with LF CR", 400, chunked(b"3\r\nabc\n\r0\r\n\r\n")),
    refused("A-08 no end", 400, chunked(b"3\r\nabc0\r\n\r\n")),
    refused("A-08 the last line is LF", 400, chunked(b"0\r\n\n")),
    refused("A-08 no last line", 400, chunked(b"0\r\n")),
    posted("A-08 the last one alone", chunked(b"0\r\n\r\n"), b""),
    posted("A-08 zeros", chunked(b"0003\r\nabc\r\n000\r\n\r\n"), b"abc"),
    posted("A-08 either case", chunked(b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"), b"0123456789" * 2),
    posted("A-08 looks like chunks inside", chunked(b"7\r\n0\r\n\r\nab\r\n0\r\n\r\n"), b"0\r\n\r\nab"),
    posted("A-08 extensions", chunked(b"3;n=v;o; m=\"q r\"\r\nabc\r\n0;last\r\n\r\n"), b"abc"),
    posted("A-08 blanks around extensions", chunked(b"3 ; n = v\t;o\r\nabc\r\n0\r\n\r\n"), b"abc"),
    posted("A-08 harmless trailers", chunked(b"1\r\na\r\n0\r\nX-Sum: 1\r\nX-Empty:\r\n\r\n"), b"a"),
    posted("A-08 a trailer with other letters", chunked(b"0\r\nX-Name: caf\xe9\r\n\r\n"), b""),
    posted("A-08 an announced trailer", chunked(b"1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n", b"Trailer: X-Sum"), b"a"),
]  # fmt: skip
