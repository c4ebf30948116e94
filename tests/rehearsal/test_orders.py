"""Orders read out of bodies, by each dialect's habits."""

from __future__ import annotations

import json
from typing import Any
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.config import Dialect
from targon_gw.rehearsal.orders import CHAT, COMPLETIONS, Misread, Order, read_inputs, read_order

MESSAGES = [{"role": "user", "content": "one two three"}]


def order(dialect: Dialect = Dialect.OPENAI, **body: Any) -> Order:
    """A chat order of a body."""
    return read_order(CHAT, json.dumps({"model": "m", "messages": MESSAGES, **body}).encode(), dialect)


class DialectTests(TestCase):
    """What is meant by what is not said."""

    def test_targon_absent_fields(self) -> None:
        """Targon streams unless told not to, allows 512 tokens, and does not look at max_completion_tokens."""
        asked = order(Dialect.TARGON, max_completion_tokens=9)
        assert asked.stream
        assert asked.max_tokens == 512
        assert not order(Dialect.TARGON, stream=False).stream

    def test_openai_absent_fields(self) -> None:
        """OpenAI does not stream unless asked, and believes the newer of the two limits."""
        asked = order(max_completion_tokens=9, max_tokens=5)
        assert not asked.stream
        assert asked.max_tokens == 9
        assert order(max_tokens=5).max_tokens == 5

    def test_stream_options_want_a_stream(self) -> None:
        """OpenAI refuses stream_options where there is no stream."""
        with self.assertRaises(Misread) as caught:
            order(stream_options={"include_usage": True})
        assert caught.exception.param == "stream_options"
        assert order(stream=True, stream_options={"include_usage": True}).usage


class ShapeTests(TestCase):
    """What is refused, and which field is blamed."""

    def test_fields_at_fault(self) -> None:
        """Each wrong field is named."""
        wrong: dict[str, list[Any]] = {
            "stream": ["yes", 1],
            "max_tokens": [0, -1, 1.5, True, "9"],
            "n": [0, 129, "2"],
            "stop": [3, [1]],
            "messages": [[], "x", [1], None],
            "model": ["", 3, None],
        }
        for name, values in wrong.items():
            for value in values:
                with self.subTest(name=name, value=value), self.assertRaises(Misread) as caught:
                    order(**{name: value})
                assert caught.exception.param == name

    @given(st.binary())
    def test_no_bytes_upset_it(self, raw: bytes) -> None:
        """Whatever comes is an order or misread."""
        for path in (CHAT, COMPLETIONS):
            with self.assertRaises(Misread):
                read_order(path, raw, Dialect.TARGON)

    def test_deep_nesting(self) -> None:
        """Brackets without end are misread, not a crash."""
        with self.assertRaises(Misread):
            read_order(CHAT, b"[" * 100_000, Dialect.OPENAI)


class OrderTests(TestCase):
    """What follows from an order."""

    def test_prompt_tokens(self) -> None:
        """The prompt's pieces, and three around each message."""
        assert order().prompt_tokens == 3 + 3

    def test_prompts(self) -> None:
        """The legacy form answers each prompt `n` times."""
        raw = json.dumps({"model": "m", "prompt": ["a", "b"], "n": 2}).encode()
        assert read_order(COMPLETIONS, raw, Dialect.OPENAI).choices == 4

    def test_seed_is_of_what_is_said(self) -> None:
        """How an answer is sent does not change it; what was asked does."""
        assert order(temperature=0).seed == order(temperature=0, stream=True, max_tokens=3).seed
        assert order(temperature=0).seed != order(temperature=0, messages=[{"role": "user", "content": "?"}]).seed

    def test_deterministic(self) -> None:
        """Temperature 0 or a seed fixes the answer."""
        assert order(temperature=0).deterministic
        assert order(seed=0).deterministic
        assert not order(temperature=0.5).deterministic

    def test_prefill(self) -> None:
        """What the assistant has said is gone on from where vLLM's flag or DeepSeek's says so, and then does not change
        the seed."""
        begun = [*MESSAGES, {"role": "assistant", "content": "Once"}]
        marked = order(messages=[*MESSAGES, {**begun[-1], "prefix": True}])
        assert (marked.prefill, marked.seed) == ("Once", order().seed)
        assert order(messages=[{**begun[-1], "prefix": True}, *MESSAGES]).prefill is None
        assert order(messages=begun).prefill is None
        going_on = order(messages=begun, continue_final_message=True)
        assert going_on.prefill == "Once"
        assert going_on.seed == order().seed


class InputsTests(TestCase):
    """What is to be embedded."""

    def test_forms(self) -> None:
        """A text, several texts, token numbers, lists of them."""
        for given_, sizes in (("a b", (2,)), (["a", "b c"], (1, 2)), ([1, 2, 3], (3,)), ([[1], [2, 3]], (1, 2))):
            assert read_inputs(json.dumps({"model": "m", "input": given_}).encode()).sizes == sizes

    def test_wrong(self) -> None:
        """Anything else is misread."""
        for wrong in (None, [], 3, [None], {}):
            with self.assertRaises(Misread) as caught:
                read_inputs(json.dumps({"model": "m", "input": wrong}).encode())
            assert caught.exception.param == "input"
