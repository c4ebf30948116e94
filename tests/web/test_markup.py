"""The pages' own files: complete in both languages, and nothing in them that the policy would or should stop."""

from __future__ import annotations

import re
import xml.etree.ElementTree
from pathlib import Path
from typing import get_args

import pytest

from targon_gw.core.errors import Code

from .markup import (
    HOLE,
    NAMES,
    PLACE,
    ROOT,
    asked_words,
    first_argument,
    imports,
    literals,
    ours,
    scripts_of,
    spoken,
    without_comments,
    words_for,
)


def relative(path: Path) -> str:
    """A file's name in a report."""
    return path.relative_to(ROOT).as_posix()


class WordTests:
    """words/."""

    @pytest.mark.parametrize("path", ours("json"), ids=relative)
    def test_both_languages(self, path: Path) -> None:
        """Each key is there once, in both languages, not empty, and with the same places to fill."""
        for key, told in spoken(path).items():
            assert set(told) == {"zh", "en"}, key
            assert all(text.strip() for text in told.values()), key
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", key), key
            # "One more" says the figure in a word; the server's message is English, and Chinese may go without it.
            said = {"message", "n"} if key.endswith(".one") else {"message"}
            assert set(PLACE.findall(told["zh"])) - said == set(PLACE.findall(told["en"])) - said, key
            assert "{{" not in "".join(told.values()), key

    @pytest.mark.parametrize("path", ours("json"), ids=relative)
    def test_the_language_is_the_one(self, path: Path) -> None:
        """No Chinese in the English, but where a language is named in itself."""
        for key, told in spoken(path).items():
            if not key.startswith("lang."):
                assert not re.search(r"[\u3400-\u9fff]", told["en"]), key

    def test_every_error(self) -> None:
        """Each code that the gateway has is said in the reader's words."""
        assert {f"error.{code}" for code in get_args(Code)} <= words_for("landing")

    @pytest.mark.parametrize("page", [name for name in NAMES if name != "layout"])
    def test_what_html_asks_for(self, page: str) -> None:
        """Each hole of a page, and of the frame, has words; a title is among them."""
        known = words_for(page)
        for file in (page, "layout"):
            asked = set(HOLE.findall((ROOT / "pages" / f"{file}.html").read_text("utf-8")))
            assert asked <= known, sorted(asked - known)
        assert "title" in spoken(ROOT / "words" / f"{page}.json")

    @pytest.mark.parametrize("page", [name for name in NAMES if name != "layout"])
    def test_what_scripts_ask_for(self, page: str) -> None:
        """Each word that a page's scripts ask for is there; of one that is put together, some that begin so."""
        known = words_for(page)
        for path in scripts_of(page):
            for key, whole in asked_words(without_comments(path.read_text("utf-8"))):
                found = key in known if whole else any(one.startswith(key) for one in known)
                assert found, f"{relative(path)}: {key}"

    def test_how_scripts_are_read(self) -> None:
        """What is asked for is found in plain texts, choices and templates, and nowhere else."""
        script = (
            """t("a.b"); t(x ? "c" : 'd', { n: "no" }); st("no"); o.t("no"); t(`e.${f("g")}`); t(key); t(y ?? "h")"""
        )
        assert sorted(asked_words(script)) == [("a.b", True), ("c", True), ("d", True), ("e.", False), ("h", True)]
        assert first_argument("f(1, 2), 3)", 0) == "f(1, 2)"
        assert list(literals('"a" === b ? "c" : `d${e}f`')) == [("c", True), ("d", False)]


MARKUP = ours("html", "js", "css")


class PolicyTests:
    """What the Content-Security-Policy would stop, and what it cannot."""

    @pytest.mark.parametrize("path", MARKUP, ids=relative)
    def test_no_address_outside(self, path: Path) -> None:
        """No page, script or style names another server; the names of XML's spaces are no addresses."""
        text = without_comments(path.read_text("utf-8")) if path.suffix != ".html" else path.read_text("utf-8")
        found = re.findall(r"(?:https?:|wss?:|[\"'(=])//[A-Za-z0-9.-]+", text)
        assert [one for one in found if one != "http://www.w3.org"] == []

    @pytest.mark.parametrize("path", ours("html"), ids=relative)
    def test_nothing_inline(self, path: Path) -> None:
        """No script but by its address, no style but in a file, nothing that runs on an event."""
        text = path.read_text("utf-8")
        assert re.findall(r"<script(?! type=\"application/json\")(?![^>]*\bsrc=)[^>]*>", text) == []
        assert re.findall(r"<style|\sstyle=|\son[a-z]+\s*=|javascript:", text, re.IGNORECASE) == []
        assert re.findall(r"<(?:iframe|object|embed|base|meta http-equiv)\b", text, re.IGNORECASE) == []

    @pytest.mark.parametrize("path", ours("js"), ids=relative)
    def test_no_markup_from_text(self, path: Path) -> None:
        """No script makes markup of a text, code of one, or a style attribute (F-05, F-06)."""
        text = without_comments(path.read_text("utf-8"))
        forbidden = (
            r"\b(?:inner|outer)HTML\b|insertAdjacentHTML|document\.write|\bunsafe(?:HTML|SVG)\b|\beval\(|new Function|"
            r"\sstyle=|setAttribute\(\s*[\"']style|\.cssText\b|setTimeout\(\s*[\"'`]|createContextualFragment|srcdoc"
        )
        assert re.findall(forbidden, text) == []

    @pytest.mark.parametrize("path", ours("css"), ids=relative)
    def test_styles(self, path: Path) -> None:
        """A style has no address but of a file of ours."""
        found = re.findall(r"url\(\s*[\"']?([^\"')]+)", without_comments(path.read_text("utf-8")))
        assert [one for one in found if not one.startswith("data:") and not (path.parent / one).exists()] == []

    @pytest.mark.parametrize("path", ours("css"), ids=relative)
    def test_styles_are_joined(self, path: Path) -> None:
        """A style that imports others is a list of them and nothing else; these import none, and name no file."""
        text = without_comments(path.read_text("utf-8"))
        parts = re.findall(r'^@import "([^"]+)";$', text, re.MULTILINE)
        assert not parts or "{" not in text
        assert text.count("@import") == len(parts) == len(set(parts))
        assert sorted((path.parent / one).name for one in parts) == sorted(
            each.name for each in path.with_suffix("").glob("*.css")
        )
        assert path.parent.name == "css" or ("@import" not in text and "url(" not in text)

    @pytest.mark.parametrize("path", [*ours("html"), *ours("js")], ids=relative)
    def test_icons(self, path: Path) -> None:
        """Each icon that is used is in the sheet."""
        sheet = xml.etree.ElementTree.parse(ROOT / "img" / "icons.svg").getroot()
        known = {one.attrib["id"] for one in sheet}
        assert set(re.findall(r"icons\.svg#([\w-]+)", path.read_text("utf-8"))) <= known


class ImportTests:
    """Modules find each other."""

    @pytest.mark.parametrize("path", ours("js"), ids=relative)
    def test_there(self, path: Path) -> None:
        """What a script imports is a file of ours, by an address relative to its own."""
        for one in imports(path.read_text("utf-8")):
            assert one.startswith(".") and (path.parent / one).is_file(), one

    def test_how_they_are_read(self) -> None:
        """Imports of all forms are found, and those in a text are not."""
        script = """import "./a.js";\nimport {\n  b,\n} from "./b.js";\nexport { c } from './c.js';
export const d = "./no"; const e = () => import("./e.js"); const f = `\nimport F from "no";\n`; // import "./no.js"\n"""
        assert imports(script) == ["./a.js", "./b.js", "./c.js", "./e.js"]
