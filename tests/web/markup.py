"""What pages, scripts and styles are made of, as text: what is looked for in them, and where."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from targon_gw.web.pages import KIN, SHARED, imported
from targon_gw.web.statics import own_statics

ROOT = Path(__file__).resolve().parent.parent.parent / "targon_gw" / "web" / "static"
NAMES = sorted(path.stem for path in (ROOT / "pages").glob("*.html"))
"""All pages, with their frame."""
HOLE = re.compile(r"\{\{([A-Za-z0-9][A-Za-z0-9_.-]*)\}\}")
PLACE = re.compile(r"\{(\w+)\}")

Word = dict[str, str]


def ours(*kinds: str) -> list[Path]:
    """Our own files of these kinds."""
    return sorted(path for kind in kinds for path in ROOT.rglob(f"*.{kind}") if "vendor" not in path.parts)


def spoken(path: Path) -> dict[str, Word]:
    """The words of a file; raises ValueError for a key that is there twice."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError(f"{path.name}: twice: {sorted(key for key, _ in pairs)}")
        return dict(pairs)

    found: dict[str, Word] = json.loads(path.read_text("utf-8"), object_pairs_hook=once)
    return found


def words_for(page: str) -> set[str]:
    """The keys that a page has words for."""
    names = (SHARED, *KIN.get(page, ()), page)
    files = [ROOT / "words" / f"{name}.json" for name in names]
    return {key for file in files if file.exists() for key in spoken(file)}


def scripts_of(page: str) -> list[Path]:
    """Our own scripts that a page may run: what it loads, what that imports, what lies in the page's own folder."""
    loaded = imported(own_statics(), ["js/shell.js", f"js/{page}.js"])
    found = {ROOT / name for name in loaded if name.startswith("js/")}
    return sorted(found | set((ROOT / "js" / page).glob("**/*.js")))


def without_comments(text: str) -> str:
    """A script, or a style, without what is said about it."""
    return re.sub(r"/\*.*?\*/|(?m:(?<![:\"'`\\])//.*$)", "", text, flags=re.DOTALL)


def imports(script: str) -> list[str]:
    """What a script imports, as it is written; what only looks so, in a text of several lines, is none."""
    text = re.sub(r"`(?:[^`\\]|\\.)*`", "``", without_comments(script), flags=re.DOTALL)
    found = re.findall(r"""^(?:import|export)\b(?:[^"';=()]*\bfrom)?\s*["']([^"']+)["']""", text, re.MULTILINE)
    return found + re.findall(r"""\bimport\(\s*["']([^"']+)""", text)


def asked_words(script: str) -> Iterator[tuple[str, bool]]:
    """The keys that a script asks `t` for; whether they are whole, or only how such a key begins."""
    for call in re.finditer(r"(?<![\w.$])t\(", script):
        yield from literals(first_argument(script, call.end()))


def first_argument(script: str, at: int) -> str:
    """What stands from `at` to the comma or the parenthesis that ends the argument."""
    depth, quote, begin = 0, "", at
    while at < len(script):
        one = script[at]
        if quote:
            if one == "\\":
                at += 1
            elif one == quote:
                quote = ""
        elif one in "\"'`":
            quote = one
        elif one in "([{":
            depth += 1
        elif one in ")]}" and depth:
            depth -= 1
        elif one in ")," and not depth:
            break
        at += 1
    return script[begin:at]


def literals(expression: str) -> Iterator[tuple[str, bool]]:
    """The texts in it that may be its value: of a plain literal all, of a template with holes what is before the first.

    What stands on the left of `?` is not a value.
    """
    value = expression.rpartition("?")[2] if re.search(r"\?[^.?]", expression) else expression
    for quote, text in re.findall(r"([\"'`])((?:(?!\1).)*)\1", value):
        hole = text.find("${") if quote == "`" else -1
        yield (text, True) if hole < 0 else (text[:hole], False)
