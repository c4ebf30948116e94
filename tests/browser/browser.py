"""A tab of Chromium that takes down whatever a page should not do, and what tests look for on every page.

What is against a page: an error on its console or one that nobody caught, a request to any address but the gateway's
own, a violation of its Content-Security-Policy.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from attrs import define, field

from tests.needs import lacking

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

AXE = Path(__file__).parent.parent / "live" / "node" / "node_modules" / "axe-core" / "axe.min.js"
WATCH = """
addEventListener("securitypolicyviolation", (event) => console.error(
  `CSP: ${event.effectiveDirective} ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`));
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
window.moved = performance.now();
new MutationObserver(() => { window.moved = performance.now(); }).observe(
  document, { subtree: true, childList: true, characterData: true, attributes: true });
"""
QUIET_MS, SETTLED_MS = 150, 5000
"""For how long a page changes nothing before it counts as settled; until when it has to be."""
PLAIN_HOST = "gateway.test"
"""This machine by a name that is not its own: what comes from there over plain http is no secure context."""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@define(eq=False, slots=False)  # the driver keeps a note on whoever listens
class Visit:
    """A tab. `expected` are parts of complaints that a test brings about itself."""

    page: Page
    url: str
    """The gateway's address, without a slash at its end."""
    complaints: list[str] = field(factory=list)
    expected: list[str] = field(factory=list)
    _open: list[Request] = field(factory=list)
    """What the page has asked for and not been answered; of a stream of events the head is enough."""

    def __attrs_post_init__(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"not caught: {error}"))
        self.page.on("request", self._asked)
        self.page.on("response", lambda answer: self._over(answer.request, answer.request.resource_type))
        for event in ("requestfinished", "requestfailed"):
            self.page.on(event, lambda request: self._over(request, "eventsource"))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def _asked(self, request: Request) -> None:
        at = urlsplit(request.url)
        if at.scheme in {"http", "https", "ws", "wss"} and at.netloc != urlsplit(self.url).netloc:
            self.complaints.append(f"a foreign address was asked: {request.url}")
        self._open.append(request)

    def _over(self, request: Request, kind: str) -> None:
        if kind == "eventsource" and request in self._open:
            self._open.remove(request)

    def expects(self, *parts: str) -> None:
        """A complaint that has one of these in it is what the test is about."""
        self.expected.extend(parts)

    @property
    def unexpected(self) -> list[str]:
        """What is against the page."""
        return [one for one in self.complaints if not any(part in one for part in self.expected)]

    def go(self, path: str) -> Page:
        """Open a path of the gateway's; the tab's page."""
        self.page.goto(self.url + path)
        return self.page

    def settled(self) -> Page:
        """Wait until all that the page asked for has come and stands on it, and no animation runs; the tab's page."""
        end = time.monotonic() + SETTLED_MS / 1000
        still = f"""performance.now() - window.moved > {QUIET_MS} && document.readyState === "complete" &&
            document.getAnimations().every((one) => one.playState !== "running")"""
        while self._open or not self._holds(still):
            assert time.monotonic() < end, f"never at rest: {[one.url for one in self._open]}"
            self.page.wait_for_timeout(30)
        return self.page

    def _holds(self, expression: str) -> bool:
        """Whether it is so of the page as it stands; of one that is about to give way to another, nothing is."""
        from playwright.sync_api import Error

        try:
            return bool(self.page.evaluate(expression))
        except Error as error:
            if "Execution context was destroyed" not in error.message:
                raise
            return False

    def violations(self, within: str | None = None) -> list[str]:
        """What axe-core has against the page as it stands, or against what the selector names: a line each."""
        if not AXE.exists():
            lacking("axe-core is not installed (make test does it)")
        if not self.page.evaluate("typeof window.axe === 'object'"):
            self.page.evaluate(AXE.read_text(encoding="utf-8") + "; undefined")
        found = self.page.evaluate(
            "([within, tags]) => axe.run(within ?? document, {runOnly: {type: 'tag', values: tags}})", [within, WCAG]
        )
        return [
            f"{one['id']} ({one['impact']}): {node['target']} {node.get('failureSummary')}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    def overflow(self) -> int:
        """CSS pixels by which the page is wider than the window."""
        wide: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return wide

    def shifted(self) -> float:
        """The page's cumulative layout shift so far."""
        return float(self.page.evaluate("window.shifted"))

    def reached_by_tab(self, most: int = 200) -> list[str]:
        """What has the focus, one after the other, as Tab is pressed until it comes round: each described in short."""
        found: list[str] = []
        self.page.evaluate(
            "document.body.tabIndex = -1, document.body.focus(), document.body.removeAttribute('tabindex')"
        )
        for _ in range(most):
            self.page.keyboard.press("Tab")
            here = self.page.evaluate(
                """() => {
                    const one = document.activeElement;
                    if (!one || one === document.body) return null;
                    window.tabbed ??= new WeakSet();
                    if (window.tabbed.has(one)) return null;
                    window.tabbed.add(one);
                    const told = one.id || one.name || (one.ariaLabel ?? one.textContent).trim().slice(0, 40);
                    return `${one.tagName.toLowerCase()} ${told}`;
                }"""
            )
            if here is None:
                break
            found.append(here)
        return found


Browse = Callable[..., Visit]
"""`browse(path, lang="zh", theme="light", width=1280, context=None)`: a tab with that page open."""


def opened(context: BrowserContext, url: str, lang: str, theme: str) -> Visit:
    """A tab that watches, with the cookies of a reader's choices."""
    host = urlsplit(url).hostname or ""
    context.add_cookies(
        [
            {"name": "tg_lang", "value": lang, "domain": host, "path": "/"},
            {"name": "tg_theme", "value": theme, "domain": host, "path": "/"},
        ]
    )
    context.add_init_script(WATCH)
    return Visit(context.new_page(), url)


def call(url: str, key: str | None, body: dict[str, Any]) -> dict[str, Any]:
    """Make a call of the gateway as a program does; the answer's document."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        document: dict[str, Any] = json.loads(answer.read())
        return document


def named(found: Sequence[str], part: str) -> bool:
    """Whether one of what Tab reached is described so."""
    return any(part in one for one in found)
