"""What is measured of our own is what is run elsewhere: settings that the gateway takes, the unit's command."""

from __future__ import annotations

from pathlib import Path

from bench import compare, systems
from targon_gw.core.config import Config
from targon_gw.settings.loading import load


def settings(folder: Path, counted: bool = True) -> Config:
    """The bench's settings as the gateway reads them."""
    return load(str(systems.write_settings(systems.Setting(4001, 4002, folder), counted))).config


class SettingsTests:
    """The gateway's files for a run."""

    def test_settings_are_accepted(self, tmp_path: Path) -> None:
        """The four files are the gateway's own language, and hold what the bench relies on."""
        config = settings(tmp_path)

        [upstream] = config.upstreams
        assert upstream.base_url == "http://127.0.0.1:4002/v1"
        assert (upstream.allow_private, upstream.per_key.concurrent, len(upstream.keys)) == (True, 4096, 2)
        assert [model.id for model in config.models] == [systems.MODEL]
        assert config.listen == ("tcp:4001:interface=127.0.0.1:backlog=4096",)
        assert config.limits.connections_per_address > compare.Plan().streams

    def test_everything_is_counted_and_nothing_refuses(self, tmp_path: Path) -> None:
        """The client has every limit and a quota, beyond what a minute or a month of load takes; the model a price."""
        config = settings(tmp_path)

        [client], [model] = config.clients, config.models
        assert client.limits.requests_per_minute is not None and client.limits.requests_per_minute > 60 * 1_000_000
        assert client.limits.tokens_per_minute is not None and client.limits.tokens_per_minute > 60 * 1_000_000_000
        assert client.limits.concurrent is not None and client.limits.concurrent > compare.Plan().streams
        assert client.quota is not None and client.quota.per.value == "month"
        assert model.price is not None and model.price.completion > 0

    def test_bare_gateway_counts_neither(self, tmp_path: Path) -> None:
        """The variant's client has no limit and no quota, and all else is the same."""
        bare = settings(tmp_path / "bare", counted=False)

        assert (bare.clients[0].limits.requests_per_minute, bare.clients[0].quota) == (None, None)
        assert bare.models == settings(tmp_path / "whole").models


class CommandTests:
    """How the gateway is started."""

    def test_command_is_filled_in(self, tmp_path: Path) -> None:
        """Words of the command get the ports and the settings' path; a path with a space stays one word."""
        folder = tmp_path / "a b"

        system = systems.gateway(systems.Setting(4001, 4002, folder), "run {settings} -p {port} -u{upstream}")

        assert system.command == ("run", f"{folder}/gateway.yaml", "-p", "4001", "-u4002")

    def test_own_command_is_the_units(self) -> None:
        """What is measured is what systemd starts, in another place."""
        unit = (systems.ROOT / "systemd" / "targon-gw.service").read_text("utf-8")
        options = systems.GATEWAY.split(" ", 1)[1].replace("{settings}", "/etc/targon-gw/gateway.yaml")

        assert f"/twistd {options}\n" in unit

    def test_another_tree_comes_before_everything_installed(self, tmp_path: Path) -> None:
        """The tree is on PYTHONPATH, which stands before site-packages, and the process runs there."""
        system = systems.gateway_of(tmp_path / "before")(systems.Setting(4001, 4002, tmp_path / "files"))

        assert system is not None
        assert system.surroundings == {"PYTHONPATH": str(tmp_path / "before")}
        assert system.folder == tmp_path / "before"
