"""Whole answers, errors in disguise, and the name of the model (faults catalogue, D-14, D-18 to D-21)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core import answers
from targon_gw.core.answers import (
    NAMES,
    Renamer,
    VendorError,
    envelope,
    error_event,
    model_list,
    read_answer,
    read_error,
    rename,
)
from targon_gw.core.openai import Endpoint
from targon_gw.core.sse import payload

ANSWER = {
    "id": "c1",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}
TARGON = {"message": "no model found", "object": "error", "Type": "InternalServerError", "code": 400}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
members = st.sampled_from(
    ["model", "choices", "data", "usage", "error", "errors", "object", "message", "detail", "code"]
)
documents = st.dictionaries(members, anything)


def said(document: Any) -> bytes:
    """`document` as a vendor would send it."""
    return json.dumps(document).encode()


class EnvelopeTests:
    """What we write."""

    def test_the_envelope_has_its_four_members(self) -> None:
        """`param` is null where no field is at fault."""
        assert envelope("No", "rate_limit_error", "rate_limit_exceeded") == (
            b'{"error":{"message":"No","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}'
        )
        assert json.loads(envelope("No", "t", "c", "messages[0]"))["error"]["param"] == "messages[0]"

    @given(st.text(st.characters(codec=None, categories=None)))
    def test_any_message_can_be_written(self, message: str) -> None:
        """B-06: half surrogates, quotes and controls."""
        told = json.loads(envelope(message, "t", "c", message))["error"]
        assert told["message"] == message.encode("utf-8", "replace").decode()

    def test_the_closing_event_fails_everywhere(self) -> None:
        """An SDK raises on `error`; a client that looks at choices alone sees a `finish_reason` that is no end."""
        event = error_event("The vendor's stream ended early", "upstream_error", "upstream_truncated")
        told = json.loads(payload(event))

        assert event.startswith(b"data: {") and event.endswith(b"}\n\n") and event.count(b"\n") == 2
        assert told["choices"] == [{"index": 0, "delta": {}, "finish_reason": "error"}]
        assert told["error"]["code"] == "upstream_truncated"

    def test_models_are_a_list(self) -> None:
        """OpenAI's list, whatever the entries bear."""
        assert model_list([{"id": "a/b", "pricing": {"prompt": "0.1"}}]) == (
            b'{"object":"list","data":[{"id":"a/b","pricing":{"prompt":"0.1"}}]}'
        )


class ReadAnswerTests:
    """The facts of a whole answer."""

    def test_a_good_answer_is_told(self) -> None:
        """Name, usage and shape."""
        answer = read_answer(Endpoint.CHAT, said(ANSWER))

        assert answer is not None
        assert (answer.model, answer.error, answer.shaped) == ("m", None, True)
        assert answer.usage == ANSWER["usage"]
        assert answer.completion_estimate > 0

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"x"', b"null", said(ANSWER)[:-1], said(ANSWER) + b"x"])
    def test_what_is_no_whole_object_is_none(self, body: bytes) -> None:
        """D-14, D-18: empty, HTML, other JSON, cut, followed by something."""
        assert read_answer(Endpoint.CHAT, body) is None

    @pytest.mark.parametrize("choices", [[], None, {}, "x", 0])
    def test_an_answer_without_choices_has_no_shape(self, choices: Any) -> None:
        """D-18: an object is not yet an answer."""
        answer = read_answer(Endpoint.CHAT, said({**ANSWER, "choices": choices}))

        assert answer is not None
        assert not answer.shaped
        assert answer.error is None

    def test_embeddings_have_data(self) -> None:
        """The other shape; either is none for the other endpoint."""
        body = said({"object": "list", "data": [{"embedding": [0.1]}], "model": "e", "usage": {"prompt_tokens": 2}})
        found = [read_answer(endpoint, body) for endpoint in (Endpoint.EMBEDDINGS, Endpoint.CHAT)]

        assert [answer and answer.shaped for answer in found] == [True, False]

    def test_members_of_other_types_are_tolerated(self) -> None:
        """A vendor's own types cost nothing but the fact that they hide."""
        odd = {**ANSWER, "model": 5, "usage": "many", "choices": [{"finish_reason": 7}, 3, {"finish_reason": "error"}]}
        answer = read_answer(Endpoint.CHAT, said(odd))

        assert answer is not None
        assert (answer.model, answer.usage, answer.shaped) == (None, None, True)
        assert answer.error is not None

    def test_half_surrogates_do_not_spoil_an_answer(self) -> None:
        """A model that cuts a character in two has answered all the same."""
        answer = read_answer(Endpoint.CHAT, said(ANSWER).replace(b'"hi"', b'"\\ud83d"').replace(b'"c1"', b'"\xff"'))

        assert answer is not None
        assert (answer.model, answer.usage, answer.shaped) == ("m", ANSWER["usage"], True)

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            ({"error": {"message": "slow", "code": 429}}, VendorError("slow", 429, None)),
            ({**ANSWER, "error": {"message": "x", "type": "t"}}, VendorError("x", None, "t")),
            (TARGON, VendorError("no model found", 400, "InternalServerError")),
        ],
    )
    def test_errors_in_disguise_are_found(self, body: Any, error: VendorError) -> None:
        """D-19: status 200 and an error inside, OpenRouter's and Targon's."""
        answer = read_answer(Endpoint.CHAT, said(body))

        assert answer is not None
        assert answer.error == error

    def test_an_answer_that_ended_in_an_error_is_one(self) -> None:
        """D-19: OpenRouter's `finish_reason: "error"`, with and without what happened."""
        choice = {"finish_reason": "error", "error": {"message": "gone", "code": 502}}
        told = read_answer(Endpoint.CHAT, said({"choices": [choice]}))
        silent = read_answer(Endpoint.CHAT, said({"choices": [{"finish_reason": "error"}]}))

        assert told is not None and told.error == VendorError("gone", 502, None)
        assert silent is not None and silent.error is not None

    def test_null_errors_are_none(self) -> None:
        """Some vendors send `error: null` always."""
        answer = read_answer(Endpoint.CHAT, said({**ANSWER, "error": None}))
        assert answer is not None and answer.error is None

    @given(st.sampled_from(Endpoint), documents.map(said) | st.binary(max_size=40))
    def test_nothing_is_ever_raised(self, endpoint: Endpoint, body: bytes) -> None:
        """Whatever a vendor sends is an answer, good or bad, or none."""
        answer = read_answer(endpoint, body)
        assert answer is None or isinstance(answer.shaped, bool)


class ReadErrorTests:
    """What an error says."""

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            ({"error": {"message": "m", "code": "c", "type": "t"}}, VendorError("m", "c", "t")),
            ({"error": "plain"}, VendorError("plain", None, None)),
            ({"error": {"message": "m"}, "code": 503}, VendorError("m", 503, None)),
            (
                {"type": "error", "error": {"type": "overloaded_error", "message": "m"}},
                VendorError("m", None, "overloaded_error"),
            ),
            ({"object": "error", "message": "m", "type": "t", "code": 400}, VendorError("m", 400, "t")),
            (TARGON, VendorError("no model found", 400, "InternalServerError")),
            ({"message": "m", "Type": "t", "code": 500}, VendorError("m", 500, "t")),
            ({"detail": "Not Found"}, VendorError("Not Found", None, None)),
            ({"detail": [{"msg": "bad"}]}, VendorError('[{"msg": "bad"}]', None, None)),
            ({"errors": [{"message": "m", "code": 7}]}, VendorError("m", 7, None)),
            ({"error": {"message": {"deep": 1}, "code": True}}, VendorError('{"deep": 1}', None, None)),
        ],
    )
    def test_every_vendors_way_is_understood(self, body: Any, error: VendorError) -> None:
        """D-19 to D-21: whole, as an event, and as an Anthropic event."""
        assert read_error(said(body)) == error
        assert read_error(b"data: " + said(body) + b"\n\n") == error
        assert read_error(b"\nevent: error\ndata: " + said(body) + b"\n\ndata: {}\n\n") == error

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"Unauthorized",
            b"<html>",
            b"[1]",
            b"{}",
            b"data: [DONE]\n\n",
            said(ANSWER),
            said({"error": None}),
            said({"message": "hi"}),
        ],
    )
    def test_what_is_no_error_is_none(self, body: bytes) -> None:
        """An answer, plain text, an empty object."""
        assert read_error(body) is None

    def test_long_messages_are_cut(self) -> None:
        """D-39: a page of a megabyte is no message."""
        told = read_error(said({"error": "x" * 1_000_000}))
        assert told is not None and len(told.message) == 2000

    @given(documents.map(said) | st.binary(max_size=40))
    def test_nothing_is_ever_raised(self, body: bytes) -> None:
        """Whatever a vendor sends; and a message is always text that can be written."""
        told = read_error(body)
        assert told is None or told.message.encode() is not None


class RenameTests:
    """The name of the model, exchanged where it stands."""

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (b'{"model":"a","x":1}', b'{"model":"NEW","x":1}'),
            (b'data: {"id": 1, "model" : "a\\"b" }\n\n', b'data: {"id": 1, "model" : "NEW" }\n\n'),
            (b'{"a":{"model":"a"},"model":"b"}', b'{"a":{"model":"a"},"model":"NEW"}'),
            (b'{"a":[{"b":"}\\"{"}],"model":"b","u":{"v":"{"}}', b'{"a":[{"b":"}\\"{"}],"model":"NEW","u":{"v":"{"}}'),
            (b'{"c":"\\"model\\":\\"a\\"","model":"b"}', b'{"c":"\\"model\\":\\"a\\"","model":"NEW"}'),
            (b'{"a":{"model":"a"}}', b'{"a":{"model":"a"}}'),
            (b'{"model":null}', b'{"model":null}'),
            (b'{"a":"model","b":"c"}', b'{"a":"model","b":"c"}'),
            (b"", b""),
        ],
    )
    def test_the_first_name_at_the_top_is_exchanged(self, before: bytes, after: bytes) -> None:
        """D-49: not one in a text, not one further in; what has none goes by."""
        assert rename(before, "NEW") == after
        assert Renamer("NEW").rename(before) == after

    def test_many_names_further_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """D-18: to go through it for each of a thousand would hold up everybody."""
        looks: list[int] = []
        monkeypatch.setattr(answers, "_at_top", lambda body, start, end: bool(looks.append(start)))
        body = json.dumps({"choices": [{"model": "a"}] * 1000, "model": "b"}).encode()

        assert rename(body, "NEW") == body and len(looks) == NAMES

    @given(
        st.dictionaries(st.text(max_size=6), anything, max_size=4), st.text(st.characters(codec="utf-8")), st.booleans()
    )
    def test_all_else_stays(self, others: dict[str, Any], name: str, first: bool) -> None:
        """Whatever stands before and behind, only the name differs."""
        others.pop("model", None)
        document = {"model": "old", **others} if first else {**others, "model": "old"}
        renamed = json.loads(rename(said(document), name))

        assert json.dumps(renamed) == json.dumps({**document, "model": name})

    def test_a_renamer_follows_a_change(self) -> None:
        """Events of another pattern, or with the pattern further in, are renamed as rightly as the first."""
        renamer = Renamer("NEW")
        events = [
            b'data: {"model":"a","n":1}\n\n',
            b'data: {"model":"a","n":2}\n\n',
            b'data: {"model": "b","n":3}\n\n',
            b'data: {"x":{"model": "b"},"model":"a"}\n\n',
            b'data: {"n":4}\n\n',
        ]

        assert [renamer.rename(event) for event in events] == [
            b'data: {"model":"NEW","n":1}\n\n',
            b'data: {"model":"NEW","n":2}\n\n',
            b'data: {"model": "NEW","n":3}\n\n',
            b'data: {"x":{"model": "b"},"model":"NEW"}\n\n',
            b'data: {"n":4}\n\n',
        ]
