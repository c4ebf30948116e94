"""What the model says, and what that costs."""

from __future__ import annotations

import json
import random
from typing import Any
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.config import Dialect
from targon_gw.rehearsal.orders import CHAT, read_order
from targon_gw.rehearsal.telling import ECHO, Choice, Model, Telling, tell, wanted_tool

PLAIN, THINKER = Model("plain"), Model("thinker", reasoning=True)


def telling(model: Model = PLAIN, **more: Any) -> Telling:
    """What is told to a usual order."""
    body = {"model": model.id, "messages": [{"role": "user", "content": "hello"}], "temperature": 0, **more}
    order = read_order(CHAT, json.dumps(body).encode(), Dialect.OPENAI)
    return tell(order, model, random.Random(0), 12.9)


class ChoiceTests(TestCase):
    """One answer of several."""

    @given(st.lists(st.just("t")), st.lists(st.just("w")), st.integers(1, 20))
    def test_at_most(self, thoughts: list[str], words: list[str], limit: int) -> None:
        """No more pieces than allowed, thoughts first; what is cut ends with `length` and nothing else does."""
        whole = Choice(tuple(thoughts), tuple(words))
        cut = whole.at_most(limit)
        assert cut.size == min(whole.size, limit)
        assert (cut.thoughts + cut.words) == (whole.thoughts + whole.words)[:limit]
        assert (cut.finish == "length") is (whole.size > limit)


class TellTests(TestCase):
    """Whole tellings."""

    def test_usage_adds_up(self) -> None:
        """The total is the sum, reasoning is part of the completion."""
        usage = telling(THINKER, n=2).usage
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] < usage["completion_tokens"]
        assert "completion_tokens_details" not in telling().usage

    def test_models_differ(self) -> None:
        """Two models say different things; one says the same twice."""
        assert telling(Model("x")).choices != telling(Model("y")).choices
        assert telling().choices == telling().choices

    def test_created_is_whole_seconds(self) -> None:
        """OpenAI's `created` is an integer."""
        assert telling().created == 12

    def test_stop(self) -> None:
        """Nothing is said from the stop on."""
        text = "".join(telling().choices[0].words)
        stop = text[20:24]
        assert "".join(telling(stop=stop).choices[0].words) == text[: text.index(stop)]

    def test_repeats_what_it_is_asked_to(self) -> None:
        """What follows `ECHO` in the newest prompt comes back word for word, and `stop` and `max_tokens` still hold."""
        said = [{"role": "user", "content": ECHO + "one"}, {"role": "user", "content": ECHO + "two  three. four"}]
        assert "".join(telling(messages=said).choices[0].words) == "two  three. four"
        assert "".join(telling(messages=said, stop=".").choices[0].words) == "two  three"
        assert telling(messages=said, max_tokens=1).choices[0].finish == "length"

    def test_strange_tools(self) -> None:
        """Tools that are none are not called."""
        for tools in ("x", [], [3], [{"function": 3}], [{"function": {"name": 3}}]):
            body = {"model": "m", "messages": [{"role": "user", "content": "?"}], "tools": tools}
            assert wanted_tool(read_order(CHAT, json.dumps(body).encode(), Dialect.OPENAI)) is None
