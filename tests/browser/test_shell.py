"""The frame of every page: language, theme, menus, what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.live.rig import Rig
from tests.needs import need

from .browser import PAUSES_MS, Browse, Visit, opened
from .test_entry import newcomer, register
from .waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BACK = "setTimeout(() => history.back(), 50)"
SIGN_OUT = """async () => {
    const { csrf } = await (await fetch("/api/me")).json();
    await fetch("/api/logout", {
        method: "POST", headers: { "content-type": "application/json", "x-csrf-token": csrf }, body: "{}",
    });
}"""


@pytest.fixture
def keeping(chromium: Browser, shop: Rig, addresses: Iterator[str]) -> Iterator[Visit]:
    """The registration page in a browser that keeps pages as they are left, as people's do, for the way back.

    Only a whole Chromium does.
    """
    browser = chromium.browser_type.launch(
        executable_path=need("chromium"),
        args=["--no-sandbox"],
        slow_mo=PAUSES_MS,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    context = browser.new_context(extra_http_headers={"X-Forwarded-For": next(addresses)})
    visit = opened(context, shop.url, "en", "light")
    visit.go("/register")
    yield visit
    browser.close()


def test_language(browse: Browse) -> None:
    """One click shows everything in the other language, from then on."""
    visit = browse("/", "zh")
    page = visit.page
    page.click("#lang")
    page.wait_for_selector("html[lang=en]")
    assert page.inner_text("h1") == "One address for every model"
    assert visit.go("/login").get_attribute("html", "lang") == "en"
    page.click("#lang")
    page.wait_for_selector("html[lang=zh-CN]")


def test_language_of_the_browser(browse: Browse) -> None:
    """Before anything is chosen it is the browser's."""
    for locale, lang in (("en", "en"), ("zh", "zh-CN")):
        visit = browse("/login", locale)
        visit.page.context.clear_cookies()
        assert visit.go("/login").get_attribute("html", "lang") == lang


def test_theme(browse: Browse) -> None:
    """The system's at first, then what was chosen, before anything is painted; the button says what it will do."""
    visit = browse("/", "en", "system", color_scheme="dark")
    page = visit.page
    ground = "getComputedStyle(document.body.parentElement).backgroundColor"
    dark = page.evaluate(ground)
    assert page.get_attribute("#theme", "aria-label") == "Switch to light"
    page.click("#theme")
    light = visit.settled().evaluate(ground)
    assert light != dark and page.get_attribute("#theme", "aria-label") == "Switch to dark"
    visit.go("/login")
    assert page.get_attribute("html", "data-theme") == "light" and page.evaluate(ground) == light


def test_menu_by_keyboard(browse: Browse) -> None:
    """The menu of who is signed in opens, is walked, and closes with the focus where it was."""
    visit = browse("/register", "en")
    register(visit, newcomer())
    page = visit.page
    page.wait_for_selector("#done:not([hidden])")
    page.focus("#who")
    page.keyboard.press("Enter")
    assert page.is_visible("#who-menu") and page.get_attribute("#who", "aria-expanded") == "true"
    assert page.evaluate("document.activeElement.textContent") == "My key and usage"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.id") == "sign-out"  # who is no admin has nothing between
    page.keyboard.press("Escape")
    assert page.is_hidden("#who-menu") and page.evaluate("document.activeElement.id") == "who"
    page.click("#who")
    page.mouse.click(5, 400)
    assert page.is_hidden("#who-menu")
    page.click("#who")
    assert visit.violations() == []


def way_back(visit: Visit) -> None:
    """Go back to the guide, where one's own key was, and see it as somebody who is not signed in."""
    visit.page.evaluate(BACK)
    visit.page.wait_for_selector("html[data-session=no] #bar")
    assert visit.page.input_value("#bar-key") == ""


def signed_in(visit: Visit) -> None:
    """As somebody new, on the guide, then on the monitor."""
    register(visit, newcomer())
    visit.page.wait_for_selector("#done:not([hidden])")
    visit.go("/guide")
    until(visit.page, "document.getElementById('bar-key').value.startsWith('sk-tg-')")
    visit.go("/monitor")


def test_back_after_signing_out(keeping: Visit) -> None:
    """From where signing out leads no way leads back to a key."""
    signed_in(keeping)
    keeping.page.click("#who")
    keeping.page.click("#sign-out")
    keeping.page.wait_for_url(f"{keeping.url}/")
    way_back(keeping)


def test_back_after_signing_out_elsewhere(keeping: Visit) -> None:
    """A page that was left while one was signed in is not shown as it was left, once one is signed out."""
    signed_in(keeping)
    keeping.page.evaluate(SIGN_OUT)
    way_back(keeping)


def test_narrow(browse: Browse) -> None:
    """On a phone the pages are behind a button."""
    page = browse("/", "en", width=360).page
    assert page.is_hidden(".top .nav")
    page.click("#nav-button")
    page.click("#nav-panel a[href='/guide']")
    page.wait_for_url("**/guide")


def test_skip(browse: Browse) -> None:
    """The first Tab shows a way past the header."""
    page = browse("/", "en").page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    until(page, "document.activeElement.id === 'main'")


def test_lost(browse: Browse) -> None:
    """An address that there is not is told as a page, in the reader's language."""
    visit = browse("/login", "zh")
    visit.expects("404 (Not Found)")
    page = visit.go("/nowhere")
    assert page.inner_text("h1") == "这里什么也没有" and visit.violations() == []


def test_no_script(browse: Browse) -> None:
    """Without JavaScript the landing page still says what there is, and the others that they need it; no page shows a
    control that does nothing, or waits for ever."""
    page = browse("/", "en", java_script_enabled=False).page
    assert page.is_visible("text=Start chatting") and "/v1" in page.inner_text("#address")
    assert page.locator("button:visible").count() == 0 and "—" not in page.inner_text("main")
    for path in ("/login", "/register", "/monitor", "/chat", "/admin"):
        page.goto(page.url.rpartition("/")[0] + path)
        told = page.locator("noscript .notice")
        assert "JavaScript" in told.inner_text() and told.is_visible(), path
        box = told.bounding_box()
        assert box is not None and box["y"] + box["height"] < 800, path
        assert "Loading" not in page.inner_text("body") and "Connecting" not in page.inner_text("body"), path
        assert page.locator("button:visible").count() == 0, path
