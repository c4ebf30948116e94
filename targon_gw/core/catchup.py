"""A second answer on its way to a client who has the beginning of a first one.

It is silent until the second has said exactly what the client has, and passes the rest from there, also where that
begins in the middle of an event. At the first difference it ends: nothing is ever said twice, left out, or joined to
what is not its beginning. Until all choices have caught up, what goes beyond is held back, so that an answer that turns
out to be another one has told the client nothing. One answer has one id, one time, one model and one role throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Raw, Struct, field

from .answers import loads
from .meter import Source, Usage
from .told import (
    FINISH,
    ONE,
    THOUGHTS,
    Chunk,
    Opaque,
    Piece,
    Share,
    Strand,
    Told,
    calls_of,
    choices_of,
    chunk_of,
    delta_of,
    index_of,
    pieces_of,
    reframed,
    top_of,
    written,
)

HELD: Final = 1 << 20
"""Bytes that are held back at most while one choice is ahead of another."""


class Unlike(ValueError):
    """The second answer is another one."""


class _Way(Struct, eq=False):
    """How far the second answer has come along a choice's runs: `run` of them whole, `units` bytes of the next."""

    share: Share
    run: int = 0
    units: int = 0

    @property
    def level(self) -> bool:
        return self.run == len(self.share.runs)

    def past(self, strand: Strand, said: bytes) -> bytes:
        """What of `said` goes beyond what the client has; raises `Unlike`."""
        runs = self.share.runs
        if self.run == len(runs):
            return said
        known, text = runs[self.run]
        length = min(len(said), len(text) - self.units)
        alike = known == strand and said[:length] == text[self.units : self.units + length]
        if not alike or (strand == FINISH and said != text):
            raise Unlike("another text")
        self.units += length
        if self.units == len(text):
            self.run, self.units = self.run + 1, 0
        if length == len(said):
            return b""
        if self.run < len(runs):
            raise Unlike("more than there was")
        return said[length:]


class Catchup(Struct, eq=False):
    """Lets pass what the client does not have yet. `carried`, where the second answer only goes on: the usage of what
    was said before it."""

    told: Told
    carried: Usage | None = None
    differs: bool = False
    """The second answer is another one; nothing more of it may pass."""
    level: bool = False
    """It has said all that the client has."""
    _ways: dict[int, _Way] = field(default_factory=dict)
    _held: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ways = {index: _Way(share) for index, share in self.told.shares.items()}
        self._look()

    def take(self, events: Sequence[bytes]) -> list[bytes]:
        """What the client is to get of the second answer's next `events`."""
        passing: list[bytes] = []
        for event in events:
            if self.differs:
                break
            try:
                fresh = self._fresh(event)
            except (Unlike, Opaque):
                self.differs = True
                self._held.clear()
                break
            if fresh is not None:
                (passing if self.level else self._held).append(fresh)
            if self.level and self._held:
                passing, self._held = self._held + passing, []
            elif sum(map(len, self._held)) > HELD:
                self.differs = True
                self._held.clear()
        return passing

    def _look(self) -> None:
        self.level = all(way.level for way in self._ways.values())

    def _fresh(self, event: bytes) -> bytes | None:
        """What of `event` the client does not have, as an event; `None` where that is nothing."""
        chunk = chunk_of(event)
        if chunk is None:
            return event if self.level else None
        choices = choices_of(chunk)
        if not choices:
            return self._dressed(event, chunk, False) if self.level else None
        fresh, altered = [], False
        for choice in choices:
            changed = self._take(choice)
            if changed is None:
                altered = True
            else:
                fresh.append(choice)
                altered = altered or changed
        self._look()
        chunk["choices"] = fresh
        return self._dressed(event, chunk, altered) if fresh else None

    def _take(self, choice: Chunk) -> bool | None:
        """Leave in `choice` what is new; whether that has altered it, or `None` where nothing is left of it."""
        way = self._ways.setdefault(index_of(choice), _Way(Share()))
        try:
            pieces = pieces_of(choice)
        except Opaque:
            if not self.level:
                raise
            return self._one_role(choice, way.share)  # nothing is compared any more
        if self.carried is not None and any(piece.strand[0] in THOUGHTS for piece in pieces):
            raise Unlike("it thinks where it was to go on")
        known = not way.level
        if not pieces and known:
            return None
        rests = [(piece, way.past(piece.strand, piece.units)) for piece in pieces]
        if pieces and not any(rest for _, rest in rests):
            return None
        cut = [piece for piece, rest in rests if self._cut(piece, rest)] if known else []
        if cut and choice.get("logprobs"):
            raise Unlike("its figures can't be cut as its text is")
        altered = self._one_role(choice, way.share)
        altered = self._one_id(choice, way.share, cut) or altered or bool(cut)
        return altered if pieces or any(delta_of(choice).values()) else None

    def _cut(self, piece: Piece, rest: bytes) -> bool:
        """Leave `rest` of a piece; whether that is less than there was."""
        if rest == piece.units:
            return False
        piece.keep(rest)
        return True

    def _one_role(self, choice: Chunk, share: Share) -> bool:
        delta = delta_of(choice)
        if not delta.get("role"):
            return False
        if share.role:
            del delta["role"]
            return True
        share.role = True
        return False

    def _one_id(self, choice: Chunk, share: Share, cut: list[Piece]) -> bool:
        """Call the tool calls that the client knows as it knows them, and leave out those of which it has all."""
        altered = False
        for call in list(calls_of(choice)):
            if call["index"] not in share.calls or not call.get("id"):
                continue
            altered = True
            if not any(piece.call is call for piece in cut):
                call["id"] = share.calls[call["index"]]
                continue
            for name in ("id", "type"):  # they came with what was cut off
                call.pop(name, None)
            if not any(call["function"].values()):
                choice["delta"]["tool_calls"].remove(call)
        return altered

    def _dressed(self, event: bytes, chunk: Chunk, altered: bool) -> bytes:
        """The event as one of the first answer's: what `chunk` is by now, under the first one's name."""
        top, ours = top_of(event), self.told.top
        members: dict[str, bytes] = {name: ours[name] for name in ONE if name in ours and name in chunk}
        usage = chunk.get("usage")
        if self.carried is not None and isinstance(usage, dict) and usage:
            members["usage"] = written(_shown(self.carried, usage))
        if not altered and top:  # what nobody touches stays as it was written, to the last digit
            return reframed(event, written({**top, **{name: Raw(value) for name, value in members.items()}}))
        return reframed(event, written({**chunk, **{name: loads(value) for name, value in members.items()}}))


def joined(before: Usage, after: Usage) -> Usage:
    """What an answer took that one vendor began and another went on with: its prompt is the first's."""
    told = before.source is after.source is Source.UPSTREAM
    prompt = before.prompt
    if before.source is not Source.UPSTREAM and after.source is Source.UPSTREAM:
        prompt = max(0, after.prompt - before.completion)  # what it was told of the answer is no part of the prompt
    return Usage(
        prompt,
        before.completion + after.completion,
        min(before.cached, prompt),
        before.reasoning + after.reasoning,
        Source.UPSTREAM if told else Source.COUNTED,
    )


def _shown(before: Usage, figures: Chunk) -> dict[str, int]:
    """The usage that the client sees, where the vendor's is that of the second part."""
    prompt, completion = (figures.get(name) for name in ("prompt_tokens", "completion_tokens"))
    after = Usage(
        prompt if type(prompt) is int else before.prompt + before.completion,
        completion if type(completion) is int else 0,
        source=Source.UPSTREAM,
    )
    whole = joined(before, after)
    return {
        "prompt_tokens": whole.prompt,
        "completion_tokens": whole.completion,
        "total_tokens": whole.prompt + whole.completion,
    }
