"""The tab that watches: it does see what it is there to see."""

from __future__ import annotations

from .browser import Browse, named
from .waiting import until


class VisitTests:
    """`Visit`."""

    def test_what_is_against_a_page(self, browse: Browse) -> None:
        """An error on the console, one that nobody caught, a foreign address, and what the policy forbids."""
        visit = browse("/")
        visit.page.evaluate("console.error('canary one')")
        visit.page.evaluate("setTimeout(() => { throw new Error('canary two') })")
        visit.page.evaluate("fetch('http://canary-three.invalid/').catch(() => {})")
        visit.page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: '1'}))")
        wanted = ("canary one", "canary two", "canary-three", "CSP: script-src")
        until(visit.page, lambda: all(named(visit.complaints, part) for part in wanted))
        visit.expects("canary", "CSP: ", "Content Security Policy", "Failed to load resource")

    def test_axe(self, browse: Browse) -> None:
        """It is asked, and answers."""
        visit = browse("/")
        visit.page.evaluate("document.body.append(document.createElement('img'))")
        assert any("image-alt" in one for one in visit.violations())
