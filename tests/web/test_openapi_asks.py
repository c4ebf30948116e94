"""The schemas of bodies take what the gateway takes, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from targon_gw.core.errors import Refusal
from targon_gw.core.openai import Endpoint, read
from tests import fakes

from .contract import problems, told


class RangesTests:
    """The schemas of bodies say what `read` does."""

    BODIES = {
        "ChatRequest": (Endpoint.CHAT, {"messages": [{"role": "user", "content": "hello"}]}),
        "CompletionRequest": (Endpoint.COMPLETIONS, {"prompt": "hello"}),
        "EmbeddingRequest": (Endpoint.EMBEDDINGS, {"input": "hello"}),
    }

    def agrees(self, name: str, **fields: Any) -> bool:
        """Whether the gateway takes the body; the schema must say the same."""
        endpoint, least = self.BODIES[name]
        body = {"model": fakes.MODEL, **least, **fields}
        try:
            read(endpoint, json.dumps(body).encode())
        except Refusal:
            assert problems(body, name), body
            return False
        assert not problems(body, name), body
        return True

    @pytest.mark.parametrize("name", list(BODIES))
    def test_bounds(self, name: str) -> None:
        """At each bound a body is taken, beyond it not; null is as good as nothing."""
        properties = told()["components"]["schemas"][name]["properties"]
        for field, rule in properties.items():
            step = 1 if "integer" in rule.get("type", ()) else 0.001
            for bound, beyond in (("minimum", -step), ("maximum", step)):
                if bound in rule:
                    assert self.agrees(name, **{field: rule[bound]}), field
                    assert not self.agrees(name, **{field: rule[bound] + beyond}), field
            if "null" in rule.get("type", ()) and field != "stream_options":
                assert self.agrees(name, **{field: None}), field

    @pytest.mark.parametrize(
        ("name", "fields", "taken"),
        [
            ("ChatRequest", {"stream": True, "stream_options": {"include_usage": True}}, True),
            ("ChatRequest", {"stream": "yes"}, False),
            ("ChatRequest", {"messages": []}, False),
            ("ChatRequest", {"messages": [{"content": "no role"}]}, False),
            ("ChatRequest", {"messages": [{"role": ""}]}, False),
            ("ChatRequest", {"messages": None}, False),
            ("ChatRequest", {"model": ""}, False),
            ("ChatRequest", {"model": "m" * 257}, False),
            ("ChatRequest", {"stop": ["."] * 64}, True),
            ("ChatRequest", {"stop": ["."] * 65}, False),
            ("ChatRequest", {"tools": [{}] * 1025}, False),
            ("ChatRequest", {"nobody_knows_it": [1]}, True),
            ("CompletionRequest", {"prompt": ["a", "b"]}, True),
            ("CompletionRequest", {"prompt": [1, 2]}, True),
            ("CompletionRequest", {"prompt": [[1], [2]]}, True),
            ("CompletionRequest", {"prompt": [[]]}, False),
            ("CompletionRequest", {"prompt": ["a", 2]}, False),
            ("EmbeddingRequest", {"input": []}, False),
        ],
    )
    def test_shapes(self, name: str, fields: dict[str, Any], taken: bool) -> None:
        """What is of another shape neither takes."""
        assert self.agrees(name, **fields) is taken
