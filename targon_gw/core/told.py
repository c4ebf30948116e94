"""What a client has been told so far, read out of the events that it was sent.

A choice's texts (its content, its reasoning, each tool call's name and arguments) are strands, and a choice is its
strands' runs in the order in which they came. How the vendor cut its texts into events does not show in the runs, so
two answers can be held against each other that were cut differently. What is neither text nor known to matter to no
text is `Opaque`: of that nobody can say whether it is the same, and it is never guessed.

Texts are UTF-16 code units, two bytes each, little-endian: JSON is free to cut a pair of surrogates in two.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct, field

from .answers import loads
from .sse import payload

Strand = tuple[str | int, ...]
"""Which text of a choice: `("content",)`, `("tool_calls", 0, "arguments")`."""
FINISH: Final[Strand] = ("finish_reason",)
THOUGHTS: Final = frozenset(("reasoning_content", "reasoning"))
ONE: Final = ("id", "created", "model")
"""Members of a chunk that are one and the same in all of an answer's events."""
_RANKS: Final = {"reasoning_content": 0, "reasoning": 1, "content": 2, "refusal": 3}
_OF_A_CALL: Final = frozenset(("index", "id", "type", "function"))
_decode: Final = msgspec.json.Decoder().decode
_decode_top: Final = msgspec.json.Decoder(dict[str, Raw]).decode

Chunk = dict[str, Any]


class Opaque(ValueError):
    """There is something in a chunk that can't be compared."""


class Piece(Struct, eq=False):
    """A piece of one strand, and where in a chunk it stands: in `holder`, under `name`; `call` is the tool call around
    it."""

    strand: Strand
    holder: Chunk
    name: str
    call: Chunk | None = None

    @property
    def units(self) -> bytes:
        """Its text."""
        return units_of(self.holder[self.name])

    def keep(self, rest: bytes) -> None:
        """Leave no more than `rest` of it in the chunk."""
        if rest or self.name == "text":  # which a choice of a legacy completion always bears
            self.holder[self.name] = rest.decode("utf-16-le", "surrogatepass")
        else:
            del self.holder[self.name]


class Share(Struct, eq=False):
    """What the client has of one choice."""

    runs: list[tuple[Strand, bytearray]] = field(default_factory=list)
    role: bool = False
    calls: dict[int, str] = field(default_factory=dict)
    """The ids of its tool calls, by their index."""

    @property
    def finished(self) -> bool:
        """It was told why the choice is over."""
        return bool(self.runs) and self.runs[-1][0] == FINISH

    def take(self, choice: Chunk) -> None:
        """Add what a chunk says of it; raises `Opaque`."""
        self.role = self.role or bool(delta_of(choice).get("role"))
        for piece in pieces_of(choice):
            if not self.runs or self.runs[-1][0] != piece.strand:
                self.runs.append((piece.strand, bytearray()))
            self.runs[-1][1].extend(piece.units)
        for call in calls_of(choice):
            if isinstance(call.get("id"), str) and call["id"]:
                self.calls.setdefault(call["index"], call["id"])


class Told(Struct, eq=False):
    """What the client has: each choice's share by its index, and `top`, the members of `ONE` as JSON."""

    shares: dict[int, Share]
    top: dict[str, bytes]

    @property
    def bare(self) -> bool:
        """Nothing of an answer has been said yet."""
        return not any(share.runs for share in self.shares.values())


def told_by(events: Sequence[bytes]) -> Told:
    """What these events have told; raises `Opaque`. An event that is no JSON has told nothing."""
    told = Told({}, {})
    for event in events:
        chunk = chunk_of(event)
        if chunk is None:
            continue
        if not told.top:
            told.top = {name: bytes(value) for name, value in top_of(event).items() if name in ONE}
        for choice in choices_of(chunk):
            told.shares.setdefault(index_of(choice), Share()).take(choice)
    return told


def units_of(text: str) -> bytes:
    """`text` as UTF-16 code units."""
    return text.encode("utf-16-le", "surrogatepass")


def chunk_of(event: bytes) -> Chunk | None:
    """The JSON object that `event` bears; `None` where it bears none."""
    text = payload(event)
    try:
        chunk = _decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        chunk = loads(text)
    return chunk if isinstance(chunk, dict) else None


def top_of(event: bytes) -> dict[str, Raw]:
    """The members of an event's object, as they are written; none where they can't be told apart."""
    try:
        return _decode_top(payload(event))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return {}


def choices_of(chunk: Chunk) -> list[Chunk]:
    """The chunk's choices; raises `Opaque` where one is no object."""
    choices = chunk.get("choices") or []
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise Opaque("choices")
    return choices


def index_of(choice: Chunk) -> int:
    """Which choice it is; the first, where it does not say."""
    index = choice.get("index")
    return index if type(index) is int else 0


def delta_of(choice: Chunk) -> Chunk:
    """What a choice of a chat goes on with; raises `Opaque` where that is no object."""
    delta = choice.get("delta") or {}
    if not isinstance(delta, dict):
        raise Opaque("delta")
    return delta


def calls_of(choice: Chunk) -> list[Chunk]:
    """The tool calls that a choice goes on with; raises `Opaque` where it can't be told which they are."""
    calls = delta_of(choice).get("tool_calls") or []
    if not isinstance(calls, list):
        raise Opaque("tool_calls")
    for call in calls:
        if not isinstance(call, dict) or type(call.get("index")) is not int:
            raise Opaque("tool_calls")
    return calls


def pieces_of(choice: Chunk) -> list[Piece]:
    """The pieces of text in a choice of a chunk, in an order that is always the same, its finish_reason last."""
    return [*_pieces(choice)]


def _pieces(choice: Chunk) -> Iterator[Piece]:
    if choice.get("text"):
        yield _piece(choice, "text", ("text",))
    delta = delta_of(choice)
    names = (name for name, value in delta.items() if value and name not in ("role", "tool_calls", "function_call"))
    for name in sorted(names, key=lambda name: (_RANKS.get(name, 9), name)):
        yield _piece(delta, name, (name,))
    if delta.get("function_call"):
        yield from _function(delta["function_call"], ("function_call",), None)
    for call in calls_of(choice):
        if any(value for name, value in call.items() if name not in _OF_A_CALL):
            raise Opaque("tool_calls")
        if call.get("function"):
            yield from _function(call["function"], ("tool_calls", call["index"]), call)
    if choice.get("finish_reason"):
        yield _piece(choice, "finish_reason", FINISH)


def _function(function: Any, strand: Strand, call: Chunk | None) -> Iterator[Piece]:
    if not isinstance(function, dict) or any(v for n, v in function.items() if n not in ("name", "arguments")):
        raise Opaque("function")
    for name in ("name", "arguments"):
        if function.get(name):
            yield _piece(function, name, (*strand, name), call)


def _piece(holder: Chunk, name: str, strand: Strand, call: Chunk | None = None) -> Piece:
    if not isinstance(holder[name], str):
        raise Opaque(name)
    return Piece(strand, holder, name, call)


def written(value: Any) -> bytes:
    """`value` as JSON."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # half of a surrogate pair, which has no UTF-8
        return json.dumps(value, separators=(",", ":")).encode("ascii")


def reframed(event: bytes, text: bytes) -> bytes:
    """`event` with `text`, one line, for its data: all other lines and all line ends as they were."""
    before = payload(event)
    if before and event.count(before) == 1:
        return event.replace(before, text)
    lines, said = [], False
    for line in event.splitlines(keepends=True):
        if line.partition(b":")[0].rstrip(b"\r\n") != b"data":
            lines.append(line)
        elif not said:
            said = True
            lines.append(b"data: " + text + line[len(line.rstrip(b"\r\n")) :])
    return b"".join(lines)
