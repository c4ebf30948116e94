"""What the model says: thoughts, words or a tool call for every choice, and what that costs.

The same order of the same model says the same thing where it is deterministic; otherwise the caller's luck decides. A
choice never says more pieces than were allowed, and then its `finish` is `length`.
"""

from __future__ import annotations

import json
import random
from typing import Any

from attrs import evolve, frozen

from .orders import Order
from .showpieces import shown
from .text import pieces, spoken, thought, told, until_stop

SHORTEST, LONGEST = 40, 160
"""Pieces of an answer, before `max_tokens`."""
THINKING = (20, 60)
"""Pieces of reasoning."""
ECHO = "Repeat after me: "
"""A prompt that begins so is answered with the rest of it: whoever asked can tell whether the answer is theirs."""


@frozen
class Model:
    """A model that the vendor has. `dimensions` is the length of its embeddings; `None` where it makes none."""

    id: str
    reasoning: bool = False
    dimensions: int | None = None


@frozen
class ToolCall:
    """A function's name and its arguments, as pieces of JSON."""

    id: str
    name: str
    arguments: tuple[str, ...]


@frozen
class Choice:
    """One of the answers. `finish` is OpenAI's finish_reason."""

    thoughts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    call: ToolCall | None = None
    finish: str = "stop"

    @property
    def size(self) -> int:
        """Pieces in all: what the vendor bills."""
        return len(self.thoughts) + len(self.words) + (len(self.call.arguments) if self.call else 0)

    def at_most(self, limit: int) -> Choice:
        """This choice after `limit` pieces; a tool call is not cut."""
        if self.call is not None or self.size <= limit:
            return self
        thoughts = self.thoughts[:limit]
        return Choice(thoughts, self.words[: limit - len(thoughts)], None, "length")


@frozen
class Telling:
    """A whole answer: `id` and `created` (seconds since 1970) as they stand in it."""

    id: str
    created: int
    model: str
    choices: tuple[Choice, ...]
    prompt_tokens: int

    @property
    def completion_tokens(self) -> int:
        """Pieces of all choices together."""
        return sum(choice.size for choice in self.choices)

    @property
    def usage(self) -> dict[str, Any]:
        """OpenAI's `usage` object."""
        usage: dict[str, Any] = {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }
        reasoning = sum(len(choice.thoughts) for choice in self.choices)
        if reasoning:
            usage["completion_tokens_details"] = {"reasoning_tokens": reasoning}
        return usage


def tell(order: Order, model: Model, luck: random.Random, now: float) -> Telling:
    """What `model` answers to `order`. `luck` decides ids, and the text where the order does not fix it."""
    entropy = "" if order.deterministic else str(luck.random())
    choices = tuple(
        _choice(order, model, random.Random(f"{model.id}\0{order.seed}\0{entropy}\0{index}"))
        for index in range(order.choices)
    )
    return Telling(f"{luck.getrandbits(128):032x}", int(now), model.id, choices, order.prompt_tokens)


def _choice(order: Order, model: Model, draw: random.Random) -> Choice:
    tool = wanted_tool(order)
    thoughts = thought(draw, order.tongue, draw.randint(*THINKING)) if model.reasoning and order.chat else []
    repeated = _repeated(order)
    words = pieces(repeated) if repeated else told(draw, order.tongue, draw.randint(SHORTEST, LONGEST))
    if tool is not None:
        call = ToolCall(f"call_{draw.getrandbits(96):024x}", tool["name"], tuple(pieces(_arguments(order, tool))))
        return Choice(tuple(thoughts), (), call, "tool_calls")
    words = until_stop(words, order.stops)
    whole = Choice(tuple(thoughts), tuple(words))
    return (_continued(whole, order.prefill) if order.prefill else whole).at_most(order.max_tokens)


def _repeated(order: Order) -> str:
    """What the newest prompt asks to be repeated or shown; empty where it asks for neither."""
    messages = order.body["messages"] if order.chat else ()
    asked = next((spoken(each.get("content")) for each in reversed(messages) if each.get("role") == "user"), "")
    return asked.removeprefix(ECHO) if asked.startswith(ECHO) else shown(asked) or ""


def _continued(choice: Choice, prefill: str) -> Choice:
    """What is left of `choice` after `prefill`; all of its words where they don't begin so."""
    return evolve(choice, thoughts=(), words=tuple(pieces("".join(choice.words).removeprefix(prefill))))


def wanted_tool(order: Order) -> dict[str, Any] | None:
    """The function to be called: the one named by `tool_choice`, else the first; `None` after a tool has answered."""
    tools = order.body.get("tools")
    if not order.chat or not isinstance(tools, list) or order.body["messages"][-1].get("role") == "tool":
        return None
    functions = [
        tool["function"] for tool in tools if isinstance(tool, dict) and isinstance(tool.get("function"), dict)
    ]
    functions = [function for function in functions if isinstance(function.get("name"), str)]
    match order.body.get("tool_choice"):
        case "none":
            return None
        case {"function": {"name": name}}:
            functions = [function for function in functions if function["name"] == name]
    return functions[0] if functions else None


def _arguments(order: Order, tool: dict[str, Any]) -> str:
    """Arguments of the types that the tool's schema asks for; texts echo the last message."""
    schema = tool.get("parameters")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return "{}"
    echo = spoken(order.body["messages"][-1].get("content"))
    values: dict[str, Any] = {"number": 1.5, "integer": 1, "boolean": True, "array": [], "object": {}, "null": None}
    filled = {}
    for name, kind in properties.items():
        kind = kind if isinstance(kind, dict) else {}
        choices = kind.get("enum")
        filled[name] = choices[0] if isinstance(choices, list) and choices else values.get(str(kind.get("type")), echo)
    return json.dumps(filled, ensure_ascii=False)
