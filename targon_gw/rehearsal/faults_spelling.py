"""Spellings of a stream that are right, or nearly, and that few readers expect: all say what a plain one says (D-27).

They leave a unary answer as it should be, except for `byte-by-byte`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from attrs import evolve

from .fault import fault, gathered
from .framing import CHUNKED, LAST_CHUNK, chunk
from .scene import Scene
from .steps import Frame, Script, Send


def respelt(scene: Scene, spell: Callable[[bytes], bytes]) -> Script:
    """The stream with `spell` on each event's bytes; a unary answer as it should be."""
    if not scene.streamed:
        return scene.whole()
    return scene.told(evolve(each, data=spell(each.data)) for each in scene.frames())


@fault("crlf", "D-27")
def crlf(scene: Scene) -> Script:
    """Ends the lines of events with CR LF."""
    return respelt(scene, lambda data: data.replace(b"\n", b"\r\n"))


@fault("lone-cr", "D-27")
def lone_cr(scene: Scene) -> Script:
    """Ends the lines of events with a lone CR."""
    return respelt(scene, lambda data: data.replace(b"\n", b"\r"))


@fault("bom", "D-27")
def bom(scene: Scene) -> Script:
    """Begins the stream with a byte order mark."""
    if not scene.streamed:
        return scene.whole()

    def frames() -> Iterator[Frame]:
        rest = scene.frames()
        yield Frame(b"\xef\xbb\xbf" + next(rest).data)
        yield from rest

    return scene.told(frames())


@fault("no-space", "D-27")
def no_space(scene: Scene) -> Script:
    """Writes `data:` without the space after it."""
    return respelt(scene, lambda data: data.replace(b"data: ", b"data:", 1))


@fault("many-lines", "D-27")
def many_lines(scene: Scene) -> Script:
    """Spreads the JSON of each event over several `data:` lines."""

    def spell(data: bytes) -> bytes:
        payload = data.strip().removeprefix(b"data: ")
        lines = payload if payload == b"[DONE]" else msgspec.json.format(payload, indent=1)
        return b"".join(b"data: " + line + b"\n" for line in lines.splitlines()) + b"\n"

    return respelt(scene, spell)


@fault("other-fields", "D-27")
def other_fields(scene: Scene) -> Script:
    """Puts comments, `id:`, `retry:` and `event:` lines among the events."""
    return respelt(scene, lambda data: b": OPENROUTER PROCESSING\n\nid: 7\nretry: 3000\nevent: message\n" + data)


@fault("byte-by-byte", "D-27")
def byte_by_byte(scene: Scene) -> Script:
    """Cuts the whole body into chunks of a byte, in the middle of characters too."""
    yield from scene.opened(scene.head(CHUNKED))
    for each in scene.frames():
        for place in range(len(each.data)):
            yield Send(chunk(each.data[place : place + 1]), 0 if place else each.tokens)
    yield Send(LAST_CHUNK)


FAULTS = gathered(globals())
