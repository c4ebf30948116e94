"""Tests of targon_gw/settings/references.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from .folder import loaded, refused


class ReferencesTests:
    """What one part of the settings says about another."""

    @pytest.mark.parametrize(
        ("models", "said"),
        [
            ("[{id: a}, {id: a}]", "1:24: 'a' is already a model on line 1"),
            ("[{id: a, alias: b}]", "1:25: there is no model 'b'"),
            ("[{id: a, fallback: b}]", "1:28: there is no model 'b'"),
            ("[{id: a, routes: [x]}]", "1:27: gateway.yaml has no upstream 'x'; it has: targon"),
            ("[{id: a, routes: [targon, targon]}]", "1:35: 'targon' is already in this list"),
            ("[{id: a, alias: a}]", "1:25: this goes round in a circle: a → a"),
            ("[{id: a, alias: b}, {id: b, alias: a}]", "1:25: this goes round in a circle: a → b → a"),
            ("[{id: a, fallback: b}, {id: b, fallback: a}]", "1:28: this goes round in a circle: a → b → a"),
            ("[{id: a, fallback: b}, {id: b, alias: a}]", "this goes round in a circle: a → b → a"),
            ("[{id: a, alias: b, context: 5}, {id: b}]", "1:28: 'context' means nothing beside alias"),
            ("[{id: a b}]", "1:15: expected a model's name, without spaces"),
            ("[{id: a, features: [tool]}]", "got 'tool'; did you mean 'tools'?"),
        ],
    )
    def test_models(self, tmp_path: Path, models: str, said: str) -> None:
        """A name that names nothing, a name twice and a circle are told at their places."""
        assert said in refused(tmp_path, {"models.yaml": f"models: {models}\n"})

    def test_one_problem_a_circle(self, tmp_path: Path) -> None:
        """A circle of three, and two that lead into it, are one problem."""
        links = ["a: b", "b: c", "c: a", "d: a", "e: d"]
        text = "".join(f"  - {{id: {each[0]}, fallback: {each[3]}}}\n" for each in links)

        assert refused(tmp_path, {"models.yaml": f"models:\n{text}"}).count("circle") == 1

    def test_aliases_are_followed(self, tmp_path: Path) -> None:
        """An alias of an alias, and a fallback to one, lead to the real model."""
        text = "models: [{id: a, alias: b}, {id: b, alias: c}, {id: c}, {id: d, fallback: a}]"
        models = loaded(tmp_path, {"models.yaml": text}).config.models

        assert [model.alias for model in models] == ["c", "c", None, None]
        assert models[3].fallback == "c"

    @pytest.mark.parametrize(
        "url",
        [
            "http://api.targon.com/v1",
            "https://127.0.0.1/v1",
            "https://localhost/v1",
            "https://x.localhost./v1",
            "https://10.1.2.3/v1",
            "https://169.254.169.254/v1",
            "https://[::1]/v1",
            "https://[::ffff:127.0.0.1]/v1",
            "https://0.0.0.0/v1",
        ],
    )
    def test_private_addresses(self, tmp_path: Path, url: str) -> None:
        """Addresses of this machine and its neighbours, and http, need an operator who says so (F-18)."""
        text = f"upstreams: {{targon: {{base_url: '{url}'}}}}\n"

        assert "it needs 'allow_private: true'" in refused(tmp_path, {"gateway.yaml": text})
        allowed = text.replace("}}", ", allow_private: true}}")
        assert loaded(tmp_path, {"gateway.yaml": allowed}).config.upstreams[0].base_url == url

    def test_broken_gateway_hides_nothing_and_blames_nobody(self, tmp_path: Path) -> None:
        """Where gateway.yaml cannot be parsed, other files are judged, but no upstream is said to be missing."""
        said = refused(
            tmp_path,
            {"gateway.yaml": "a: [\n", "keys.yaml": "other: [5]\n", "models.yaml": "models: [{id: a, routes: [x]}]"},
        )

        assert [line.split(":")[0] for line in said.splitlines() if line[0] != " "] == ["gateway.yaml", "keys.yaml"]
