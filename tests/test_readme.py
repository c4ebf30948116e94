"""What the two READMEs say can be done, can be done: each block of code in them is accounted for here.

The blocks that need a running gateway (curl, python, node) are only read here; tests/live/ runs them as they stand.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .needs import need
from .readme_blocks import Block, blocks, blocks_of, named

ROOT = Path(__file__).resolve().parent.parent
READMES = [ROOT / "README.rst", ROOT / "README.zh.rst"]
LIVE = {"curl": "sh", "python": "python", "node": "javascript"}
READ_HERE = {
    "environment": "sh",
    "check": "sh",
    "first-admin": "sh",
    "keys.yaml": "yaml",
    "clients.yaml": "yaml",
    "error": "json",
    "map": "text",
}
UNNAMED = ["sh"]
"""The first block: make run, make test."""

each_readme = pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)


class BlockTests:
    """The parser of code blocks."""

    def test_reads_language_name_and_text(self) -> None:
        """The text loses the block's indent and no more, and ends before the next line at the margin."""
        document = "A\n\n.. code-block:: sh\n   :name: x\n\n   if a; then\n     b\n\n   fi\n\nB\n"

        assert list(blocks(document)) == [Block("sh", "if a; then\n  b\n\nfi\n", 6, "x")]

    def test_reads_a_block_in_a_list(self) -> None:
        """An indented block ends where its own indent ends."""
        assert [block.text for block in blocks("- a\n\n  .. code-block:: sh\n\n     b\n\n  c\n")] == ["b\n"]

    def test_refuses_what_it_would_lose(self) -> None:
        """A block without a language or without a text is an error, not a block fewer."""
        with pytest.raises(ValueError, match="line 1: a code block without a language"):
            list(blocks(".. code-block::\n\n   x\n"))
        with pytest.raises(ValueError, match="without text"):
            list(blocks(".. code-block:: sh\n\nx\n"))

    def test_asks_by_name(self, tmp_path: Path) -> None:
        """A name stands for one block; none or two of it are an error."""
        path = tmp_path / "a.rst"
        path.write_text(
            2 * ".. code-block:: sh\n   :name: two\n\n   x\n\n" + ".. code-block:: sh\n   :name: one\n\n   y\n"
        )

        assert named(path, "one").text == "y\n"
        for name in ("two", "three"):
            with pytest.raises(LookupError):
                named(path, name)


class ReadmeTests:
    """README.rst and README.zh.rst."""

    @each_readme
    def test_each_block_is_accounted_for(self, readme: Path) -> None:
        """Every block bears a name that a test here or in tests/live knows, once, in the language that is expected."""
        found = blocks_of(readme)

        assert [block.language for block in found if block.name is None] == UNNAMED
        assert {block.name: block.language for block in found if block.name} == LIVE | READ_HERE
        assert len(found) == len(LIVE | READ_HERE) + len(UNNAMED)

    def test_both_show_the_same(self) -> None:
        """The same blocks in the same order; programs differ in what they say, not in what they do."""
        english, chinese = (blocks_of(path) for path in READMES)

        assert [(block.name, block.language) for block in english] == [
            (block.name, block.language) for block in chinese
        ]
        for ours, theirs in zip(english, chinese, strict=True):
            if ours.name in LIVE or ours.name in {"environment", "error"}:
                assert ours.text.replace("Hello!", "你好！") == theirs.text

    @each_readme
    def test_make_targets_exist(self, readme: Path) -> None:
        """Each `make` in a block names a target of the Makefile; `make run` and `make test` are the first two."""
        targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
        shell = [line for block in blocks_of(readme) if block.language == "sh" for line in block.text.splitlines()]
        asked = [line.split()[1] for line in shell if line.startswith("make ")]

        assert asked[:2] == ["run", "test"]
        assert [target for target in asked if target not in targets] == []

    @each_readme
    def test_programs_are_well_formed(self, readme: Path) -> None:
        """Python compiles, shell parses, and each program takes address and key from the environment."""
        compile(named(readme, "python").text, str(readme), "exec")
        for block in blocks_of(readme):
            if block.language == "sh":
                parsed = subprocess.run(["sh", "-n"], input=block.text, capture_output=True, text=True, check=False)
                assert (parsed.returncode, parsed.stderr) == (0, "")
        for name in LIVE:
            text = named(readme, name).text
            assert "TARGON_GW_KEY" in text
            assert re.search(r"TARGON_GW_URL.*http://127\.0\.0\.1:3811/v1", text)

    @each_readme
    def test_node_program_parses(self, readme: Path, tmp_path: Path) -> None:
        """Node takes the program for a module without a fault of syntax."""
        program = tmp_path / "hello.mjs"
        program.write_text(named(readme, "node").text, "utf-8")

        parsed = subprocess.run([need("node"), "--check", str(program)], capture_output=True, text=True, check=False)

        assert (parsed.returncode, parsed.stderr) == (0, "")

    @each_readme
    def test_settings_are_accepted(self, readme: Path, tmp_path: Path) -> None:
        """keys.yaml and clients.yaml as shown, put into a copy of conf/, are read without a complaint."""
        from targon_gw.settings.loading import load

        conf = tmp_path / "conf"
        shutil.copytree(ROOT / "conf", conf)
        for name in ("keys.yaml", "clients.yaml"):
            (conf / name).write_text(named(readme, name).text, "utf-8")

        config = load(str(conf / "gateway.yaml")).config

        [upstream] = config.upstreams
        assert [(key.account == "alice", key.enabled) for key in upstream.keys] == [
            (False, True),
            (True, True),
            (True, False),
        ]
        assert [client.name for client in config.clients] == ["ann"]

    @each_readme
    def test_model_of_the_programs_is_offered(self, readme: Path) -> None:
        """The model that the programs ask for stands in conf/models.yaml."""
        from targon_gw.settings.loading import load

        offered = {model.id for model in load(str(ROOT / "conf" / "gateway.yaml")).config.models}
        asked = {found for name in LIVE for found in re.findall(r'model"?[:=] ?"([^"]+)"', named(readme, name).text)}

        assert asked
        assert asked <= offered

    @each_readme
    def test_error_is_an_envelope(self, readme: Path) -> None:
        """The error that is shown has the four fields of OpenAI's envelope."""
        shown = json.loads(named(readme, "error").text)

        assert list(shown) == ["error"]
        assert list(shown["error"]) == ["message", "type", "param", "code"]

    @each_readme
    def test_map_is_of_this_house(self, readme: Path) -> None:
        """Each place on the map exists, and each room of targon_gw that is a folder is on the map."""
        places = [line.split()[0] for line in named(readme, "map").text.splitlines()]
        rooms = [f"targon_gw/{path.parent.name}" for path in (ROOT / "targon_gw").glob("*/__init__.py")]

        assert [place for place in places if not (ROOT / place).exists()] == []
        assert [room for room in rooms if room not in places] == []

    @each_readme
    def test_links_lead_somewhere(self, readme: Path) -> None:
        """Each link to a file of the project finds it."""
        links = re.findall(r"<([^<>\s]+)>`_", readme.read_text("utf-8"))

        assert len(links) >= 6
        assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []

    @pytest.mark.parametrize(
        "document", sorted(p.relative_to(ROOT) for p in [*READMES, *ROOT.glob("docs/**/*.rst")]), ids=str
    )
    def test_document_is_sound(self, document: Path) -> None:
        """docutils reads each document without a complaint."""
        from docutils.core import publish_doctree
        from docutils.utils import Reporter

        settings = {
            "report_level": Reporter.WARNING_LEVEL,
            "halt_level": Reporter.WARNING_LEVEL,
            "syntax_highlight": "none",
        }

        tree = publish_doctree((ROOT / document).read_text("utf-8"), settings_overrides=settings)

        assert tree["title"]
