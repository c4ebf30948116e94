"""What a reader does on the chat page, for tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .waiting import still, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from .browser import Visit

PASSWORD = "correct horse battery staple"
V3 = "/chat?model=deepseek-ai/DeepSeek-V3"


KEPT = """async () => {
    for (const { name } of (await window.indexedDB?.databases()) ?? []) {
        const opening = indexedDB.open(name);
        await new Promise((done, failed) => Object.assign(opening, { onsuccess: done, onerror: failed }));
        const turn = opening.result.transaction(["threads", "messages"], "readwrite");
        await new Promise((done, failed) => Object.assign(turn, { oncomplete: done, onabort: failed }));
        opening.result.close();
    }
}"""
"""A transaction of one's own has its turn after all that were begun before it."""


def ready(page: Page) -> Page:
    """Wait until the page knows who reads, and which models there are."""
    known = "['me', 'model'].every((id) => document.getElementById(id)?.disabled === false)"
    until(page, known)
    return page


def write(page: Page, text: str) -> None:
    """Send a message, and do not wait."""
    page.fill("#words-in", text)
    page.keyboard.press("Enter")


def ask(page: Page, text: str, seconds: float = 60.0) -> str:
    """Send a message; the answer's text once it is over."""
    before = page.locator(".answer").count()
    write(page, text)
    until(page, f"document.querySelectorAll('.answer').length > {before}")
    ended(page, seconds)
    return answer(page)


def ended(page: Page, seconds: float = 60.0) -> None:
    """Wait until no answer is coming in, and the last one is on the page, all of it, and kept."""
    until(page, "!document.getElementById('send').hidden && !document.querySelector('.growing')", seconds)
    still(page)
    page.evaluate(KEPT)


def answer(page: Page) -> str:
    """The text of the last answer."""
    return page.locator(".answer .prose").last.inner_text()


def from_end(page: Page) -> float:
    """Pixels between what is seen and the end of the conversation."""
    return float(
        page.evaluate(
            "(() => { const s = document.getElementById('scroll');"
            " return s.scrollHeight - s.scrollTop - s.clientHeight })()"
        )
    )


def settings(page: Page, **values: Any) -> None:
    """Fill in the settings of the conversation."""
    page.click("#gear")
    for name, value in values.items():
        page.fill(f"#gear-{name}", str(value))
    page.click("#gear-dialog button[type=submit]")
    until(page, "!document.getElementById('gear-dialog').open && document.getElementById('gear').matches('.set')")


def register(visit: Visit, name: str) -> None:
    """Make an account, and go back to the chat page as its owner."""
    made = visit.page.evaluate(
        """async ([name, password]) => {
            const { csrf } = await (await fetch("/api/me")).json();
            const headers = { "content-type": "application/json", "x-csrf-token": csrf };
            const body = JSON.stringify({ name, password });
            return (await fetch("/api/register", { method: "POST", headers, body })).status;
        }""",
        [name, PASSWORD],
    )
    assert made == 201
    ready(visit.go(V3))


def held(page: Page) -> None:
    """Have calls answered by hand from now on: `said` says what, and `over` ends them. Stopping breaks them off."""
    page.evaluate(
        """() => {
            const real = window.fetch;
            window.fetch = (path, asked) => {
                if (path !== "/v1/chat/completions") return real(path, asked);
                const body = new ReadableStream({ start: (control) => {
                    window.vendor = control;
                    asked.signal.addEventListener("abort", () => control.error(asked.signal.reason));
                } });
                return Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } }));
            };
        }"""
    )


def said(page: Page, text: str, finish: str | None = None, field: str = "content") -> None:
    """Words of the answer that is coming in, when it does; or of its thoughts, where the field is theirs."""
    until(page, "window.vendor !== undefined")
    event = {"choices": [{"index": 0, "delta": {field: text}, "finish_reason": finish}]}
    page.evaluate("text => window.vendor.enqueue(new TextEncoder().encode(text))", f"data: {json.dumps(event)}\n\n")


def over(page: Page) -> None:
    """The end of that answer."""
    said(page, "", "stop")
    page.evaluate("window.vendor.close(), window.vendor = undefined")
    ended(page)


def running(page: Page) -> bool:
    """Whether an answer is coming in, in the conversation that is looked at."""
    return page.locator("#stop:visible").count() == 1


def names(page: Page) -> list[str]:
    """The titles of the conversations in the list."""
    return page.locator(".side-title").all_inner_texts()
