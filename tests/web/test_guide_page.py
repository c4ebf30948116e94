"""The guide says what the code does: its tables are those of the contract, its code is what its scripts write."""

from __future__ import annotations

import json
import re
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from targon_gw.web import statics
from targon_gw.web.openapi_refusals import CONTRACT
from targon_gw.web.refusals import RANKS
from tests.needs import need

from .contract import told

STATIC = Path(statics.__file__).parent / "static"
PAGE = (STATIC / "pages" / "guide.html").read_text("utf-8")
WORDS: dict[str, dict[str, str]] = {
    **json.loads((STATIC / "words" / "shell.json").read_text("utf-8")),
    **json.loads((STATIC / "words" / "guide.json").read_text("utf-8")),
}
SCRIPTS = [STATIC / "js" / "guide.js", *sorted((STATIC / "js" / "guide").glob("*.js"))]
SNIPPETS = STATIC / "js" / "guide" / "snippets.js"
CURL = """
const { SNIPPETS, NO_KEY, NO_MODEL } = await import(process.argv[1]);
const written = Object.entries(SNIPPETS.curl).map(([id, one]) => [id, one("@BASE@", NO_KEY, NO_MODEL)]);
console.log(JSON.stringify(Object.fromEntries(written)));
"""


class _Rows(HTMLParser):
    """The rows of all tables: each its attributes and the texts of its cells."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[dict[str, str | None], list[str]]] = []
        self._in = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down a row, or open a cell."""
        if tag == "tr":
            self.rows.append((dict(attrs), []))
        elif tag in ("td", "th"):
            self.rows[-1][1].append("")
            self._in = True

    def handle_endtag(self, tag: str) -> None:
        """Close a cell."""
        if tag in ("td", "th"):
            self._in = False

    def handle_data(self, data: str) -> None:
        """Text of a cell."""
        if self._in:
            self.rows[-1][1][-1] += data


def rows(prefix: str) -> dict[str, list[str]]:
    """The rows whose `id` or `data-param` begins so, by the rest of it."""
    parser = _Rows()
    parser.feed(PAGE)
    found = {}
    for attributes, cells in parser.rows:
        name = attributes.get("id") or attributes.get("data-param") or ""
        if name.startswith(prefix):
            found[name.removeprefix(prefix)] = cells
    return found


class TablesTests:
    """What the page's tables hold."""

    def test_errors(self) -> None:
        """Every code of the contract has a row, with its status, a cause and what to do; there are no others."""
        found = rows("error-")

        assert set(found) == CONTRACT
        for code, (status, name, why, do) in found.items():
            assert (int(status), name) == (RANKS[code].status, code)  # type: ignore[index]
            assert (why, do) == (f"{{{{why.{code}}}}}", f"{{{{do.{code}}}}}")

    def test_parameters(self) -> None:
        """Each row is a field of the chat's body, with its type, its range and whether it is required."""
        schema = told()["components"]["schemas"]["ChatRequest"]
        found = rows("")
        shown = {name: cells for name, cells in found.items() if name in schema["properties"]}

        assert {"temperature", "top_p", "max_tokens", "frequency_penalty", "presence_penalty"} <= set(shown)
        for name, (_, kind, need_, span, _meaning) in shown.items():
            rule = schema["properties"][name]
            types = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
            assert kind.split(" · ") == [one for one in types if one != "null"], name
            assert (need_ == "{{need.yes}}") is (name in schema["required"]), name
            least = rule.get("minimum", rule.get("minItems"))
            most = rule.get("maximum", rule.get("maxItems"))
            written = "—" if most is None else f"≤ {most:,}" if least is None else f"{least} – {most:,}"
            assert span == ("true · false" if kind == "boolean" else written), name

    def test_every_parameter_row_is_a_field(self) -> None:
        """No row of the table names what there is not."""
        named = re.findall(r'data-param="(\w+)"', PAGE)
        assert len(named) >= 12
        assert set(named) <= set(told()["components"]["schemas"]["ChatRequest"]["properties"])


class WordsTests:
    """The words of the page."""

    def test_each_is_there(self) -> None:
        """Whatever the page and its scripts ask for has words in both languages."""
        asked = set(re.findall(r"\{\{(\w[\w.-]*)\}\}", PAGE))
        for script in SCRIPTS:
            asked |= set(re.findall(r"""\bt\(["']([\w.-]+)["'][,)]""", script.read_text("utf-8")))

        assert asked - set(WORDS) == set()
        assert all(words.get("zh") and words.get("en") for words in WORDS.values())

    def test_none_is_idle(self) -> None:
        """No words stay behind that nothing shows."""
        own: dict[str, Any] = json.loads((STATIC / "words" / "guide.json").read_text("utf-8"))
        text = PAGE + "".join(script.read_text("utf-8") for script in SCRIPTS)
        made = ("run.", "col.", "feature.", "said.")  # put together from a name
        idle = [
            key
            for key in own
            if not key.startswith(made)
            and key not in ("title", "description")
            and not re.search(rf"[\"'{{]{re.escape(key)}[\"'}}]", text)
        ]
        assert idle == []

    def test_code_in_words_is_closed(self) -> None:
        """Backticks, which become code, come in pairs."""
        own = json.loads((STATIC / "words" / "guide.json").read_text("utf-8"))
        assert [key for key, told in own.items() if any(text.count("`") % 2 for text in told.values())] == []


class MarkupTests:
    """The page itself."""

    def test_contents(self) -> None:
        """Each line of the contents leads to a heading of the page, in its order, and each second heading is there."""
        linked = re.findall(r'<li[^>]*><a href="#([\w-]+)">', PAGE)
        headings = re.findall(r'<h2 id="([\w-]+)"', PAGE)

        assert [name for name in linked if name in headings] == headings
        assert all(f'id="{name}"' in PAGE for name in linked)

    def test_nothing_inline(self) -> None:
        """No script, style or handler in the markup: the policy would not have it."""
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", PAGE)

    def test_code_is_what_the_scripts_write(self) -> None:
        """Who reads without scripts sees the curl of each snippet, as `snippets.js` writes it."""
        command = [need("node"), "--input-type=module", "-e", CURL, "--", str(SNIPPETS)]
        written = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout)
        shown = re.findall(r'<figure class="snippet" data-snippet="(\w+)">.*?<code[^>]*>(.*?)</code>', PAGE, re.DOTALL)

        assert {id: unescape(code).replace("{{@base_url}}", "@BASE@") for id, code in shown} == written

    @pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
    def test_no_markup_out_of_texts(self, script: Path) -> None:
        """Scripts never make markup out of what they were told (F-05, F-06)."""
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\.style\b", script.read_text("utf-8")
        )
