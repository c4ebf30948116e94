"""The monitor as everybody sees it: charts, spans, pauses, and what happens as it happens."""

from __future__ import annotations

import json
import urllib.request

import pytest

from tests.live.rig import CLIENT_KEY, V3, Rig

from .browser import Browse, Visit, call
from .waiting import until

BODY = {"model": V3, "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 8}
NOTED = """() => {
    window.noted = { why: "", retried: 0 };
    new MutationObserver(() => {
        window.noted.why += document.getElementById("standing-why").textContent;
        const retried = Number(document.querySelector(".line-retried .value").textContent);
        window.noted.retried = Math.max(window.noted.retried, retried || 0);
    }).observe(document.getElementById("monitor"), { subtree: true, childList: true, characterData: true });
}"""
"""Has the page note what it says of a key that rests: it rests but for a while."""
CHARTS = ("calls", "errors", "first", "tokens")


def streamed(url: str) -> None:
    """Have an answer streamed, to its end."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {CLIENT_KEY}"}
    asked = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps({**BODY, "stream": True}).encode(), headers)
    with urllib.request.urlopen(asked, timeout=20) as answer:
        assert b"[DONE]" in answer.read()


def monitor(browse: Browse, path: str = "/monitor?span=15m", **more: object) -> Visit:
    """The monitor, once it is live and its charts are drawn."""
    visit = browse(path, **more)
    visit.page.wait_for_selector("#fresh.open")
    visit.page.wait_for_selector("#card-tokens canvas")
    return visit


def held(browse: Browse, **more: str) -> Visit:
    """The monitor, live at first, then paused with all that it asked for: nothing moves but what the reader moves."""
    visit = monitor(browse, **more)
    visit.settled()
    visit.page.click("#pause")
    until(visit.page, "document.getElementById('monitor').matches('.paused')")
    return visit


def valuetext(visit: Visit, chart: str) -> str:
    """What is read out of a chart."""
    return visit.page.get_attribute(f"#card-{chart} .plot", "aria-valuetext") or ""


def moments(visit: Visit) -> set[str]:
    """The moments that the charts' cursors point at: one, where they do it together; empty without any."""
    return {visit.page.inner_text(f"#card-{name} .legend-at") for name in CHARTS}


class LiveTests:
    """What happens is seen, without a reload."""

    def test_throttled_key(self, browse: Browse, shop: Rig) -> None:
        """A 429 of the vendor shows as a key that rests, in the reason and among the errors, without a reload."""
        visit = monitor(browse, lang="en")
        visit.page.evaluate(NOTED)
        shop.misbehave("throttled", times=1)
        call(shop.url, CLIENT_KEY, BODY)

        until(visit.page, "window.noted.why.includes('cooling') && window.noted.retried > 0")

    def test_model(self, browse: Browse, shop: Rig) -> None:
        """A call that is served counts for its model, whose cell of this minute says so when it is pointed at."""
        call(shop.url, CLIENT_KEY, BODY)
        visit = monitor(browse, lang="en")
        row = visit.page.locator("#models tbody tr", has_text=V3)
        row.locator("small").wait_for()

        strip = row.locator(".strip")
        strip.focus()
        visit.page.keyboard.press("End")
        if "served" not in (strip.get_attribute("aria-valuetext") or ""):
            visit.page.keyboard.press("ArrowLeft")  # another minute has begun since
        told, tip = row.evaluate(
            "(row) => [row.querySelector('.strip').ariaValueText, row.querySelector('.strip-tip').textContent]"
        )
        assert "call" in told and "served" in told and tip == told
        visit.page.keyboard.press("Escape")
        row.locator(".strip-tip").wait_for(state="hidden")

    def test_pause(self, browse: Browse, shop: Rig) -> None:
        """While it is paused nothing is asked and nothing moves; then it is as it would have been."""
        visit = held(browse, lang="en")
        calls = visit.page.inner_text("#fact-calls")
        asked: list[str] = []
        visit.page.on("request", lambda request: asked.append(request.url))
        call(shop.url, CLIENT_KEY, BODY)
        visit.page.wait_for_timeout(1600)

        assert visit.page.inner_text("#fact-calls") == calls and not asked
        assert "Paused" in visit.page.inner_text("#fresh")
        visit.page.click("#pause")
        visit.page.wait_for_function("(old) => document.getElementById('fact-calls').textContent !== old", arg=calls)
        visit.page.wait_for_selector("#fresh.open")
        until(visit.page, lambda: any("/api/monitor" in url for url in asked))  # the history is read anew

    def test_public_only(self, browse: Browse) -> None:
        """Whoever is not signed in asks for nothing of the operator's, and is shown nothing of it."""
        asked: list[str] = []
        visit = browse("/monitor")
        visit.page.on("request", lambda request: asked.append(request.url))
        visit.page.reload()
        visit.page.wait_for_selector("#fresh.open")
        visit.settled()

        assert not visit.page.is_visible("#admin")
        assert any("view=monitor" in url for url in asked)
        assert not [url for url in asked if "/api/admin" in url or "view=admin" in url or "/api/me" in url]


class ChartTests:
    """The four charts."""

    def test_one_cursor_by_keyboard(self, browse: Browse) -> None:
        """Arrow keys move one cursor over all four; the values under it are read out, and go with Escape."""
        visit = held(browse, lang="en")
        visit.page.focus("#card-calls .plot")
        visit.page.keyboard.press("End")
        visit.page.keyboard.press("ArrowLeft")
        first = valuetext(visit, "calls")
        visit.page.keyboard.press("ArrowLeft")
        second = valuetext(visit, "calls")

        assert first != second and "Calls" in first
        until(visit.page, lambda: moments(visit) == {second.partition(": ")[0]})
        visit.page.keyboard.press("Escape")
        until(visit.page, lambda: moments(visit) == {""})

    def test_pointer(self, browse: Browse) -> None:
        """Pointing at one chart moves the cursor in all."""
        visit = held(browse)
        box = visit.page.locator("#card-first .u-over").bounding_box()
        assert box is not None
        visit.page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2)
        until(visit.page, lambda: len(moments(visit)) == 1 and moments(visit) != {""})

    @pytest.mark.parametrize("name", CHARTS)
    def test_as_table(self, browse: Browse, shop: Rig, name: str) -> None:
        """Each is a table too, with a caption and a column for each line, newest first; and turns back."""
        streamed(shop.url)
        visit = held(browse, lang="en")
        visit.page.click(f"#card-{name} .as-table")
        table = visit.page.locator(f"#card-{name} table")

        table.wait_for()
        assert not visit.page.is_visible(f"#card-{name} .plot")
        lines = visit.page.locator(f"#card-{name} .legend .value").count()
        assert table.locator("thead th").count() == lines + 1
        assert table.locator("caption").inner_text()
        assert table.locator("tbody th").all_inner_texts()
        assert visit.violations() == []
        visit.page.click(f"#card-{name} .as-table")
        visit.page.wait_for_selector(f"#card-{name} canvas")

    def test_spans(self, browse: Browse) -> None:
        """Another span is another history; it stands in the address, and is there after a reload."""
        visit = monitor(browse, "/monitor")
        assert visit.page.is_checked("[name=span][value='1h']")
        with visit.page.expect_request(lambda request: "span=24h" in request.url):
            visit.page.check("[name=span][value='24h']")
        visit.page.wait_for_function("() => !document.getElementById('charts').classList.contains('waiting')")

        until(visit.page, "location.search === '?span=24h'")
        visit.page.reload()
        visit.page.wait_for_selector("#card-calls canvas")
        assert visit.page.is_checked("[name=span][value='24h']")

    def test_theme(self, browse: Browse, shop: Rig) -> None:
        """The charts are drawn anew in the other theme's colours, without a reload."""
        visit = held(browse)
        picture = "document.querySelector('#card-calls canvas').toDataURL()"
        light = visit.page.evaluate(picture)
        visit.page.click("#theme")

        until(visit.page, lambda: visit.page.evaluate(picture) != light)

    def test_width(self, browse: Browse) -> None:
        """Charts become as narrow as the window, and wide again."""
        visit = monitor(browse)
        wide = visit.page.evaluate("document.querySelector('#card-calls canvas').clientWidth")
        visit.page.set_viewport_size({"width": 360, "height": 800})
        visit.page.wait_for_function("() => document.querySelector('#card-calls canvas').clientWidth < 340")
        until(visit.page, lambda: visit.overflow() <= 0)
        visit.page.set_viewport_size({"width": 1280, "height": 800})
        visit.page.wait_for_function(f"() => document.querySelector('#card-calls canvas').clientWidth === {wide}")

    def test_unreachable(self, browse: Browse) -> None:
        """Where the history can't be had the page says so, and has it when it is asked again."""
        visit = browse("/monitor")
        visit.expects("503")
        visit.page.wait_for_selector("#fresh.open")
        visit.page.route("**/api/monitor*", lambda route: route.fulfill(status=503, body="{}"))
        visit.page.check("[name=span][value='15m']")
        visit.page.wait_for_selector("#problem:not([hidden])")
        visit.page.unroute("**/api/monitor*")
        visit.page.click("#problem-again")
        visit.page.wait_for_selector("#problem", state="hidden")
