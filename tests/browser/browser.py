"""A tab of Chromium that takes down whatever a page should not do, and what tests look for on every page.

What is against a page: an error on its console or one that nobody caught, a request to any address but the gateway's
own, a violation of its Content-Security-Policy.

On a slow or busy machine a page changes later than it was asked to, and the tests must pass so as well: they wait for
what a page is to become, and never look once. To see that they do, make it slow: BROWSER_SLOWED=6 has pages compute at
a sixth of the machine's pace, BROWSER_LATE=150 has each answer come that many milliseconds late, BROWSER_PAUSES=300 has
the reader wait that long after each thing done.
"""

from __future__ import annotations

import json
import os
import shutil
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from attrs import define, field

from tests.needs import lacking

from .waiting import NOTES, STILL, until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
"""Debian's. Both are built of the same source; what has no windows and menus of its own takes a quarter less time."""
AXE = Path(__file__).parent.parent / "live" / "node" / "node_modules" / "axe-core" / "axe.min.js"
WATCH = """
addEventListener("securitypolicyviolation", (event) => console.error(
  `CSP: ${event.effectiveDirective} ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`));
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
QUIET_MS = 150
"""For how long a page changes nothing before it counts as settled."""
RESTING = """document.getAnimations().every(
    (one) => one.playState !== "running" || one.effect.getComputedTiming().endTime === Infinity)"""
"""No animation runs that comes to an end."""
PLAIN_HOST = "gateway.test"
"""This machine by a name that is not its own: what comes from there over plain http is no secure context."""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SLOWED = float(os.environ.get("BROWSER_SLOWED", "1"))
"""How many times as long as the machine takes a page is to take for what it computes."""
LATE_MS = float(os.environ.get("BROWSER_LATE", "0"))
"""Milliseconds by which each answer comes late to a page."""
PAUSES_MS = float(os.environ.get("BROWSER_PAUSES", "0"))
"""Milliseconds after each thing that a test does on a page."""


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
        quiet = f"""performance.now() - window.moved > {QUIET_MS} && document.readyState === "complete" &&
            document.getAnimations().every((one) => one.playState !== "running")"""
        # What has come may not have been taken in yet: nothing changes for some frames after that, too.

        def at_rest() -> bool:
            return not self._open and self.page.evaluate(quiet) and self.page.evaluate(STILL, 3)

        try:
            until(self.page, at_rest)
        except AssertionError as error:
            raise AssertionError(f"never at rest: {[one.url for one in self._open]}") from error
        return self.page

    def violations(self, within: str | None = None) -> list[str]:
        """What axe-core has against the page as it stands, or against what the selector names: a line each."""
        if not AXE.exists():
            lacking("axe-core is not installed (make test does it)")
        if not self.page.evaluate("typeof window.axe === 'object'"):
            self.page.evaluate(AXE.read_text(encoding="utf-8") + "; undefined")
        until(self.page, RESTING)  # half faded in, words are too pale
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
    context.add_init_script(NOTES + WATCH)
    page = context.new_page()
    slow(page)
    return Visit(page, url)


def slow(page: Page) -> None:
    """Have the tab be as slow as is wished for."""
    if SLOWED == 1 and LATE_MS == 0:
        return
    wire = page.context.new_cdp_session(page)
    wire.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
    if LATE_MS:
        late = {"offline": False, "latency": LATE_MS, "downloadThroughput": -1, "uploadThroughput": -1}
        wire.send("Network.enable")
        wire.send("Network.emulateNetworkConditions", late)


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
