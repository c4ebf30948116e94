"""What each kind of vendor is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from targon_gw.core.config import Dialect, Prefill
from targon_gw.core.dialects import FALLBACK_MAX_TOKENS, HABITS, asked_tokens, edits, going_on
from targon_gw.core.openai import Ask, Endpoint, write
from tests.fakes import ask


def sent(dialect: Dialect, asked: Ask, default: int | None = None) -> dict[str, Any]:
    """The vendor's body, read back."""
    return json.loads(write(asked, edits(dialect, asked, "their-name", default)))  # type: ignore[no-any-return]


class EditsTests:
    """The fields that differ."""

    @pytest.mark.parametrize("dialect", list(Dialect))
    def test_stream_is_always_said(self, dialect: Dialect) -> None:
        """Targon takes no `stream` for true: it is said to everyone, and the model is called as the vendor calls it."""
        body = sent(dialect, ask())

        assert body["stream"] is False
        assert body["model"] == "their-name"
        assert "stream_options" not in body

    @pytest.mark.parametrize("dialect", list(Dialect))
    @pytest.mark.parametrize("own", [{}, {"stream_options": None}, {"stream_options": {"include_usage": False}}])
    def test_a_stream_is_asked_for_its_usage(self, dialect: Dialect, own: dict[str, Any]) -> None:
        """Whoever wants to see it."""
        assert sent(dialect, ask(stream=True, **own))["stream_options"] == {"include_usage": True}

    def test_other_stream_options_stay(self) -> None:
        """The client's own options go along with ours."""
        own = {"include_usage": True, "continuous_usage_stats": False, "chunk_size": 12}

        assert sent(Dialect.OPENAI, ask(stream=True, stream_options=own))["stream_options"] == own

    def test_empty_stream_options_do_not_go_with_a_whole_answer(self) -> None:
        """`stream_options: null` beside no stream is left out."""
        assert "stream_options" not in sent(Dialect.OPENAI, ask(stream_options=None))

    @pytest.mark.parametrize(
        ("fields", "default", "asked"),
        [
            ({}, None, FALLBACK_MAX_TOKENS),
            ({}, 900, 900),
            ({"max_tokens": 7}, 900, 7),
            ({"max_completion_tokens": 8}, 900, 8),
            ({"max_tokens": 7, "max_completion_tokens": 8}, None, 8),
        ],
    )
    def test_targon_is_told_max_tokens(self, fields: dict[str, Any], default: int | None, asked: int) -> None:
        """It takes none for 512 and does not look at `max_completion_tokens`."""
        body = sent(Dialect.TARGON, ask(**fields), default)

        assert body["max_tokens"] == asked == asked_tokens(Dialect.TARGON, ask(**fields), default)
        assert "max_completion_tokens" not in body

    @pytest.mark.parametrize("dialect", [Dialect.OPENAI, Dialect.VLLM])
    def test_others_have_their_own_default(self, dialect: Dialect) -> None:
        """Where the client set no limit, none is made up."""
        assert "max_tokens" not in sent(dialect, ask(), 900)
        assert sent(dialect, ask(max_completion_tokens=8))["max_completion_tokens"] == 8
        assert asked_tokens(dialect, ask(), 900) is None

    @pytest.mark.parametrize("dialect", list(Dialect))
    def test_embeddings_are_only_renamed(self, dialect: Dialect) -> None:
        """Nothing that belongs to generations is put there."""
        assert sent(dialect, ask(endpoint=Endpoint.EMBEDDINGS)) == {"model": "their-name", "input": "hello"}
        assert asked_tokens(dialect, ask(endpoint=Endpoint.EMBEDDINGS), 900) is None


class HabitsTests:
    """How far a vendor's limits reach."""

    def test_every_dialect_has_them(self) -> None:
        """Targon's limits are the account's, the others' the model's."""
        assert {dialect: HABITS[dialect].limits_by_model for dialect in Dialect} == {
            Dialect.OPENAI: True,
            Dialect.VLLM: True,
            Dialect.TARGON: False,
        }


class GoingOnTests:
    """Bodies that ask a vendor to go on with what was said."""

    def test_what_is_left(self) -> None:
        """Every bound that the vendor would be sent is what is left of it, at least one; none is made up."""
        asked = ask(max_completion_tokens=10)
        targon = going_on(edits(Dialect.TARGON, asked, "m", None), asked, Prefill.VLLM, "Once", 6)
        openai = going_on(edits(Dialect.OPENAI, asked, "m", None), asked, Prefill.VLLM, "Once", -3)
        unbound = going_on(edits(Dialect.OPENAI, ask(), "m", None), ask(), Prefill.VLLM, "Once", None)

        assert (targon["max_tokens"], targon["max_completion_tokens"]) == (b"6", None)
        assert (openai.get("max_tokens"), openai["max_completion_tokens"]) == (None, b"1")
        assert not {"max_tokens", "max_completion_tokens"} & unbound.keys()

    def test_message(self) -> None:
        """The beginning is the last message, behind the client's own, which pass as they came."""
        asked = ask(messages=[{"role": "user", "content": "x", "odd": 1.50}])
        changed = going_on({}, asked, Prefill.DEEPSEEK, 'a "b"\n', None)

        assert changed == {
            "messages": b'[{"role": "user", "content": "x", "odd": 1.5},'
            b'{"role":"assistant","content":"a \\"b\\"\\n","prefix":true}]'
        }
