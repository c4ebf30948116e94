"""Usage and the truth of the end, read out of a stream going by.

Decides which events a client gets: all, in order, the same bytes, but for the end mark, the closing chunk of usage that
only we asked for, and an error with all that follows it. Notes what the vendor says about tokens and about the end; it
never alters an event and never takes the end of the bytes for the end of the answer.

What an event means is decided event by event, by parsing it: 0.7 µs each. Nearly all differ in their text alone, so
the events of a read are first held against the `Form` of one that was parsed: 0.1 µs each, and nothing is guessed.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

from msgspec import Struct, field

from .answers import Answer, read_error
from .chunks import ERROR_EVENT, Choice, read_chunk, said_in
from .forms import Form, form_of
from .openai import Endpoint
from .sse import payload

MOST: Final = 100_000_000
"""Tokens that one answer can't have: far above any context window, far below what would upset a ledger."""
LESSONS: Final = 8
"""Events that may be taken for the first of a form, until one was: behind them, no two are thought to be alike."""
ENDING: Final = 3
"""Events at the end of a read that may be of another form than those before: an end, the usage, the end mark."""
_DONE: Final = b"[DONE]"
_DONE_EVENT: Final = b"data: [DONE]\n\n"


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


_UPSTREAM: Final = Source.UPSTREAM


class Usage(Struct, frozen=True, gc=False):
    """Tokens of one answer. `cached` is a part of `prompt`, `reasoning` a part of `completion`."""

    prompt: int
    completion: int
    cached: int = 0
    reasoning: int = 0
    source: Source = Source.UNKNOWN


class Meter(Struct, eq=False, gc=False):
    """Watches one stream.

    `_choices` is how many the whole answer has; `_keep_usage`: we asked for usage and the client did not;
    `_prompt_estimate` and `_ceiling`, the most that prompt or completion can have, are tokens.
    """

    _endpoint: Endpoint
    _choices: int = 1
    _keep_usage: bool = False
    _prompt_estimate: int = 0
    _ceiling: int | None = None
    _lessons: int = LESSONS
    """Events that may still be taken for the first of a form; 0: every event is parsed."""
    done: bool = False
    """The end mark has come; it is never passed on: the relay writes its own."""
    error: bytes | None = None
    """The payload of an error event (faults catalogue, D-21); it and all that follows are not passed on."""
    events: int = 0
    """Events with content that passed."""
    malformed: int = 0
    """Events that passed though nothing could be read in them (D-28)."""
    anomaly: bool = False
    """The vendor's last `usage` can't be true (D-26)."""
    _reasoning: int = 0
    _finished: set[int] = field(default_factory=set)
    _closed: bool = False
    _figures: bool = False
    """The vendor has sent a `usage`."""
    _told: Usage | None = None
    """The vendor's last `usage`, where it can be true."""
    _form: Form | None = None

    @property
    def finished(self) -> bool:
        """The answer is whole: a `finish_reason` for every choice, or the end mark behind the closing usage.

        Some vendors never send a `finish_reason`; an end mark alone is no end (faults catalogue, D-22, D-23).
        """
        return len(self._finished) >= self._choices or (self.done and self._closed)

    def show(self, events: list[bytes]) -> list[bytes]:
        """Take note of whole `events` (of `sse.Splitter`); answers those that the client is to get, untouched."""
        if self.done or self.error is not None:
            return []
        at, end = 0 if self._form is None else self._skim(self._form, events, 0), len(events)
        if at:
            self._lessons = LESSONS
            if at == end:
                return events
        passing, learning = events[:at], at == 0
        while at < end:
            event = events[at]
            if learning and self._lessons:
                self._lessons -= 1
                form = form_of(self._endpoint, event)
                if form is not None:
                    self._form, learning = form, False
                    known = self._skim(form, events, at)
                    if known > at:
                        passing += events[at:known]
                        at = known
                        continue
            if self._take(event):
                passing.append(event)
            elif self.done or self.error is not None:
                break
            at += 1
        return passing

    def usage(self) -> Usage:
        """What the answer took: the vendor's last word where it can be true, else what was counted."""
        told, completion = self._told, self.events
        if told is None:
            prompt = min(self._prompt_estimate, _most(self._ceiling))
        else:
            prompt = told.prompt
            if told.completion == 0 < completion:
                self.anomaly = True
            elif told.completion >= completion or self.finished:
                return told
        source = Source.COUNTED if completion or self._figures else Source.ESTIMATED
        return Usage(prompt, completion, 0, self._reasoning, source)

    def _skim(self, form: Form, events: list[bytes], at: int) -> int:
        """Pass over `events` from `at` on that are of `form`: all but the last few, or none."""
        end = len(events)
        least = max(at, end - ENDING)
        while end > least and not events[end - 1].endswith(form.after):
            end -= 1
        if end == at or not form.fits(events[at:end]):
            return at
        self.events += end - at
        if form.thinking:
            self._reasoning += end - at
        return end

    def _take(self, event: bytes) -> bool:
        """Take note of one event; whether it passes. After `done` or `error` is set, none does."""
        if event == _DONE_EVENT:
            self.done = True
            return False
        chunk = read_chunk(event)
        if chunk is None:
            return self._take_unread(event)
        choices, usage = chunk.choices, chunk.usage
        failed = any(map(_failed, choices)) if choices else not usage and read_error(event) is not None
        if failed or chunk.error:
            self.error = payload(event)
            return False
        if usage:
            self._figures = True
            self._told = _judge(usage, self._ceiling)
            self.anomaly = self._told is None
        if choices:
            self._note(choices)
        elif usage is not None:
            self._closed = True
            return not self._keep_usage
        return True

    def _note(self, choices: list[Choice]) -> None:
        for choice in choices:
            if choice.finish_reason and 0 <= choice.index < self._choices:
                self._finished.add(choice.index)
        said, thought = said_in(self._endpoint, choices)
        if said or thought:
            self.events += 1
            self._reasoning += not said

    def _take_unread(self, event: bytes) -> bool:
        text = payload(event).strip()
        if text == _DONE:
            self.done = True
            return False
        if ERROR_EVENT.search(event) or read_error(event) is not None:
            self.error = text
            return False
        if text:
            self.malformed += 1
        return True


def usage_of(answer: Answer, prompt_estimate: int, ceiling: int | None) -> tuple[Usage, bool]:
    """What a whole answer took, and whether the vendor's own figures could not be true.

    `ceiling` is the most tokens that prompt or completion can have.
    """
    figures = answer.usage
    told = _judge(figures, ceiling) if figures else None
    if told is not None and (told.completion or not answer.completion_estimate):
        return told, False
    most = _most(ceiling)
    prompt = min(prompt_estimate, most) if told is None else told.prompt
    estimate = Usage(prompt, min(answer.completion_estimate, most), source=Source.ESTIMATED)
    return estimate, bool(figures)


def _most(ceiling: int | None) -> int:
    return MOST if ceiling is None or ceiling > MOST else ceiling


def _failed(choice: Choice) -> bool:
    return bool(choice.error) or choice.finish_reason == "error"


def _judge(figures: Mapping[str, Any], ceiling: int | None) -> Usage | None:
    """The usage that `figures` tell; `None` where they can't be true or tell nothing.

    A figure is a whole number from 0 to `ceiling`; one of the two may be missing where there is a total.
    """
    prompt, completion = figures.get("prompt_tokens"), figures.get("completion_tokens")
    most = _most(ceiling)
    if type(prompt) is not int or type(completion) is not int:
        prompt, completion = _summed(figures, 2 * most)
    if not 0 <= prompt <= most or not 0 <= completion <= most:
        return None
    if len(figures) == 3 and "total_tokens" in figures:  # no parts are told
        return Usage(prompt, completion, 0, 0, _UPSTREAM)
    cached = _part(figures, "prompt_tokens_details", "cached_tokens", "prompt_cache_hit_tokens", prompt)
    reasoning = _part(figures, "completion_tokens_details", "reasoning_tokens", "reasoning_tokens", completion)
    return Usage(prompt, completion, cached, reasoning, _UPSTREAM)


def _summed(figures: Mapping[str, Any], most: int) -> tuple[int, int]:
    """Prompt and completion under any name, a missing one by the sum of both; -1 for what is no whole number.

    A completion of which nothing is told is 0.
    """
    prompt = figures.get("prompt_tokens", figures.get("input_tokens"))
    completion = figures.get("completion_tokens", figures.get("output_tokens"))
    total = figures.get("total_tokens")
    if prompt is None and _whole(completion, most) and _whole(total, most):
        prompt = total - completion
    elif completion is None and _whole(prompt, most):
        completion = total - prompt if _whole(total, most) else 0
    return (prompt if type(prompt) is int else -1), (completion if type(completion) is int else -1)


def _whole(figure: Any, most: int) -> TypeGuard[int]:
    return type(figure) is int and 0 <= figure <= most  # a bool is an int, but not of this type


def _part(figures: Mapping[str, Any], details: str, name: str, alias: str, whole: int) -> int:
    """A figure of the object `details`, or the one of other vendors that lies beside it; 0 where it can't be true."""
    found = figures.get(details)
    part = found[name] if isinstance(found, dict) and name in found else figures.get(alias)
    return part if type(part) is int and 0 <= part <= whole else 0
