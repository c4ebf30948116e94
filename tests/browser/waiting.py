"""Waiting for what a page is to become.

A page changes a little later than a test does something: events are tasks of their own, answers come over the network,
pictures are made by the frame. What a test says of a page it waits for, as long as a slow machine may take; what is
only there for a while is noted by the page itself, since a slow test would come too late to see it.
"""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PATIENCE = 30.0
"""Seconds after which it is believed that something will never be so."""
NOTES = """
window.moved = performance.now();
window.told = [];
new MutationObserver((changes) => {
  window.moved = performance.now();
  for (const { addedNodes } of changes) {
    for (const one of addedNodes) if (one.matches?.(".toast")) window.told.push(one.textContent);
  }
}).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
"""
"""What each page notes of itself, from its beginning: when it changed last, and what it told in passing."""
STILL = """(frames) => new Promise((over) => {
  let [quiet, seen, left] = [0, window.moved, 600];
  const look = () => {
    quiet = window.moved === seen ? quiet + 1 : 0;
    seen = window.moved;
    left -= 1;
    if (quiet < frames && left > 0) requestAnimationFrame(look);
    else over(quiet >= frames);
  };
  requestAnimationFrame(look);
})"""
TICKED = """(button) => {
  button.ticked = false;
  new MutationObserver(() => { button.ticked ||= "copied" in button.dataset; }).observe(
    button, { attributeFilter: ["data-copied"] });
}"""


def until(page: Page, look: str | Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until `look` is true: JavaScript on the page (whose CSP lets no text be evaluated that is polled there), or
    a call."""
    end = time.monotonic() + seconds
    while not _so(page, look):
        told = look if isinstance(look, str) else inspect.getsource(look).strip()
        assert time.monotonic() < end, f"not so within {seconds} s: {told}\n{page.inner_text('body')[-2000:]}"
        page.wait_for_timeout(30)


PASSING = ("Execution context was destroyed", "Cannot read properties of null")
"""What comes of looking at a page that is about to give way to another, or is only begun."""


def _so(page: Page, look: str | Callable[[], object]) -> bool:
    """Whether it is so of the page as it stands; of one that is not all there, nothing is."""
    from playwright.sync_api import Error

    try:
        return bool(page.evaluate(look) if isinstance(look, str) else look())
    except Error as error:
        if not any(one in error.message for one in PASSING):
            raise
        return False


def still(page: Page, frames: int = 6) -> None:
    """Wait until nothing has changed on the page for some frames: what is drawn piece by piece is all there."""
    assert page.evaluate(STILL, frames), "it changes without end"


def copied(page: Page, button: str | Locator) -> None:
    """Press a button that copies, and wait until it says that it has."""
    place = page.locator(button) if isinstance(button, str) else button
    place.evaluate(TICKED)
    place.click()
    until(page, lambda: place.evaluate("(button) => button.ticked"))


def heard(page: Page, words: str) -> None:
    """Wait until the page has told `words` in passing, since it was opened."""
    until(page, f"window.told.some((one) => one.includes({json.dumps(words)}))")


def never(page: Page, *waits: int) -> None:
    """Have what the page would do after so many milliseconds, from now on, not be done."""
    page.evaluate(
        """(waits) => {
            const real = window.setTimeout;
            window.setTimeout = (work, wait, ...more) => (waits.includes(wait) ? 0 : real(work, wait, ...more));
        }""",
        waits,
    )


def closed(page: Page) -> None:
    """Press Esc, and wait until no dialog is open any more."""
    page.keyboard.press("Escape")
    until(page, "document.querySelector('dialog[open]') === null")


def slowness(page: Page) -> float:
    """How many times as long as usual the machine takes for what the page computes, at this moment; 1 at the least."""
    taken = page.evaluate(
        """() => {
            const began = performance.now();
            for (let at = 0, sum = 0; at < 3e7; at += 1) sum += at % 7;
            return performance.now() - began;
        }"""
    )
    return max(1.0, float(taken) / 60)
