"""What a client sends: heads, whole requests, JSON. Nothing but a `Refusal` may come of it."""

from __future__ import annotations

import json
from typing import Any

from targon_gw.core.errors import Refusal
from targon_gw.core.openai import STEERING, Endpoint, read, write
from targon_gw.core.strictjson import DEPTH, members
from targon_gw.web.request import Request
from targon_gw.web.strict import HttpLimits, Reader, check_begun
from targon_gw.web.strict import read as read_head
from tests import fakes
from tests.promises.nonsense import ODD
from tests.web.conversation import Conversation, Desk
from tests.web.corpus import asking, chunks, connection, fields, lengths, opening

from .target import Target, cut

LIMITS = HttpLimits(body=1 << 16)
WARM = b"POST /x HTTP/1.1\r\nHost: gw\r\nContent-Length: 3\r\n\r\n"
PROMPTS = {
    Endpoint.CHAT: b'"messages":[{"role":"user","content":"Hi"}]',
    Endpoint.COMPLETIONS: b'"prompt":"Hi"',
    Endpoint.EMBEDDINGS: b'"input":["Hi",""]',
}


def requests() -> list[bytes]:
    """The raw requests of the corpus, but for the longest."""
    cases = (*lengths.CASES, *chunks.CASES, *opening.CASES, *fields.CASES, *connection.CASES)
    return [case.raw for case in cases if len(case.raw) < 2000]


def documents() -> list[bytes]:
    """Bodies: those of the corpus, and good ones with each odd value in each of two fields."""
    told = [case.raw.partition(b"\r\n\r\n")[2] for case in asking.CASES if len(case.raw) < 2000]
    for prompt in PROMPTS.values():
        good = b'{"model":"%b",%b' % (fakes.MODEL.encode(), prompt)
        told += [
            good + b',"%b":%b}' % (name, odd) for odd in ODD if len(odd) < 500 for name in (b"n", b"stream_options")
        ]
    return told


def check_head(data: bytes) -> None:
    """A-01 to A-11, A-20: a head is taken or refused; what came before changes nothing; nothing is refused too soon."""
    raw = data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    alone = meaning(lambda: read_head(raw, LIMITS))
    reader = Reader(LIMITS)
    for each in (WARM, raw, WARM, raw):
        found = meaning(lambda each=each: reader.read(each))  # type: ignore[misc]
    assert found == alone
    for end in {0, 1, len(raw) // 3, len(raw) // 2, len(raw) - 3, len(raw) - 2, len(raw) - 1}:
        try:
            check_begun(raw[: max(0, end)], LIMITS)
        except Refusal:
            assert len(alone) == 2, "what was begun was refused, and the whole is not"


def meaning(reading: Any) -> tuple[object, ...]:
    """All that a head says; code and message of a refusal."""
    try:
        found = reading()
    except Refusal as refusal:
        return refusal.code, refusal.message
    return found.method, found.target, found.version, found.fields, found.length, found.persistent, found.expects


def check_requests(data: bytes) -> None:
    """A-08, A-20, A-29: what is served, and what is answered, is the same at any split."""
    assert said([data]) == said(cut(data))


def said(pieces: list[bytes]) -> tuple[object, ...]:
    """What is served of `pieces`, what is answered (but for identities), whether the connection ends."""
    talk = Conversation(Desk(serve), LIMITS)
    for piece in pieces:
        if not talk.wire.aborted:
            talk.channel.dataReceived(piece)
    served = [(request.method, request.uri, request.body) for request in talk.desk.seen]
    answers = [(line[9:12]) for line in talk.wire.value().split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    ended = talk.wire.disconnecting or talk.wire.aborted
    talk.leave()
    assert not talk.clock.getDelayedCalls()
    return served, [each for each in answers if each != b"100"], ended


def serve(request: Request) -> None:
    """Answer shortly."""
    request.answer(204, [], b"")


def check_document(data: bytes) -> None:
    """B-01 to B-10, B-18, B-20: a body is refused, or an object that plain parsers read alike; it goes out whole."""
    try:
        found = members(data)
    except Refusal as refusal:
        assert refusal.message.isprintable() and len(refusal.message) < 400
        return
    plain = json.loads(data.decode("utf-8"), parse_int=str, parse_constant=_none, object_pairs_hook=_once)
    assert list(plain) == list(found) and deep(plain) <= DEPTH
    assert {name: json.loads(bytes(raw), parse_int=str) for name, raw in found.items()} == plain
    for endpoint in Endpoint:
        check_ask(endpoint, data, plain)


def check_ask(endpoint: Endpoint, data: bytes, plain: dict[str, Any]) -> None:
    """A body that is taken says what it says, and what goes out is what came in but for what would steer."""
    try:
        ask = read(endpoint, data)
    except Refusal as refusal:
        assert refusal.code in ("missing_field", "invalid_value", "invalid_json", "request_too_large")
        assert refusal.message.isprintable()
        return
    assert ask.model == plain["model"] and ask.stream is (plain.get("stream") is True)
    assert ask.prompt_estimate > 0 and ask.n >= 1 and ask.generations >= ask.n
    assert ask.max_tokens is None or ask.max_tokens >= 1
    out = json.loads(write(ask, {"stream": b"true"}).decode(), parse_int=str)
    assert out == {**{name: value for name, value in plain.items() if name not in STEERING}, "stream": True}


def _none(name: str) -> object:
    raise AssertionError(f"{name} is no JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(pairs)


def deep(value: Any) -> int:
    """Levels of nesting."""
    if isinstance(value, dict):
        return 1 + max(map(deep, value.values()), default=0)
    return 1 + max(map(deep, value), default=0) if isinstance(value, list) else 0


TARGETS = (
    Target("head", check_head, requests),
    Target("request", check_requests, requests),
    Target("document", check_document, documents),
)
