"""What a vendor answers, and how we say what went wrong.

Reads the few facts of a whole answer that decide whether it may pass: its shape, its usage, an error in disguise.
Reading is tolerant: a vendor that writes a number where others write text is understood, and nothing that a vendor
sends makes these functions raise. The bytes themselves pass as they came, but for the name of the model. Writes the
error envelope and the model list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from .errors import Refusal
from .openai import BYTES_PER_TOKEN, Endpoint
from .sse import payload
from .strictjson import skeleton

MESSAGE: Final = 2_000
"""Characters of a vendor's message that are kept."""

# Not behind a backslash: `\"model\":` is text inside a string.
NAMES: Final = 64
"""Members called `model` that are looked at: an honest answer has one, at its top; for each one it is gone through."""
_EMBEDDINGS: Final = Endpoint.EMBEDDINGS
_KEY: Final = b'"model"'
_MODEL: Final = re.compile(rb'(?<!\\)"model"[ \t\r\n]*:[ \t\r\n]*("(?:[^"\\]|\\.)*+")')


class VendorError(Struct, frozen=True, gc=False):
    """An error as the vendor tells it. `message` is the vendor's own text: it may hold a secret of ours."""

    message: str
    code: str | int | None
    type: str | None


class Answer(Struct, frozen=True, gc=False):
    """The facts of a whole answer."""

    model: str | None
    usage: Mapping[str, Any] | None
    """As it came; `core.meter` judges its figures."""
    error: VendorError | None
    shaped: bool
    """`choices` is an array that holds something; `data` for embeddings."""
    completion_estimate: int = 0
    """Tokens made, rather too many, from the bytes of the answer; 0 where it has no choices."""


class _Choice(Struct, gc=False):
    finish_reason: str | None = None
    error: Any = None


class _Body(Struct, gc=False):
    model: str | None = None
    usage: dict[str, Any] | None = None
    choices: list[_Choice] | None = None
    data: list[Raw] | None = None
    error: Any = None


_body = msgspec.json.Decoder(_Body)
_encode = msgspec.json.Encoder().encode


def envelope(message: str, type: str, code: str, param: str | None = None) -> bytes:
    """The error body of contract.md, compact."""
    return _encode(
        {"error": {"message": _sound(message), "type": type, "param": param and _sound(param), "code": code}}
    )


def error_event(message: str, type: str, code: str) -> bytes:
    """The event that closes a stream which ended without a true end; no `[DONE]` may follow it."""
    error = {"message": _sound(message), "type": type, "param": None, "code": code}
    choice = {"index": 0, "delta": {}, "finish_reason": "error"}
    return b"data: " + _encode({"error": error, "choices": [choice]}) + b"\n\n"


def model_list(entries: Sequence[Mapping[str, object]]) -> bytes:
    """The body of `GET /v1/models`."""
    return _encode({"object": "list", "data": entries})


def read_answer(endpoint: Endpoint, body: bytes) -> Answer | None:
    """The facts of the whole answer `body`; `None` where it is not a JSON object."""
    try:
        read = _body.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        found = _read_loosely(body)
        if found is None:
            return None
        read = found
    choices = read.choices or ()
    error = None
    if read.error or not (choices or read.data):
        error = read_error(body)
    for choice in choices:
        if error is None and choice.finish_reason == "error":
            error = _error_of(choice.error) or VendorError("the answer ended in an error", None, None)
    return Answer(
        read.model,
        read.usage,
        error,
        bool(read.data if endpoint is _EMBEDDINGS else choices),
        len(body) // BYTES_PER_TOKEN + 1 if choices else 0,
    )


def read_error(body: bytes) -> VendorError | None:
    """The error that `body` tells of: an error answer, or an event or its payload; `None` where it tells of none.

    Understands OpenAI's and Anthropic's `error`, `{"object": "error"}` of vLLM and Targon's hub (which writes `Type`),
    `detail` of FastAPI, and a bare `message` with a `code` or `type`.
    """
    start = body.lstrip()
    document = loads(start if start.startswith(b"{") else payload(start.split(b"\n\n", 1)[0]))
    if not isinstance(document, dict):
        return None
    error = document.get("error") or document.get("errors")
    if isinstance(error, list):
        error = error[0] if error else None
    if error and error is not True:
        told = _error_of(error, document)
        if told is not None:
            return told
    if document.get("choices") or document.get("data"):
        return None
    if document.get("object") == "error" or document.get("type") == "error" or error is True:
        return _error_of(document) or VendorError("", None, None)
    if "detail" in document:
        return _error_of(document)
    if "message" in document and not {"code", "type", "Type", "status"}.isdisjoint(document):
        return _error_of(document)
    return None


def loads(text: bytes) -> Any:
    """The value of a vendor's JSON, half surrogates and bad UTF-8 tolerated; `None` where it is not JSON."""
    try:
        return json.loads(text.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _error_of(error: Any, outer: Mapping[str, Any] | None = None) -> VendorError | None:
    """What `error`, a text or an object, tells; `outer` is the object around it, asked for what `error` lacks."""
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict):
        return None
    found = {**(outer or {}), **error}
    message = found.get("message") or found.get("msg") or found.get("detail") or error.get("code") or ""
    if not isinstance(message, str):
        message = json.dumps(message, ensure_ascii=False)
    code = next((v for k in ("code", "status") if (v := found.get(k)) is not None), None)
    kind = error.get("type") or found.get("Type")
    return VendorError(
        _sound(message[:MESSAGE]),
        code if isinstance(code, str | int) and not isinstance(code, bool) else None,
        kind if isinstance(kind, str) else None,
    )


def _read_loosely(body: bytes) -> _Body | None:
    """`body` read member by member, where one of them is of another type than OpenAI's."""
    document = loads(body)
    if not isinstance(document, dict):
        return None
    model, usage, choices, data = (document.get(name) for name in ("model", "usage", "choices", "data"))
    return _Body(
        model if isinstance(model, str) else None,
        usage if isinstance(usage, dict) else None,
        [_loose_choice(choice) for choice in choices] if isinstance(choices, list) else None,
        [Raw(b"0")] * len(data) if isinstance(data, list) else None,
        document.get("error"),
    )


def _loose_choice(choice: Any) -> _Choice:
    if not isinstance(choice, dict):
        return _Choice()
    reason = choice.get("finish_reason")
    return _Choice(reason if isinstance(reason, str) else None, choice.get("error"))


def _sound(text: str) -> str:
    """`text` without half surrogates, which UTF-8 has no bytes for."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def rename(body: bytes, name: str) -> bytes:
    """`body`, an answer or an event, with `name` for its first top-level `model`."""
    return _exchange(body, msgspec.json.encode(name))[0]


class Renamer(Struct, eq=False, gc=False):
    """Renames the events of one stream: the vendor writes the name alike in each, so one search of bytes does."""

    name: str
    _quoted: bytes = b""
    _old: bytes = b""
    _new: bytes = b""

    def __post_init__(self) -> None:
        self._quoted = msgspec.json.encode(self.name)

    def rename(self, event: bytes) -> bytes:
        """`event` with the name for its first top-level `model`; 0.4 µs where it is written as before."""
        old = self._old
        if old:
            at = event.find(old)
            # One brace before it, and no bracket of another object: it is at the top.
            if at >= 0 and event.count(b"{", 0, at) == 1:
                return event.replace(old, self._new, 1)
        renamed, old = _exchange(event, self._quoted)
        if old:
            self._old, self._new = old, _with(old, self._quoted)
        return renamed


def _exchange(body: bytes, quoted: bytes) -> tuple[bytes, bytes]:
    """`body` with `quoted` for the name, and the member that was replaced (b"" where there is none)."""
    at = body.find(_KEY)
    for _ in range(NAMES):
        if at < 0:
            break
        found = _MODEL.match(body, at)
        if found is not None and _at_top(body, *found.span()):
            start, end = found.span(1)
            return body[:start] + quoted + body[end:], found[0]
        at = body.find(_KEY, at + len(_KEY))
    return body, b""


def _with(member: bytes, quoted: bytes) -> bytes:
    found = _MODEL.match(member)
    return member if found is None else member[: found.start(1)] + quoted


def _at_top(body: bytes, start: int, end: int) -> bool:
    """Whether the member from `start` to `end` is inside one object alone, counted on its shorter side."""
    if body.count(b"{", 0, start) == 1:
        return True
    try:
        if start <= len(body) - end:
            before = skeleton(body[:start])
            return before.count(b"{") - before.count(b"}") == 1
        behind = skeleton(body[end:])
        return behind.count(b"}") - behind.count(b"{") == 1
    except Refusal:  # more texts than `skeleton` tells apart: no answer of a model
        return False
