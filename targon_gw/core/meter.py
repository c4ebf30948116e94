"""Usage and the truth of the end, read out of a stream going by.

Decides which events a client gets: all, in order, the same bytes, but for the end mark, the closing chunk of usage that
only we asked for, and an error with all that follows it. Notes what the vendor says about tokens and about the end; it
never alters an event and never takes the end of the bytes for the end of the answer.

Every event is parsed, those of one read in one go: with a struct that names only what is looked at this takes 0.35 µs
an event, no more than the five searches that would find the events worth parsing, and leaves nothing to guess.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeGuard

import msgspec
from attrs import define, field, frozen

from .answers import Answer, loads, read_error
from .openai import Endpoint
from .sse import payload

MOST: Final = 100_000_000
"""Tokens that one answer can't have: far above any context window, far below what would upset a ledger."""
_DONE: Final = b"[DONE]"
_DONE_EVENT: Final = b"data: [DONE]"
_ERROR_EVENT: Final = re.compile(rb"(?:\A|[\r\n])event: ?error[ \t]*[\r\n]")


class Source(enum.Enum):
    """Where the figures of a `Usage` are from."""

    UPSTREAM = "upstream"
    """The vendor's own `usage`."""
    COUNTED = "counted"
    """Output counted as it passed; the prompt is estimated."""
    ESTIMATED = "estimated"
    """Nothing to count was seen."""
    UNKNOWN = "unknown"
    """Nobody looked: the call ended where nothing can be said."""


@frozen
class Usage:
    """Tokens of one answer. `cached` is a part of `prompt`, `reasoning` a part of `completion`."""

    prompt: int
    completion: int
    cached: int = 0
    reasoning: int = 0
    source: Source = Source.UNKNOWN


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[Any] | None = None
    refusal: str | None = None
    function_call: Any = None
    audio: Any = None


class _Choice(msgspec.Struct, gc=False):
    index: int = 0
    delta: _Delta | None = None
    text: str | None = None
    finish_reason: str | None = None
    error: Any = None


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


_chunk = msgspec.json.Decoder(_Chunk)


@define(eq=False)
class Meter:
    """Watches one stream.

    `choices` is how many the whole answer has; `keep_usage`: we asked for usage and the client did not;
    `prompt_estimate` and `ceiling`, the most that prompt or completion can have, are tokens.
    """

    _endpoint: Endpoint
    _choices: int = 1
    _keep_usage: bool = False
    _prompt_estimate: int = 0
    _ceiling: int | None = None
    done: bool = field(init=False, default=False)
    """The end mark has come; it is never passed on: the relay writes its own."""
    error: bytes | None = field(init=False, default=None)
    """The payload of an error event (faults catalogue, D-21); it and all that follows are not passed on."""
    events: int = field(init=False, default=0)
    """Events with content that passed."""
    malformed: int = field(init=False, default=0)
    """Events that passed though nothing could be read in them (D-28)."""
    anomaly: bool = field(init=False, default=False)
    """The vendor's last `usage` can't be true (D-26)."""
    _reasoning: int = field(init=False, default=0)
    _finished: set[int] = field(init=False, factory=set)
    _closed: bool = field(init=False, default=False)
    _figures: Mapping[str, Any] | None = field(init=False, default=None)

    @property
    def finished(self) -> bool:
        """The answer is whole: a `finish_reason` for every choice, or the end mark behind the closing usage.

        Some vendors never send a `finish_reason`; an end mark alone is no end (faults catalogue, D-22, D-23).
        """
        return len(self._finished) >= self._choices or (self.done and self._closed)

    def show(self, events: list[bytes]) -> list[bytes]:
        """Take note of whole `events` (of `sse.Splitter`); answers those that the client is to get, untouched."""
        if self.done or self.error is not None or not events:
            return []
        ended = events[-1].startswith(_DONE_EVENT)
        if ended:
            events = events[:-1]
        passing = self._pass(events, _read_all(events))
        self.done = self.done or (ended and self.error is None)
        return passing

    def usage(self) -> Usage:
        """What the answer took: the vendor's last word where it can be true, else what was counted."""
        prompt, completion = min(self._prompt_estimate, _most(self._ceiling)), self.events
        told = self._figures and _judge(self._figures, self._ceiling)
        if told:
            if told.completion == 0 < self.events:
                self.anomaly = True
            elif told.completion >= self.events or self.finished:
                return told
            prompt = told.prompt
        source = Source.COUNTED if self.events or self._figures else Source.ESTIMATED
        return Usage(prompt, completion, 0, self._reasoning, source)

    def _pass(self, events: list[bytes], chunks: Sequence[_Chunk | None]) -> list[bytes]:
        """The events that pass; the plain ones, nearly all, are known in the loop itself: 0.1 µs each."""
        legacy = self._endpoint is Endpoint.COMPLETIONS
        withheld: set[int] = set()
        counted = 0
        for at, chunk in enumerate(chunks):
            if chunk is not None and chunk.usage is None and chunk.error is None and chunk.choices:
                choice = chunk.choices[0]
                if not choice.finish_reason and len(chunk.choices) == 1:
                    delta = choice.delta
                    if choice.text if legacy else delta is not None and delta.content:
                        counted += 1
                        continue
            if not self._take(events[at], chunk):
                withheld.add(at)
                if self.done or self.error is not None:
                    withheld.update(range(at, len(events)))
                    break
        self.events += counted
        return [event for at, event in enumerate(events) if at not in withheld] if withheld else events

    def _take(self, event: bytes, chunk: _Chunk | None) -> bool:
        """Take note of one event; whether it passes. After `done` or `error` is set, none does."""
        if chunk is None:
            return self._take_unread(event)
        choices = chunk.choices or ()
        failed = chunk.error or any(choice.error or choice.finish_reason == "error" for choice in choices)
        if failed or (not choices and not chunk.usage and read_error(event) is not None):
            self.error = payload(event)
            return False
        if chunk.usage:
            self._figures = chunk.usage
            self.anomaly = _judge(chunk.usage, self._ceiling) is None
        for choice in choices:
            if choice.finish_reason and 0 <= choice.index < self._choices:
                self._finished.add(choice.index)
        self._count(choices)
        if chunk.usage is None or choices:
            return True
        self._closed = True
        return not self._keep_usage

    def _take_unread(self, event: bytes) -> bool:
        text = payload(event).strip()
        if text == _DONE:
            self.done = True
            return False
        if _ERROR_EVENT.search(event) or read_error(event) is not None:
            self.error = text
            return False
        if text:
            self.malformed += 1
        return True

    def _count(self, choices: Sequence[_Choice]) -> None:
        said = thought = False
        for choice in choices:
            delta = choice.delta
            if self._endpoint is Endpoint.COMPLETIONS:
                said = said or bool(choice.text)
            elif delta is not None:
                thought = thought or bool(delta.reasoning_content or delta.reasoning)
                said = said or bool(
                    delta.content or delta.tool_calls or delta.refusal or delta.function_call or delta.audio
                )
        if said or thought:
            self.events += 1
            self._reasoning += thought and not said


def usage_of(answer: Answer, prompt_estimate: int, ceiling: int | None) -> tuple[Usage, bool]:
    """What a whole answer took, and whether the vendor's own figures could not be true.

    `ceiling` is the most tokens that prompt or completion can have.
    """
    told = answer.usage and _judge(answer.usage.figures, ceiling)
    if told and (told.completion or not answer.completion_estimate):
        return told, False
    most = _most(ceiling)
    prompt = told.prompt if told else min(prompt_estimate, most)
    estimate = Usage(prompt, min(answer.completion_estimate, most), source=Source.ESTIMATED)
    return estimate, bool(answer.usage and answer.usage.figures)


def _most(ceiling: int | None) -> int:
    return MOST if ceiling is None else min(MOST, ceiling)


def _judge(figures: Mapping[str, Any], ceiling: int | None) -> Usage | None:
    """The usage that `figures` tell; `None` where they can't be true or tell nothing.

    A figure is a whole number from 0 to `ceiling`; one of the two may be missing where there is a total.
    """
    prompt = figures.get("prompt_tokens", figures.get("input_tokens"))
    completion = figures.get("completion_tokens", figures.get("output_tokens"))
    total = figures.get("total_tokens")
    most = _most(ceiling)
    if prompt is None and _whole(completion, 2 * most) and _whole(total, 2 * most):
        prompt = total - completion
    elif completion is None and _whole(prompt, 2 * most):
        completion = total - prompt if _whole(total, 2 * most) else 0
    if not _whole(prompt, most) or not _whole(completion, most):
        return None
    cached = _part(figures, "prompt_tokens_details", "cached_tokens", "prompt_cache_hit_tokens")
    reasoning = _part(figures, "completion_tokens_details", "reasoning_tokens", "reasoning_tokens")
    return Usage(
        prompt,
        completion,
        cached if _whole(cached, prompt) else 0,
        reasoning if _whole(reasoning, completion) else 0,
        Source.UPSTREAM,
    )


def _whole(figure: Any, most: int) -> TypeGuard[int]:
    return type(figure) is int and 0 <= figure <= most  # a bool is an int, but not of this type


def _part(figures: Mapping[str, Any], details: str, name: str, alias: str) -> Any:
    """A figure of the object `details`, or the one of other vendors that lies beside it."""
    found = figures.get(details)
    return found[name] if isinstance(found, dict) and name in found else figures.get(alias)


def _read_all(events: list[bytes]) -> Sequence[_Chunk | None]:
    """What each of `events` says; `None` for one that says nothing we understand.

    An event that is not one `data: ` line makes the reading of all in one go fail, or alters the number of lines.
    """
    try:
        if len(events) == 1:
            return [_chunk.decode(events[0][6:-2])]
        chunks = _chunk.decode_lines(b"\n".join([event[6:-2] for event in events]))
        if len(chunks) == len(events):
            return chunks
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    return [_read(event) for event in events]


def _read(event: bytes) -> _Chunk | None:
    if event.startswith(b"event") and _ERROR_EVENT.search(event):
        return None
    text = payload(event)
    try:
        return _chunk.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    document = loads(text)
    if not isinstance(document, dict):
        return None
    choices, usage = document.get("choices"), document.get("usage")
    return _Chunk(
        [_read_choice(choice) for choice in choices] if isinstance(choices, list) else None,
        usage if isinstance(usage, dict) else None,
        document.get("error"),
    )


def _read_choice(choice: Any) -> _Choice:
    """A choice whose members may be of any type."""
    if not isinstance(choice, dict):
        return _Choice()
    index, reason, delta = choice.get("index"), choice.get("finish_reason"), choice.get("delta")
    known = {name: delta.get(name) for name in _Delta.__struct_fields__} if isinstance(delta, dict) else {}
    return _Choice(
        index if type(index) is int else 0,
        _Delta(**known),
        choice.get("text"),
        reason if isinstance(reason, str) else None,
        choice.get("error"),
    )
