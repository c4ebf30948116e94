"""What was asked for: an Order, read out of a request's body by the vendor's own habits.

Targon's (from its hub's source): `stream` absent is true, `max_tokens` absent is 512, `max_completion_tokens` is not
looked at. OpenAI's: absent is false; either field counts, the newer one first. It reads and checks shapes; who asks,
and whether they may, is not its business.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import define, frozen

from targon_gw.core.config import Dialect

from .text import PER_MESSAGE, language, pieces, spoken

TARGON_MAX_TOKENS = 512
OPENAI_MAX_TOKENS = 4096
"""OpenAI has no bound but the model's; a rehearsal's text is never as long as this."""
MAX_CHOICES = 128
"""OpenAI's bound of `n`."""
CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
EMBEDDINGS = "/v1/embeddings"
SENDING = {"stream", "stream_options", "max_tokens", "max_completion_tokens", "n", "stop", "user", "model"}
UNSEEDED = SENDING | {"continue_final_message", "add_generation_prompt"}
"""Fields that don't change what is said, only how much of it, in what form, by which route."""


@define(eq=False)
class Misread(Exception):
    """The body is not an order; `param` is the field at fault."""

    message: str
    param: str | None = None

    def __attrs_post_init__(self) -> None:
        super().__init__(self.message)


@frozen
class Order:
    """One answer as it was asked for. `model` is the name in the body, faults and all."""

    path: str
    model: str
    body: dict[str, Any]
    stream: bool
    max_tokens: int
    usage: bool
    choices: int
    stops: tuple[str, ...]
    prompt_tokens: int
    tongue: str

    @property
    def deterministic(self) -> bool:
        """Whether the same body must be answered with the same text."""
        return self.body.get("temperature") == 0 or self.body.get("seed") is not None

    @property
    def chat(self) -> bool:
        """Whether messages are asked for, not bare text."""
        return self.path == CHAT

    @property
    def prefill(self) -> str | None:
        """What the assistant has said already and is to go on from (vLLM's `continue_final_message`, DeepSeek's
        `prefix`)."""
        if not self.chat:
            return None
        last = self.body["messages"][-1]
        wanted = self.body.get("continue_final_message") is True or last.get("prefix") is True
        return spoken(last.get("content")) if wanted and last.get("role") == "assistant" else None

    @property
    def seed(self) -> str:
        """The same for two bodies that ask for the same text, however they want it sent."""
        said = {name: value for name, value in self.body.items() if name not in UNSEEDED}
        if self.prefill is not None:
            said["messages"] = said["messages"][:-1]
        return json.dumps(said, sort_keys=True)


def read_order(path: str, raw: bytes, dialect: Dialect) -> Order:
    """The order in `raw`; raises `Misread` with what is wrong and where."""
    body = read_object(raw)
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise Misread("you must provide a model parameter", "model")
    texts = _asked(path, body)
    targon = dialect is Dialect.TARGON
    stream = _flag(body, "stream", targon)
    options = body.get("stream_options") or {}
    if not isinstance(options, dict):
        raise Misread("stream_options must be an object", "stream_options")
    if options and not stream and not targon:
        raise Misread("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    return Order(
        path=path,
        model=model,
        body=body,
        stream=stream,
        max_tokens=_max_tokens(body, targon),
        usage=options.get("include_usage") is True,
        choices=_count(body, "n", 1, MAX_CHOICES) * (1 if path == CHAT else len(texts)),
        stops=_stops(body.get("stop")),
        prompt_tokens=sum(len(pieces(text)) + (PER_MESSAGE if path == CHAT else 0) for text in texts),
        tongue=language(texts[-1]),
    )


def read_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`; raises `Misread` for anything else."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise Misread("We could not parse the JSON body of your request.") from None
    if not isinstance(body, dict):
        raise Misread("The body of your request must be a JSON object.")
    return body


def _asked(path: str, body: dict[str, Any]) -> list[str]:
    """The texts of the prompt; at least one."""
    if path == CHAT:
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages or not all(isinstance(each, dict) for each in messages):
            raise Misread("messages must be a list of at least one message", "messages")
        return [spoken(message.get("content")) for message in messages]
    prompt = body.get("prompt")
    if isinstance(prompt, str):
        return [prompt]
    if isinstance(prompt, list) and prompt and all(isinstance(each, str) for each in prompt):
        return list(prompt)
    raise Misread("prompt must be a string or a list of strings", "prompt")


def _max_tokens(body: dict[str, Any], targon: bool) -> int:
    if targon:
        return _count(body, "max_tokens", TARGON_MAX_TOKENS, None)
    newer = _count(body, "max_completion_tokens", 0, None)
    return newer or _count(body, "max_tokens", OPENAI_MAX_TOKENS, None)


def _flag(body: dict[str, Any], name: str, absent: bool) -> bool:
    value = body.get(name)
    if value is None:
        return absent
    if not isinstance(value, bool):
        raise Misread(f"{name} must be a boolean", name)
    return value


def _count(body: dict[str, Any], name: str, absent: int, most: int | None) -> int:
    value = body.get(name)
    if value is None:
        return absent
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or (most is not None and value > most):
        raise Misread(f"{name} must be an integer of at least 1" + (f" and at most {most}" if most else ""), name)
    return value


def _stops(value: object) -> tuple[str, ...]:
    match value:
        case None:
            return ()
        case str():
            return (value,)
        case list() if all(isinstance(each, str) for each in value):
            return tuple(value)
        case _:
            raise Misread("stop must be a string or a list of strings", "stop")


@frozen
class Inputs:
    """Texts to be embedded. `sizes` are their tokens; nothing is generated, so nothing more can be spent."""

    model: str
    texts: tuple[str, ...]
    sizes: tuple[int, ...]
    as_base64: bool
    max_tokens: int = 0

    @property
    def prompt_tokens(self) -> int:
        """The tokens of all texts."""
        return sum(self.sizes)


def read_inputs(raw: bytes) -> Inputs:
    """The texts of `POST /v1/embeddings`; a list of numbers is a text of so many tokens. Raises `Misread`."""
    body = read_object(raw)
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise Misread("you must provide a model parameter", "model")
    given = body.get("input")
    inputs = [given] if isinstance(given, str) or (isinstance(given, list) and given and _numbers(given)) else given
    if (
        not isinstance(inputs, list)
        or not inputs
        or not all(isinstance(each, str) or _numbers(each) for each in inputs)
    ):
        raise Misread("input must be a string, a list of strings, or token numbers", "input")
    texts = tuple(each if isinstance(each, str) else json.dumps(each) for each in inputs)
    sizes = tuple(len(pieces(each)) if isinstance(each, str) else len(each) for each in inputs)
    return Inputs(model, texts, sizes, body.get("encoding_format") == "base64")


def _numbers(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, int) for each in value)
