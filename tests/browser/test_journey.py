"""From a name to an answer of one's own program, on one's own machine and on a server of plain http; and a house that
lets in only whom it has invited."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.live.rig import CLIENT_KEY, Rig, Wishes, started

from .browser import PLAIN_HOST, Browse, Visit, call
from .chatting import ask, ready
from .test_entry import PASSWORD, SAID, newcomer, register
from .test_guide import run
from .waiting import closed, copied, until


def pasted(visit: Visit, field: str, text: str) -> None:
    """Paste into the field, as people do, and wait until `text` is in it."""
    visit.page.focus(field)
    visit.page.keyboard.press("Control+A")
    visit.page.keyboard.press("Control+V")
    until(visit.page, lambda: visit.page.input_value(field) == text)


@pytest.mark.parametrize("secure", [True, False], ids=["secure", "plain"])
def test_from_a_name_to_an_answer(browse: Browse, shop: Rig, secure: bool) -> None:
    """Registered; the name at the bottom left leads to the key; it is copied, and the guide's code runs with it. Where
    the origin is no secure one, browsers lack half of what they have elsewhere, and all of it goes the same way."""
    url = shop.url if secure else f"http://{PLAIN_HOST}:{urlsplit(shop.url).port}"
    allowed = {"permissions": ["clipboard-read", "clipboard-write"]} if secure else {}
    visit = browse("/register", "en", url=url, **allowed)
    page, name = visit.page, newcomer()
    assert page.evaluate("isSecureContext && !!navigator.clipboard") is secure
    register(visit, name)
    page.wait_for_selector("#done:not([hidden])")
    key = page.inner_text("#secret")
    page.click("#onward")
    page.wait_for_url("**/chat")
    ready(page)
    box = page.locator("#me").bounding_box()
    assert page.inner_text("#me-name") == name and box is not None and box["x"] < 100 and box["y"] > 600
    page.click("#me")
    page.wait_for_selector("#own-key")
    copied(page, ".key-tools [aria-label='Copy']")
    closed(page)
    assert len(ask(page, "hello")) > 5

    visit.go("/guide")
    until(page, f"document.getElementById('bar-key').value === '{key}'")
    until(page, "document.getElementById('bar-model').value !== ''")
    page.fill("#bar-key", "")
    pasted(visit, "#bar-key", key)
    run(visit, "chat")
    assert "HTTP 200" in page.inner_text("[data-snippet=chat] .run-state")
    run(visit, "own")
    assert f'"label": "{name}"' in page.inner_text("[data-snippet=own] .run-text")
    visit.go("/chat")
    until(page, "document.querySelectorAll('.side-item').length === 1")
    assert call(shop.url, key, SAID)["choices"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway for those who are invited, which shows of its figures the availability alone."""
    settings = {
        "registration": "invite",
        "contact": "admin@example.org",
        "public_stats": ["availability"],
        "admin": {"socket": "admin.sock"},
    }
    with started(tmp_path_factory.mktemp("house"), Wishes(gateway=settings)) as found:
        yield found


class HouseTests:
    """Registration by invitation, figures that are hidden."""

    def test_hidden_figures(self, browse: Browse, house: Rig) -> None:
        """What the operator hides is on no page and in nothing that is sent; no traffic is told in words."""
        visit = browse("/", "en", url=house.url)
        page = visit.page
        until(page, "document.getElementById('availability').textContent !== '—'")
        assert page.locator(".counter:visible dt").all_inner_texts() == ["Availability"]
        assert page.inner_text("#availability") == "No traffic"
        sent = page.evaluate("fetch('/api/overview').then((answer) => answer.json())")
        assert set(sent["counters"]) == {"availability"}
        assert "admin@example.org" in page.inner_text("#key") and page.is_visible("#key a[href='/register']")
        visit.go("/monitor")
        visit.settled()
        page.wait_for_selector("#fact-availability:not(.skeleton)")
        assert page.is_hidden("#fact-keys") and page.is_hidden("#fact-calls")

    def test_invitation(self, browse: Browse, house: Rig) -> None:
        """Whoever has a code gets in with it, once; any other is told at its field."""
        told = house.verb("clients", "invite")
        code = re.search(r"\S{16,}", told.stdout)
        assert code is not None, told
        visit = browse("/register", "en", url=house.url)
        visit.expects("403 (Forbidden)")
        page, name = visit.page, newcomer()
        register(visit, name)
        assert page.inner_text("#invite-error") == "Enter the invitation code."
        page.fill("#invite", "not-a-code-of-ours")
        page.click("#submit")
        until(page, "document.getElementById('invite-error').textContent !== ''")
        assert "code" in page.inner_text("#invite-error")
        page.fill("#invite", code[0])
        page.click("#submit")
        page.wait_for_selector("#done:not([hidden])")
        assert page.inner_text("#secret").startswith("sk-tg-")

        visit.go("/")
        page.context.clear_cookies(name=re.compile("session"))
        visit.go("/register")
        page.fill("#invite", code[0])
        register(visit, newcomer(), PASSWORD)
        page.wait_for_selector("#invite-error:not([hidden])")

    def test_visitors(self, browse: Browse, house: Rig) -> None:
        """Where visitors may not call the chat page says so, and how to get in."""
        visit = browse("/chat", "en", url=house.url)
        page = visit.page
        page.wait_for_selector(".join-card")
        assert "invitation code" in page.inner_text(".join-card") and visit.violations() == []
        page.click(".join-card a[href^='/register']")
        page.wait_for_url("**/register?next=%2Fchat")

    def test_charts_after_a_restart(self, browse: Browse, house: Rig) -> None:
        """What was drawn before the gateway was started anew is drawn after it."""
        call(house.url, CLIENT_KEY, SAID)
        house.signal(signal.SIGTERM)
        house.ended(30)
        house.again()
        page = browse("/monitor?span=15m", "en", url=house.url).page
        page.wait_for_selector("#fresh.open")
        page.click("#card-calls .as-table")
        rates = page.locator("#card-calls tbody td")
        until(page, lambda: any(re.search("[1-9]", rate) for rate in rates.all_inner_texts()))
