"""The form that nearly all events of a stream have in common: all their bytes but those of one text.

A vendor writes the events of one answer alike, down to the spaces, so what the rules of `core.meter` say of one that
was parsed holds for all of its form, as long as their texts are sound and not empty: a text in JSON may be exchanged
for another without changing what stands around it, neither the lines of the event nor any other value. Whether events
are of a form is a comparison of bytes, in one go for all of a read (0.1 µs each, where parsing takes 0.7); it proves,
and guesses nothing. What is of no form known is no worse for that: it is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import itemgetter
from typing import Final

import msgspec
from msgspec import Struct

from .chunks import Choice, Chunk, read_chunk, said_in
from .openai import Endpoint

_TEXT: Final = re.compile(
    rb'"(?:content|reasoning_content|reasoning|text)"[ \t]*:[ \t]*"(?!")([^"\\]*+(?:\\.[^"\\]*+)*+)"'
)
_MARK: Final = b"~ a text ~"
_MARKED: Final = _MARK.decode()
_read_text: Final = msgspec.json.Decoder(str).decode


class Form(Struct, frozen=True, gc=False):
    """What stands `before` and `after` the text of an event. `thinking`: the text is reasoning."""

    before: bytes
    after: bytes
    seam: bytes
    """What stands between the texts of two events."""
    inside: Callable[[bytes], bytes]
    thinking: bool

    def fits(self, events: list[bytes]) -> bool:
        """Whether each of `events` is of this form, its text sound and not empty."""
        texts = list(map(self.inside, events))
        # No text being empty, each event is as long as what is compared with it, so the two are alike piece by piece.
        if not all(texts) or self.before + self.seam.join(texts) + self.after != b"".join(events):
            return False
        try:  # no escape and no character goes on over a space: where all of them together are sound, each is
            _read_text(b'"%b"' % b" ".join(texts))
        except (msgspec.DecodeError, ValueError):
            return False
        return True


def form_of(endpoint: Endpoint, event: bytes) -> Form | None:
    """The form of `event`, where all of that form do no more than go on with one choice; else `None`.

    That the bytes found are a text of the chunk, and which, is seen by reading the event with another in their place.
    """
    found = _TEXT.search(event)
    if found is None:
        return None
    start, end = found.span(1)
    before, after = event[:start], event[end:]
    # Without escapes, and with the mark nowhere else, a text that reads as the mark stands where the mark was put.
    if event.find(_MARK) >= 0 or before.find(b"\\") >= 0 or after.find(b"\\") >= 0:
        return None
    chunk = read_chunk(before + _MARK + after)
    choice = None if chunk is None else _goes_on(chunk)
    if choice is None or not _bears_mark(choice):
        return None
    said, thought = said_in(endpoint, (choice,))
    if not said and not thought:
        return None
    inside = itemgetter(slice(len(before), -len(after)))
    return Form(before, after, after + before, inside, not said)


def _goes_on(chunk: Chunk) -> Choice | None:
    """The only choice of `chunk`, where nothing in it is an end, an error or a usage."""
    choices = chunk.choices
    if choices is None or len(choices) != 1 or chunk.usage or chunk.error:
        return None
    choice = choices[0]
    return None if choice.finish_reason or choice.error else choice


def _bears_mark(choice: Choice) -> bool:
    if choice.text == _MARKED:
        return True
    delta = choice.delta
    return delta is not None and _MARKED in (delta.content, delta.reasoning_content, delta.reasoning)
