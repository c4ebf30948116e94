"""The chat page, before answers that are hostile, odd, or written from the right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from .browser import Browse
from .chatting import V3, ended, held, over, ready, said, write
from .waiting import slowness, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

WATCH = """
window.longest = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
}).observe({ type: "longtask" });
"""
MARKS = {"brackets": "\n\\[", "emphasis": "*a_ ", "dollars": "$$\n$", "lines": "\\[ a &= b + c\n"}


def events(pieces: Iterator[str]) -> str:
    """A stream that says these, one after the other, and is over."""
    deltas = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    deltas.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return "".join(f"data: {json.dumps(delta)}\n\n" for delta in deltas) + "data: [DONE]\n\n"


def asked(page: Page, text: str, size: int = 400) -> None:
    """Ask, and be answered with `text`, in pieces of `size` characters."""
    pieces = (text[at : at + size] for at in range(0, len(text), size))
    answer = {"headers": {"content-type": "text/event-stream"}, "body": events(pieces)}
    page.route("**/v1/chat/completions", lambda route: route.fulfill(**answer))
    write(page, "hello")
    until(page, "document.querySelector('.answer') !== null")
    ended(page)


class BurdenTests:
    """What is costly to show."""

    @pytest.mark.parametrize("kind", MARKS)
    def test_marks_that_nothing_closes(self, browse: Browse, kind: str) -> None:
        """A hundred kilobytes of them are on the page soon, and nobody's hand is held meanwhile (F-20)."""
        page = ready(browse(V3, lang="en").page)
        slow = slowness(page)
        page.evaluate(WATCH)
        text = MARKS[kind] * (100_000 // len(MARKS[kind]))
        asked(page, text + "\n\nThe end.")
        until(page, "document.querySelector('.prose').lastElementChild.previousElementSibling"
                    "?.textContent.startsWith('The end.')", 10 * slow)  # fmt: skip
        longest = page.evaluate("window.longest")
        assert longest < 1000 * max(slow, slowness(page))


class OddTests:
    """What looks like something else."""

    def test_thought_that_only_ends(self, browse: Browse) -> None:
        """Where the closing mark comes without the opening one, all that follows it is shown, from its beginning."""
        page = ready(browse(V3, lang="en").page)
        held(page)
        write(page, "hello")
        said(page, "First I think.\n\nAnd think more.\n")
        until(page, "document.querySelector('.prose')?.textContent.includes('think more')")
        said(page, "</think>\n")
        until(page, "document.querySelector('.thought-text').textContent.includes('think more')")
        until(page, lambda: page.inner_text(".answer .prose").strip() == "")
        said(page, "The answer begins here, and ends here.")
        over(page)
        assert page.inner_text(".answer .prose").strip() == "The answer begins here, and ends here."

    def test_names_of_every_object(self, browse: Browse) -> None:
        """A reference that nobody gave is words, also where every object has something of that name."""
        page = ready(browse(V3).page)
        asked(page, "[constructor] and [toString][], [valueOf][hasOwnProperty].")
        assert page.inner_text(".answer .prose").strip() == "[constructor] and [toString][], [valueOf][hasOwnProperty]."

    def test_picture_in_a_link(self, browse: Browse) -> None:
        """The picture's words are the link's."""
        page = ready(browse(V3).page)
        asked(page, "[![**build** passing](https://img.example/b.svg)](https://ci.example/)")
        links = page.eval_on_selector_all(".prose a", "all => all.map((one) => [one.href, one.textContent])")
        assert links == [["https://ci.example/", "**build** passing"]]

    def test_from_the_right(self, browse: Browse) -> None:
        """What is written from the right stands at the right, in questions and answers, and beside what is not."""
        page = ready(browse(V3).page)
        page.fill("#words-in", "שלום, מה שלומך?")
        until(page, "getComputedStyle(document.getElementById('words-in')).direction === 'rtl'")
        page.keyboard.press("Control+A")
        page.keyboard.press("Delete")
        asked(page, "שלום וברכה.\n\n- אחת\n- שתיים\n\nAnd so in English.\n\n```python\nx = 1\n```\n")
        sides = page.evaluate("""() => [...document.querySelectorAll(".prose :is(p, li)")].map((one) => {
            const words = document.createRange();
            words.selectNodeContents(one);
            const [inner, outer] = [words.getBoundingClientRect(), one.getBoundingClientRect()];
            return inner.left - outer.left > outer.right - inner.right ? "right" : "left";
        })""")
        assert sides == ["right", "right", "right", "left"]
        assert page.evaluate("getComputedStyle(document.querySelector('.code-box pre')).direction") == "ltr"
