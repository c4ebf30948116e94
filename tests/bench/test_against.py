"""Before and after: each gateway comes out of its own tree, whatever is installed, and the run knows that it does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import against, systems
from tests.needs import need

PLUGIN = """
from twisted.application.service import ServiceMaker
targon = ServiceMaker("targon-gw", "targon_gw.service", "the gateway of yesterday", "targon-gw")
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Another tree of this project, as small as can be started."""
    files = {"targon_gw/__init__.py": "", "targon_gw/service.py": "", "twisted/plugins/targon_gw_plugin.py": PLUGIN}
    for name, text in files.items():
        path = tmp_path / "before" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "before"


class SourcesTests:
    """Which tree a process takes."""

    def test_named_tree_wins_over_the_installed_one(self, tree: Path) -> None:
        """Package, service and plugin are the tree's, though this project is installed or at hand as well."""
        sources = against.sources_of(tree)

        assert against.strayed(tree, sources) == []
        assert [str(Path(file).relative_to(tree)) for file in sources[:3]] == [
            "targon_gw/__init__.py",
            "targon_gw/service.py",
            "twisted/plugins/targon_gw_plugin.py",
        ]

    def test_twistd_takes_the_trees_plugin(self, tree: Path) -> None:
        """The very command that is measured offers the tree's service, not the installed one."""
        command = (*systems.GATEWAY.split()[:1], "--help")
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "100"},
        )

        assert done.stdout.count("targon-gw") == 1
        assert "the gateway of yesterday" in done.stdout

    def test_strange_files_are_named(self, tree: Path) -> None:
        """A file of another place, or a second plugin of that name, is told before anything is measured."""
        own = [str(tree / "targon_gw" / "__init__.py")] * 2

        assert against.strayed(tree, [*own, sys.executable, "1"]) == [sys.executable]
        assert against.strayed(tree, [*own, own[0], "2"]) == ["2 plugins named targon-gw"]

    def test_tree_that_cannot_be_imported_is_told(self, tree: Path) -> None:
        """A revision that does not start ends the run with its own complaint."""
        (tree / "targon_gw" / "__init__.py").write_text("raise RuntimeError('of its time')")

        with pytest.raises(SystemExit, match="of its time"):
            against.sources_of(tree)


class UnpackedTests:
    """A revision as files."""

    def test_revision_lies_in_the_runs_folder(self, tmp_path: Path) -> None:
        """HEAD's own files, and its short name; the repository has no new worktree."""
        need("git")
        if not (systems.ROOT / ".git").exists():
            pytest.skip("not a repository")
        worktrees = against.git("worktree", "list")

        tree, commit = against.unpacked("HEAD", tmp_path)

        assert (tree / "targon_gw" / "service.py").exists()
        assert against.git("rev-parse", "HEAD").decode().startswith(commit)
        assert against.git("worktree", "list") == worktrees

    def test_unknown_revision_is_refused(self, tmp_path: Path) -> None:
        """With git's own words."""
        need("git")

        with pytest.raises(SystemExit, match="git rev-parse"):
            against.unpacked("no-such-revision", tmp_path)
