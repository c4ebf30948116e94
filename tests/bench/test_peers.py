"""The others: found in the bench's own place first, left out where they are not, each with its version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import peers, systems


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for what the bench installs, on a machine that has nothing else."""
    monkeypatch.setattr(peers, "INSTALLED", tmp_path / "peers")
    monkeypatch.setattr(peers, "PORTKEY", tmp_path / "peers" / "node_modules" / "@portkey-ai" / "gateway")
    monkeypatch.setattr(peers, "ELSEWHERE", ())
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return tmp_path


def program(path: Path, says: str = "") -> Path:
    """A program that says something."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    path.chmod(0o700)
    return path


MAKERS = (peers.nginx, peers.haproxy, peers.vllm_router, peers.sglang_router, peers.litellm, peers.portkey)


class FoundTests:
    """What a machine has."""

    @pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
    def test_what_is_not_here_is_left_out(self, place: Path, maker: systems.Maker) -> None:
        """No program, no system; and no complaint."""
        assert maker(systems.Setting(4001, 4002, place)) is None

    def test_the_benchs_own_comes_first(self, place: Path) -> None:
        """A router installed for the bench is taken, not the machine's; it listens where it is told, on loopback."""
        program(place / "path" / "vllm-router")
        own = program(place / "peers" / "bin" / "vllm-router")

        system = peers.vllm_router(systems.Setting(4001, 4002, place))

        assert system is not None and system.command[0] == str(own)
        assert system.command[1:5] == ("--host", "127.0.0.1", "--port", "4001")
        assert "http://127.0.0.1:4002" in system.command

    def test_machines_own_is_taken_too(self, place: Path) -> None:
        """nginx lies on the path; its settings name both ports."""
        program(place / "path" / "nginx")

        system = peers.nginx(systems.Setting(4001, 4002, place))

        assert system is not None
        conf = (place / "nginx.conf").read_text()
        assert "listen 127.0.0.1:4001 " in conf and "server 127.0.0.1:4002;" in conf


class VersionTests:
    """Which one it was."""

    def test_program_says_its_version(self, place: Path) -> None:
        """On whichever stream; a program that is not there has none."""
        program(place / "path" / "nginx", "nginx version: nginx/1.22.1 (Debian)")

        assert peers.VERSIONS["nginx"]() == "1.22.1"
        assert peers.VERSIONS["haproxy"]() is None

    def test_packages_version_is_the_installed_ones(self, place: Path) -> None:
        """Read where the bench installed it, not in the Python that runs the bench."""
        facts = place / "peers" / "lib" / "python3.11" / "site-packages" / "litellm-1.2.3.dist-info" / "METADATA"
        facts.parent.mkdir(parents=True)
        facts.write_text("Metadata-Version: 2.1\nName: litellm\nVersion: 1.2.3\n")
        peers.PORTKEY.mkdir(parents=True)
        (peers.PORTKEY / "package.json").write_text(json.dumps({"version": "1.15.2"}))

        assert peers.VERSIONS["litellm"]() == "1.2.3"
        assert peers.VERSIONS["portkey"]() == "1.15.2"
        assert peers.VERSIONS["vllm-router"]() is None
