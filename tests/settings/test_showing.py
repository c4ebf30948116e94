"""Tests of targon_gw/settings/showing.py."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest
import yaml

from targon_gw.core.config import Config
from targon_gw.settings.showing import duration_text, show, show_yaml, size_text

from .folder import loaded
from .test_loading import ENVIRON, SAMPLE


class ShowTests:
    """The settings in force."""

    def test_reads_like_the_files(self, tmp_path: Path) -> None:
        """Durations, sizes and shares are written as in the files, and the whole is YAML."""
        shown = yaml.safe_load(show_yaml(loaded(tmp_path, SAMPLE, ENVIRON).config))

        assert shown["retries"] == {"attempts": 3, "deadline": "10m", "budget": "20%"}
        assert shown["limits"]["body"] == "32MiB"
        assert shown["keep"] == "400d"
        assert shown["upstreams"]["targon"]["timeouts"]["idle"] == "1m"
        assert shown["default_quota"] == {"tokens": 200000, "per": "day"}
        assert shown["clients"][0]["allow_from"] == ["10.0.0.0/8"]

    def test_no_secret(self, tmp_path: Path) -> None:
        """Keys are shown by their fingerprints, and neither a secret nor a client's digest is shown."""
        config = loaded(tmp_path, SAMPLE, ENVIRON).config
        text = show_yaml(config) + json.dumps(show(config)) + repr(config)

        assert config.upstreams[0].keys[0].secret.fingerprint in text
        assert "sn4_" not in text
        assert "sk-tg-" not in text
        assert config.clients[0].digest not in show_yaml(config)

    def test_defaults(self) -> None:
        """Every setting is shown, also of an empty file."""
        assert list(show(Config())) == [each.name for each in attrs.fields(Config)]

    @pytest.mark.parametrize(("seconds", "text"), [(0.0, "0s"), (0.25, "250ms"), (90.0, "90s"), (172800.0, "2d")])
    def test_durations(self, seconds: float, text: str) -> None:
        """A duration is written in the largest unit that leaves a whole number."""
        assert duration_text(seconds) == text

    def test_sizes(self) -> None:
        """A size is written in the largest unit that leaves a whole number."""
        assert [size_text(size) for size in (1, 1024, 1536, 32 << 20)] == ["1B", "1KiB", "1536B", "32MiB"]
