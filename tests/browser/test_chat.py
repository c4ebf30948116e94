"""The chat page: asking, reading, stopping, asking again."""

from __future__ import annotations

from tests.live.rig import Rig, wait_until

from .browser import Browse, named
from .chatting import V3, answer, ask, ended, from_end, held, over, ready, said, settings, write
from .waiting import closed, still, until

CUT = ("ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION", "Failed to load resource")


class AnswerTests:
    """What is shown of an answer."""

    def test_streams(self, browse: Browse) -> None:
        """Markdown comes in as it is written, code is coloured and can be copied, the figures stand under it."""
        page = ready(browse(V3, lang="en").page)
        ask(page, "Show me: markdown")
        prose = page.locator(".prose")
        assert prose.locator("table td").count() == 8
        assert prose.locator("td[align=right]").first.inner_text() == "41,203"
        assert "重点：" in prose.locator("strong").all_inner_texts()
        assert prose.locator(".code-box").count() == 3
        until(page, "document.querySelector('.hljs-keyword') !== null")
        facts = page.inner_text(".facts")
        assert "tokens/s" in facts and "req_" in facts
        assert page.inner_text("#announce").startswith("Answer complete.")
        page.click("#new")
        held(page)
        write(page, "hello")
        said(page, "Some *words* and")
        until(page, "document.querySelector('.growing .prose em')?.textContent === 'words'")
        said(page, " **more**")
        until(page, "document.querySelector('.growing .prose strong')?.textContent === 'more'")
        over(page)

    def test_thoughts_are_folded(self, browse: Browse) -> None:
        """They are open while they come, folded afterwards, and marks in the words are told from words."""
        page = ready(browse("/chat?model=deepseek-ai/DeepSeek-R1", lang="en").page)
        ask(page, "hello")
        assert page.locator(".thought").get_attribute("open") is None
        assert page.inner_text(".thought summary").startswith("Thought for")
        page.click("#new")
        held(page)
        write(page, "hello")
        said(page, "Let me see.", field="reasoning_content")
        until(page, "document.querySelector('.thought.going')?.open")
        said(page, "Here it is.")
        over(page)
        assert page.locator(".thought").get_attribute("open") is None
        page = ready(browse(V3, lang="en").page)
        assert ask(page, "Show me: thoughts").startswith("The thought stands apart")
        assert "between marks" in (page.text_content(".thought-text") or "")

    def test_hostile(self, browse: Browse) -> None:
        """Scripts, pictures, forms and addresses that a model writes do nothing (faults catalogue, F-05)."""
        page = ready(browse(V3).page)
        settings(page, max_tokens=4000)
        ask(page, "Show me: hostile")
        assert page.evaluate("window.__pwned ?? null") is None
        tags = page.eval_on_selector_all(".prose *", "all => [...new Set(all.map((one) => one.localName))]")
        assert not {"img", "script", "style", "form", "input", "iframe", "math"} & set(tags)
        links = page.eval_on_selector_all(".prose a", "all => all.map((one) => [one.protocol, one.rel, one.target])")
        assert links and all(link == ["https:", "noopener noreferrer", "_blank"] for link in links)
        assert "<script>" in page.inner_text(".prose")

    def test_cut(self, browse: Browse, shop: Rig) -> None:
        """What was cut off says so, and another try is a version beside it."""
        visit = browse(V3, lang="en")
        visit.expects(*CUT)
        page = ready(visit.page)
        shop.misbehave("reset-midway:150")  # late enough: what a page has not read yet goes with the connection
        ask(page, "Show me: markdown")
        assert "cut off" in page.inner_text(".answer .notice.bad")
        assert len(answer(page)) > 5
        shop.behave()
        page.click(".answer .notice button")
        ended(page)
        assert page.locator(".answer .notice").count() == 0
        assert page.inner_text(".answer .pager").split() == ["2/2"]

    def test_refused(self, browse: Browse) -> None:
        """A refusal is a message in the thread, in words."""
        visit = browse(V3, lang="en")
        visit.expects("Failed to load resource")
        page = ready(visit.page)
        page.route("**/v1/chat/completions", lambda route: route.fulfill(
            status=503,
            headers={"retry-after": "300", "content-type": "application/json"},
            body='{"error":{"message":"m","type":"overloaded_error","param":null,"code":"no_usable_key"}}',
        ))  # fmt: skip
        write(page, "hello")
        until(page, "document.querySelector('.answer .notice button') !== null")
        assert "No upstream key" in page.inner_text(".answer .notice")
        until(page, lambda: "s)" in page.inner_text(".answer .notice button"))
        page.unroute("**/v1/chat/completions")
        page.click(".answer .notice button")
        ended(page)
        assert page.locator(".answer").count() == 1 and len(answer(page)) > 5


class ReaderTests:
    """What the reader does."""

    def test_stop(self, browse: Browse, shop: Rig) -> None:
        """Esc stops the answer, and the vendor's connection is given up."""
        page = ready(browse(V3, lang="en").page)
        settings(page, max_tokens=4000)
        write(page, "Show me: long 12")
        until(page, "document.querySelector('.growing .prose')?.textContent.length > 40")
        page.keyboard.press("Escape")
        ended(page)
        assert "Stopped." in page.inner_text(".answer .notice")
        wait_until(lambda: shop.admin("connections")["answering"] == 0, 15)
        until(page, "document.activeElement.id === 'words-in'")

    def test_versions_and_branches(self, browse: Browse) -> None:
        """Another answer and another wording are kept beside the first, over a reload too."""
        page = ready(browse(V3, lang="en").page)
        first = ask(page, "hello")
        page.click(".answer [aria-label='Answer again']")
        until(page, "document.querySelector('.answer .pager') !== null || document.querySelector('.growing') !== null")
        ended(page)
        assert page.inner_text(".answer .pager").split() == ["2/2"]
        page.click(".answer [aria-label='Previous version']")
        until(page, lambda: answer(page) == first)
        page.hover(".question")
        page.click(".question [aria-label='Edit and ask again']")
        page.fill(".rewrite textarea", "goodbye")
        page.click(".rewrite [type=submit]")
        ended(page)
        assert page.inner_text(".question .bubble") == "goodbye"
        page.reload()
        ready(page)
        until(page, "document.querySelector('.question .pager') !== null")
        page.click(".question [aria-label='Previous version']")
        until(page, "document.querySelector('.question .bubble').textContent === 'hello'")
        until(page, lambda: answer(page) == first)

    def test_input_methods(self, browse: Browse) -> None:
        """Enter that takes a candidate does not send; Shift+Enter breaks the line; Enter alone sends."""
        page = ready(browse(V3).page)
        page.fill("#words-in", "你好")
        for init in ("isComposing: true", "keyCode: 229"):
            page.evaluate(
                "document.getElementById('words-in').dispatchEvent(new KeyboardEvent('keydown',"
                f" {{key: 'Enter', bubbles: true, cancelable: true, {init}}}))"
            )
        page.focus("#words-in")
        page.keyboard.press("Shift+Enter")
        until(page, lambda: page.input_value("#words-in") == "你好\n")
        still(page)
        assert page.locator(".question").count() == 0
        page.keyboard.press("Enter")
        ended(page)
        assert page.locator(".question").count() == 1

    def test_follows_only_at_the_end(self, browse: Browse) -> None:
        """Whoever scrolls up stays there while the answer grows; the button leads back down."""
        page = ready(browse(V3, lang="en").page)
        held(page)
        write(page, "hello")
        lines = "A line that stands there.\n\n" * 30
        top, height = (f"document.getElementById('scroll').{name}" for name in ("scrollTop", "scrollHeight"))
        said(page, lines)
        until(page, f"{top} > 200")
        until(page, lambda: from_end(page) <= 2)
        page.hover("#scroll")
        page.mouse.wheel(0, -150)
        until(page, lambda: from_end(page) > 140)
        still(page)
        there, grown = page.evaluate(top), page.evaluate(height)
        said(page, lines)
        until(page, f"{height} > {grown} + 100")
        still(page)
        assert abs(page.evaluate(top) - there) <= 2
        page.click("#down")
        until(page, lambda: from_end(page) <= 2)
        page.keyboard.press("Escape")
        ended(page)

    def test_drafts(self, browse: Browse) -> None:
        """What was written and not sent is there after a reload."""
        page = ready(browse(V3).page)
        page.fill("#words-in", "half a thought")
        page.reload()
        ready(page)
        assert page.input_value("#words-in") == "half a thought"


class PageTests:
    """The page as a whole."""

    def test_fit_for_everybody(self, browse: Browse) -> None:
        """Nothing against it by axe, in both themes and languages, with a conversation and its dialogs open."""
        for lang, theme in (("zh", "light"), ("en", "dark")):
            visit = browse(V3, lang=lang, theme=theme)
            page = ready(visit.page)
            assert visit.violations() == []
            ask(page, "Show me: markdown")
            visit.settled()
            assert visit.violations() == []
            for button in ("#gear", "#me"):
                page.click(button)
                visit.settled()
                assert visit.violations() == []
                closed(page)
            page.click("#model")
            assert visit.violations() == []

    def test_narrow(self, browse: Browse) -> None:
        """At 360 pixels nothing scrolls sideways; the history is a drawer that takes the focus and gives it back."""
        visit = browse(V3, width=360)
        page = ready(visit.page)
        ask(page, "Show me: markdown")
        assert visit.overflow() == 0
        page.click("#side-open")
        until(page, "document.activeElement.id === 'side-close'")
        visit.settled()
        assert visit.overflow() == 0
        assert visit.violations() == []
        page.keyboard.press("Escape")
        until(page, "document.activeElement.id === 'side-open' && document.getElementById('side').inert")

    def test_by_keyboard(self, browse: Browse) -> None:
        """Every control is reached by Tab, and a new conversation by its keys."""
        visit = browse(V3, lang="en")
        page = ready(visit.page)
        ask(page, "Show me: markdown")
        page.reload()
        ready(page)
        until(page, "document.querySelector('.answer .request') !== null")
        found = visit.reached_by_tab()
        for part in ("new", "find", "all-button", "me", "model", "gear", "scroll", "words-in", "Copy", "Answer again"):
            assert named(found, part), part
        page.keyboard.press("Control+Shift+O")
        until(page, "document.querySelectorAll('.turn').length === 0")
        until(page, "document.activeElement.id === 'words-in'")

    def test_no_shift(self, browse: Browse) -> None:
        """Nothing moves when models and history arrive."""
        visit = browse(V3)
        ready(visit.page)
        visit.settled()
        assert visit.shifted() < 0.02
