"""Registering and signing in, as people do it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.live.rig import Rig

from .browser import Browse, Visit, call, named
from .waiting import copied

PASSWORD = "correct horse battery"
COUNTING = """() => {
    const button = document.getElementById("submit");
    window.counted = false;
    new MutationObserver(() => { window.counted ||= button.disabled && button.textContent.includes("秒"); }).observe(
        button, { childList: true });
}"""
"""Has the page note whether the button counted seconds down: at first they are few."""
_numbers = itertools.count(1)


def newcomer() -> str:
    """A name that nobody has."""
    return f"reader.{next(_numbers)}"


def register(visit: Visit, name: str, password: str = PASSWORD) -> None:
    """Fill in the form, and send it."""
    visit.page.fill("#name", name)
    visit.page.fill("#password", password)
    visit.page.click("#submit")


@pytest.mark.parametrize(("lang", "theme", "width"), [("zh", "dark", 360), ("en", "light", 1280)])
@pytest.mark.parametrize("path", ["/login", "/register"])
def test_looks(browse: Browse, path: str, lang: str, theme: str, width: int) -> None:
    """Nothing is against it by axe, also while it complains; nothing is wider than the window, nothing moves."""
    visit = browse(path, lang, theme, width)
    assert visit.page.evaluate("document.activeElement.id") == "name"
    assert visit.violations() == [] and visit.overflow() == 0 and visit.shifted() < 0.01
    visit.page.click("#submit")
    visit.page.wait_for_selector("[aria-invalid=true]")
    assert visit.violations() == [] and visit.overflow() == 0


def test_register(browse: Browse, shop: Rig) -> None:
    """Name and password, then a key of one's own, that works, is to be copied, and is said where to find again."""
    visit = browse("/register", "en", permissions=["clipboard-read", "clipboard-write"])
    page, name = visit.page, newcomer()
    register(visit, name)
    page.wait_for_selector("#done:not([hidden])")
    key = page.inner_text("#secret")
    assert key.startswith("sk-tg-") and call(shop.url, key, SAID)["choices"]
    copied(page, "#copy-secret")
    assert page.evaluate("navigator.clipboard.readText()") == key
    assert page.inner_text("#who-name") == name and page.is_visible("#who") and not page.is_visible("#sign-in")
    assert page.evaluate("document.activeElement.id") in {"done-title", "copy-secret"}
    assert page.locator("#password").count() == 0 and "chat" in page.inner_text("#done")
    assert visit.violations() == []


SAID: dict[str, Any] = {"model": "deepshield-chat", "messages": [{"role": "user", "content": "Hello!"}]}


def test_what_is_wrong(browse: Browse) -> None:
    """What a field takes is said at the field; a name that somebody has, too."""
    visit = browse("/register", "en")
    page, name = visit.page, newcomer()
    register(visit, "No!", "short")
    assert "3 to 32" in page.inner_text("#name-error") and "8 characters" in page.inner_text("#password-error")
    assert page.evaluate("document.activeElement.id") == "name"
    register(visit, name)
    page.wait_for_selector("#done:not([hidden])")
    visit.go("/register")
    visit.expects("409 (Conflict)")
    register(visit, name)
    page.wait_for_selector("#name-error:not([hidden])")
    assert page.inner_text("#name-error") == "This name is taken."
    assert page.get_attribute("#name", "aria-invalid") == "true"
    page.fill("#name", f"{name}x")
    assert page.is_hidden("#name-error")


def test_sign_in_and_out(browse: Browse) -> None:
    """Out by the menu, in again by name and password; a session of before is another one."""
    visit = browse("/register", "en")
    page, name = visit.page, newcomer()
    register(visit, name)
    page.wait_for_selector("#done:not([hidden])")
    page.click("#who")
    page.click("#sign-out")
    page.wait_for_url("**/")
    page.wait_for_selector("#sign-in")
    visit.go("/login?next=/guide%23errors")
    register(visit, name)
    page.wait_for_url("**/guide#errors")
    page.wait_for_function(f"() => document.getElementById('who-name').textContent === '{name}'")
    page.goto(f"{visit.url}/login", wait_until="commit")  # who is signed in has no business there
    page.wait_for_url("**/chat")


@pytest.mark.parametrize("next_", ["//evil.example/", "/\\evil.example", "javascript:alert(1)", "https://evil.example"])
def test_leads_nowhere_else(browse: Browse, next_: str) -> None:
    """Whatever the address says, one stays here (F-13)."""
    visit = browse(f"/register?next={next_}", "en")
    register(visit, newcomer())
    visit.page.wait_for_selector("#done:not([hidden])")
    assert visit.page.evaluate("document.getElementById('onward').href") == f"{visit.url}/chat"


def test_too_often(browse: Browse) -> None:
    """A wrong password is told above the form, in the reader's words; after some, how long to wait, counting down."""
    visit = browse("/login", "zh")
    visit.expects("401 (Unauthorized)", "429 (Too Many Requests)")
    page, name = visit.page, newcomer()
    register(visit, name)
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem").strip() == "用户名或密码不对。"
    page.evaluate(COUNTING)
    for _ in range(20):
        page.wait_for_selector("#submit:not([disabled])")
        page.fill("#password", f"{PASSWORD} not")
        page.click("#submit")
        page.wait_for_function("() => !document.getElementById('submit').textContent.includes('请稍候')")
        if page.evaluate("window.counted"):
            break
    assert page.evaluate("window.counted") and "尝试次数过多" in page.inner_text("#problem")
    assert visit.violations() == []


@pytest.mark.parametrize("path", ["/login", "/register"])
def test_no_password_in_the_address(browse: Browse, path: str) -> None:
    """Where the page's script has not come, Enter sends nothing, least of all a password in the address."""
    visit = browse(path, java_script_enabled=False)
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    visit.page.fill("#name", "reader")
    visit.page.fill("#password", PASSWORD)
    visit.page.press("#password", "Enter")
    visit.page.reload()
    assert visit.page.url == visit.url + path and not [url for url in asked if "password" in url]


def test_showing_the_password(browse: Browse) -> None:
    """The eye shows it, and hides it."""
    page = browse("/login", "en").page
    page.fill("#password", PASSWORD)
    page.click("#show")
    assert page.get_attribute("#password", "type") == "text"
    assert page.get_attribute("#show", "aria-pressed") == "true"
    page.click("#show")
    assert page.get_attribute("#password", "type") == "password"


def test_everything_by_tab(browse: Browse) -> None:
    """From the name, where one is at first: password, eye, button, and the way to the other page; sent by Enter."""
    visit = browse("/register", "en")
    found = visit.reached_by_tab()
    for part in ("input password", "button show", "button submit", "a other"):
        assert named(found, part), (part, found)
    visit.page.fill("#name", newcomer())
    visit.page.fill("#password", PASSWORD)
    visit.page.press("#password", "Enter")
    visit.page.wait_for_selector("#done:not([hidden])")


def test_password_managers(browse: Browse) -> None:
    """The fields say what they are for."""
    for path, kind in (("/login", "current-password"), ("/register", "new-password")):
        page = browse(path).page
        assert page.get_attribute("#name", "autocomplete") == "username"
        assert page.get_attribute("#password", "autocomplete") == kind
