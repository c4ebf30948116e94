"""Tests of targon_gw/web/admin_settings.py and of the audit's address, at the real tree."""

from __future__ import annotations

from pathlib import Path

from targon_gw.web.admin_desk import InForce

from .office import Office


class SettingsTests:
    """`GET /settings` and `/settings/changes`."""

    def test_in_force(self, tmp_path: Path) -> None:
        """What is in force, since when, and why the files as they are now are not."""
        office = Office(tmp_path)
        office.desk.force = InForce(5.0, "keys.yaml:1:1: no", 9.0)

        assert office.get("/settings") == {
            "path": str(tmp_path / "gateway.yaml"),
            "since": 5.0,
            "problem": "keys.yaml:1:1: no",
            "problem_at": 9.0,
            "settings": {"drain": "30s"},
        }

    def test_changes(self, tmp_path: Path) -> None:
        """What a reload would change; nothing is reloaded by asking."""
        office = Office(tmp_path)
        assert office.get("/settings/changes") == office.desk.reads
        assert office.desk.reloads == []

    def test_methods(self, tmp_path: Path) -> None:
        """They are looked at, not written; below them there is nothing else."""
        office = Office(tmp_path)
        assert office.ask("POST", "/settings", {}).status == 405
        assert office.ask("GET", "/settings/more").status == 404


class AuditTests:
    """`GET /audit`, and what is noted."""

    def test_reload(self, tmp_path: Path) -> None:
        """A reload is noted where it is taken."""
        office = Office(tmp_path)
        office.post("/reload")
        office.desk.problems = ["keys.yaml:1:1: no"]
        office.post("/reload", status=409)
        assert office.desk.acts == ["reloaded the settings"]

    def test_newest_first(self, tmp_path: Path) -> None:
        """So many acts as are asked for."""
        office = Office(tmp_path)
        office.desk.acts = ["one", "two", "three"]
        assert [event["act"] for event in office.get("/audit?limit=2")["events"]] == ["three", "two"]
        assert office.ask("GET", "/audit?limit=0").status == 400
