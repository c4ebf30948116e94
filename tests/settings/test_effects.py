"""Tests of targon_gw/settings/effects.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from targon_gw.settings.effects import WITHOUT_EFFECT, not_yet
from targon_gw.settings.schema import schema

from .folder import loaded

NAMES = [(file, name) for file, names in WITHOUT_EFFECT.items() for name in names]


def reached(definitions: dict[str, Any], at: dict[str, Any], steps: list[str]) -> bool:
    """Whether `steps` lead to a setting of the schema."""
    if not steps:
        return True
    if "$ref" in at:
        return reached(definitions, definitions[at["$ref"].rpartition("/")[2]], steps)
    if steps[0] == "*":
        return reached(definitions, at.get("items") or at["additionalProperties"], steps[1:])
    return steps[0] in at["properties"] and reached(definitions, at["properties"][steps[0]], steps[1:])


class NotYetTests:
    """Settings that are set and have no effect yet."""

    def test_without_effect(self, tmp_path: Path) -> None:
        """Settings that are understood and have no effect yet are named; those that have one are not."""
        files = {
            "gateway.yaml": "drain: 1m\nregistration: invite\ndefault_quota: null\nlimits: {waiting: 5}\n",
            "keys.yaml": "confirm_removal: 3\n",
            "clients.yaml": "clients: [{name: x, key: some-key, priority: 2}]\n",
            "models.yaml": "models: [{id: m, summary: {en: x}}]\n",
        }

        assert loaded(tmp_path, files).ignored == ("models.*.summary",)

    @pytest.mark.parametrize(("file", "name"), NAMES)
    def test_table_names_settings(self, file: str, name: str) -> None:
        """Every line of the table is a setting that there is."""
        definitions = json.loads(json.dumps(schema()["$defs"]))

        assert reached(definitions, definitions[file], name.split("."))

    def test_nothing_read(self) -> None:
        """Of no files, nothing is set."""
        assert not_yet({}) == []
