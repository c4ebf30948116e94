"""Who registers takes along what was written in this browser before."""

from __future__ import annotations

from .browser import Browse
from .chatting import V3, answer, ask, held, names, over, ready, said, write
from .test_entry import newcomer, register
from .waiting import until

COUNT = "document.querySelectorAll('.side-item').length"


def test_registering_takes_over(browse: Browse) -> None:
    """The conversations and what was begun to be written are the account's, and signing out leaves none behind."""
    visit = browse(V3, lang="en")
    page = visit.page
    ready(page)
    before = ask(page, "before")
    page.click("#new")
    page.fill("#words-in", "half a thought")
    until(page, f"{COUNT} === 1")
    titles = names(page)
    visit.go("/register?next=/chat")
    register(visit, newcomer())
    page.wait_for_selector("#done:not([hidden])")
    until(
        page,
        "document.getElementById('taken-over').textContent === 'Conversations from before, now in your account: 1'",
    )
    assert visit.violations() == []
    page.click("#onward")
    page.wait_for_url("**/chat")
    ready(page)
    until(page, f"{COUNT} === 1")
    until(page, lambda: names(page) == titles)
    until(page, lambda: page.input_value("#words-in") == "half a thought")
    page.click(".side-item")
    until(page, lambda: page.locator(".answer .prose").all_inner_texts() == [before])
    page.context.clear_cookies()
    ready(visit.go(V3))
    until(page, "document.getElementById('me-name').textContent === 'Visitor'")
    assert page.evaluate(COUNT) == 0 and page.input_value("#words-in") == ""


def test_an_answer_that_is_coming_in(browse: Browse) -> None:
    """In another window: it comes to its end there, and is the account's with the rest when its chat is opened next."""
    visit = browse(V3, lang="en")
    page = visit.page
    ready(page)
    ask(page, "first")
    page.click("#new")
    held(page)
    write(page, "second")
    said(page, "the beginning, ")
    other = browse("/register", lang="en", context=page.context)
    register(other, newcomer())
    until(other.page, "document.getElementById('taken-over').textContent.endsWith(': 1')")
    said(page, "and the end")
    over(page)
    assert answer(page) == "the beginning, and the end"
    ready(other.go(V3))
    until(other.page, f"{COUNT} === 2")
    other.page.click(".side-item")
    until(other.page, lambda: "the beginning, and the end" in other.page.locator(".answer .prose").all_inner_texts())
    until(page, f"{COUNT} === 0")


def test_signing_in_takes_nothing(browse: Browse) -> None:
    """Whoever signs in to an account that there was may be somebody else: the visitor's stay the visitor's."""
    visit = browse("/register", lang="en")
    page, name = visit.page, newcomer()
    register(visit, name)
    page.wait_for_selector("#done:not([hidden])")
    assert page.inner_text("#taken-over") == ""
    page.context.clear_cookies()
    ready(visit.go(V3))
    ask(page, "somebody else's")
    visit.go("/login?next=/chat")
    register(visit, name)
    page.wait_for_url("**/chat")
    ready(page)
    until(page, f"document.getElementById('me-name').textContent === '{name}'")
    assert page.evaluate(COUNT) == 0
    page.context.clear_cookies()
    ready(visit.go(V3))
    until(page, f"{COUNT} === 1")
