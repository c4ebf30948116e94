"""What a request asks for, and the body that the vendor gets (faults catalogue, group B)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core import openai
from targon_gw.core.errors import Refusal
from targon_gw.core.openai import IMAGE_TOKENS, PICTURES, STEERING, Ask, Endpoint, read, write

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
FIELDS = (
    "model messages prompt input stream stream_options max_tokens max_completion_tokens n best_of temperature top_p "
    "frequency_penalty presence_penalty stop logit_bias tools seed user"
)
known = st.sampled_from(FIELDS.split())
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(known | st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def chat(**fields: Any) -> Ask:
    """The facts of a small chat with `fields` set."""
    return read(Endpoint.CHAT, json.dumps({**CHAT, **fields}).encode())


def refusal(endpoint: Endpoint, document: dict[str, Any]) -> Refusal:
    """What `document` is refused with."""
    with pytest.raises(Refusal) as caught:
        read(endpoint, json.dumps(document).encode())
    return caught.value


class ReadTests:
    """The facts."""

    def test_a_plain_chat_has_plain_facts(self) -> None:
        """What the client does not set is absent, not a default of ours."""
        ask = chat()

        assert (ask.endpoint, ask.model, ask.stream, ask.wants_usage) == (Endpoint.CHAT, "m", False, False)
        assert (ask.max_tokens, ask.n, ask.generations, ask.deterministic) == (None, 1, 1, False)
        assert ask.size == len(json.dumps(CHAT))
        assert 1 < ask.prompt_estimate < ask.size

    def test_null_is_as_good_as_absent(self) -> None:
        """B-15: `null` in optional fields is what some clients send for nothing."""
        names = "stream stream_options max_tokens max_completion_tokens n temperature top_p stop tools seed logit_bias"
        ask = chat(**dict.fromkeys(names.split()))

        assert (ask.stream, ask.max_tokens, ask.n, ask.deterministic) == (False, None, 1, False)

    def test_the_newer_limit_goes_before_the_older(self) -> None:
        """`max_completion_tokens` replaces `max_tokens`, and either does alone."""
        assert chat(max_tokens=5).max_tokens == 5
        assert chat(max_completion_tokens=7).max_tokens == 7
        assert chat(max_tokens=5, max_completion_tokens=7).max_tokens == 7

    def test_usage_is_wanted_by_who_asks_for_it(self) -> None:
        """B-17: `include_usage` in the options of a stream."""
        assert chat(stream=True, stream_options={"include_usage": True}).wants_usage
        assert not chat(stream=True, stream_options={"include_usage": False}).wants_usage
        assert not chat(stream=True, stream_options={"other": 1}).wants_usage
        assert not chat(stream=True).wants_usage

    @pytest.mark.parametrize(
        ("fields", "deterministic"),
        [({"temperature": 0}, True), ({"temperature": 0.0}, True), ({"seed": 1}, True), ({"temperature": 1}, False)],
    )
    def test_a_seed_or_no_temperature_is_deterministic(self, fields: dict[str, Any], deterministic: bool) -> None:
        """What may be asked for again from the beginning."""
        assert chat(**fields).deterministic is deterministic

    def test_choices_are_those_of_all_prompts(self) -> None:
        """B-16: `n` for each prompt is what the answer has, `best_of` what is made."""
        ask = read(Endpoint.COMPLETIONS, b'{"model":"m","prompt":["a","b"],"n":2,"best_of":5}')

        assert (ask.n, ask.generations) == (4, 10)
        assert (chat(n=3).n, chat(n=3).generations) == (3, 3)
        assert chat(n=3, best_of=2).generations == 3

    @pytest.mark.parametrize(
        ("prompt", "n", "tokens"), [("a", 1, 2), (["a", "b", "c"], 3, 6), ([1, 2, 3], 1, 4), ([[1, 2], [3]], 2, 5)]
    )
    def test_prompts_come_in_four_shapes(self, prompt: Any, n: int, tokens: int) -> None:
        """A text, texts, tokens, arrays of tokens; the estimate is of one to a few tokens each."""
        for endpoint, field in ((Endpoint.COMPLETIONS, "prompt"), (Endpoint.EMBEDDINGS, "input")):
            ask = read(endpoint, json.dumps({"model": "m", field: prompt}).encode())
            assert ask.n == n
            assert 1 <= ask.prompt_estimate <= tokens

    def test_tokens_are_counted_as_they_are(self) -> None:
        """A thousand tokens of one digit are a thousand tokens, though they take 2,000 bytes."""
        for endpoint, field in ((Endpoint.COMPLETIONS, "prompt"), (Endpoint.EMBEDDINGS, "input")):
            body = json.dumps({"model": "m", field: [1] * 1000}, separators=(",", ":")).encode()
            assert read(endpoint, body).prompt_estimate >= 1000

    def test_a_picture_is_not_text(self) -> None:
        """B-19: a data URI of 300 KB counts as one picture; tools count as text."""
        url = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 300_000}}
        pictured = chat(messages=[{"role": "user", "content": [url]}])

        assert IMAGE_TOKENS <= pictured.prompt_estimate < IMAGE_TOKENS + 100
        assert chat(tools=[{"x": "y" * 3000}]).prompt_estimate > 1000

    @pytest.mark.parametrize("slash", ["/", "\\/"])
    def test_a_picture_ends_where_its_base64_does(self, slash: str) -> None:
        """B-19: text behind it is text; PHP writes slashes with a backslash."""
        body = json.dumps(
            {**CHAT, "messages": [{"role": "user", "content": "data:;base64," + "AB/+" * 90_000 + " and " * 300}]}
        )
        found = read(Endpoint.CHAT, body.replace("/", slash).encode())

        assert IMAGE_TOKENS + 500 <= found.prompt_estimate < IMAGE_TOKENS + 700

    def test_no_text_hides_as_a_picture(self) -> None:
        """C-13: whatever says that it is one, in the prompt or in a field nobody reads, the prompt counts in full."""
        text = "hello world " * 20_000
        honest = chat(messages=[{"role": "user", "content": text}]).prompt_estimate
        hidden = chat(messages=[{"role": "user", "content": ";base64," + text}]).prompt_estimate
        beside = chat(messages=[{"role": "user", "content": text}], x=";base64," + "A" * len(text)).prompt_estimate

        assert honest > len(text) / 4
        assert hidden >= honest and beside >= honest

    def test_many_pictures(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """B-10: a body may say a million times that it has one; so often is not looked."""
        looks: list[int] = []
        monkeypatch.setattr(openai, "run", lambda text, of, start: looks.append(start) or start)
        found = chat(messages=[{"role": "user", "content": ';base64,"' * 10_000}])

        assert len(looks) == PICTURES
        assert found.prompt_estimate > PICTURES * IMAGE_TOKENS


class RefusalTests:
    """What is refused, and which field is named."""

    @pytest.mark.parametrize("field", ["model", "messages"])
    def test_missing_fields_are_named(self, field: str) -> None:
        """B-12, B-13: absent and `null` are alike."""
        without = {name: value for name, value in CHAT.items() if name != field}
        for document in (without, {**CHAT, field: None}):
            found = refusal(Endpoint.CHAT, document)
            assert (found.code, found.param) == ("missing_field", field)

    def test_missing_prompts_are_named(self) -> None:
        """B-13: each endpoint has its own field."""
        assert refusal(Endpoint.COMPLETIONS, {"model": "m"}).param == "prompt"
        assert refusal(Endpoint.EMBEDDINGS, {"model": "m"}).param == "input"

    @pytest.mark.parametrize(
        ("field", "values"),
        [
            ("model", ["", "x" * 257, "a\r\nb", "a\0", "\u202e", 1, True, ["m"], {}]),
            ("stream", ["yes", 1, 0, "true", []]),
            ("stream_options", ["x", [], 1]),
            ("max_tokens", [-1, 0, 1.5, 10**7 + 1, 10**18, 10**40, 1e18, True, "5", []]),
            ("max_completion_tokens", [-1, 0, 1.5, 10**18, True, "5"]),
            ("n", [0, 129, 1000, "2", True, 1.5]),
            ("best_of", [0, 129, "2", True]),
            ("temperature", ["hot", -0.1, 2.1, True, [], 10**400]),
            ("top_p", [-0.1, 1.1, "1", False]),
            ("frequency_penalty", [-2.1, 2.1, "0"]),
            ("presence_penalty", [-2.1, 2.1, True]),
            ("stop", [1, ["x"] * 65, {}]),
            ("logit_bias", [[], {str(at): 1 for at in range(4097)}]),
            ("tools", [{}, [{}] * 1025]),
            ("messages", [[], {}, "hi", 1, [{"role": "user"}] * 10_001]),
        ],
    )
    def test_values_out_of_range_are_refused_by_name(self, field: str, values: list[Any]) -> None:
        """B-12 to B-16: each wrong type and range, never a bool for a number; at most 64 characters come back."""
        for value in values:
            found = refusal(Endpoint.CHAT, {**CHAT, field: value})
            assert (found.code, found.param) == ("invalid_value", field)
            assert len(found.message) < 200

    @pytest.mark.parametrize(
        ("message", "param"), [("hi", "messages[1]"), ({}, "messages[1]"), ({"role": 5}, "messages[1].role")]
    )
    def test_a_wrong_message_is_pointed_at(self, message: Any, param: str) -> None:
        """B-13: which of the messages, and what of it."""
        found = refusal(Endpoint.CHAT, {**CHAT, "messages": [{"role": "user"}, message]})

        assert (found.code, found.param) == ("invalid_value", param)

    @pytest.mark.parametrize("prompt", [[], {}, 5, [1, "a"], [[]], [["a"]], [None], [{}], [[1], 2], [True], True])
    def test_prompts_of_no_shape_are_refused(self, prompt: Any) -> None:
        """B-13: empty, mixed or of another type."""
        for endpoint, field in ((Endpoint.COMPLETIONS, "prompt"), (Endpoint.EMBEDDINGS, "input")):
            found = refusal(endpoint, {"model": "m", field: prompt})
            assert found.code == "invalid_value"
            assert (found.param or "").split("[")[0] == field

    def test_options_of_a_stream_need_a_stream(self) -> None:
        """B-17: as OpenAI has it."""
        for stream in (False, None):
            found = refusal(Endpoint.CHAT, {**CHAT, "stream": stream, "stream_options": {"include_usage": True}})
            assert (found.code, found.param) == ("invalid_value", "stream_options")

    def test_embeddings_are_not_streamed(self) -> None:
        """A stream of embeddings would never end in a `finish_reason`."""
        assert refusal(Endpoint.EMBEDDINGS, {"model": "m", "input": "a", "stream": True}).param == "stream"

    @pytest.mark.parametrize("number", [b"1e999", b"-1e999"])
    def test_numbers_beyond_floats_are_refused(self, number: bytes) -> None:
        """B-05: what would become infinite."""
        with pytest.raises(Refusal) as caught:
            read(Endpoint.CHAT, b'{"model":"m","messages":[{"role":"user"}],"temperature":' + number + b"}")
        assert caught.value.param == "temperature"

    @given(
        st.sampled_from(Endpoint),
        st.binary(max_size=50) | st.dictionaries(known, anything).map(json.dumps).map(str.encode),
    )
    def test_nothing_else_is_ever_raised(self, endpoint: Endpoint, body: bytes) -> None:
        """B-01 to B-16: whatever the body, facts that hold or a Refusal."""
        try:
            ask = read(endpoint, body)
        except Refusal:
            return
        assert ask.n >= 1
        assert ask.generations >= ask.n
        assert ask.prompt_estimate >= 1
        assert ask.max_tokens is None or ask.max_tokens >= 1


class WriteTests:
    """The vendor's body."""

    def test_edits_replace_add_and_remove(self) -> None:
        """The name is exchanged in place, new fields come last, `None` leaves one out, or does nothing."""
        ask = read(Endpoint.CHAT, b'{"model":"a", "messages":[{"role":"user"}],"n":1,"user":"u"}')

        assert write(ask, {"model": b'"b"', "stream": b"true", "n": None, "top_p": None}) == (
            b'{"model":"b","messages":[{"role":"user"}],"user":"u","stream":true}'
        )

    def test_the_facts_stay_for_the_next_attempt(self) -> None:
        """Writing alters nothing that a second attempt needs."""
        ask = chat(api_base="http://evil", user="u")

        assert write(ask, {"user": None}) != write(ask, {})
        assert b'"user"' in write(ask, {})

    @pytest.mark.parametrize("field", sorted(STEERING))
    def test_steering_fields_never_go_out(self, field: str) -> None:
        """B-18: neither where to, nor with which key, nor which other model."""
        assert json.loads(write(chat(**{field: "http://evil"}), {})) == CHAT

    def test_what_is_not_known_goes_out_byte_for_byte(self) -> None:
        """B-20, B-22: numbers, escapes and spaces of fields that we don't read; 1e999 and 5,000 digits, too."""
        digits = b"9" * 5000
        odd = b'"a":1.0e+05,"b":"\\u00e9\\u0000\\/","c":[ 1,{ "x":1e999 } ],"d":' + digits + b',"e":-0.0'
        body = b'{"model":"m","messages":[{"role":"user","x":1E2}],' + odd + b"}"

        assert write(read(Endpoint.CHAT, body), {}) == body

    @given(st.dictionaries(st.text(max_size=6), anything, max_size=5))
    def test_any_other_field_survives(self, others: dict[str, Any]) -> None:
        """B-20: forward compatibility, for any name and value."""
        others = {name: value for name, value in others.items() if name not in STEERING}
        document = {**others, **CHAT}
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        try:
            ask = read(Endpoint.CHAT, body.encode("utf-8", "surrogatepass"))
        except Refusal:
            return

        assert write(ask, {}).decode() == body
