"""Who asks, for what, and with which body, as raw requests to the gateway itself (A-09, A-23 to A-28, A-33; B; C-01 to
C-04). None of them may reach a vendor."""

from __future__ import annotations

from attrs import frozen

from tests import fakes

KEY = fakes.CLIENT_SECRET
CHAT = b"/v1/chat/completions"
MINE = b"Authorization: Bearer " + KEY
JSON = b"Content-Type: application/json"
GOOD = b'{"model": "%b", "messages": [{"role": "user", "content": "Hi"}]}' % fakes.MODEL.encode()


@frozen
class Asked:
    """Bytes, and the status and code that they are refused with; no code where the answer is none of ours in JSON."""

    name: str
    raw: bytes
    status: int
    code: str = ""


def post(*more: bytes, body: bytes = GOOD, to: bytes = CHAT) -> bytes:
    """A call with these lines."""
    length = b"Content-Length: %d" % len(body)
    return b"\r\n".join((b"POST %b HTTP/1.1" % to, b"Host: gw", *more, length, b"", body))


def bare(method: bytes, to: bytes, *more: bytes) -> bytes:
    """A request without a body."""
    return b"\r\n".join((b"%b %b HTTP/1.1" % (method, to), b"Host: gw", *more, b"", b""))


def chat(body: bytes) -> bytes:
    """A call with that body."""
    return post(MINE, JSON, body=body)


NO_KEYS = (
    b"Authorization:", b"Authorization: Bearer", b"Authorization: Bearer ", b"Authorization: Basic dTpw",
    b"Authorization: " + KEY, b"Authorization: Token " + KEY, b"Authorization: Bearer x",
    b"Authorization: Bearer  " + b"x",
    b"Authorization: Bearer " + KEY[:-1], b"Authorization: Bearer " + KEY + b"x",
    b"Authorization: Bearer " + KEY.upper(),
    b"Authorization: Bearer " + KEY + b", Bearer " + KEY, b"Authorization: Bearer \xff\xfe",
    b"Authorization: Bearer \xc3\xa9",
    b"Authorization: Bearer '; DROP TABLE keys; --", b"Authorization: Bearer {{7*7}}",
    b"Authorization: Bearer !!python/x",
    b"Authorization: Bearer " + b"k" * 10240, b"X-Api-Key:", b"X-Api-Key: x", b"X-Api-Key: Bearer " + KEY,
    b"Proxy-Authorization: Bearer " + KEY, b"Cookie: key=" + KEY, b"Api-Key: " + KEY, b"Authorization_: Bearer " + KEY,
)  # fmt: skip
NO_JSON = (
    b"", b" ", b"\n", b"{", b"{}x", b"{'model': 1}", b"{\"model\"}", b"{\"model\": \"m\",}", b"[", b"\"", b"nul",
    b"{\"a\": tru}",
    b"\xef\xbb\xbf{}", b"{\"a\": \"\xff\"}", b"{\"a\": \"\xc0\xaf\"}", "{}".encode("utf-16"), "{}".encode("utf-32"),
    b"{\"a\": NaN}",
    b"{\"a\": Infinity}", b"{\"a\": -Infinity}", b"{\"a\": 01}", b"{\"a\": .5}", b"{\"a\": \"\n\"}",
    b"{\"a\": \"\x00\"}",
    b"// {}", b"--x\r\n\r\n{}\r\n--x--", b"model=m&messages=x",
)  # fmt: skip
NO_OBJECT = (b"[]", b'"x"', b"null", b"1", b"true", b"[{}]")
NO_MEDIA = (
    (JSON.replace(b"json", b"x-www-form-urlencoded"),), (b"Content-Type: multipart/form-data; boundary=x",),
    (b"Content-Type: text/plain",), (b"Content-Type: application/jsonx",), (b"Content-Type: application/json-seq",),
    (b"Content-Type:",), (b"Content-Type: application/xml, application/json",), (),
)  # fmt: skip

CASES: list[Asked] = [
    Asked("C-01 no key", post(JSON), 401, "invalid_api_key"),
    *(Asked(f"C-01 {line[:48]!r}", post(line, JSON), 401, "invalid_api_key") for line in NO_KEYS),
    Asked("C-04 in the query", post(JSON, to=CHAT + b"?key=" + KEY + b"&api_key=" + KEY), 401, "invalid_api_key"),
    Asked("C-04 in a body", post(JSON, body=b'{"api_key": "%b", ' % KEY + GOOD[1:]), 401, "invalid_api_key"),
    Asked("A-27 two keys", post(MINE, MINE, JSON), 400, "bad_request"),
    Asked("A-25 a bad key that expects", post(b"Authorization: Bearer x", JSON, b"Expect: 100-continue"), 401,
        "invalid_api_key"),
    *(Asked(f"B-01 {body!r}", chat(body), 400, "invalid_json") for body in NO_JSON),
    *(Asked(f"B-02 {body!r}", chat(body), 400) for body in NO_OBJECT),
    Asked("B-03 nested deeply", chat(b'{"a":' * 5000 + b"1" + b"}" * 5000), 400),
    Asked("B-03 lists nested deeply", chat(b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"), 400),
    Asked("B-04 a number of 5000 digits", chat(b'{"max_tokens": ' + b"9" * 5000 + b", " + GOOD[1:]), 400),
    Asked("B-07 a name twice", chat(b'{"model": "x", ' + GOOD[1:]), 400),
    *(Asked(f"B-11 {media}", post(MINE, *media), 415, "unsupported_media_type") for media in NO_MEDIA),
    Asked("B-12 no such model", chat(GOOD.replace(fakes.MODEL.encode(), b"../x")), 404, "model_not_found"),
    Asked("B-12 a model of 1 MB", chat(GOOD.replace(fakes.MODEL.encode(), b"m" * 1_000_000)), 400),
    Asked("B-12 a model that is a list", chat(b'{"model": [], "messages": []}'), 400),
    Asked("B-13 no messages", chat(b'{"model": "%b"}' % fakes.MODEL.encode()), 400),
    Asked("A-28 encoded", post(MINE, JSON, b"Content-Encoding: gzip"), 415, "unsupported_media_type"),
    Asked("A-23 GET of a call", bare(b"GET", CHAT, MINE), 405, "method_not_allowed"),
    Asked("A-23 DELETE of a call", bare(b"DELETE", CHAT, MINE), 405, "method_not_allowed"),
    Asked("A-23 POST of the models", post(MINE, JSON, to=b"/v1/models"), 405, "method_not_allowed"),
    Asked("A-23 PUT of the health", bare(b"PUT", b"/health"), 405, "method_not_allowed"),
    Asked("A-23 an unknown method", bare(b"BREW", CHAT, MINE), 405, "method_not_allowed"),
    *(
        Asked(f"no such address {path!r}", bare(b"GET", path, MINE), 404, "unknown_url")
        for path in (
            b"/v1", b"/v1/", b"/v1/v1/models", b"/models", b"/v1/models//", b"//v1/models", b"/V1/MODELS",
            b"/v1/./models", b"/v1/../v1/models", b"/.env", b"/keys.yaml", b"/%2e%2e/keys.yaml",
            b"/..%2f..%2fetc/passwd",
            b"/..%5c..%5ckeys.yaml", b"/static/../keys.yaml", b"/v1/chat/completions/", b"/rehearsal/log",
            b"/admin/keys",
        )
    ),
    Asked("F-03 NUL in a path", bare(b"GET", b"/keys.yaml%00.css", MINE), 400, "bad_request"),
]  # fmt: skip
