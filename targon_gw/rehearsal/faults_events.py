"""Faults in what is said: events missing, doubled, misspelt or untrue, inside HTTP that is in order.

Faults of streams leave a unary answer as it should be, except where it has the same fault to commit (usage, names).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from attrs import evolve

from .answers import Event, written
from .fault import Argument, fault, gathered, literal, measured, number, word
from .framing import CHUNKED, LAST_CHUNK, chunk
from .scene import Scene, Streamed, Unary
from .steps import Events, Frame, Hang, Measure, Script, Send

MIB = 1 << 20
LINE_PIECE = 16 << 10
ABSURD: dict[str, Any] = {"negative": -5, "string": "12", "huge": 10**12, "bool": True, "float": 1.5, "null": None}
STYLES = ("openai", "anthropic", "vllm", "openrouter")

Retelling = Callable[[Iterator[Event]], Iterable[Event]]


def retold(scene: Scene, retelling: Retelling) -> Script:
    """The stream as `retelling` has it; a unary answer as it should be."""
    return scene.told(scene.framed(retelling(scene.events()))) if scene.streamed else scene.whole()


def error_frame(style: str, code: int, message: str = "The model is overloaded.") -> Frame:
    """An event that is an error, as the vendors write it."""
    error = {"message": message, "type": "overloaded_error" if code >= 500 else "rate_limit_error", "code": code}
    shapes: dict[str, Any] = {
        "openai": {"error": {**error, "param": None}},
        "anthropic": {"type": "error", "error": {"type": error["type"], "message": message}},
        "vllm": {"object": "error", "message": message, "type": "InternalServerError", "param": None, "code": code},
        "openrouter": {"error": error, "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]},
    }
    opening = b"event: error\n" if style == "anthropic" else b""
    return Frame(opening + b"data: " + written(shapes[style]) + b"\n\n")


@fault("error-first", "D-20", takes=number("code in the error", 429, 400, 599))
def error_first(scene: Scene) -> Script:
    """Answers 200, and the first event is an error; a unary answer is one."""
    if not scene.streamed:
        return evolve(scene, content=Unary(msgspec.json.decode(error_frame("openai", scene.arg).data[6:]))).whole()
    return scene.told([error_frame("openai", scene.arg)])


def _styled(text: str | None) -> tuple[str, Measure]:
    style, _, count = (text or STYLES[0]).partition("@")
    if style not in STYLES:
        raise ValueError("must be one of " + ", ".join(STYLES) + ", perhaps followed by @EVENTS")
    measure = measured(count, 3)
    if not isinstance(measure, Events):
        raise ValueError("is measured in events, not in bytes")
    return style, measure


@fault("error-midway", "D-21", takes=Argument(f"STYLE or STYLE@EVENTS (else openai@3): {', '.join(STYLES)}", _styled))
def error_midway(scene: Scene) -> Script:
    """Begins well, then an error event in some vendor's style, and a clean end."""
    style, measure = scene.arg
    if not scene.streamed:
        return scene.whole()
    return scene.told([*first(scene.frames(), measure.count), error_frame(style, 500)])


def first(frames: Iterator[Frame], count: int) -> list[Frame]:
    """The first `count` of `frames`."""
    return [each for _, each in zip(range(count), frames, strict=False)]


@fault("no-done", "D-22")
def no_done(scene: Scene) -> Script:
    """Tells the whole stream but for `[DONE]`."""
    return retold(scene, lambda told: (each for each in told if each.chunk is not None))


@fault("lingering", "D-22")
def lingering(scene: Scene) -> Script:
    """Tells the whole stream with its finish_reason, then neither `[DONE]` nor an end."""
    if scene.streamed:
        yield from scene.opened(scene.head(CHUNKED))
        yield from scene.chunked(scene.framed(each for each in scene.events() if each.chunk is not None))
    else:
        yield from scene.begun(Events(1))
    yield Hang()


@fault("no-finish", "D-23", takes=number("events before the end", 5))
def no_finish(scene: Scene) -> Script:
    """Ends cleanly in the middle: no finish_reason, no `[DONE]`, but a last chunk."""
    if not scene.streamed:
        yield from scene.whole()
        return
    yield from scene.opened(scene.head(CHUNKED))
    yield from scene.chunked(first(_unfinished(scene), scene.arg))
    yield Send(LAST_CHUNK)


def _unfinished(scene: Scene) -> Iterator[Frame]:
    return scene.framed(each for each in scene.events() if each.chunk is not None and not each.finishes)


@fault("data-after-done", "D-24")
def data_after_done(scene: Scene) -> Script:
    """Goes on talking after `[DONE]`."""

    def retelling(told: Iterator[Event]) -> Iterator[Event]:
        said = [each for each in told if each.chunk is not None]
        return iter([*said, Event(None), *[each for each in said if each.tokens][:2]])

    return retold(scene, retelling)


@fault("two-dones", "D-24")
def two_dones(scene: Scene) -> Script:
    """Ends with `[DONE]` twice."""
    return retold(scene, lambda told: [*[each for each in told if each.chunk is not None], Event(None), Event(None)])


def usage_of(completion: Any) -> dict[str, Any]:
    """A usage object with `completion` in it, whatever that is."""
    total = completion if isinstance(completion, int) and not isinstance(completion, bool) else 0
    return {"prompt_tokens": 7, "completion_tokens": completion, "total_tokens": 7 + total}


@fault("usage-every-chunk", "D-25")
def usage_every_chunk(scene: Scene) -> Script:
    """Puts the usage so far into every chunk."""

    def retelling(told: Iterator[Event]) -> Iterator[Event]:
        so_far = 0
        for each in told:
            so_far += each.tokens
            yield each if each.chunk is None else evolve(each, chunk={**each.chunk, "usage": usage_of(so_far)})

    return retold(scene, retelling)


@fault("usage-missing", "D-25")
def usage_missing(scene: Scene) -> Script:
    """Never says what it cost, whether asked or not."""
    if isinstance(scene.content, Unary):
        body = {name: value for name, value in scene.content.body.items() if name != "usage"}
        return evolve(scene, content=evolve(scene.content, body=body)).whole()
    return retold(scene, lambda told: (each for each in told if not each.counts))


@fault("usage-before-finish", "D-25")
def usage_before_finish(scene: Scene) -> Script:
    """Says what it cost before the finish_reason, whether asked or not."""

    def retelling(told: Iterator[Event]) -> Iterator[Event]:
        so_far, counted = 0, False
        for each in told:
            so_far += each.tokens
            if each.finishes and each.chunk is not None and not counted:
                counted = True
                yield Event({**each.chunk, "choices": [], "usage": usage_of(so_far)})
            if not each.counts:
                yield each

    return retold(scene, retelling)


@fault("usage-absurd", "D-26", takes=word("completion_tokens is", tuple(ABSURD)))
def usage_absurd(scene: Scene) -> Script:
    """Says that it cost something impossible, whether asked or not."""
    usage = usage_of(ABSURD[scene.arg])
    if isinstance(scene.content, Unary):
        return evolve(scene, content=evolve(scene.content, body={**scene.content.body, "usage": usage})).whole()

    def retelling(told: Iterator[Event]) -> Iterator[Event]:
        for each in told:
            if not each.counts:
                yield each
            if each.finishes and each.chunk is not None:
                yield Event({**each.chunk, "choices": [], "usage": usage})

    return retold(scene, retelling)


@fault("malformed-event", "D-28", takes=number("events before it", 2))
def malformed_event(scene: Scene) -> Script:
    """Puts one event into the stream that is no JSON, and goes on."""
    if not scene.streamed:
        return scene.whole()

    def frames() -> Iterator[Frame]:
        rest = scene.frames()
        yield from first(rest, scene.arg)
        yield Frame(b'data: {"id":"broken","choi\n\n')
        yield from rest

    return scene.told(frames())


@fault("endless-line", "D-29", takes=number("MiB of the line", 64, 1))
def endless_line(scene: Scene) -> Script:
    """Begins an event and sends one line that does not end, as fast as it is read."""
    yield from scene.opened(scene.head(CHUNKED))
    yield Send(chunk(b'data: {"choices":[{"index":0,"delta":{"content":"'))
    piece = Send(chunk(b"x" * LINE_PIECE))
    for _ in range(scene.arg * MIB // LINE_PIECE):
        yield piece
    yield Send(LAST_CHUNK)


@fault("other-model", "D-49", takes=literal("the model's name in the answer", "somebody-elses-model"))
def other_model(scene: Scene) -> Script:
    """Names another model in the answer than was asked for."""
    return _renamed(scene, lambda number: {"model": scene.arg})


@fault("other-id", "D-49")
def other_id(scene: Scene) -> Script:
    """Gives every event of the stream another id."""
    return _renamed(scene, lambda number: {"id": f"other-{number}"})


def _renamed(scene: Scene, changes: Callable[[int], dict[str, str]]) -> Script:
    match scene.content:
        case Unary(body, tokens):
            return evolve(scene, content=Unary({**body, **changes(0)}, tokens)).whole()
        case Streamed():
            return retold(
                scene,
                lambda told: (
                    each if each.chunk is None else evolve(each, chunk={**each.chunk, **changes(number)})
                    for number, each in enumerate(told)
                ),
            )


FAULTS = gathered(globals())
