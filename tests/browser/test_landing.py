"""The landing page: its figures, the last 90 minutes, what can be copied; in both languages, light and dark, narrow."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.rig import CLIENT_KEY, V3, Rig

from .browser import Browse, call, named
from .waiting import copied, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

SAID = {"model": V3, "messages": [{"role": "user", "content": "Hello!"}]}
FILLED = "() => /\\d/.test(document.getElementById('calls').textContent)"


@pytest.mark.parametrize(("lang", "theme", "width"), [("zh", "light", 1280), ("en", "dark", 360)])
def test_looks(browse: Browse, lang: str, theme: str, width: int) -> None:
    """Nothing is against it by axe, nothing is wider than the window, nothing moves when the figures come."""
    visit = browse("/", lang, theme, width)
    visit.page.wait_for_function(FILLED)
    visit.page.click("summary")
    visit.settled()
    visit.page.evaluate("scrollTo(0, 0)")  # or the header that stays would stand over what axe measures
    assert visit.violations() == []
    assert visit.overflow() == 0
    assert visit.shifted() < 0.01
    assert visit.page.get_attribute("html", "lang") == {"zh": "zh-CN", "en": "en"}[lang]


def test_figures(browse: Browse, shop: Rig) -> None:
    """A call that is made is counted before the reader's eyes; its minute is in the strip."""
    visit = browse("/", "en")
    page = visit.page
    page.wait_for_function(FILLED)
    until(page, lambda: page.inner_text("#keys") == "4" and page.inner_text("#usable") == "4")
    before = int(page.inner_text("#calls").replace(",", ""))
    call(shop.url, CLIENT_KEY, SAID)
    until(page, lambda: int(page.inner_text("#calls").replace(",", "")) > before)
    until(page, lambda: page.inner_text("#state-word") == "Working")
    assert page.locator("#cells .cell").count() == 90
    assert page.locator("#cells .cell:nth-last-child(-n+2):is(.whole, .part)").count() >= 1  # a minute may have begun
    assert re.fullmatch(r"\d+ calls?, \d+ failed", page.inner_text("#strip-said"))


def test_strip_by_keyboard(browse: Browse) -> None:
    """The arrow keys go through the minutes, each told in words; leaving it, the sum is told again."""
    page = browse("/", "en").page
    page.wait_for_function(FILLED)
    page.focus("#cells")
    newest = page.get_attribute("#cells", "aria-valuetext")
    page.keyboard.press("ArrowLeft")
    assert page.get_attribute("#cells", "aria-valuenow") == "89"
    told, said = page.evaluate(
        "[document.getElementById('cells').ariaValueText, document.getElementById('strip-said').innerText]"
    )
    assert told != newest and told == said and re.match(r"\d\d:\d\d · ", told or "")
    page.keyboard.press("Home")
    assert page.get_attribute("#cells", "aria-valuenow") == "1"
    page.keyboard.press("Tab")
    assert not page.inner_text("#strip-said").startswith(told or "")


@pytest.mark.parametrize("secure", [True, False])
def test_copying(browse: Browse, shop: Rig, secure: bool) -> None:
    """The address is on the clipboard at one click, also where browsers have no `navigator.clipboard` (plain http)."""
    visit = browse("/", "en", permissions=["clipboard-read", "clipboard-write"])
    page = visit.page
    if not secure:
        page.evaluate("Object.defineProperty(window, 'isSecureContext', { value: false })")
        page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    for button, wanted in (("#copy-address", f"{shop.url}/v1"), ("#copy-sample", page.inner_text("#sample"))):
        copied(page, button)
        page.evaluate("document.body.append(Object.assign(document.createElement('textarea'), { id: 'paste' }))")
        page.focus("#paste")
        page.keyboard.press("Control+V")
        until(page, f"document.getElementById('paste').value.trim() === {json.dumps(wanted.strip())}")
        page.evaluate("document.getElementById('paste').remove()")
    assert f"{shop.url}/v1/chat/completions" in wanted


def test_everything_by_tab(browse: Browse) -> None:
    """The skip link comes first; every control is reached."""
    found = browse("/", "en").reached_by_tab()
    assert "skip" in found[0].lower()
    for part in ("button lang", "button theme", "copy-address", "copy-sample", "pre sample", "div cells", "summary"):
        assert named(found, part), (part, found)
    assert sum("a " in one[:2] for one in found) >= 12


def test_small(browse: Browse, chromium: Any, shop: Rig) -> None:
    """A first visit takes less than 60 KB in all."""
    visit = browse("/login")
    wire = visit.page.context.new_cdp_session(visit.page)
    wire.send("Network.enable")
    wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes: list[float] = []
    wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    visit.go("/").wait_for_function(FILLED)
    visit.settled()
    assert len(sizes) >= 10 and 15_000 < sum(sizes) < 60_000


def seen(page: Page, state: str) -> None:
    """Have the page take its tab for one in the foreground (`visible`) or in the background (`hidden`)."""
    page.evaluate(
        """(state) => {
            Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        state,
    )


def test_hidden_tab_asks_nothing(browse: Browse) -> None:
    """A tab that nobody looks at has no stream; one that is looked at again has one."""
    page = browse("/").page
    page.wait_for_function(FILLED)
    page.evaluate(
        """() => {
            const Before = EventSource;
            window.streams = [];
            window.EventSource = function (url) { const one = new Before(url); window.streams.push(one); return one; };
        }"""
    )
    seen(page, "hidden")
    seen(page, "visible")
    page.wait_for_function("() => window.streams.length === 1 && window.streams[0].readyState === 1")
    seen(page, "hidden")
    until(page, "window.streams[0].readyState === 2")
