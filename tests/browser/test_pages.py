"""What holds of every page: nothing stands against it, everybody can use it, at any width, in both languages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.live.rig import Rig

from .browser import Browse

PAGES = ["/", "/guide", "/monitor", "/chat", "/login", "/register", "/admin"]
LOOKS = [("zh", "light", 1280), ("en", "dark", 1280), ("zh", "dark", 360), ("en", "light", 360)]
LARGEST_LANDING = 120_000
WORDS = Path(__file__).parents[2] / "targon_gw" / "web" / "static" / "words"


@pytest.mark.parametrize("path", PAGES)
class EveryPageTests:
    """Each of them."""

    @pytest.mark.parametrize(("lang", "theme", "width"), LOOKS)
    def test_nothing_is_wrong(self, browse: Browse, path: str, lang: str, theme: str, width: int) -> None:
        """A title and a heading; no complaint of the browser, nothing for axe-core to object to, no scrolling
        sideways, no jumps; no word is missing, or in the other language: in English only the switch is Chinese."""
        visit = browse(path, lang, theme, width)
        shown = visit.settled().inner_text("body")

        assert visit.page.evaluate("document.documentElement.lang").startswith(lang)
        assert visit.page.title().endswith(" · Targon API")
        assert (visit.page.locator("main").count(), visit.page.locator("h1:visible").count()) == (1, 1)
        assert visit.overflow() <= 0
        assert visit.violations() == []
        assert visit.shifted() < 0.02
        assert "{{" not in shown and "undefined" not in shown and "[object" not in shown
        assert lang == "zh" or set(re.findall(r"[\u4e00-\u9fff]+", shown)) <= {"中文"}

    def test_by_keyboard(self, browse: Browse, path: str) -> None:
        """Tab comes by every control that can be seen, and what has the focus shows it."""
        visit = browse(path)
        visit.settled()
        reached = len(visit.reached_by_tab())
        controls = visit.page.evaluate(
            """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary")].filter((one) =>
                one.checkVisibility({visibilityProperty: true}) && !one.disabled && one.tabIndex >= 0
                && !(one.type === "radio" && !one.checked)).length"""
        )
        assert reached >= controls > 3


class LandingTests:
    """`/` on a first visit."""

    def test_weight(self, browse: Browse) -> None:
        """All that it loads is less than 120 KB on the wire."""
        visit = browse("/")
        visit.settled()
        sizes = visit.page.evaluate(
            """() => Object.fromEntries([...performance.getEntriesByType("navigation"),
                ...performance.getEntriesByType("resource")].map((one) => [one.name, one.transferSize]))"""
        )
        assert 0 < sum(sizes.values()) < LARGEST_LANDING, json.dumps(sizes, indent=1)

    def test_live_counters(self, browse: Browse, shop: Rig) -> None:
        """A call that is served is seen there within a second or so, without a reload."""
        from .browser import call

        visit = browse("/")
        visit.settled()
        before = visit.page.inner_text("main")
        body = {"model": "deepshield-chat", "messages": [{"role": "user", "content": "Hello!"}]}
        call(shop.url, None, body)
        visit.page.wait_for_function("(before) => document.querySelector('main').innerText !== before", arg=before)


class WordsTests:
    """The words of all pages."""

    def test_both_languages(self) -> None:
        """Every word is there in both, and says something."""
        for path in WORDS.glob("*.json"):
            for key, word in json.loads(path.read_text(encoding="utf-8")).items():
                assert set(word) == {"zh", "en"} and all(word.values()), f"{path.name}: {key}"


class LongNameTests:
    """A reader whose name takes room."""

    @pytest.mark.parametrize("lang", ["zh", "en"])
    def test_narrow(self, browse: Browse, lang: str) -> None:
        """It pushes nothing out of a telephone's window, on any page."""
        visit = browse("/register", lang, width=360)
        visit.page.fill("#name", f"somebody-with-a-long-name-{lang}")
        visit.page.fill("#password", "correct horse battery")
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_selector(".signed-in", state="visible")
        for path in PAGES:
            visit.go(path)
            visit.settled()
            assert visit.overflow() <= 0, path
