"""Where a body ends: Content-Length, Transfer-Encoding, and both (A-01, A-02, A-07, A-09; F-01)."""

from __future__ import annotations

from .case import HOST, MARKER, Case, chunked, get, lines, post, posted, refused, taken

INNER = b"GET /smuggled HTTP/1.1\r\nHost: gw\r\n\r\n"
"""A request that one reader sees in a body and another behind it."""
LAST = b"0\r\n\r\n"

LENGTHS = (
    b"5, 6", b"5,5", b"5;5", b"5, 5, 5", b"+5", b"-1", b"-0", b"0x5", b"5_0", b"5 5", b"5.0", b"5e0", b"5h", b"", b" ",
    b",5", b"5,", b"\"5\"", b"\xb2", b"\xd9\xa5", b"5\x00", b"5\x0b", b"\x0c5", b"five", b"5\r", b"1\r\n 2",
)  # fmt: skip
CODINGS = (
    b"identity", b"xchunked", b"chunkedx", b"chunk", b"gzip", b"deflate", b"gzip, chunked", b"chunked, gzip",
    b"chunked, identity", b"identity, chunked", b"chunked, chunked", b"chunked,", b",chunked", b"chunked;",
    b"chunked;q=1",
    b"chunked x", b"\"chunked\"", b"'chunked'", b"\x0bchunked", b"chunked\x0b", b"\x0cchunked", b"a\x00",
    b"chunked\x00",
    b"chunked\xa0", b"chunked\t", b"ch\xc3\xbcnked", b"", b"1",
)  # fmt: skip

FORMS: list[Case] = [
    *(refused(f"A-02 length {length!r}", 400, post(b"Content-Length: " + length, body=b"abcde")) for length in LENGTHS),
    refused("A-02 two lengths", 400, post(b"Content-Length: 3", b"Content-Length: 4", body=b"abc")),
    refused("A-02 two lengths apart", 400, post(b"Content-Length: 3", b"X-A: b", b"content-length: 0", body=b"abc")),
    refused("A-02 equal lengths", 400, post(b"Content-Length: 3", b"Content-Length: 3", body=b"abc")),
    refused("A-02 two lengths without a body", 400, get(b"Content-Length: 0", b"Content-Length: 0")),
    refused("A-02 space before the colon", 400, post(b"Content-Length : 3", body=b"abc")),
    refused("A-02 tab before the colon", 400, post(b"Content-Length\t: 3", body=b"abc")),
    refused("A-02 a space in the name", 400, post(b"Content Length: 3", body=b"abc")),
    refused("A-02 a control in the name", 400, post(b"Content-Length\x0b: 3", body=b"abc")),
    refused("A-02 NUL in the name", 400, post(b"Content-Length\x00: 3", body=b"abc")),
    refused("A-02 folded behind another", 400, post(b"X-A: b", b" Content-Length: 3", body=b"abc")),
    refused("A-02 behind a bare CR", 400, post(b"X-A: b\rContent-Length: 3", body=b"abc")),
    refused("A-02 behind a bare LF", 400, post(b"X-A: b\nContent-Length: 3", body=b"abc")),
    refused("A-02 behind NUL", 400, post(b"X-A: b\x00\r\nContent-Length: 3", body=b"abc")),
    posted("A-02 leading zeros", post(b"Content-Length: 0005", body=b"abcde"), b"abcde"),
    posted("A-02 blanks around it", post(b"Content-Length: \t 5 \t", body=b"abcde"), b"abcde"),
    posted("A-02 no blank", post(b"content-LENGTH:5", body=b"abcde"), b"abcde"),
    posted("A-26 a lookalike of the length", post(b"Content_Length: 3"), b""),
    posted("A-26 another lookalike", post(b"X-Content-Length: 3", b"Content-Length-: 3"), b""),
    refused("A-09 above the cap", 413, post(b"Content-Length: 33554433")),
    refused("A-09 2^31", 413, post(b"Content-Length: 2147483648")),
    refused("A-09 2^32 + 3", 413, post(b"Content-Length: 4294967299", body=b"abc")),
    refused("A-09 2^63", 413, post(b"Content-Length: 9223372036854775808")),
    refused("A-09 2^64", 413, post(b"Content-Length: 18446744073709551616")),
    refused("A-09 2^64 + 3", 413, post(b"Content-Length: 18446744073709551619", body=b"abc")),
    refused("A-09 30 digits", 413, post(b"Content-Length: " + b"9" * 30)),
    refused("A-09 5000 digits", 413, post(b"Content-Length: " + b"9" * 5000)),
    refused("A-09 expecting", 413, post(b"Expect: 100-continue", b"Content-Length: 99999999")),
]  # fmt: skip

ENCODED: list[Case] = [
    *(refused(f"A-07 {coding!r}", 400, post(b"Transfer-Encoding: " + coding, body=LAST)) for coding in CODINGS),
    refused("A-07 identity and a length", 400, post(b"Transfer-Encoding: identity", b"Content-Length: 0")),
    refused("A-07 twice", 400, post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=LAST)),
    refused("A-07 identity first", 400, post(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked", body=LAST)),
    refused("A-07 identity last", 400, post(b"Transfer-Encoding: chunked", b"Transfer-encoding: identity", body=LAST)),
    refused("A-07 cow", 400, post(b"Transfer-Encoding: chunked", b"Transfer-encoding: cow", body=LAST)),
    refused("A-07 space before the colon", 400, post(b"Transfer-Encoding : chunked", body=LAST)),
    refused("A-07 folded", 400, post(b"Transfer-Encoding:", b" chunked", body=LAST)),
    refused("A-07 folded behind another", 400, post(b"X-A: b", b"\tTransfer-Encoding: chunked", body=LAST)),
    refused("A-07 behind a bare CR", 400, post(b"X: X\rTransfer-Encoding: chunked", body=LAST)),
    refused("A-07 behind a bare LF", 400, post(b"X: X\nTransfer-Encoding: chunked", body=LAST)),
    refused("A-07 in HTTP/1.0", 400, lines(b"POST /x HTTP/1.0", HOST, b"Transfer-Encoding: chunked") + LAST),
    posted("A-07 in capitals", post(b"TRANSFER-ENCODING: CHUNKED", body=LAST), b""),
    posted("A-07 no blank", post(b"Transfer-Encoding:chunked", body=LAST), b""),
    posted("A-07 blanks around it", post(b"Transfer-Encoding:\t chunked ", body=LAST), b""),
    posted("A-07 named by Connection", chunked(LAST, b"Connection: Transfer-Encoding"), b""),
    posted("A-07 TE is no Transfer-Encoding", post(b"TE: chunked", b"Content-Length: 0"), b""),
    posted("A-26 a lookalike of the coding", post(b"Transfer_Encoding: chunked"), b""),
]  # fmt: skip

SMUGGLED: list[Case] = [
    refused("A-01 CL.TE", 400, post(b"Content-Length: 6", b"Transfer-Encoding: chunked", body=LAST + b"G")),
    refused("A-01 TE.CL", 400, post(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"5c\r\n" + INNER)),
    refused("A-01 TE.TE", 400, post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: x", body=LAST + INNER)),
    refused("A-01 both, and they agree", 400, post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=LAST)),
    refused("A-01 both, length 0", 400, post(b"Content-Length: 0", b"Transfer-Encoding: chunked", body=LAST)),
    refused("A-01 both, GET", 400, get(b"Content-Length: 3", b"Transfer-Encoding: chunked") + b"abc"),
    refused("A-01 both, the coding unknown", 400, post(b"Content-Length: 3", b"Transfer-Encoding: x", body=b"abc")),
    refused("A-01 both, named by Connection", 400,
            post(b"Connection: Content-Length", b"Content-Length: 3", b"Transfer-Encoding: chunked", body=LAST)),
    refused("A-01 CL.CL", 400, post(b"Content-Length: 0", b"Content-Length: %d" % len(INNER), body=INNER)),
    taken("A-01 CL.0: a request in a body", post(b"Content-Length: %d" % len(INNER), body=INNER),
          (b"POST", b"/x", INNER)),
    taken("A-01 a request in a GET's body", get(b"Content-Length: %d" % len(INNER)) + INNER, (b"GET", b"/x", INNER)),
    taken("A-01 a request in a chunk", chunked(b"%x\r\n%b\r\n0\r\n\r\n" % (len(INNER), INNER)), (b"POST", b"/x",
        INNER)),
    taken("A-01 0.CL: a request behind no body", post() + INNER, (b"POST", b"/x", b""), (b"GET", b"/smuggled", b"")),
    taken("A-01 behind a body of length 0", post(b"Content-Length: 0") + INNER,
          (b"POST", b"/x", b""), (b"GET", b"/smuggled", b"")),
    taken("A-01 behind the last chunk", chunked(LAST) + INNER, (b"POST", b"/x", b""), (b"GET", b"/smuggled", b"")),
    refused("A-01 a body that is longer than its length", 400,
            post(b"Content-Length: 3", body=b"abc\x00de"), (b"POST", b"/x", b"abc")),
    Case("A-01 half a request behind a body", post(b"Content-Length: 3", body=b"abc") + b"GET /x HTTP/1.1\r\nX-A: ",
         ((b"POST", b"/x", b"abc"), (b"GET", b"/x", b"")), swallows=True),
    Case("A-01 a length that takes in the next request", post(b"Content-Length: %d" % (len(MARKER) + 3), body=b"abc"),
         ((b"POST", b"/x", b"abc" + MARKER),), swallows=True),
    taken("A-01 a length named by Connection", post(b"Connection: content-length", b"Content-Length: 3", body=b"abc"),
          (b"POST", b"/x", b"abc")),
]  # fmt: skip

CASES = [*FORMS, *ENCODED, *SMUGGLED]
