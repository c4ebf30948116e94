"""One Chromium and one gateway for all pages; each test has a tab, and a browser's memory, of its own.

At the end of each test nothing may stand against the pages that it opened; see `browser.Visit`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.rig import Rig, Wishes, started
from tests.needs import lacking

from .browser import CHROMIUM, PAUSES_MS, PLAIN_HOST, Browse, Visit, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

OPEN: dict[str, Any] = {
    "registration": "open",
    "contact": "admin@example.org",
    "anonymous": {
        "enabled": True,
        "models": ["*"],
        "limits": {"requests_per_minute": 60},
        "quota": {"tokens": 200000, "per": "day"},
    },
    "trusted_proxies": ["127.0.0.1/32"],
}
"""Settings with which a page has everything to show. Each browser comes as from behind a proxy, with an address of its
own: what one address may do in a day is not to hang on how many tests there are."""


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; for this package alone, since its driver keeps an event loop running."""
    if CHROMIUM is None:
        lacking("chromium is not installed (Debian: apt install chromium-headless-shell)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        lacking("playwright is not installed")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", f"--host-resolver-rules=MAP {PLAIN_HOST} 127.0.0.1"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments, slow_mo=PAUSES_MS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway where anybody may register and try, before a vendor of four keys that writes at a readable pace."""
    wishes = Wishes(
        accounts={name: [f"sn4_browser_key_of_{name}_{at:012}" for at in range(2)] for name in ("alice", "bob")},
        events_per_second=200.0,
        gateway=OPEN,
    )
    with started(tmp_path_factory.mktemp("shop"), wishes) as found:
        yield found


@pytest.fixture(scope="package")
def addresses() -> Iterator[str]:
    """Addresses that nobody has (RFC 2544), one after the other."""
    return (f"198.18.{number // 250}.{number % 250 + 1}" for number in itertools.count())


@pytest.fixture
def browse(chromium: Browser, shop: Rig, addresses: Iterator[str]) -> Iterator[Browse]:
    """Opens pages: `browse("/chat", lang="en", theme="dark", width=360)`."""
    contexts: list[BrowserContext] = []
    visits: list[Visit] = []

    def open_page(
        path: str,
        lang: str = "zh",
        theme: str = "light",
        width: int = 1280,
        context: BrowserContext | None = None,
        url: str | None = None,
        **more: Any,
    ) -> Visit:
        if context is None:
            more.setdefault("extra_http_headers", {"X-Forwarded-For": next(addresses)})
            context = chromium.new_context(
                viewport={"width": width, "height": 800}, locale="zh-CN" if lang == "zh" else "en-GB", **more
            )
            contexts.append(context)
        visit = opened(context, url or shop.url, lang, theme)
        visits.append(visit)
        visit.go(path)
        return visit

    yield open_page
    against = [one for visit in visits for one in visit.unexpected]
    for context in contexts:
        context.close()
    assert not against, "\n".join(against)


@pytest.fixture(autouse=True)
def _well(shop: Rig) -> Iterator[None]:
    """Each test finds a vendor that is well."""
    yield
    shop.behave()
