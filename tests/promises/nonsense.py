"""Requests out of a seed: good ones, and what becomes of good ones in bad hands.

The words are those of the contract: its addresses, its fields, its headers. A request is a call with one field that is
something else, JSON that is none, a head or a framing that contradicts itself, a good request with bytes lost, doubled
or altered, or noise. The same seed gives the same requests.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

from tests import fakes

EMBEDDER, NICK = "acme/embed", "nick"
"""A model that embeds, and another name of `fakes.MODEL`; the gateway is to know them."""
KEY: Final = fakes.CLIENT_SECRET
GENERATIONS: Final = (b"/v1/chat/completions", b"/v1/completions")
CALLS: Final = (*GENERATIONS, b"/v1/embeddings")
TARGETS: Final = (
    *CALLS, b"/v1/models", b"/v1/models/acme/large", b"/v1/models/acme%2Flarge", b"/v1/models/x", b"/v1/key",
    b"/health",
    b"/health/live", b"/health/ready", b"/metrics", b"/", b"*", b"/v1", b"/v1/", b"/v1/v1/models", b"/v1//models",
    b"/chat/completions", b"/v1/chat/completions/", b"/v1/chat/completions?key=x&api_key=" + KEY, b"/v1/models?x=%00",
    b"/v1/models/%ff%fe", b"/v1/models/%00", b"/v1/models/" + b"m" * 8000, b"/" + b"a" * 9000, b"/%2e%2e/keys.yaml",
    b"/..%5c..%5ckeys.yaml", b"http://gw/v1/models", b"http://evil/v1/models", b"gw:80", b"", b"/\xc3\xa9", b"/#x",
    b"/?",
    b"/v1/models/{{7*7}}", b"/v1/models/<script>", b"/admin", b"/api/x", b"/v1/embeddings/x", b"/openapi.json",
)  # fmt: skip
METHODS: Final = (
    b"GET", b"POST", b"HEAD", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT", b"BREW", b"get", b"",
    b"P",
    b"PRI", b"M-SEARCH", b"\x16\x03\x01",
)  # fmt: skip
VERSIONS: Final = (b"HTTP/1.1",) * 12 + (
    b"HTTP/1.0",
    b"HTTP/1.2",
    b"HTTP/9.9",
    b"HTTP/2.0",
    b"http/1.1",
    b"",
    b"HTTP/1.1 ",
)
LINES: Final = (
    b"Authorization: Bearer " + KEY, b"Authorization: Bearer x", b"Authorization: Bearer", b"Authorization:",
    b"x-api-key: x",
    b"Authorization: Basic dTpw", b"Authorization: Bearer \xff\xfe", b"Authorization: Bearer " + b"k" * 10_000,
    b"Content-Type: application/json", b"Content-Type: application/json; charset=utf-16", b"Content-Type: text/plain",
    b"Content-Type: multipart/form-data; boundary=x", b"Content-Type:", b"Content-Encoding: gzip",
    b"Content-Encoding: identity",
    b"Content-Length: 0", b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 5, 5",
    b"Content-Length: " + b"9" * 25,
    b"Content-Length: 999999999", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity",
    b"Transfer-Encoding: gzip, chunked",
    b"Expect: 100-continue", b"Expect: x", b"Connection: close", b"Connection: keep-alive, Upgrade", b"Upgrade: h2c",
    b"Host: gw", b"Host: evil", b"Host:", b"Host: a b", b" folded", b"\tfolded", b"no colon", b": no name", b"X Y: z",
    b"X-A: \x00", b"X-A: \x07\x1b[31m", b"X-A: a\rb", b"X-A: a\nb", b"X-Long: " + b"y" * 9000, b"Cookie: a=b",
    b"Range: bytes=0-0",
    b"X-Forwarded-For: 1.2.3.4", b"X-Forwarded-For: \xff, unknown", b"Forwarded: for=1.2.3.4", b"X-Real-IP: x",
    b"Accept: nonsense", b"If-None-Match: *", b"Origin: null", b"Origin: https://evil.example",
    b"X-Client-Request-Id: a b",
    b"Access-Control-Request-Headers: x\xff", b"Access-Control-Request-Method: POST", b"x-gw-deadline-ms: 1",
    b"TE: trailers",
    b"x-gw-deadline-ms: 1e400", b"x-gw-deadline-ms: -9", b"x-gw-deadline-ms: \xb2",
    b"Idempotency-Key: " + b"i" * 4000,
)  # fmt: skip
FIELDS: Final = (
    "model", "messages", "prompt", "input", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n",
    "best_of",
    "temperature", "top_p", "frequency_penalty", "presence_penalty", "stop", "logit_bias", "tools", "seed", "user",
    "response_format", "api_base", "api_key", "base_url", "extra_headers", "models", "metadata", "é", "", "\x00",
    "a" * 300,
)  # fmt: skip
ODD: Final = (
    b"null", b"true", b"false", b"0", b"-0", b"1", b"-1", b"1.5", b"2.0", b"1e400", b"-1e400", b"1e-400",
    b"9" * 400, b"NaN",
    b"Infinity", b"01", b'""', b'"x"', b'"2"', b'"\\ud800"', b'"\\ud83d\\ude00"', b'"\\u0000"', b'"\xff"', b'"\n"',
    b'"\\x"',
    b"[]", b"{}", b"[[]]", b"[null]", b'[{"role":"user"}]', b'[{"role":5}]', b'{"include_usage":1}',
    b'{"include_usage":true}',
    b"[1,2]", b'["a",1]', b"[[1],[2]]", b"[[]]", b"[1e400]", b"1" + b"0" * 30, b'"' + b"x" * 70_000 + b'"',
    b"[" * 70 + b"]" * 70,
    b'{"a":' * 1500 + b"1" + b"}" * 1500, b"[" * 100_000, b'"../x"', b'"a\\r\\nSet-Cookie: x"', b"",
)  # fmt: skip
CHUNKS: Final = (
    b"0\r\n\r\n", b"5\r\nabcde\r\n0\r\n\r\n", b"5;x=y\r\nabcde\r\n0\r\n\r\n", b"5;\r\nabcde\r\n0\r\n\r\n",
    b"5\nabcde\n0\n\n",
    b"0x5\r\nabcde\r\n0\r\n\r\n", b"fffffffffffffffff\r\n", b"-1\r\n", b"5\r\nabcdeX\r\n0\r\n\r\n", b"g\r\n",
    b"ffffffff\r\n",
    b"0\r\nContent-Length: 5\r\nAuthorization: Bearer x\r\n\r\n", b"5" + b";a" * 9000 + b"\r\n", b"", b"\r\n",
)  # fmt: skip
PROTOCOLS: Final = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /\r\n",
    b"\r\n\r\n\r\n", b"\x00" * 64,
    b"SSH-2.0-x\r\n", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", b"EHLO x\r\n", b"*1\r\n$4\r\nPING\r\n", b"{}",
    b"\n" * 20_000,
)  # fmt: skip


def good(luck: random.Random) -> dict[str, Any]:
    """A body that may pass."""
    name = luck.choice((fakes.MODEL, NICK, EMBEDDER, "x"))
    words = luck.choice(("Hello!", "你好", "a\u0000b", "😀" * 20, "x" * luck.randint(0, 3000)))
    fields: dict[str, Any] = {
        "model": name,
        "messages": [{"role": "user", "content": words}],
        "prompt": words,
        "input": words,
    }
    if luck.random() < 0.4:
        fields["stream"] = True
    return fields


def call(luck: random.Random) -> bytes:
    """A call in good HTTP whose body is good but for a few fields."""
    members = {json.dumps(name).encode(): json.dumps(value).encode() for name, value in good(luck).items()}
    pairs = list(members.items())
    for _ in range(luck.randint(0, 3)):
        name = json.dumps(luck.choice(FIELDS)).encode()
        pairs = [pair for pair in pairs if pair[0] != name or luck.random() < 0.1]
        if luck.random() < 0.85:
            pairs.insert(luck.randint(0, len(pairs)), (name, luck.choice(ODD)))
    return sent(b"{" + b",".join(b"%b:%b" % pair for pair in pairs) + b"}", luck.choice(CALLS))


def no_json(luck: random.Random) -> bytes:
    """A call in good HTTP whose body is no JSON, or in no UTF-8."""
    body = json.dumps(good(luck), ensure_ascii=luck.random() < 0.5).encode()
    spoil: Sequence[Callable[[bytes], bytes]] = (
        lambda text: text[: luck.randint(0, len(text))],
        lambda text: text + luck.choice((b"x", b"}", b"{}", b"\x00", b",", b" " * 99)),
        lambda text: mangled(luck, text),
        lambda text: text.decode().encode(luck.choice(("utf-16", "utf-32", "utf-8-sig", "utf-16-le"))),
        lambda text: luck.choice(ODD),
        lambda text: luck.randbytes(luck.randint(0, 60)),
    )
    return sent(luck.choice(spoil)(body), luck.choice(CALLS))


def sent(body: bytes, target: bytes, *more: bytes) -> bytes:
    """A call in good HTTP."""
    lines = (b"Host: gw", b"Authorization: Bearer " + KEY, b"Content-Type: application/json", *more)
    return b"\r\n".join((b"POST %b HTTP/1.1" % target, *lines, b"Content-Length: %d" % len(body), b"", body))


def odd_head(luck: random.Random) -> bytes:
    """A head out of good and bad lines; perhaps a body that belongs to it."""
    first = b" ".join((luck.choice(METHODS), luck.choice(TARGETS), luck.choice(VERSIONS)))
    body = json.dumps(good(luck)).encode() if luck.random() < 0.3 else b""
    lines = [b"Host: gw"] * (luck.random() < 0.9) + luck.choices(LINES, k=luck.randint(0, 5))
    if body and luck.random() < 0.8:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join((first, *lines, b"", body))


def polite(luck: random.Random) -> bytes:
    """A request in good HTTP, for anything by any method that resources may have."""
    lines = [b"Host: gw", *luck.choices(LINES[:9], k=1), *luck.choices(LINES[40:], k=luck.randint(0, 2))]
    return b"\r\n".join((luck.choice(METHODS[:7]) + b" " + luck.choice(TARGETS) + b" HTTP/1.1", *lines, b"", b""))


def odd_framing(luck: random.Random) -> bytes:
    """A call whose body is in chunks of some kind."""
    lines = (
        b"Host: gw",
        b"Authorization: Bearer " + KEY,
        b"Content-Type: application/json",
        b"Transfer-Encoding: chunked",
    )
    body = json.dumps(good(luck)).encode()
    parts, at = [], 0
    while at < len(body):
        size = luck.randint(1, len(body))
        parts.append(b"%x\r\n%b\r\n" % (len(body[at : at + size]), body[at : at + size]))
        at += size
    whole = b"".join(parts) + b"0\r\n\r\n"
    if luck.random() < 0.7:
        whole = luck.choice((b"".join(parts) + luck.choice(CHUNKS), luck.choice(CHUNKS), mangled(luck, whole)))
    return b"\r\n".join((b"POST %b HTTP/1.1" % luck.choice(CALLS), *lines, b"", whole))


def mangled(luck: random.Random, data: bytes) -> bytes:
    """`data` with up to four bytes, or runs of them, lost, doubled, added or altered."""
    for _ in range(luck.randint(1, 4)):
        at = luck.randint(0, len(data))
        to = min(len(data), at + luck.randint(0, 12))
        between = luck.choice(
            (
                b"",
                data[at:to] * 2,
                luck.randbytes(luck.randint(1, 4)),
                luck.choice((b"\r\n", b"\n", b" ", b":", b"\x00")),
            )
        )
        data = data[:at] + between + data[to:]
    return data


def damaged(luck: random.Random) -> bytes:
    """A good request, mangled anywhere."""
    whole = luck.choice((call, polite, odd_framing))(luck)
    return mangled(luck, whole[:4000])


def noise(luck: random.Random) -> bytes:
    """No HTTP."""
    return luck.choice((luck.choice(PROTOCOLS), luck.randbytes(luck.randint(1, 300))))


KINDS: Final[dict[Callable[[random.Random], bytes], int]] = {
    call: 34, no_json: 16, odd_head: 14, polite: 10, odd_framing: 8, damaged: 14, noise: 4,
}  # fmt: skip


def request(seed: int, number: int) -> tuple[str, bytes]:
    """The n-th request of a seed, and its kind."""
    luck = random.Random(f"{seed}/{number}")
    (kind,) = luck.choices(list(KINDS), list(KINDS.values()))
    return kind.__name__, kind(luck)
