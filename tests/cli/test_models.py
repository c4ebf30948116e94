"""Tests of targon_gw/cli/models.py."""

from __future__ import annotations

from pathlib import Path

from targon_gw.core.config import ModelSettings
from tests import fakes
from tests.web.office import Office

from .desk import as_json, told


class ModelsTests:
    """`targon-gw models`."""

    def test_table(self, tmp_path: Path) -> None:
        """A line a name; an alias says of what."""
        models = (ModelSettings("a/b"), ModelSettings("short", alias="a/b"))
        office = Office(tmp_path, fakes.config(models=models))
        _, first, second = told(office, "models").splitlines()

        assert first.split() == ["a/b", "available", "chat", "acme/a/b"]
        assert second.split() == ["short", "available", "chat", "a/b", "acme/a/b"]
        assert [model["name"] for model in as_json(office, "models")["models"]] == ["a/b", "short"]
