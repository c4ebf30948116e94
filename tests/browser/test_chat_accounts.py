"""The chat page: the reader's key, limits, and what the browser keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.rig import Rig, Wishes, started

from .browser import Browse, call
from .chatting import V3, answer, ask, ended, ready, register, write
from .waiting import closed, copied, heard, never, until

NO_DATABASE = "Object.defineProperty(window, 'indexedDB', { value: undefined })"
PLAIN = "Object.defineProperty(window, 'isSecureContext', { value: false })"
"""As on plain http from another machine, where browsers have no clipboard to write to."""


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway that lets a visitor ask once."""
    limits = {
        "registration": "open",
        "anonymous": {"enabled": True, "models": ["*"], "quota": {"requests": 1, "per": "day"}},
    }
    with started(tmp_path_factory.mktemp("strict"), Wishes(gateway=limits)) as found:
        yield found


@pytest.fixture(scope="module")
def shut(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway where nobody may register, and visitors may spend half a dollar a day."""
    limits = {
        "registration": "closed",
        "anonymous": {"enabled": True, "models": ["*"], "quota": {"usd": 0.5, "per": "day"}},
    }
    with started(tmp_path_factory.mktemp("shut"), Wishes(gateway=limits)) as found:
        yield found


STAYS = (3500, 7000)
"""Milliseconds after which the page takes away what it told in passing."""
REREAD = 300
"""Milliseconds after which it takes in what another window wrote."""
ROTATE = """async () => {
    const { csrf } = await (await fetch("/api/me")).json();
    const headers = { "content-type": "application/json", "x-csrf-token": csrf };
    return (await (await fetch("/api/me/key/rotate", { method: "POST", headers, body: "{}" })).json()).key;
}"""


class KeyTests:
    """My key, bottom left."""

    def test_key(self, browse: Browse, shop: Rig) -> None:
        """It is masked, shown, copied, replaced; the copy works with the API, and the page goes on with the new one."""
        visit = browse(V3, lang="en")
        page = visit.page
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        ready(page)
        register(visit, "chat-ann")
        assert page.inner_text("#me-name") == "chat-ann"
        page.click("#me")
        until(page, "document.getElementById('own-key')?.textContent.includes('…')")
        assert "/ 200,000 tokens" in page.inner_text("#key-dialog")
        until(page, lambda: "sk-tg-…" in page.inner_text("#key-dialog .code-box"))
        copied(page, ".key-tools [aria-label='Copy']")
        key = page.evaluate("navigator.clipboard.readText()")
        body = {"model": "deepseek-ai/DeepSeek-V3", "messages": [{"role": "user", "content": "hi"}], "stream": False}
        assert call(shop.url, key, body)["choices"]
        page.click(".key-tools [aria-label='Show the key']")
        until(page, f"document.getElementById('own-key').textContent === {json.dumps(key)}")
        page.click(".key-tools >> text=Replace")
        page.click("#ask-dialog .danger")
        until(page, f"!document.getElementById('own-key').textContent.includes({json.dumps(key)})")
        closed(page)
        assert len(ask(page, "with the new key")) > 5
        stored = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
        assert "sk-tg" not in stored

    def test_copies_on_plain_http(self, browse: Browse) -> None:
        """Without a clipboard of the browser's the key is copied all the same."""
        visit = browse("/chat", lang="en")
        page = visit.page
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.context.add_init_script(PLAIN)
        ready(page)
        register(visit, "chat-bob")
        page.evaluate("navigator.clipboard.writeText('nothing')")
        page.click("#me")
        until(page, "document.querySelector('.key-tools') !== null")
        visit.settled()
        copied(page, ".key-tools [aria-label='Copy']")
        assert page.evaluate("navigator.clipboard.readText()").startswith("sk-tg-")

    def test_key_replaced_elsewhere(self, browse: Browse) -> None:
        """A key that was replaced in another window is fetched anew, where the reader says so."""
        visit = browse(V3, lang="en")
        visit.expects("Failed to load resource")
        page = visit.page
        ready(page)
        register(visit, "chat-cid")
        ask(page, "hello")
        page.evaluate(
            """async () => {
                const { csrf } = await (await fetch("/api/me")).json();
                const headers = { "content-type": "application/json", "x-csrf-token": csrf };
                await fetch("/api/me/key/rotate", { method: "POST", headers, body: "{}" });
            }"""
        )
        write(page, "again")
        until(page, "document.querySelector('.answer .notice button') !== null")
        page.click(".answer .notice >> text=Fetch my key")
        until(page, "document.querySelectorAll('.answer')[1]?.querySelector('.facts') !== null")
        ended(page)
        assert len(answer(page)) > 5

    def test_panel_after_a_change_elsewhere(self, browse: Browse) -> None:
        """The panel shows and copies the key that is in force, though another one was in use on the page."""
        visit = browse(V3, lang="en")
        page = visit.page
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        ready(page)
        register(visit, "chat-eve")
        ask(page, "hello")
        key = page.evaluate(ROTATE)
        page.click("#me")
        page.click(".key-tools [aria-label='Show the key']")
        until(page, f"document.getElementById('own-key').textContent === {json.dumps(key)}")
        copied(page, ".key-tools [aria-label='Copy']")
        assert page.evaluate("navigator.clipboard.readText()") == key

    def test_panel_of_somebody_else(self, browse: Browse) -> None:
        """Where somebody else has signed in meanwhile, the page becomes theirs before any key is shown."""
        visit = browse(V3, lang="en")
        ready(visit.page)
        register(visit, "chat-fay")
        other = browse(V3, lang="en", context=visit.page.context)
        ready(other.page)
        register(other, "chat-gus")
        assert visit.page.inner_text("#me-name") == "chat-fay"
        visit.page.click("#me")
        until(visit.page, "document.getElementById('me-name').textContent === 'chat-gus'")

    def test_panel_again_and_again(self, browse: Browse) -> None:
        """What is told in passing is seen there, and afterwards on the page, however often the panel was open."""
        visit = browse(V3, lang="en")
        page = visit.page
        ready(page)
        register(visit, "chat-hal")
        never(page, *STAYS)
        for times in (1, 2):
            page.click("#me")
            page.click(".key-tools >> text=Replace")
            page.click("#ask-dialog .danger")
            until(page, f"document.querySelectorAll('dialog[open] .toast').length === {times}")
            assert page.locator(".toast").last.is_visible()
            closed(page)
            until(page, "document.querySelector('dialog .toast') === null")
            assert page.locator(".toast").last.is_visible()

    @pytest.mark.parametrize(("lang", "words"), [("zh", "新密码至少 8 个字符"), ("en", "8 characters or more")])
    def test_password_too_short(self, browse: Browse, lang: str, words: str) -> None:
        """It is told in the reader's words."""
        visit = browse(V3, lang=lang)
        visit.expects("Failed to load resource")
        page = visit.page
        ready(page)
        register(visit, f"chat-ida-{lang}")
        page.click("#me")
        page.click("#key-dialog summary >> nth=1")
        page.fill("#password-old", "correct horse battery staple")
        page.fill("#password-new", "short")
        page.keyboard.press("Enter")
        until(page, f"document.querySelector('#key-dialog .error')?.textContent.includes({json.dumps(words)})")

    def test_password_and_sessions(self, browse: Browse) -> None:
        """The password is changed in the panel, which lists where one is signed in."""
        visit = browse("/chat", lang="en")
        page = visit.page
        ready(page)
        register(visit, "chat-dan.of-a-long-name")
        page.set_viewport_size({"width": 360, "height": 740})
        until(page, lambda: visit.overflow() == 0)
        page.click("#side-open")
        page.click("#me")
        page.click("text=Where I am signed in")
        until(page, "document.querySelector('.sessions .badge') !== null")
        page.click("summary >> text=Change password")
        page.fill("#password-old", "correct horse battery staple")
        page.fill("#password-new", "another horse, another staple")
        page.click("#key-dialog [type=submit]")
        heard(page, "password is changed")
        assert visit.overflow() == 0


class LimitTests:
    """Visitors."""

    def test_limit_leads_to_registration(self, browse: Browse, strict: Rig) -> None:
        """Where a visitor's quota ends, the page says so and shows the way in."""
        visit = browse(V3, lang="en", url=strict.url)
        visit.expects("Failed to load resource")
        page = ready(visit.page)
        ask(page, "hello")
        write(page, "and again")
        until(page, "document.querySelector('.answer .notice.join') !== null")
        page.click(".answer .notice.join >> text=Register")
        page.wait_for_url("**/register?next=%2Fchat")

    def test_what_a_visitor_may(self, browse: Browse, shut: Rig) -> None:
        """An amount of money is told as one; nobody is asked to register where that cannot be."""
        visit = browse(V3, lang="en", url=shut.url)
        page = ready(visit.page)
        assert page.inner_text("#me-note") == "Sign in"
        page.click("#me")
        until(page, "document.querySelector('#key-dialog ul') !== null")
        assert "$0.50 per day" in page.inner_text("#key-dialog")


class HistoryTests:
    """What the browser keeps."""

    def test_kept_found_named_saved_deleted(self, browse: Browse) -> None:
        """A conversation is there after a reload, found by what was said in it, renamed, exported and deleted."""
        page = ready(browse(V3, lang="en").page)
        ask(page, "Repeat after me: the pangolin sleeps")
        page.click("#new")
        ask(page, "second one")
        page.reload()
        ready(page)
        until(page, "document.querySelectorAll('.side-item').length === 2")
        page.fill("#find", "PANGOLIN sleeps")
        until(page, "document.querySelectorAll('.side-item').length === 1")
        page.click(".side-link")
        until(page, "document.querySelector('.prose')?.textContent.includes('pangolin')")
        more = ".side-item [aria-haspopup=menu]"
        page.hover(".side-item")
        page.click(more)
        page.click("#thread-menu >> text=Rename")
        page.fill("#ask-name", "Animals")
        page.keyboard.press("Enter")
        until(page, "document.querySelector('.side-title')?.textContent === 'Animals'")
        for kind, part in (("Markdown", "the pangolin sleeps"), ("JSON", '"title": "Animals"')):
            page.hover(".side-item")
            page.click(more)
            with page.expect_download() as saved:
                page.click(f"#thread-menu >> text=Export as {kind}")
            assert part in Path(saved.value.path()).read_text()
        page.hover(".side-item")
        page.click(more)
        page.click("#thread-menu >> text=Delete")
        page.click("#ask-dialog .danger")
        until(page, "document.querySelectorAll('.side-item').length === 0")
        page.fill("#find", "")
        until(page, "document.querySelectorAll('.side-item').length === 1")
        page.click("#all-button")
        page.click("#all-menu >> text=Delete all")
        page.click("#ask-dialog .danger")
        until(page, "document.querySelectorAll('.side-item').length === 0")
        until(page, lambda: page.locator(".turn").count() == 0)

    def test_two_windows(self, browse: Browse) -> None:
        """Two windows that ask in one conversation at once keep both branches, and each hears of the other."""
        first = ready(browse(V3, lang="en").page)
        ask(first, "the question")
        second = browse(V3, lang="en", context=first.context).page
        ready(second)
        until(second, "document.querySelectorAll('.side-item').length === 1")
        second.click(".side-link")
        until(second, "document.querySelectorAll('.turn').length === 2")
        never(second, REREAD)  # or it would go on from what the first one asks, a moment before
        for page, text in ((first, "from the first"), (second, "from the second")):
            write(page, text)
        for page in (first, second):
            ended(page)
        first.reload()
        ready(first)
        until(first, "document.querySelector('.question .pager') !== null")
        seen = first.inner_text("#list")
        other = {"from the first", "from the second"} - {
            one for one in ("from the first", "from the second") if one in seen
        }
        first.click(".question .pager button:enabled")
        until(first, f"document.getElementById('list').innerText.includes({json.dumps(other.pop())})")
        second.click("#new")
        ask(second, "another conversation")
        until(first, "document.querySelectorAll('.side-item').length === 2")

    def test_without_a_database(self, browse: Browse) -> None:
        """Where the browser keeps nothing the page works, and says so."""
        visit = browse("/login", lang="en")
        visit.page.context.add_init_script(NO_DATABASE)
        page = ready(visit.go(V3))
        assert page.is_visible("#memory-note")
        ask(page, "hello")
        until(page, lambda: page.locator(".side-item").count() == 1)

    def test_closed_while_answering(self, browse: Browse, shop: Rig) -> None:
        """An answer that a closed page left behind is shown as cut, with what had come of it."""
        shop.misbehave("stall:60")
        page = ready(browse(V3, lang="en").page)
        write(page, "Show me: markdown")
        until(page, "document.querySelector('.prose')?.textContent.length > 60")
        page.reload()
        ready(page)
        until(page, "(document.querySelector('.prose')?.textContent.length ?? 0) > 30")
        until(page, lambda: "page was closed" in page.inner_text(".answer .notice.bad"))
