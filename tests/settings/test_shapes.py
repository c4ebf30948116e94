"""Tests of targon_gw/settings/shapes.py."""

from __future__ import annotations

import attrs
import pytest

from targon_gw.core.config import (
    Admin,
    ClientSettings,
    Config,
    KeySettings,
    Metrics,
    ModelSettings,
    Per,
    QuotaPlan,
    Unit,
    UpstreamSettings,
)
from targon_gw.settings.shapes import (
    MOST_USD,
    AdminShape,
    ClientShape,
    GatewayFile,
    MetricsShape,
    ModelShape,
    QuotaShape,
    UpstreamShape,
)


class ShapesTests:
    """The files' classes beside those of the settings."""

    @pytest.mark.parametrize(
        ("shape", "settings", "made"),
        [
            (GatewayFile, Config, {"upstreams", "clients", "models", "metrics", "admin"}),
            (AdminShape, Admin, {"token"}),
            (MetricsShape, Metrics, {"token"}),
            (UpstreamShape, UpstreamSettings, {"name", "keys"}),
            (ClientShape, ClientSettings, {"digest"}),
            (ModelShape, ModelSettings, set()),
        ],
    )
    def test_same_names_and_defaults(self, shape: type, settings: type, made: set[str]) -> None:
        """A file can say all that the settings hold, but for what is made of it, with the same defaults."""
        ours, theirs = attrs.fields_dict(shape), attrs.fields_dict(settings)

        assert theirs.keys() - ours.keys() <= made
        for name in theirs.keys() - made:
            assert ours[name].default == theirs[name].default, name

    def test_keys_default_to_enabled(self) -> None:
        """A key is in use unless the file says otherwise."""
        assert attrs.fields_dict(KeySettings)["enabled"].default is True

    def test_quota(self) -> None:
        """A quota is of exactly one unit; dollars become whole micro-dollars."""
        assert QuotaShape(usd=0.1, per=Per.MONTH).plan() == QuotaPlan(Unit.USD, 100_000, Per.MONTH)
        assert QuotaShape(tokens=1, requests=1).plan() is None
        assert QuotaShape().plan() is None

    def test_quota_beyond_reason(self) -> None:
        """More dollars than there are is a quota that nobody uses up, and no number that can't be counted."""
        assert QuotaShape(usd=1e303).plan() == QuotaShape(usd=MOST_USD).plan() == QuotaPlan(Unit.USD, 10**18, Per.DAY)
