"""Faults of the connection and of time: what breaks, falls silent, dawdles or answers out of turn.

What only an address can do (no such name, a black hole, a port that nobody listens on, bad TLS: D-01, D-03, D-04) is
not here: it needs no vendor.
"""

from __future__ import annotations

import itertools
import random
from typing import Any

from attrs import evolve

from .answers import Event, written
from .fault import Moment, after, fault, gathered, number, seconds
from .framing import CHUNKED, LAST_CHUNK, chunk, head, length
from .refusals import failed
from .scene import Scene, Streamed
from .steps import Ambush, Close, Hang, Reset, Script, Send, Wait

MIB = 1 << 20
FLOOD_PIECE = 16 << 10
"""Bytes of text in one event of a flood: a quarter of what a transport buffers before it asks for a pause."""


@fault("refuse-connection", "D-02", moment=Moment.ACCEPT)
def refuse_connection(scene: Scene) -> Script:
    """Resets the connection as it is accepted; where a key or a model is named, once the request has been read."""
    yield Reset()


@fault("reset-before-head", "D-05")
def reset_before_head(scene: Scene) -> Script:
    """Reads the request, then RST without a byte of answer."""
    yield Reset()


@fault("fin-before-head", "D-05")
def fin_before_head(scene: Scene) -> Script:
    """Reads the request, then FIN without a byte of answer."""
    yield Close()


@fault("closed-race", "D-06")
def closed_race(scene: Scene) -> Script:
    """Answers well and keeps the connection, then closes it as the next request arrives on it."""
    yield from scene.whole()
    yield Ambush((Close(),))


@fault("silent", "D-07")
def silent(scene: Scene) -> Script:
    """Reads the request and never says a byte."""
    yield Hang()


@fault("billed-silence", "D-50", "D-07")
def billed_silence(scene: Scene) -> Script:
    """Never says a byte, and bills the whole answer all the same."""
    yield Send(b"", scene.tokens)
    yield Hang()


@fault("silent-after-head", "D-08")
def silent_after_head(scene: Scene) -> Script:
    """Sends the head of a good answer and nothing after it."""
    yield Send(scene.head(CHUNKED))
    yield Hang()


@fault("stall", "D-09", takes=after(3))
def stall(scene: Scene) -> Script:
    """Begins well, then falls silent with the connection open."""
    yield from scene.begun(scene.arg)
    yield Hang()


@fault("reset-midway", "D-10", takes=after(3))
def reset_midway(scene: Scene) -> Script:
    """Begins well, then RST."""
    yield from scene.begun(scene.arg)
    yield Reset()


@fault("fin-midway", "D-11", takes=after(3))
def fin_midway(scene: Scene) -> Script:
    """Begins well, then FIN."""
    yield from scene.begun(scene.arg)
    yield Close()


@fault("slow-first-token", "D-45", takes=seconds("seconds before the first token", 20.0))
def slow_first_token(scene: Scene) -> Script:
    """Answers well, but long after it was asked."""
    pace = evolve(scene.setting.pace, first_token=scene.arg)
    return evolve(scene, setting=evolve(scene.setting, pace=pace)).whole()


@fault("jitter", "D-45", takes=seconds("the longest pause between two events, in seconds", 2.0))
def jitter(scene: Scene) -> Script:
    """Answers well, with pauses of very different lengths between the events."""
    draw = random.Random(scene.nth)
    yield from scene.opened(scene.head(CHUNKED))
    for each in scene.frames():
        yield Wait(draw.random() ** 4 * scene.arg)
        yield Send(chunk(each.data), each.tokens)
    yield Send(LAST_CHUNK)


@fault("drip", "D-44", takes=seconds("seconds between two bytes", 1.0))
def drip(scene: Scene) -> Script:
    """Answers well, a byte at a time."""
    yield Send(scene.head(CHUNKED))
    for each in scene.frames():
        for place in range(len(each.data)):
            yield Wait(scene.arg)
            yield Send(chunk(each.data[place : place + 1]), 0 if place else each.tokens)
    yield Send(LAST_CHUNK)


@fault("flapping", "D-46", takes=seconds("seconds up, then as long down; else every second request fails", None))
def flapping(scene: Scene) -> Script:
    """Is well and out of order by turns."""
    down = int(scene.setting.now // scene.arg) % 2 if scene.arg else scene.nth % 2
    return scene.reject(failed(scene.setting.dialect, 503)) if down else scene.whole()


@fault("flood", "D-45", takes=number("MiB of answer", 64, 1))
def flood(scene: Scene) -> Script:
    """Streams an endless-looking good answer as fast as it is read."""
    match scene.content:
        case Streamed(events):
            script = _flooded(scene, list(events()))
        case _:
            script = _heavy(scene)
    return script


def _flooded(scene: Scene, told: list[Event]) -> Script:
    """The stream, one of its events swollen and repeated."""
    yield from scene.opened(scene.head(CHUNKED))
    swollen = next((swell(event) for event in told if event.tokens), None)
    count = scene.arg * MIB // FLOOD_PIECE
    (framed,) = scene.framed([swollen or told[0]])
    yield from itertools.repeat(Send(chunk(framed.data), framed.tokens), count)
    for each in scene.framed(event for event in told if not event.tokens and event is not told[0]):
        yield Send(chunk(each.data))
    yield Send(LAST_CHUNK)


def _heavy(scene: Scene) -> Script:
    """The unary body, followed by blanks: JSON allows them."""
    body = b"".join(each.data for each in scene.frames())
    count = scene.arg * MIB // FLOOD_PIECE
    yield from scene.opened(scene.head((("Content-Length", str(len(body) + count * FLOOD_PIECE)),)))
    yield Send(body, scene.tokens)
    yield from itertools.repeat(Send(b" " * FLOOD_PIECE), count)


def swell(event: Event) -> Event:
    """`event` with `FLOOD_PIECE` bytes of text in it."""
    text = "flood " * (FLOOD_PIECE // 6)
    part: dict[str, Any] = dict(event.choices[0])
    if "delta" in part:
        part["delta"] = {**part["delta"], "content": text}
    else:
        part["text"] = text
    return Event({**(event.chunk or {}), "choices": [part]}, event.tokens)


def stale() -> bytes:
    """A whole response that answers nobody's question."""
    message = {"role": "assistant", "content": "STALE"}
    body = written(
        {
            "id": "stale",
            "object": "chat.completion",
            "model": "stale",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        }
    )
    return head(200, (("Content-Type", "application/json"), *length(body))) + body


@fault("stale-answer", "D-31", takes=seconds("seconds between the two; else none", None))
def stale_answer(scene: Scene) -> Script:
    """Answers well, and sends a second response that nobody asked for."""
    yield from scene.whole()
    if scene.arg:
        yield Wait(scene.arg)
    yield Send(stale())


@fault("stale-answer-later", "D-31")
def stale_answer_later(scene: Scene) -> Script:
    """Answers well; when the next request arrives on the connection, a stale response comes before its answer."""
    yield from scene.whole()
    yield Ambush((Send(stale()),))


FAULTS = gathered(globals())
