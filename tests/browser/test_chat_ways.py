"""The chat page: ways in, out and back; what Esc closes; one answer at a time."""

from __future__ import annotations

import pytest

from .browser import Browse
from .chatting import V3, ask, ended, held, names, over, ready, running, said, write
from .waiting import heard, still, until

LOADED = "!document.getElementById('me').disabled && document.querySelector('.side-title') !== null"


class WayTests:
    """Where the address leads."""

    def test_skip_link(self, browse: Browse) -> None:
        """The way past the header leads to the conversation that there is, and leaves no trace in the address."""
        page = ready(browse(V3).page)
        ask(page, "hello")
        address = page.evaluate("location.href")
        page.focus(".skip")
        page.keyboard.press("Enter")
        until(page, "document.activeElement.id === 'main'")
        assert page.evaluate("location.href") == address and page.locator(".turn").count() == 2

    def test_back_from_what_is_gone(self, browse: Browse) -> None:
        """Back from a conversation that was deleted leads to where one was before, not into it again."""
        visit = browse("/guide", lang="en")
        page = visit.page
        ready(visit.go(V3))
        ask(page, "hello")
        page.hover(".side-item")
        page.click(".side-item [aria-haspopup=menu]")
        page.click("#thread-menu >> text=Delete")
        page.click("#ask-dialog .danger")
        until(page, "document.querySelectorAll('.turn').length === 0 && location.hash === ''")
        page.go_back()
        page.wait_for_url("**/guide")

    def test_address_of_what_is_gone(self, browse: Browse) -> None:
        """An address of a conversation that there is not begins another, and is gone from the way back."""
        visit = browse("/guide")
        page = visit.page
        ready(visit.go(f"{V3}#c=0123"))
        until(page, "location.hash === ''")
        page.go_back()
        page.wait_for_url("**/guide")

    def test_last_one_asked_for(self, browse: Browse) -> None:
        """Of two conversations asked for in a row the last is shown, however long the first takes to load."""
        page = ready(browse(V3).page)
        for text in ("one", "two"):
            ask(page, text)
            page.click("#new")
        until(page, "document.querySelectorAll('.side-link').length === 2")
        page.evaluate(
            """() => {
                const link = (title) => [...document.querySelectorAll(".side-link")].find((one) => one.title === title);
                const load = IDBIndex.prototype.getAll;
                IDBIndex.prototype.getAll = function (...asked) {
                    const made = load.apply(this, asked);
                    IDBIndex.prototype.getAll = load;
                    let told = null;
                    Object.defineProperty(made, "onsuccess", { set: (tell) => (told = tell) });
                    made.addEventListener("success", () => {
                        // The transaction is kept open, and what it found held back, until the other one is shown.
                        const let_go = () => (told(), (window.gone = true));
                        const spin = () => (window.let_go ? let_go() : (this.count().onsuccess = spin));
                        spin();
                    });
                    return made;
                };
                link("one").click();
                setTimeout(() => link("two").click());
            }"""
        )
        until(page, "document.querySelector('.bubble')?.textContent === 'two'")
        page.evaluate("window.let_go = true")
        until(page, "window.gone === true")
        still(page)
        assert page.inner_text(".bubble") == "two"

    def test_title_follows(self, browse: Browse) -> None:
        """A conversation that is called otherwise in one window has that name on the other's tab."""
        first = ready(browse(V3, lang="en").page)
        ask(first, "hello")
        second = browse(f"/chat{first.evaluate('location.hash')}", lang="en", context=first.context).page
        until(second, "document.querySelectorAll('.turn').length === 2")
        first.hover(".side-item")
        first.click(".side-item [aria-haspopup=menu]")
        first.click("#thread-menu >> text=Rename")
        first.fill("#ask-name", "Greetings")
        first.keyboard.press("Enter")
        until(second, "document.title.startsWith('Greetings')")


class EscapeTests:
    """Esc closes what is open, and stops the answer only where nothing is."""

    @pytest.mark.parametrize(
        ("opener", "closed"), [("#side-open", "#side:not(.out)"), ("#nav-button", "#nav-panel[hidden]")]
    )
    def test_closes(self, browse: Browse, opener: str, closed: str) -> None:
        """A drawer or a menu is closed by it while the answer goes on; the next Esc stops that."""
        page = ready(browse(V3, width=360).page)
        held(page)
        write(page, "hello")
        said(page, "Begun")
        page.click(opener)
        page.keyboard.press("Escape")
        until(page, f"document.querySelector('{closed}') !== null")
        still(page)
        assert running(page)
        page.keyboard.press("Escape")
        ended(page)


class OneAtATimeTests:
    """While an answer is coming in."""

    def test_another_wording_waits(self, browse: Browse) -> None:
        """A question that is being written anew is kept, and can be sent once the answer is there."""
        page = ready(browse(V3, lang="en").page)
        ask(page, "first")
        held(page)
        page.hover(".question")
        page.click(".question [aria-label='Edit and ask again']")
        page.fill(".rewrite textarea", "first, in other words")
        write(page, "second")
        said(page, "Begun")
        until(page, lambda: page.is_disabled(".rewrite [type=submit]"))
        over(page)
        page.click(".rewrite [type=submit]")
        said(page, "And this as well.")
        over(page)
        assert page.inner_text(".question .bubble") == "first, in other words"
        assert page.inner_text(".answer .prose").strip() == "And this as well."

    def test_more_waits(self, browse: Browse) -> None:
        """A button that would ask says that an answer is coming in; nothing is asked that would not be answered."""
        page = ready(browse(V3, lang="en").page)
        held(page)
        write(page, "first")
        said(page, "So far", "length")
        page.evaluate("window.vendor.close(), window.vendor = undefined")
        ended(page)
        write(page, "second")
        said(page, "Begun")
        page.click(".answer .notice button")
        heard(page, "still coming in")
        over(page)
        assert page.locator(".question").count() == 2


class ForgettingTests:
    """What is deleted is gone."""

    def test_drafts(self, browse: Browse) -> None:
        """With a conversation its draft goes, with all of them all of theirs."""
        page = ready(browse(V3, lang="en").page)
        for text in ("one", "two"):
            page.click("#new")
            ask(page, text)
            page.fill("#words-in", "half a secret")
        drafts = "Object.entries(localStorage).filter(([key]) => key.includes('draft:')).map(([, text]) => text)"
        until(page, f"{drafts}.length === 2")
        page.click("#all-button")
        page.click("#all-menu >> text=Delete all")
        page.click("#ask-dialog .danger")
        until(page, "document.querySelectorAll('.side-item').length === 0")
        until(page, f"{drafts}.length === 0")

    def test_stops_what_another_window_deletes(self, browse: Browse) -> None:
        """An answer in a conversation that is deleted elsewhere is stopped, also while another one is looked at."""
        first = ready(browse(V3, lang="en").page)
        held(first)
        write(first, "hello")
        said(first, "Begun")
        first.click("#new")
        second = browse(V3, lang="en", context=first.context).page
        until(second, LOADED)
        until(second, lambda: names(second) == ["hello"])
        second.hover(".side-item")
        second.click(".side-item [aria-haspopup=menu]")
        second.click("#thread-menu >> text=Delete")
        second.click("#ask-dialog .danger")
        broken = "(() => { try { vendor.enqueue(new Uint8Array()); return false } catch { return true } })()"
        until(first, broken)
